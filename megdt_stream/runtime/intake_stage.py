"""Intake: input records become evidence or rejects, each decided exactly once.

A batch's outcome is written down (propose) before it is produced and stepped over (settle) after it is
acknowledged. What a dead worker proposed is produced again verbatim, never decided anew: a later link or another
seed could decide differently. So is the alert that too much is rejected: it is part of the batch that tripped the
guard, and whoever settles that batch stops.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from megdt_stream.errors import FencedError, RejectLimit
from megdt_stream.evidence import topics
from megdt_stream.evidence.intake import Accepted, decide
from megdt_stream.evidence.partition import partition_of
from megdt_stream.evidence.reference import Reference
from megdt_stream.evidence.topics import Topic
from megdt_stream.runtime.claims import Batch, Claim
from megdt_stream.runtime.failpoints import reach
from megdt_stream.runtime.log_producer import Entry, LogProducer
from megdt_stream.runtime.reject_alert import reject_limit
from megdt_stream.runtime.reject_guard import Refused, RejectGuard, Trip
from megdt_stream.runtime.reject_record import reject
from megdt_stream.runtime.retry import while_claimed
from megdt_stream.runtime.store import Commit, Pending, Store
from megdt_stream.runtime.watch import Watch

_encode: Final = msgspec.msgpack.Encoder().encode


class Proposal(msgspec.Struct, array_like=True):
    """What intake decided of a batch: the records to write, the counters, the watermark (ms).

    `limit`: what to stop with once it is settled, because it has tripped the guard; "" for all other batches.
    """

    entries: list[Entry]
    counts: dict[str, int]
    watermark: int
    limit: str = ""


_decode: Final = msgspec.msgpack.Decoder(Proposal).decode


@dataclass(slots=True)
class _Intake:
    """What intake keeps of a claimed partition: up to where an earlier owner's proposal was settled."""

    settled: int


class IntakeStage:
    """The work of the intake agent on one batch."""

    def __init__(
        self,
        store: Store,
        producer: LogProducer,
        reference: Reference,
        watch: Watch,
        partitions: int,
        guard: RejectGuard,
    ) -> None:
        """Take what the composition root made; `partitions` is that of the evidence topic."""
        self._store = store
        self._producer = producer
        self._reference = reference
        self._watch = watch
        self._partitions = partitions
        self._guard = guard

    async def work(self, batch: Batch) -> None:
        """Decide, propose, produce, settle."""
        claim = batch.claim
        try:
            if claim.state is None:
                claim.state = await self._resume(claim)
            base = max(batch.base, claim.state.settled)
            if base < batch.end:
                await self._forward(claim, base, batch)
        except FencedError:
            self._watch.fenced("intake", claim)
            return
        self._watch.applied(claim, batch.end, batch.records[-1].timestamp, len(batch.records))

    async def _resume(self, claim: Claim) -> _Intake:
        topic, partition = claim.tp
        pending = await while_claimed(claim, lambda: self._store.pending(topic, partition), self._watch.store_failed)
        if pending is None:
            return _Intake(claim.applied)
        await self._produce(claim, pending, _decode(pending.body))
        return _Intake(pending.end)

    async def _forward(self, claim: Claim, base: int, batch: Batch) -> None:
        records = [record for record in batch.records if record.offset >= base]
        begun = time.perf_counter()
        topic = topics.BY_NAME[claim.tp.topic]
        proposal, refused = self._decide(topic, claim.tp.partition, records)
        trip = self._guard.note(len(records), refused)
        if trip is not None:
            self._add_alert(proposal, trip, topic, claim.tp.partition, batch)
        self._watch.step("check", time.perf_counter() - begun)
        reach("I1")
        try:
            await self._propose(claim, Pending(base, batch.end, _encode(proposal)), proposal)
        except FencedError:
            if trip is not None:
                self._guard.rearm()
            raise

    async def _propose(self, claim: Claim, pending: Pending, proposal: Proposal) -> None:
        topic, partition = claim.tp
        verdict = await while_claimed(
            claim,
            lambda: self._store.propose(topic, partition, claim.taken.token, pending),
            self._watch.store_failed,
        )
        _insist(verdict, claim)
        reach("I2")
        await self._produce(claim, pending, proposal)

    async def _produce(self, claim: Claim, pending: Pending, proposal: Proposal) -> None:
        begun = time.perf_counter()
        await while_claimed(claim, lambda: self._producer.write(proposal.entries), self._watch.log_failed)
        reach("I3")
        topic, partition = claim.tp
        verdict = await while_claimed(
            claim,
            lambda: self._store.settle(
                topic,
                partition,
                claim.taken.token,
                pending.base,
                pending.end,
                proposal.watermark,
                proposal.counts,
            ),
            self._watch.store_failed,
        )
        _insist(verdict, claim)
        reach("I4")
        self._watch.committed("intake", time.perf_counter() - begun)
        self._watch.intake_counts(topics.BY_NAME[topic].short, proposal.counts)
        if proposal.limit:
            raise RejectLimit(proposal.limit)

    def _decide(self, topic: Topic, partition: int, records: list[Any]) -> tuple[Proposal, list[Refused]]:
        entries: list[Entry] = []
        refused: list[Refused] = []
        counts: Counter[str] = Counter(read=len(records))
        watermark = -1
        for record in records:
            origin = (topic.short, partition, record.offset)
            decision = decide(record.value, topic, origin, record.timestamp, self._reference, record.headers)
            if isinstance(decision, Accepted):
                counts["forwarded"] += 1
                watermark = max(watermark, decision.available)
                entries.append(self._evidence(decision, record.timestamp))
            else:
                counts[f"rejected:{decision.reason.value}"] += 1
                entry, short = reject(decision, topic, partition, record, self._partitions)
                entries.append(entry)
                refused.append(short)
        return Proposal(entries, dict(counts), watermark), refused

    def _add_alert(self, proposal: Proposal, trip: Trip, topic: Topic, partition: int, batch: Batch) -> None:
        """Let the batch that tripped the guard say so, in front of everything else."""
        appended = batch.records[-1].timestamp
        alert = reject_limit(trip, self._guard.ratio, topic, partition, batch.end, appended, self._partitions)
        proposal.entries.insert(0, alert)
        proposal.limit = f"{trip.rejected} of the last {trip.read} events were rejected"

    def _evidence(self, accepted: Accepted, appended: int) -> Entry:
        # The input's append time goes on as the record's, so latency is measured from the broker's clock.
        number = partition_of(accepted.trainee, self._partitions)
        return Entry(topics.EVIDENCE.name, number, accepted.trainee.encode(), accepted.value, (), appended)


def _insist(verdict: Commit, claim: Claim) -> None:
    if not verdict.stands:
        raise FencedError(f"{claim.tp.topic}/{claim.tp.partition}: {verdict.name.lower()}")
