"""The entities agent's driver: load what stands, keep the latest images, commit, for one batch of contributions."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeAlias

from megdt_stream.errors import FencedError
from megdt_stream.mirror import Message
from megdt_stream.runtime.claims import Batch, Claim
from megdt_stream.runtime.entity_store import EntityStore, Place, news
from megdt_stream.runtime.failpoints import reach
from megdt_stream.runtime.relay import Relay
from megdt_stream.runtime.retry import while_claimed
from megdt_stream.runtime.store import Commit, outgoing
from megdt_stream.runtime.watch import Watch
from megdt_stream.twin.entities import image

Rules: TypeAlias = Callable[[int, int, int], Awaitable[Iterable[Message]]]
"""What rules say at a tick of domain time: given the partition, the time (ms) and the end of the batch, which is the
offset that its messages name. Called once an hour of domain time at most, after what came with the tick stands; the
messages are committed with the offset. The place where entity documents are read and rules asked."""


async def silent(_partition: int, _now: int, _end: int) -> Iterable[Message]:
    """Say nothing."""
    return ()


class EntitiesStage:
    """The work of the entities agent on one batch."""

    def __init__(self, store: EntityStore, relay: Relay, watch: Watch, rules: Rules = silent) -> None:
        """Take what the composition root made."""
        self._store = store
        self._relay = relay
        self._watch = watch
        self._rules = rules

    async def work(self, batch: Batch) -> None:
        """Keep the latest images of a batch, in one commit."""
        claim = batch.claim
        read = [image.read(record.key, record.value) for record in batch.records]
        given = image.latest(one for one in read if one is not None)
        try:
            known = await self._load(claim, given)
            standing = news(known, given)
            await self._commit(claim, batch.base, batch.end, standing, [])
            messages = await self._at_ticks(claim, batch)
        except FencedError:
            self._watch.fenced("entities", claim)
            return
        self._watch.contributed(len(standing), len(read) - len(standing), sum(one is None for one in read))
        self._watch.applied(claim, batch.end, batch.records[-1].timestamp, len(batch.records))
        if messages:
            self._relay.hand_over(claim.tp.partition, outgoing(messages, {}))

    async def _at_ticks(self, claim: Claim, batch: Batch) -> Sequence[Message]:
        """Let rules speak of the time that the batch's last tick tells."""
        ticks = [at for one in batch.records if (at := image.read_tick(one.key, one.value)) is not None]
        if not ticks:
            return ()
        messages = list(await self._rules(claim.tp.partition, max(ticks), batch.end))
        if messages:
            await self._commit(claim, batch.end, batch.end, {}, messages)
        return messages

    async def _load(self, claim: Claim, given: dict[Place, bytes]) -> dict[Place, bytes]:
        number, view = claim.tp.partition, claim.taken.view
        return await while_claimed(claim, lambda: self._store.load(number, view, list(given)), self._watch.store_failed)

    async def _commit(
        self, claim: Claim, base: int, end: int, standing: dict[Place, bytes], messages: list[Message]
    ) -> None:
        begun = time.perf_counter()
        reach("E1")

        async def attempt() -> Commit:
            return await self._store.commit(
                claim.tp.topic, claim.tp.partition, claim.taken, base, end, standing, messages
            )

        verdict = await while_claimed(claim, attempt, self._watch.store_failed)
        if not verdict.stands:
            raise FencedError(f"{claim.tp.topic}/{claim.tp.partition}: {verdict.name.lower()}")
        self._watch.committed("entities", time.perf_counter() - begun)
        reach("E2")
