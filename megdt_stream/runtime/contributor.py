"""The contributor: after a tick it tells entity twins what touched trainees contribute now.

In commits of its own, a few trainees at a time and one partition at once, so that events hardly wait for it: a batch
that comes goes first. Only where the partition has been read to about its end: what a replay would send on the way is
superseded there.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final

from megdt_stream import mirror
from megdt_stream.errors import FencedError
from megdt_stream.evidence import topics
from megdt_stream.evidence.record import Tick
from megdt_stream.mirror import Message, Needs, Partition, Record
from megdt_stream.runtime.claims import Claim
from megdt_stream.runtime.failpoints import reach
from megdt_stream.runtime.relay import Relay
from megdt_stream.runtime.retry import while_claimed
from megdt_stream.runtime.store import Commit, Store, outgoing
from megdt_stream.runtime.watch import Watch
from megdt_stream.twin.entities.image import tick_key, write_tick

TRAINEES_A_TICK: Final = 100
"""Most trainees that one tick makes tell, in each partition: one takes a millisecond or two."""

_AT_ONCE: Final = 2
_REST: Final = 3
"""How many times as long as it told the contributor rests, so that events have most of the event loop."""

_GLANCE_SECONDS: Final = 0.005
"""How often a partition that waits for its turn to tell looks whether a batch has come."""

_CAUGHT_UP: Final = 100
"""A partition with so many records left has been read to about its end; a busy one never gets nearer."""

_HOUR_MS: Final = 3_600_000


class Contributor:
    """What the mirror does after batches with ticks."""

    def __init__(
        self,
        store: Store,
        relay: Relay,
        watch: Watch,
        end: Callable[[Claim], int | None],
        wanted: Callable[[Claim], bool],
    ) -> None:
        """`end` gives the end of a claimed partition's log, None while that is not known; `wanted` tells whether
        the partition has something better to do.
        """
        self._store = store
        self._relay = relay
        self._watch = watch
        self._end = end
        self._wanted = wanted
        self._telling = False

    async def after(self, claim: Claim, end: int, records: Sequence[Record]) -> None:
        """Tell what is to be told after a committed batch that ends before `end`, until another batch waits.

        Raises FencedError.
        """
        partition: Partition | None = claim.state
        log_end = self._end(claim)
        if partition is None or log_end is None or log_end - end > _CAUGHT_UP:
            return
        if any(isinstance(record.fact, Tick) for record in records):
            partition.to_tell = TRAINEES_A_TICK
            hour = _hour(partition, end)
            if hour:
                await self._tell(claim, partition, (), end, hour)
        while partition.to_tell and partition.touched and claim.valid:
            await self._turn(claim, partition, end)
            if self._wanted(claim):
                return

    async def _turn(self, claim: Claim, partition: Partition, end: int) -> None:
        """Let a few trainees tell, unless another partition's do just now."""
        if self._telling:
            await asyncio.sleep(_GLANCE_SECONDS)
            return
        self._telling, begun = True, time.perf_counter()
        try:
            some = list(islice(partition.touched, min(_AT_ONCE, partition.to_tell)))
            await self._tell(claim, partition, some, end, [])
            partition.to_tell -= len(some)
        finally:
            asyncio.get_running_loop().call_later(_REST * (time.perf_counter() - begun), self._rested)

    def _rested(self) -> None:
        self._telling = False

    async def _tell(
        self, claim: Claim, partition: Partition, trainees: Sequence[str], end: int, messages: list[Message]
    ) -> None:
        number, view = partition.number, claim.taken.view
        missing = [trainee for trainee in trainees if trainee not in partition.twins]
        failed = self._watch.store_failed
        if missing:
            found, _ = await while_claimed(claim, lambda: self._store.load(number, view, Needs(missing, [])), failed)
            partition.twins.update(found)
        sent = await while_claimed(claim, lambda: self._store.load_sent(number, view, trainees), failed)
        changes = mirror.contribute(partition, trainees, sent, end)
        changes.messages += messages
        reach("C1")

        async def attempt() -> Commit:
            return await self._store.commit(claim.tp.topic, partition, claim.taken, end, end, changes, {})

        verdict = await while_claimed(claim, attempt, failed)
        if not verdict.stands:
            raise FencedError(f"{claim.tp.topic}/{number}: {verdict.name.lower()}")
        self._relay.hand_over(number, outgoing(changes.messages, {}))


def _hour(partition: Partition, end: int) -> list[Message]:
    """Give a tick for the entity partition of the same number, once an hour of domain time."""
    hour = partition.now // _HOUR_MS
    if hour <= partition.hour:
        return []
    partition.hour = hour
    key = tick_key(partition.number).encode()
    return [Message(end, 0, topics.CONTRIBUTIONS.name, key, write_tick(partition.now), ())]
