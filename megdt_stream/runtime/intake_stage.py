"""Intake: input records become evidence or rejects, each decided exactly once.

A batch's outcome is written down (propose) before it is produced and stepped over (settle) after it is
acknowledged. What a dead worker proposed is produced again verbatim, never decided anew: a later link or another
seed could decide differently.
"""

from __future__ import annotations

import base64
import time
from collections import Counter, deque
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from megdt_stream.errors import FencedError, RejectLimit
from megdt_stream.evidence import topics
from megdt_stream.evidence.intake import Accepted, decide
from megdt_stream.evidence.partition import partition_of
from megdt_stream.evidence.reasons import Rejection
from megdt_stream.evidence.reference import Reference
from megdt_stream.evidence.topics import Topic
from megdt_stream.runtime.claims import Batch, Claim
from megdt_stream.runtime.failpoints import reach
from megdt_stream.runtime.log_producer import Entry, LogProducer
from megdt_stream.runtime.retry import while_claimed
from megdt_stream.runtime.store import Commit, Pending, Store
from megdt_stream.runtime.watch import Watch

_encode: Final = msgspec.msgpack.Encoder().encode
_MAX_HEADER: Final = 2_000


class Proposal(msgspec.Struct, array_like=True):
    """What intake decided of a batch: the records to write, the counters, the watermark (ms)."""

    entries: list[Entry]
    counts: dict[str, int]
    watermark: int


_decode: Final = msgspec.msgpack.Decoder(Proposal).decode


@dataclass(slots=True)
class _Intake:
    """What intake keeps of a claimed partition: up to where an earlier owner's proposal was settled."""

    settled: int


class RejectGuard:
    """Watches the share of rejected events over the last ones; too large a share means a publisher broke."""

    def __init__(self, ratio: float, events: int) -> None:
        """Judge once `events` were seen, over the latest about `events` of them."""
        self._ratio = ratio
        self._events = events
        self._window: deque[tuple[int, int]] = deque()
        self._read = self._rejected = 0

    def note(self, read: int, rejected: int) -> None:
        """Count a batch. Raises RejectLimit."""
        self._window.append((read, rejected))
        self._read += read
        self._rejected += rejected
        while self._window and self._read - self._window[0][0] >= self._events:
            gone = self._window.popleft()
            self._read -= gone[0]
            self._rejected -= gone[1]
        if self._read >= self._events and self._rejected >= self._ratio * self._read and self._ratio < 1:
            raise RejectLimit(f"{self._rejected} of the last {self._read} events were rejected")


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
        proposal = self._decide(topics.BY_NAME[claim.tp.topic], claim.tp.partition, records)
        self._watch.step("check", time.perf_counter() - begun)
        reach("I1")
        pending = Pending(base, batch.end, _encode(proposal))
        topic, partition = claim.tp
        verdict = await while_claimed(
            claim,
            lambda: self._store.propose(topic, partition, claim.taken.token, pending),
            self._watch.store_failed,
        )
        _insist(verdict, claim)
        reach("I2")
        await self._produce(claim, pending, proposal)
        rejected = sum(n for name, n in proposal.counts.items() if name.startswith("rejected:"))
        self._guard.note(len(records), rejected)

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

    def _decide(self, topic: Topic, partition: int, records: list[Any]) -> Proposal:
        entries: list[Entry] = []
        counts: Counter[str] = Counter(read=len(records))
        watermark = -1
        for record in records:
            origin = (topic.short, partition, record.offset)
            decision = decide(record.value, topic, origin, record.timestamp, self._reference)
            if isinstance(decision, Accepted):
                counts["forwarded"] += 1
                watermark = max(watermark, decision.available)
                entries.append(self._evidence(decision, record.timestamp))
            else:
                counts[f"rejected:{decision.reason.value}"] += 1
                entries.append(self._reject(decision, topic, partition, record))
        return Proposal(entries, dict(counts), watermark)

    def _evidence(self, accepted: Accepted, appended: int) -> Entry:
        # The input's append time goes on as the record's, so latency is measured from the broker's clock.
        number = partition_of(accepted.trainee, self._partitions)
        return Entry(topics.EVIDENCE.name, number, accepted.trainee.encode(), accepted.value, (), appended)

    def _reject(self, rejection: Rejection, topic: Topic, partition: int, record: Any) -> Entry:
        headers = {
            "megdt-reason": rejection.reason.value,
            "megdt-detail": rejection.detail[:_MAX_HEADER],
            "megdt-path": rejection.path[:_MAX_HEADER],
            "megdt-stage": "intake",
            "megdt-topic": topic.name,
            "megdt-partition": str(partition),
            "megdt-offset": str(record.offset),
            "megdt-timestamp": str(record.timestamp),
            "megdt-key": base64.b64encode((record.key or b"")[:_MAX_HEADER]).decode(),
            "megdt-form": "original",
        }
        return Entry(
            topics.REJECTS.name,
            partition % self._partitions,
            f"{topic.name}/{partition}/{record.offset}".encode(),
            record.value or b"",
            tuple((name, text.encode("utf-8", "replace")) for name, text in headers.items()),
            record.timestamp,
        )


def _insist(verdict: Commit, claim: Claim) -> None:
    if not verdict.stands:
        raise FencedError(f"{claim.tp.topic}/{claim.tp.partition}: {verdict.name.lower()}")
