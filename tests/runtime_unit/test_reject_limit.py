"""The limit inside intake: said once, with the batch that trips it, whoever settles that batch; then work stops."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from prometheus_client import CollectorRegistry

from megdt_stream.errors import RejectLimit
from megdt_stream.evidence import topics
from megdt_stream.runtime.claims import Batch, Claim, TopicPartition
from megdt_stream.runtime.health import Health
from megdt_stream.runtime.intake_stage import IntakeStage
from megdt_stream.runtime.log_producer import Entry
from megdt_stream.runtime.memory import MemoryLedger
from megdt_stream.runtime.metrics import Metrics
from megdt_stream.runtime.reject_guard import RejectGuard
from megdt_stream.runtime.watch import Watch
from megdt_stream.seed_files import load_reference

OUTCOMES = topics.OUTCOMES.name
ALERTS, EVIDENCE, REJECTS = topics.ALERTS.name, topics.EVIDENCE.name, topics.REJECTS.name
NOW = 1_750_000_000_000


class Died(BaseException):
    """The worker is gone: nothing after this line happens."""


@dataclass
class Log:
    """What was acknowledged, in order. A producer that dies leaves what it had written."""

    entries: list[Entry] = field(default_factory=list)
    dies_after: int | None = None

    async def write(self, entries: Sequence[Entry]) -> None:
        self.entries += entries[: self.dies_after]
        if self.dies_after is not None:
            raise Died

    def on(self, topic: str) -> list[Entry]:
        return [entry for entry in self.entries if entry.topic == topic]


@dataclass
class Input:
    offset: int
    value: bytes
    key: bytes | None = b"k1.a"
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp: int = NOW


GOOD = json.dumps(
    {
        "specversion": "1.0",
        "source": "/tests",
        "id": "1",
        "type": "megdt.outcome.recorded.v1",
        "subject": "k1.a",
        "time": "2025-01-10T08:00:00+08:00",
        "data": {"outcome": "annual", "result": "通过"},
    }
).encode()
BAD = b'{"source": "/tms", "type": "megdt.outcome.recorded.v9"}'


class Worker:
    """A worker's intake. Its guard is its own, ledger and log outlive it."""

    def __init__(self, ledger: MemoryLedger, log: Log, events: int = 10) -> None:
        self.ledger = ledger
        self.log = log
        watch = Watch(Metrics(CollectorRegistry(), partitions=1), Health())
        watch.give_up = lambda claim: setattr(claim, "valid", False)  # type: ignore[method-assign]
        guard = RejectGuard(0.5, events)
        self.stage = IntakeStage(ledger, log, load_reference(), watch, 1, guard)  # type: ignore[arg-type]

    async def take(self, partition: int = 0, generation: int = 1) -> Claim:
        taken = await self.ledger.take(OUTCOMES, partition, generation, (0, 0), "id")
        return Claim(TopicPartition(OUTCOMES, partition), generation, taken, taken.offset, taken.offset)

    async def work(self, claim: Claim, values: Sequence[bytes]) -> None:
        records = [Input(offset, value) for offset, value in enumerate(values, claim.next)]
        claim.next += len(records)
        await self.stage.work(Batch(claim, records[0].offset, claim.next, records))


@pytest.fixture
def ledger():
    return MemoryLedger()


@pytest.fixture
def log():
    return Log()


def run(work):
    asyncio.run(work())


def test_the_alert_is_acknowledged_first_then_the_batch_is_settled_then_the_worker_stops(ledger, log):
    async def work():
        worker = Worker(ledger, log)
        claim = await worker.take()
        await worker.work(claim, [GOOD] * 5)
        with pytest.raises(RejectLimit, match="9 of the last 14 events"):
            await worker.work(claim, [BAD] * 9)
        assert await ledger.pending(OUTCOMES, 0) is None
        assert (await ledger.cursor(OUTCOMES, 0))[0] == 14

    run(work)
    (alert,) = log.on(ALERTS)
    assert log.entries.index(alert) == 5, "after the batch before, in front of its own"
    said = json.loads(alert.value)["data"]
    assert said["cause"] == {"topic": OUTCOMES, "partition": 0, "offset": 14}
    assert said["sources"] == [{"source": "/tms", "rejected": 9}]
    assert set(said["evidence"]) <= {entry.key.decode() for entry in log.on(REJECTS)}
    assert len(log.on(REJECTS)) == 9


@pytest.mark.parametrize("written", [0, 1, 4, 11])
def test_whoever_finds_the_batch_of_a_dead_worker_says_it_again_verbatim_and_stops_as_well(ledger, log, written):
    async def work():
        dying = Worker(ledger, log)
        log.dies_after = written
        claim = await dying.take()
        with pytest.raises(Died):
            await dying.work(claim, [BAD] * 10)
        before, log.entries, log.dies_after = log.entries, [], None
        heir = Worker(ledger, log, events=1_000)
        with pytest.raises(RejectLimit, match="10 of the last 10"):
            await heir.work(await heir.take(generation=2), [BAD])
        assert log.entries[: len(before)] == before
        assert (len(log.on(ALERTS)), len(log.on(REJECTS))) == (1, 10)
        assert (await ledger.cursor(OUTCOMES, 0))[0] == 10
        log.entries = []
        third = Worker(ledger, log, events=1_000)
        claim = await third.take(generation=3)
        assert claim.next == 10
        await third.work(claim, [BAD] * 50)
        assert not log.on(ALERTS), "its own guard has seen too little"

    run(work)


def test_partitions_that_work_on_until_the_end_say_nothing_again(ledger, log):
    async def work():
        worker = Worker(ledger, log)
        first, second = await worker.take(0), await worker.take(1)
        with pytest.raises(RejectLimit):
            await worker.work(first, [BAD] * 10)
        await worker.work(second, [BAD] * 10)

    run(work)
    assert len(log.on(ALERTS)) == 1


def test_a_trip_over_a_batch_that_is_somebody_elses_is_taken_back(ledger, log):
    async def work():
        worker = Worker(ledger, log)
        lost, kept = await worker.take(0), await worker.take(1)
        await worker.take(0, generation=2)  # another worker
        await worker.work(lost, [BAD] * 10)
        assert not lost.valid
        assert log.entries == []
        with pytest.raises(RejectLimit):
            await worker.work(kept, [BAD] * 10)

    run(work)
    (alert,) = log.on(ALERTS)
    assert json.loads(alert.value)["data"]["cause"]["partition"] == 1


def test_headers_reach_the_decision_and_the_reject(ledger, log):
    attributes = {"specversion": "1.0", "source": "/lms", "id": "7", "type": "megdt.outcome.recorded.v1"}
    attributes |= {"subject": "k1.b", "time": "2025-01-10T08:00:00Z"}
    headers = tuple((f"ce_{name}", text.encode()) for name, text in attributes.items())
    data = b'{"outcome": "annual", "result": "passed"}'

    async def work():
        worker = Worker(ledger, log, events=1_000)
        claim = await worker.take()
        records = [Input(0, data, headers=headers), Input(1, b"[", headers=(*headers, ("x", b"\xff\x00")))]
        await worker.stage.work(Batch(claim, 0, 2, records))

    run(work)
    (evidence,), (rejected,) = log.on(EVIDENCE), log.on(REJECTS)
    assert (evidence.key, json.loads(evidence.value)["source"]) == (b"k1.b", "/lms")
    assert rejected.value == b"["
    assert [(name, value) for name, value in rejected.headers if name.startswith("megdt-input-")] == [
        *((f"megdt-input-{name}", value) for name, value in headers),
        ("megdt-input-x", b"\xff\x00"),
    ]
    assert ("megdt-source", b"/lms") in rejected.headers
