"""Work beside the event loop at turns of domain time: looked for now and then, done in a process of its own."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from megdt_stream.errors import Unavailable
from megdt_stream.runtime.watch import Watch

P = TypeVar("P")

_LOOK_SECONDS: Final = 2.0


async def at_turns(
    due: Callable[[], Awaitable[int | None]],
    work: Callable[[int], Awaitable[None]],
    chosen: Callable[[], bool],
    watch: Watch,
    pause: float,
) -> None:
    """Work at each turn (ms) that is `due` while this worker is the `chosen` one, until cancelled.

    `pause`: least seconds between two on the wall clock, and before the first. A store that does not answer is asked
    again later.
    """
    last = time.monotonic()
    while True:
        await asyncio.sleep(min(_LOOK_SECONDS, pause or _LOOK_SECONDS))
        if not chosen() or time.monotonic() - last < pause:
            continue
        try:
            turn = await due()
        except Unavailable as error:
            watch.unavailable(error)
            continue
        if turn is not None:
            last = time.monotonic()
            await work(turn)


async def in_process(target: Callable[[P], None], plan: P, name: str) -> int:
    """Work in a process that dies with this one, started anew so that it shares nothing; give its exit code."""
    context = multiprocessing.get_context("spawn")
    child = context.Process(target=target, args=(plan,), name=name, daemon=True)
    child.start()
    try:
        await asyncio.to_thread(child.join)
    finally:
        child.kill()
    return child.exitcode or 0
