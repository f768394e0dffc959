"""A defect in the fold: the record that triggers it is rejected after two tries, all others are folded."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from megdt_stream import mirror
from megdt_stream.evidence import topics
from megdt_stream.evidence.intake import Accepted, decide
from megdt_stream.runtime import mirror_stage
from megdt_stream.runtime.claims import Batch, Claim, TopicPartition
from megdt_stream.runtime.health import Health
from megdt_stream.runtime.memory import MemoryLedger
from megdt_stream.runtime.metrics import Metrics
from megdt_stream.runtime.mirror_stage import TRIES, MirrorStage
from megdt_stream.runtime.store import Outgoing, Taken
from megdt_stream.runtime.watch import Watch
from megdt_stream.seed_files import load_reference, load_rule
from tests.faults.events import encoded, outcome

EVIDENCE = topics.EVIDENCE.name
BAD = "k1.triggers"


class Record:
    def __init__(self, offset: int, value: bytes) -> None:
        self.offset, self.value, self.timestamp = offset, value, 1_750_000_000_000


class NoRelay:
    def hand_over(self, partition: int, committed: Iterable[Outgoing]) -> None:
        """Leave the messages in the outbox."""


def _evidence(offset: int, trainee: str) -> bytes:
    origin = (topics.OUTCOMES.short, 0, offset)
    decision = decide(encoded(outcome(trainee)), topics.OUTCOMES, origin, 1_750_000_000_000, load_reference())
    assert isinstance(decision, Accepted)
    return decision.value


def test_what_breaks_the_fold_is_rejected_after_two_tries_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: Counter[int] = Counter()
    true_step = mirror.step

    def step(partition: Any, batch: Any, rows: Any, rule: Any, condemned: frozenset[int] = frozenset()) -> Any:
        for record in batch:
            if getattr(record.fact, "trainee", "") == BAD and record.offset not in condemned:
                tries[record.offset] += 1
                # Half of the work is done when it breaks: it must not be seen in what is committed.
                true_step(partition, [r for r in batch if r.offset < record.offset], rows, rule, condemned)
                raise mirror.FoldFailed(record.offset) from ZeroDivisionError("a defect")
        return true_step(partition, batch, rows, rule, condemned)

    monkeypatch.setattr(mirror_stage.mirror, "step", step)
    asyncio.run(_work(tries))


async def _work(tries: Counter[int]) -> None:
    ledger = MemoryLedger()
    watch = Watch(Metrics(CollectorRegistry(), partitions=1), Health())

    async def sent() -> frozenset[str]:
        return frozenset()

    stage = MirrorStage(ledger, NoRelay(), load_rule(), watch, 1_000, sent)  # type: ignore[arg-type]
    taken = await ledger.take(EVIDENCE, 0, 1, (0, 0), "id")
    assert isinstance(taken, Taken)
    claim = Claim(TopicPartition(EVIDENCE, 0), 1, taken, 0, 0)
    trainees = ["k1.a", "k1.b", BAD, "k1.a", BAD, "k1.c"]
    records = [Record(offset, _evidence(offset, trainee)) for offset, trainee in enumerate(trainees)]
    await stage.work(Batch(claim, 0, len(records), records))

    assert tries == {2: TRIES, 4: TRIES}
    assert claim.valid
    assert claim.applied == len(records)
    view = ledger.view(0)
    assert view.counts == {"outcomes:accepted": 4, "outcomes:rejected": 2}
    folded = {trainee: int(fields["k|outcome"]) for trainee, fields in view.twins.items() if fields}
    assert folded == {"k1.a": 2, "k1.b": 1, "k1.c": 1}
    messages = [out.message for out in await ledger.outgoing(0, 10)]
    headers = [dict(message.headers) for message in messages]
    assert [h["megdt-reason"] for h in headers] == [b"internal_error"] * 2
    assert [h["megdt-offset"] for h in headers] == [b"2", b"4"]
    assert [message.value for message in messages] == [records[2].value, records[4].value]
