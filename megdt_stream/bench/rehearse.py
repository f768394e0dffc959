"""What a rehearsal costs: time and memory, beside a plain loop of the same model, and what events notice of it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from statistics import median
from typing import Any, Final

from megdt_stream.bench import machine
from megdt_stream.bench.delay import latency
from megdt_stream.bench.processes import environment, spawn
from megdt_stream.bench.rehearsal_loop import Looped
from megdt_stream.bench.rehearsal_workload import SEED, TRAINEES, workload
from megdt_stream.scenario.chance import noise
from megdt_stream.scenario.dynamics import BLOCK, quantities, simulate

Progress = Callable[[str], None]
RATE: Final = 200
"""Events a second: the peak of a hospital of 2,000 trainees. A worker that is saturated measures its queue."""

_LOOP_TRAINEES: Final = 200


def rehearse(
    progress: Progress, *, rounds: int = 3, seconds: float = 12.0, with_latency: bool = True
) -> dict[str, Any]:
    """Measure 2,000 trainees, 52 weeks, 200 draws and four schemes.

    `seconds`: wall time on two processes, from nothing to the result, laying out and starting included. `peak_mb`: the
    largest sizes of all its processes together. `ratio_to_loop`: processor time of the plain loop (200 trainees, one
    draw of every scheme) to that of the vectorised one in one process (2,000 trainees), for each trainee, week, draw
    and scheme. `event_p99_ratio`: the p99 latency of alerts while rehearsals run one after the other in their pool to
    that without, the median over `rounds` of pairs that take turns; None where `with_latency` is not asked for.
    """
    told = spawn(_child("once"), b"")
    progress(f"{told['seconds']:.1f} s and {told['peak_mb']:.0f} MB on two processes")
    ratio = _loop_ratio()
    progress(f"the loop takes {ratio:.0f} times as long")
    pairs = _latencies(progress, rounds, seconds) if with_latency else []
    return {
        "seconds": round(told["seconds"], 2),
        "peak_mb": round(told["peak_mb"], 1),
        "ratio_to_loop": round(ratio, 1),
        "event_p99_ratio": round(median(busy / quiet for quiet, busy in pairs), 3) if pairs else None,
        "p99_ms": [{"without": quiet, "with": busy} for quiet, busy in pairs],
        "machine": machine.describe(),
    }


# --- the loop ---


def _loop_ratio() -> float:
    big = workload(draws=BLOCK)
    simulate(big.world, big.plans, big.known, SEED, range(1), big.course)  # tables and cells are there after that
    begun = time.process_time()
    simulate(big.world, big.plans, big.known, SEED, range(BLOCK), big.course)
    ours = (time.process_time() - begun) / (TRAINEES * BLOCK)
    small = workload(_LOOP_TRAINEES, draws=1)
    chance = noise(small.world, SEED, range(1), len(small.known.kinds))
    drawn = quantities(small.world, small.course, small.known, chance)
    begun = time.process_time()
    for plan in small.plans:
        Looped(small.world, plan, small.course, drawn, chance).draw(0)
    return (time.process_time() - begun) / _LOOP_TRAINEES / ours


# --- what events notice ---


def _latencies(progress: Progress, rounds: int, seconds: float) -> list[tuple[float, float]]:
    """Give p99 (ms) without and with rehearsals, each on a broker and store of its own; who goes first takes turns."""
    found = []
    for number in range(rounds):
        p99 = {busy: _p99(busy, seconds) for busy in ((False, True) if number % 2 == 0 else (True, False))}
        progress(f"round {number + 1} of {rounds}: p99 {p99[False]} ms without, {p99[True]} ms with a rehearsal")
        found.append((p99[False], p99[True]))
    return found


def _p99(busy: bool, seconds: float) -> float:
    with _rehearsals() if busy else nullcontext():
        return float(latency(lambda _: None, rate=RATE, seconds=seconds)["p99_ms"])


@contextmanager
def _rehearsals() -> Iterator[None]:
    """Keep rehearsing in a process beside, until the end."""
    with tempfile.TemporaryDirectory(prefix="megdt-bench-") as scratch:
        process = subprocess.Popen(
            _child("forever"), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment(scratch)
        )
        try:
            yield
        finally:
            if process.stdin is not None:
                process.stdin.close()  # which is how it learns that it is no longer wanted
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _child(what: str) -> list[str]:
    return [sys.executable, "-c", f"from megdt_stream.bench.rehearsal_child import {what}; {what}()"]
