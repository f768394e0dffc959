"""The contributor: after a tick it tells entity twins what touched trainees contribute now.

In commits of its own, so that no event waits for it, and only where the partition has been read to about its end: what
a replay would send on the way is superseded at its end.
"""

from __future__ import annotations

import asyncio
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
"""Most trainees that one tick makes tell, in each partition: one takes about a millisecond."""

_AT_ONCE: Final = 20
_CAUGHT_UP: Final = 100
"""A partition with so many records left has been read to about its end; a busy one never gets nearer."""

_HOUR_MS: Final = 3_600_000


class Contributor:
    """What the mirror does after batches with ticks."""

    def __init__(self, store: Store, relay: Relay, watch: Watch, end: Callable[[Claim], int | None]) -> None:
        """`end` gives the end of a claimed partition's log, None while that is not known."""
        self._store = store
        self._relay = relay
        self._watch = watch
        self._end = end

    async def after(self, claim: Claim, end: int, records: Sequence[Record]) -> None:
        """Tell what is to be told after a committed batch that ends before `end`. Raises FencedError."""
        partition: Partition | None = claim.state
        log_end = self._end(claim)
        if partition is None or log_end is None or log_end - end > _CAUGHT_UP:
            return
        if not any(isinstance(record.fact, Tick) for record in records):
            return
        messages = _hour(partition, end)
        turn = list(islice(partition.touched, TRAINEES_A_TICK))
        for at in range(0, len(turn), _AT_ONCE):
            await self._tell(claim, partition, turn[at : at + _AT_ONCE], end, messages)
            messages = []
            await asyncio.sleep(0)
        if messages:
            await self._tell(claim, partition, (), end, messages)

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
