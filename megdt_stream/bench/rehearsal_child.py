"""What a process does that rehearses: once, with the figures on its last line, or on and on as a worker's pool would.

Started with `python -c`: the processes of a pool read again what their parent was started with, and need none of this.
"""

from __future__ import annotations


def once() -> None:
    """Rehearse in a pool of two and write wall time and memory."""
    import os
    import time

    import orjson

    from megdt_stream.bench.meter import peak_mb
    from megdt_stream.bench.rehearsal_workload import workload
    from megdt_stream.runtime.rehearsing import rehearse

    peaks: dict[int, float] = {}
    begun = time.perf_counter()
    rehearse(workload(), 2, memory=peaks.update)
    seconds = time.perf_counter() - begun
    os.write(1, orjson.dumps({"seconds": seconds, "peak_mb": peak_mb() + sum(peaks.values())}) + b"\n")


def forever() -> None:
    """Rehearse until standard input ends."""
    import sys
    import threading

    from megdt_stream.bench.rehearsal_workload import workload
    from megdt_stream.runtime.rehearsing import BESIDE_EVENTS, Cancelled, rehearse, yield_to_events

    yield_to_events()
    over = threading.Event()

    def listen() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=listen, daemon=True).start()
    rehearsal = workload()
    while not over.is_set():
        try:
            rehearse(rehearsal, 2, nice=BESIDE_EVENTS, cancelled=over.is_set)
        except Cancelled:
            return
