"""The mirror's driver: load, step, commit, for one batch of evidence."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import islice

from megdt_stream import mirror
from megdt_stream.errors import FencedError
from megdt_stream.governance.overdue import OverdueRule
from megdt_stream.mirror import Changes, FoldFailed, Needs, Partition, Record, Rows
from megdt_stream.runtime.claims import Batch, Claim
from megdt_stream.runtime.contributor import Contributor
from megdt_stream.runtime.failpoints import reach
from megdt_stream.runtime.recovery import identity
from megdt_stream.runtime.relay import Relay
from megdt_stream.runtime.retry import while_claimed
from megdt_stream.runtime.store import Commit, Store, outgoing
from megdt_stream.runtime.watch import Watch

TRIES = 2
"""How often a record may make the step fail before it is rejected as `internal_error`."""


@dataclass(slots=True)
class _Failures:
    """Records that made the step fail, by offset: how often."""

    tries: dict[int, int] = field(default_factory=dict)

    def note(self, offset: int) -> None:
        self.tries[offset] = self.tries.get(offset, 0) + 1

    @property
    def condemned(self) -> frozenset[int]:
        return frozenset(offset for offset, n in self.tries.items() if n >= TRIES)


async def load_rows(store: Store, partition: Partition, view: str, records: list[Record]) -> Rows:
    """Load what a batch needs: twins into the partition, rows as given."""
    number, needs = partition.number, mirror.needs(partition, records)
    twins, rows = await store.load(number, view, needs)
    partition.twins.update(twins)
    whole = mirror.needs_whole(needs, rows)
    if whole:
        _, more = await store.load(number, view, Needs([], [], whole))
        rows = Rows(rows.own | more.own, rows.carried | more.carried)
        needs = needs._replace(whole=needs.whole + whole)
    carried = mirror.needs_carried(partition, needs)
    if carried:
        rows.carried |= await store.load_carried(number, view, carried)
    return rows


class MirrorStage:
    """The work of the mirror agent on one batch."""

    def __init__(
        self,
        store: Store,
        relay: Relay,
        rule: OverdueRule,
        watch: Watch,
        twin_cache: int,
        sent: Callable[[], Awaitable[frozenset[str]]],
        contributor: Contributor | None = None,
    ) -> None:
        """Take what the composition root made.

        `twin_cache`: how many twins a partition keeps in memory. `sent`: names what is on the output topics
        already, asked only when a replay says something again. `contributor` tells entities; None: nobody does.
        """
        self._store = store
        self._relay = relay
        self._rule = rule
        self._watch = watch
        self._twin_cache = twin_cache
        self._sent = sent
        self._contributor = contributor

    async def work(self, batch: Batch) -> None:
        """Fold a batch and commit it in one piece."""
        claim = batch.claim
        reach("K0")
        begun = time.perf_counter()
        records = mirror.read((record.offset, record.value) for record in batch.records)
        self._watch.step("decode", time.perf_counter() - begun)
        try:
            changes = await self._fold(claim, records)
            caused = {record.offset: record.timestamp for record in batch.records} if changes.messages else {}
            if changes.messages and batch.base < claim.taken.replay_until:
                await self._drop_sent(claim, changes)
            await self._commit(claim, batch, changes, caused)
        except FencedError:
            self._watch.fenced("mirror", claim)
            return
        last = batch.records[-1].timestamp
        self._watch.mirrored(changes)
        self._watch.applied(claim, batch.end, last, len(batch.records))
        if changes.messages:
            self._relay.hand_over(claim.tp.partition, outgoing(changes.messages, caused))
        await self._contribute(claim, batch.end, records)
        _trim(claim.state, self._twin_cache)

    async def _contribute(self, claim: Claim, end: int, records: list[Record]) -> None:
        if self._contributor is None:
            return
        try:
            await self._contributor.after(claim, end, records)
        except FencedError:
            self._watch.fenced("mirror", claim)

    async def _fold(self, claim: Claim, records: list[Record]) -> Changes:
        failures = _Failures()
        while True:
            partition = await self._partition(claim)
            begun = time.perf_counter()
            rows = await self._load(claim, partition, records)
            loaded = time.perf_counter()
            self._watch.step("load", loaded - begun)
            reach("K1")
            try:
                changes = mirror.step(partition, records, rows, self._rule, failures.condemned)
            except FoldFailed as failed:
                claim.state = None  # half changed: thrown away and loaded again
                failures.note(failed.offset)
                self._watch.fold_failed(claim, failed)
                if failures.tries[failed.offset] > TRIES:
                    raise  # condemned and failing still, as a tick would: only a fixed program helps
                continue
            self._watch.step("fold", time.perf_counter() - loaded)
            reach("K2")
            return changes

    async def _load(self, claim: Claim, partition: Partition, records: list[Record]) -> Rows:
        async def attempt() -> Rows:
            return await load_rows(self._store, partition, claim.taken.view, records)

        return await while_claimed(claim, attempt, self._watch.store_failed)

    async def _drop_sent(self, claim: Claim, changes: Changes) -> None:
        """A replay after a loss of the store repeats nobody's alerts, and sends those that never got out."""
        sent = await while_claimed(claim, self._sent, self._watch.log_failed)
        changes.messages = [
            message for message in changes.messages if identity(message.topic, message.key, message.value) not in sent
        ]

    async def _partition(self, claim: Claim) -> Partition:
        if claim.state is None:
            number = claim.tp.partition
            claim.state = await while_claimed(
                claim, lambda: self._store.partition(number, claim.taken), self._watch.store_failed
            )
        partition: Partition = claim.state
        return partition

    async def _commit(self, claim: Claim, batch: Batch, changes: Changes, caused: dict[int, int]) -> None:
        partition = claim.state
        if partition is None:
            raise FencedError(f"{claim.tp.topic}/{claim.tp.partition} was released")
        begun = time.perf_counter()

        async def attempt() -> Commit:
            return await self._store.commit(
                claim.tp.topic, partition, claim.taken, batch.base, batch.end, changes, caused
            )

        verdict = await while_claimed(claim, attempt, self._watch.store_failed)
        reach("K3")
        if not verdict.stands:
            raise FencedError(f"{claim.tp.topic}/{claim.tp.partition}: {verdict.name.lower()}")
        self._watch.committed("mirror", time.perf_counter() - begun)
        reach("K4")


def _trim(partition: Partition | None, limit: int) -> None:
    """Forget the twins that were loaded longest ago; they are in the store."""
    if partition is not None and len(partition.twins) > limit:
        surplus = len(partition.twins) - limit + limit // 10
        for trainee in list(islice(partition.twins, surplus)):
            del partition.twins[trainee]
