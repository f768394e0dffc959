"""The outbox relay: publishes what was committed, then clears exactly that.

At least once, in the order of causes within a partition, with ids that depend on the cause alone; a crash between
publishing and clearing publishes the same id again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

from megdt_stream.errors import Unavailable
from megdt_stream.evidence import topics
from megdt_stream.evidence.partition import partition_of
from megdt_stream.runtime.claims import Claim
from megdt_stream.runtime.failpoints import reach
from megdt_stream.runtime.log_producer import Entry, LogProducer
from megdt_stream.runtime.store import Outgoing, Store
from megdt_stream.runtime.watch import Watch
from megdt_stream.twin.entities.image import partition_of_key

LIMIT = 500
SWEEP_SECONDS = 1.0
"""How often all owned outboxes are looked at even if nobody called: what an earlier owner left is found so."""


class Relay:
    """One task that publishes what commits hand over, and what it finds in the outboxes of owned partitions."""

    def __init__(
        self,
        store: Store,
        producer: LogProducer,
        watch: Watch,
        partitions: int,
        owned: Callable[[], list[Claim]],
    ) -> None:
        """Take a producer of its own: it must not wait behind anybody's batches."""
        self._store = store
        self._producer = producer
        self._watch = watch
        self._partitions = partitions
        self._owned = owned
        self._wake = asyncio.Event()
        self._handed: list[tuple[int, Outgoing]] = []
        # Published or about to be, and still in the outbox: a sweep that meets them lets them be.
        self._under_way: set[bytes] = set()
        self._clearing: set[asyncio.Task[None]] = set()
        self._closing = False

    def hand_over(self, partition: int, committed: Iterable[Outgoing]) -> None:
        """Take messages that were just committed: no need to read them back from the store."""
        fresh = [(partition, out) for out in committed]
        self._under_way.update(out.member for _, out in fresh)
        self._handed += fresh
        self._wake.set()

    async def run(self) -> None:
        """Relay until closed."""
        swept = 0.0
        while not self._closing:
            with suppress(TimeoutError):
                async with asyncio.timeout(SWEEP_SECONDS):
                    await self._wake.wait()
            self._wake.clear()
            try:
                if time.monotonic() - swept >= SWEEP_SECONDS:
                    await self._sweep()
                    swept = time.monotonic()
                await self._publish()
            except Unavailable as error:
                self._watch.unavailable(error)

    async def flush(self) -> None:
        """Publish what was handed over and what is in the owned outboxes now, and clear it."""
        await self._sweep()
        await self._publish()
        await asyncio.gather(*self._clearing)

    def close(self) -> None:
        """Let `run` end."""
        self._closing = True
        self._wake.set()

    async def _sweep(self) -> None:
        """Find what an earlier owner committed and did not publish, or what could not be published."""
        numbers = [claim.tp.partition for claim in self._owned()]
        found = await asyncio.gather(*(self._store.outgoing(number, LIMIT) for number in numbers))
        for number, waiting in zip(numbers, found, strict=True):
            self.hand_over(number, [out for out in waiting if out.member not in self._under_way])

    async def _publish(self) -> None:
        while self._handed:
            handed, self._handed = self._handed, []
            try:
                await self._producer.write([self._entry(out) for _, out in handed])
            except Unavailable:
                self._under_way.difference_update(out.member for _, out in handed)  # the next sweep finds them
                raise
            reach("K5")
            self._watch.relayed([out for _, out in handed])
            # Nobody waits for this: until it is done, a crash only publishes the same ids again.
            task = asyncio.create_task(self._clear(handed), name="outbox clear")
            self._clearing.add(task)
            task.add_done_callback(self._clearing.discard)

    async def _clear(self, published: list[tuple[int, Outgoing]]) -> None:
        members: dict[int, list[bytes]] = {}
        for number, out in published:
            members.setdefault(number, []).append(out.member)
        try:
            await asyncio.gather(*(self._store.clear(number, some) for number, some in members.items()))
            reach("K6")
        except Unavailable as error:
            self._watch.unavailable(error)
        finally:
            self._under_way.difference_update(out.member for _, out in published)

    def _entry(self, outgoing: Outgoing) -> Entry:
        message = outgoing.message
        number = _partition(message.topic, message.key.decode(), self._partitions)
        now = int(time.time() * 1000)
        return Entry(message.topic, number, message.key, message.value, message.headers, now)


def _partition(topic: str, key: str, partitions: int) -> int:
    if topic == topics.CONTRIBUTIONS.name:
        return partition_of_key(key, partitions)
    return partition_of(key, partitions)
