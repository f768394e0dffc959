"""Work beside the event loop at turns of domain time: looked for now and then, done in a process of its own."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, Generic, TypeVar

from megdt_stream.errors import Unavailable
from megdt_stream.evidence.times import DAY_MS
from megdt_stream.runtime.store import Store
from megdt_stream.runtime.watch import Watch

P = TypeVar("P")

_LOOK_SECONDS: Final = 2.0


class AtTurns(ABC, Generic[P]):
    """A service that works at turns of domain time while this worker is the `chosen` one."""

    def __init__(
        self,
        store: Store,
        partitions: int,
        plan: Callable[[int], P],
        chosen: Callable[[], bool],
        watch: Watch,
        days: int,
        pause: float,
        run: Callable[[P], Awaitable[int]] | None = None,
    ) -> None:
        """`plan` makes the plan of the work at a turn (ms); `days` of domain time lie between two, 0 for never.

        `pause`: least seconds between two on the wall clock, and before the first. `run` does the work and gives an
        exit code.
        """
        self._store = store
        self._partitions = partitions
        self._plan = plan
        self._chosen = chosen
        self._watch = watch
        self._every = days * DAY_MS
        self._pause = pause
        self._run = run or self.in_process

    @abstractmethod
    async def due(self) -> int | None:
        """Give the turn (ms) to work at now, None where there is none. Raises Unavailable."""

    @abstractmethod
    async def work(self, turn: int) -> None:
        """Work at a turn; a failure is said and tried again later."""

    @abstractmethod
    async def in_process(self, plan: P) -> int:
        """Do the work in a process of its own; give its exit code."""

    def last_turn(self, nows: Iterable[int]) -> int:
        """Give the last turn that all partitions have passed, by their times (ms)."""
        return min(nows) // self._every * self._every

    async def run(self) -> None:
        """Work until cancelled; a store that does not answer is asked again later."""
        last = time.monotonic()
        while self._every:
            await asyncio.sleep(min(_LOOK_SECONDS, self._pause or _LOOK_SECONDS))
            if not self._chosen() or time.monotonic() - last < self._pause:
                continue
            try:
                turn = await self.due()
            except Unavailable as error:
                self._watch.unavailable(error)
                continue
            if turn is not None:
                last = time.monotonic()
                await self.work(turn)


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
