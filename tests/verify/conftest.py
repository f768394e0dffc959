"""A small consistent system in memory: logs and state that agree, for tests to bend."""

from __future__ import annotations

import json
from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import msgspec
import pytest

from megdt_stream.runtime.stored import row_pieces
from megdt_stream.twin.journal import Version, Words
from megdt_stream.verify.contract import Refusal, decide
from megdt_stream.verify.entities import expected_parts
from megdt_stream.verify.log import IntakeState, Log, MirrorState, Origin, PartitionLog, Record, State
from megdt_stream.verify.mirror import Mirror
from megdt_stream.verify.names import INPUTS, full_name, partition_of
from megdt_stream.verify.overdue import Notice
from megdt_stream.verify.persons import Person, Sending, highest
from megdt_stream.verify.reference import Reference, load_reference

NOW = 1_767_225_600_000  # 2026-01-01T00:00:00Z, the append time of everything
PARTITIONS = 2
SOURCE = "/hospital-a/ehr"
Headers = tuple[tuple[str, bytes], ...]


@dataclass
class World:
    """Publish events and ticks, then `settle` for logs and the state they must lead to.

    Only where things lie is built here; what is in them comes from the checker itself, so a settled world
    says nothing about the fold. The fold has tests with figures worked out by hand.
    """

    reference: Reference
    log: Log = field(default_factory=Log)
    secret: str = "somebody@example.org"  # what stands in events that name somebody

    def __post_init__(self) -> None:
        counts = dict.fromkeys(INPUTS, 1) | {"evidence": PARTITIONS, "rejects": 1, "alerts": 1}
        counts |= {"contributions": PARTITIONS, "models": 1}
        self.log.topics = {short: {n: PartitionLog() for n in range(count)} for short, count in counts.items()}

    def publish(
        self,
        event: dict[str, Any] | bytes | None,
        short: str = "assessments",
        deliver: bool = True,
        headers: Headers = (),
    ) -> Origin:
        """Append an input, and its evidence if it is valid."""
        value = json.dumps(event, ensure_ascii=False).encode() if isinstance(event, dict) else event
        record = self._append(short, 0, b"some-key", value, headers)
        origin = Origin(short, 0, record.offset)
        evidence = decide(origin, record, self.reference)
        if deliver and not isinstance(evidence, Refusal):
            self.deliver(evidence)
        return origin

    def deliver(self, evidence: dict[str, Any], partition: int | None = None) -> Record:
        """Append evidence, as told."""
        key = evidence["trainee"].encode()
        home = partition_of(key, PARTITIONS) if partition is None else partition
        return self._append("evidence", home, key, json.dumps(evidence, ensure_ascii=False).encode())

    def tick(self, at: int) -> None:
        """Append a tick to every evidence partition."""
        for number in range(PARTITIONS):
            self._append("evidence", number, None, json.dumps({"k": "tick", "at": at, "wall": at}).encode())

    def evidence_of(self, origin: Origin) -> dict[str, Any]:
        """Give the evidence an input must become."""
        record = self.log.input_record(origin)
        assert record is not None
        evidence = decide(origin, record, self.reference)
        assert not isinstance(evidence, Refusal)
        return evidence

    def carry(self) -> None:
        """Append what pseudonyms carry over, until nothing more follows."""
        sent: set[Sending] = set()
        while left := [s for n in range(PARTITIONS) for s in self.fold(n).sendings if s not in sent]:
            sent.update(left)
            for sending in left:
                for evidence in carried_records(sending):
                    self.deliver(evidence)

    def settle(self, carry: bool = True) -> tuple[Log, State]:
        """Bring carried records, rejects, alerts and state to where they must be."""
        if carry:
            self.carry()
        return self.settle_again()

    def settle_again(self) -> tuple[Log, State]:
        """Bring rejects, alerts and state to where the logs lead as they are."""
        self.log.topics["rejects"][0].records.clear()
        self.log.topics["alerts"][0].records.clear()
        state = State()
        for short in INPUTS:
            state.intake[short, 0] = self._settle_intake(short)
        for number in range(PARTITIONS):
            mirror = self.fold(number)
            for origin, reason in mirror.rejects.items():
                self.reject(origin, reason, "mirror")
            for notice in mirror.notices.values():
                self.alert(notice)
            state.mirror[number] = _state_of(mirror, len(self.log.topics["evidence"][number].records))
        mirrors = [self.fold(number) for number in range(PARTITIONS)]
        for place, part in expected_parts(mirrors).items():
            state.entities.setdefault(place.entity, {})[place.contributor] = _image(part)
        for partitions in self.log.topics.values():
            for partition in partitions.values():
                partition.end = len(partition.records)
        return self.log, state

    def reject(self, origin: Origin, reason: str, stage: str, **changes: str) -> None:
        """Append a reject: of the mirror by reference, of intake whole or redacted by hand."""
        record = self.log.input_record(origin)
        assert record is not None
        value, headers = record.value or b"", {"megdt-form": "original"}
        own = tuple((f"megdt-input-{name}", text) for name, text in record.headers)
        if stage == "mirror":
            value, own, headers = b"", (), {"megdt-form": "reference", "megdt-key": ""}
        elif reason == "direct_identifier":
            headers = {"megdt-form": "redacted", "megdt-key": "", "megdt-sha256": sha256(value).hexdigest()}
            value, own = value.replace(self.secret.encode(), b"[redacted]"), ()
        stated = self._headers(origin, record, reason, stage) | headers | changes
        texts = tuple((name, text.encode()) for name, text in stated.items())
        self._append("rejects", 0, _coordinates(origin), value, texts + own)

    def alert(self, notice: Notice) -> None:
        """Append the alert of a decision."""
        value = json.dumps(self.alert_event(notice), ensure_ascii=False).encode()
        self._append("alerts", 0, notice.trainee.encode(), value)

    def alert_event(self, notice: Notice) -> dict[str, Any]:
        """Write a decision as the CloudEvent it must be."""
        expected = min(notice.terms)
        at = notice.cause.now
        text = {"en": "text", "zh": "文字"}
        return {
            "specversion": "1.0",
            "id": notice.id,
            "source": "/megdt/mirror",
            "type": f"megdt.warning.{notice.what}.v1",
            "subject": notice.trainee,
            "time": datetime.fromtimestamp(at / 1000, UTC).isoformat(),
            "data": {
                "rule": "expected-assessment-overdue",
                "rule_version": 1,
                "severity": "medium",
                "owner": "education-office",
                "trainee": notice.trainee,
                "rotation": notice.rotation,
                "base": notice.base,
                "item": notice.key,
                "due": expected.due,
                "expected": expected.number,
                "arrived": notice.arrived,
                "days_overdue": (at - expected.due) // 86_400_000,
                "since": notice.since,
                "opened_by": notice.opened_by,
                "reason": {"code": "linked" if notice.linked else "overdue", **text},
                "evidence": [{"h": h} for h in sorted(notice.slots)],
                "cause": {"partition": notice.cause.partition, "offset": notice.cause.offset},
                "next_step": text,
            },
        }

    def fold(self, number: int) -> Mirror:
        """Fold a partition of the evidence as it is."""
        mirror = Mirror(number, self.reference.rule)
        for record in self.log.topics["evidence"][number].records:
            mirror.apply(record.offset, json.loads(record.value or b""))
        return mirror

    def _append(self, short: str, number: int, key: bytes | None, value: bytes | None, headers: Headers = ()) -> Record:
        records = self.log.topics[short][number].records
        records.append(Record(len(records), NOW, key, value, headers))
        return records[-1]

    def _settle_intake(self, short: str) -> IntakeState:
        counts: Counter[str] = Counter()
        records = self.log.topics[short][0].records
        for record in records:
            origin = Origin(short, 0, record.offset)
            decision = decide(origin, record, self.reference)
            refused = isinstance(decision, Refusal)
            counts.update(("read", f"rejected:{decision.reason}" if refused else "forwarded"))
            if refused:
                self.reject(origin, decision.reason, "intake")
        return IntakeState(len(records), dict(counts))

    def _headers(self, origin: Origin, record: Record, reason: str, stage: str) -> dict[str, str]:
        return {
            "megdt-reason": reason,
            "megdt-detail": "",
            "megdt-path": "",
            "megdt-stage": stage,
            "megdt-topic": full_name(origin.topic),
            "megdt-partition": str(origin.partition),
            "megdt-offset": str(origin.offset),
            "megdt-timestamp": str(NOW),
            "megdt-key": b64encode(b"some-key").decode(),
            "megdt-source": SOURCE if SOURCE.encode() in (record.value or b"") else "",
        }


def _image(part: dict[str, Any]) -> bytes:
    sums = {name: value for name, value in part.items() if isinstance(value, tuple)}
    slots = {name: value for name, value in part.items() if isinstance(value, list)}
    return bytes(8) + msgspec.msgpack.encode([sums, slots])


def _coordinates(origin: Origin) -> bytes:
    return f"{full_name(origin.topic)}/{origin.partition}/{origin.offset}".encode()


def carried_records(sending: Sending) -> list[dict[str, Any]]:
    """Write what is carried over as the evidence records it must be."""
    common = {"k": "carried", "trainee": sending.head, "persona": sending.persona, "seq": sending.seq}
    return [common | {"state": p.state, "rows": [_carried_row(*row) for row in p.rows]} for p in sending.pieces()]


def _carried_row(h: str, stands: Any) -> list[Any]:
    if stands is None:
        return [h, -1, "", [], [], []]
    sums = [[name, list(numbers)] for name, numbers in stands.sums]
    slots = [[name, json.loads(text)] for name, text in stands.slots]
    return [h, stands.rev, stands.d, list(stands.via), sums, slots]


def _state_of(mirror: Mirror, offset: int) -> MirrorState:
    words = {name: Words() for name in mirror.people}
    state = MirrorState(
        offset,
        mirror.now,
        mirror.twins(),
        {name: _hash(person) for name, person in mirror.people.items()},
        {name: _journal(person.versions, words[name]) for name, person in mirror.people.items()},
        {name: _rows(person) for name, person in mirror.people.items()},
        mirror.deadlines(),
        {f"{topic}:{partition}": highest for (topic, partition), highest in mirror.seen.items()},
        {f"{topic}:{outcome}": count for (topic, outcome), count in mirror.counts.items()},
    )
    state.words = {name: {str(n): word for n, word in known.added().items()} for name, known in words.items()}
    return state


def _journal(records: dict[str, Any], words: Words) -> dict[str, dict[bytes, bytes]]:
    """Write the rows as the pipeline does: the checker must be able to read them."""
    shards: dict[str, dict[bytes, bytes]] = {}
    for h, versions in records.items():
        stands = highest(versions)
        row = tuple(_version(version, version is stands) for version in versions.values())
        shards.setdefault(h[-1], {}).update(row_pieces(h, row, words)[0])
    return shards


def _version(version: Any, stands: bool) -> Version:
    sums, slots = (version.sums, tuple(name for name, _ in version.slots)) if stands else ((), ())
    return Version(version.rev, bytes.fromhex(version.d), *version.origin, sums, slots)


def _hash(person: Person) -> dict[str, str]:
    texts = {
        f"p|{name}": json.dumps([base, on], separators=(",", ":")) for name, (base, on) in person.registers.items()
    }
    for h, versions in person.versions.items():
        version = highest(versions)
        assert version is not None
        prefix = "" if version.link else "s|"
        stands = h in person.standing and person.standing[h].via == ()
        texts |= {} if stands else {prefix + name: text for name, text in version.slots}
    return texts


def _rows(person: Person) -> dict[str, dict[bytes, bytes]]:
    shards: dict[str, dict[bytes, bytes]] = {}
    for persona, rows in person.held.items():
        for h, (seq, stands) in rows.items():
            _, *content = _carried_row(h, stands)
            content[1] = bytes.fromhex(content[1])
            packed = msgspec.msgpack.encode([seq, *content] if stands else [seq])
            shards.setdefault(h[-1], {})[bytes.fromhex(h) + persona.encode()] = packed
    return shards


@pytest.fixture(scope="session")
def reference() -> Reference:
    return load_reference()


@pytest.fixture
def world(reference: Reference) -> World:
    return World(reference)


@pytest.fixture(scope="session")
def write() -> Callable[[Sending], list[dict[str, Any]]]:
    return carried_records


@pytest.fixture(scope="session")
def new_world(reference: Reference) -> Callable[[], World]:
    return lambda: World(reference)


def _event(kind: str, data: dict[str, Any], **attributes: Any) -> dict[str, Any]:
    event = {
        "specversion": "1.0",
        "source": SOURCE,
        "id": "A-1",
        "type": f"megdt.{kind}.v1",
        "subject": "k1.trainee-1",
        "time": "2025-11-03T09:30:00+08:00",
        "data": data,
    }
    return event | attributes


@pytest.fixture(scope="session")
def event():
    """Make an event of a kind such as `assessment.recorded`."""
    return _event


@pytest.fixture(scope="session")
def assessment():
    """Make a mini-CEX on rotation R-1."""

    def make(value: float = 6, **attributes: Any) -> dict[str, Any]:
        data = {
            "instrument": "mini-cex",
            "scale": "mini-cex@1",
            "rotation": "R-1",
            "scores": [{"competency": "patient-care", "value": value}],
        }
        return _event(attributes.pop("kind", "assessment.recorded"), data, **attributes)

    return make


@pytest.fixture(scope="session")
def rotation():
    """Make a rotation event of R-1 which expects one mini-CEX by 1 December 2025."""

    def make(status: str = "planned", **attributes: Any) -> dict[str, Any]:
        data: dict[str, Any] = {"rotation": "R-1"}
        if status in ("planned", "started"):
            data |= {"base": "medicine", "starts": "2025-10-01T00:00:00Z", "ends": "2025-12-01T00:00:00Z"}
            data |= {"expects": [{"instrument": "mini-cex", "due": "2025-12-01T00:00:00Z"}]}
        data |= attributes.pop("data", {})
        return _event(f"rotation.{status}", data, **({"id": "R-1"} | attributes))

    return make
