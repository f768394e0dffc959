"""A process that measures one variant: `python -m megdt_stream.bench.child`, told what on its standard input.

The first line is a `Run` as JSON; it answers with a line of figures. Each further line is a number of records that were
written since; they are held back until then, measured, and answered with another line. The end of input ends it.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading

import msgspec
import orjson

from megdt_stream.bench.variants import VARIANTS, Run
from megdt_stream.runtime import logs


async def _measure(run: Run) -> None:
    more: asyncio.Queue[int] = asyncio.Queue()
    # A daemon: an executor's thread, waiting for a line, would keep a failed process from ending.
    threading.Thread(target=_listen, args=(asyncio.get_running_loop(), more), daemon=True).start()
    span = await VARIANTS[run.variant](run)
    while True:
        span.gate.clear()
        _answer(span.figures())
        span.restart(await more.get())
        span.gate.set()
        await span.finished.wait()


def _listen(loop: asyncio.AbstractEventLoop, more: asyncio.Queue[int]) -> None:
    """Take further requests. The end of input ends the process, also amid a measurement: nobody waits."""
    for line in iter(sys.stdin.readline, ""):
        loop.call_soon_threadsafe(more.put_nowait, int(line))
    # Faust takes seconds to end its services, and nothing that it would still do is measured.
    os._exit(0)


def _answer(figures: dict[str, object]) -> None:
    os.write(1, orjson.dumps(figures) + b"\n")  # Faust may have replaced sys.stdout


def main() -> None:
    """Measure what standard input asks for."""
    run = msgspec.json.decode(sys.stdin.readline(), type=Run)
    logs.configure("WARNING")
    asyncio.run(_measure(run))


if __name__ == "__main__":
    main()
