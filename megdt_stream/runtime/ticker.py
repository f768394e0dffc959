"""Ticks: time as records, one for every evidence partition, idle ones included.

Whoever holds evidence partition 0 writes them. Two writers during a rebalance do no harm: a tick says what time it
is, and the mirror takes the latest.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, Literal, NamedTuple

from megdt_stream.errors import Unavailable
from megdt_stream.evidence import record, topics
from megdt_stream.evidence.record import Tick
from megdt_stream.runtime.contributor import TRAINEES_A_TICK
from megdt_stream.runtime.log_producer import Entry, LogProducer
from megdt_stream.runtime.watch import Watch

_HURRY_SECONDS: Final = 1.0


class Position(NamedTuple):
    """Where intake stands in an input partition: next offset, end of the log, largest `available` settled (ms, -1:
    none)."""

    offset: int
    end: int
    watermark: int


def event_time(positions: Iterable[Position]) -> int | None:
    """Give the time up to which all evidence is on the log (ms), or None while that is not known.

    The slowest partition that still has records to read decides; what is read to its end holds nothing back, because
    publishers that play history publish in order of availability.
    """
    known = list(positions)
    behind = [position.watermark for position in known if position.offset < position.end]
    if behind:
        slowest = min(behind)
        return slowest if slowest >= 0 else None
    latest = max((position.watermark for position in known), default=-1)
    return latest if latest >= 0 else None


class Ticker:
    """Writes a tick to all evidence partitions every so often."""

    def __init__(
        self,
        clock: Literal["wall", "event"],
        seconds: float,
        partitions: int,
        producer: LogProducer,
        positions: Callable[[], Awaitable[list[Position]]],
        chosen: Callable[[], bool],
        watch: Watch,
        waiting: Callable[[], Awaitable[int]] | None = None,
        reached: Callable[[], Awaitable[int]] | None = None,
    ) -> None:
        """`positions` reads intake's cursors; `chosen` tells whether this worker writes the ticks now.

        `waiting` gives the most trainees of a partition who have something to tell entities after a tick. `reached`
        gives the time (ms) that every partition has been told already, so that who takes over does not tell it again.
        """
        self._clock = clock
        self._seconds = seconds
        self._partitions = partitions
        self._producer = producer
        self._positions = positions
        self._chosen = chosen
        self._watch = watch
        self._waiting = waiting
        self._reached = reached
        self._last: int | None = None

    async def run(self) -> None:
        """Tick until cancelled."""
        passed = 0.0
        while True:
            pause = min(self._seconds, _HURRY_SECONDS)
            await asyncio.sleep(pause)
            passed += pause
            if not self._chosen():
                continue
            try:
                # After an import more have something to tell than one tick lets: then ticks come sooner.
                if passed >= self._seconds or await self._told_later() > TRAINEES_A_TICK:
                    passed = 0.0
                    await self.tick()
            except Unavailable as error:
                self._watch.unavailable(error)

    async def _told_later(self) -> int:
        return 0 if self._waiting is None else await self._waiting()

    async def tick(self) -> None:
        """Write a tick, unless there is none to tell. Raises Unavailable."""
        if self._last is None:
            self._last = 0 if self._reached is None else await self._reached()
        wall = int(time.time() * 1000)
        at = wall if self._clock == "wall" else event_time(await self._positions())
        if at is None or (at <= self._last and not await self._told_later()):
            return
        at = max(at, self._last)
        value = record.encode(Tick(at, wall))
        await self._producer.write(
            [Entry(topics.EVIDENCE.name, partition, None, value, (), wall) for partition in range(self._partitions)]
        )
        self._last = at
