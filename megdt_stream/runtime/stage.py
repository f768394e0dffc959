"""A stage: works batches off, partition by partition in order, different partitions overlapping.

At most one batch of a partition is in flight; while its commit waits for the store, another partition's batch is
decoded and folded. No batch is begun before the one ahead of it in its partition is committed, rejected or given
up with its claim.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from megdt_stream.runtime.claims import Batch, TopicPartition

Work = Callable[[Batch], Awaitable[None]]


class Stage:
    """Runs `work` for batches. `work` handles every error it can; what it lets out ends the process through
    `crashed`."""

    def __init__(self, name: str, work: Work, crashed: Callable[[BaseException], None]) -> None:
        """Name the stage and say what it does with a batch, and with an error nobody foresaw."""
        self.name = name
        self._work = work
        self._crashed = crashed
        self._waiting: dict[TopicPartition, deque[Batch]] = {}
        self._running: set[asyncio.Task[None]] = set()

    def submit(self, batch: Batch) -> None:
        """Begin a batch as soon as those before it in its partition are through.

        Never waits, so no partition holds up another. How much can wait is bounded by the transport, which
        delivers only so many records of a partition ahead.
        """
        waiting = self._waiting.get(batch.tp)
        if waiting is not None:
            waiting.append(batch)
            return
        self._waiting[batch.tp] = deque([batch])
        task = asyncio.create_task(self._run(batch.tp), name=f"{self.name} {batch.tp.topic}/{batch.tp.partition}")
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _run(self, tp: TopicPartition) -> None:
        waiting = self._waiting[tp]
        try:
            while waiting:
                batch = _take(waiting)
                if batch.claim.valid:
                    await self._work(batch)
                batch.through()
        except Exception as error:  # noqa: BLE001  (a defect: leaving loses nothing, going on might)
            self._crashed(error)
        finally:
            del self._waiting[tp]

    def waits(self, tp: TopicPartition) -> bool:
        """Tell whether a batch of a partition waits for the one under way."""
        return bool(self._waiting.get(tp))

    @property
    def in_flight(self) -> int:
        """Count partitions with batches under way."""
        return len(self._running)

    async def drain(self) -> None:
        """Wait for all batches under way."""
        while self._running:
            await asyncio.wait(list(self._running))


def _take(waiting: deque[Batch]) -> Batch:
    """Take what waits of one claim as a single batch: under load a commit costs the same for ten records as for one."""
    first = waiting.popleft()
    later = []
    while waiting and waiting[0].claim is first.claim:
        later.append(waiting.popleft())
    return first.joined(later)
