"""A simulated year of training, in order of availability, as input events and as the evidence that intake makes of
them.

Reproducible from its seed. The shares of the kinds do not depend on the number of trainees, so that runs of different
sizes do the same work per event. Evidence is built directly, because deciding a million events would take longer than
measuring them; a test holds it against intake's own decision.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any, Final, NamedTuple

import orjson

from megdt_stream.evidence import record, topics
from megdt_stream.evidence.partition import partition_of
from megdt_stream.evidence.record import Evidence, Origin, Tick
from megdt_stream.evidence.reference import Reference
from megdt_stream.evidence.topics import Topic

DAY_MS: Final = 24 * 3600 * 1000
YEAR_MS: Final = 365 * DAY_MS
START_MS: Final = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp() * 1000)
ROTATION_MS: Final = 28 * DAY_MS

SHARES: Final = {
    "assessment": 0.46,
    "exposure": 0.40,
    "rotation": 0.08,
    "outcome": 0.02,
    "enrolment": 0.01,
    "duplicate": 0.015,
    "amendment": 0.015,
}
"""Shares of the events; they add up to 1."""

_TRAINEES_PER_BASE: Final = 100
_ASSESSORS_PER_BASE: Final = 30
_REMEMBERED: Final = 2_000
"""Duplicates and amendments concern one of this many latest happenings."""

_COMPETENCIES: Final = (
    "patient-care",
    "medical-knowledge",
    "communication",
    "professionalism",
    "procedural-technique",
    "systems-based-practice",
    "clinical-judgement",
    "counselling",
)
_INSTRUMENTS: Final = (("mini-cex", "mini-cex@1", 9), ("dops", "dops@1", 6), ("epa-form", "entrustment@1", 5))
_EXPOSURES: Final = (
    ("case", "肺炎"),
    ("case", "acute-coronary-syndrome"),
    ("case", "糖尿病酮症"),
    ("case", "sepsis"),
    ("procedure", "胸腔穿刺"),
    ("procedure", "lumbar-puncture"),
    ("procedure", "气管插管"),
    ("procedure", "suturing"),
)
_DEPARTMENTS: Final = ("cardiology", "呼吸内科", "surgery", "儿科", "emergency")


class Happening(NamedTuple):
    """One version of a record: what a source system has to tell. Times in ms."""

    topic: Topic
    type: str
    id: str
    revision: int
    trainee: str
    happened: int
    available: int
    data: dict[str, Any]


@dataclass(slots=True)
class _Stay:
    """A trainee's present rotation."""

    code: str
    starts: int
    base: str
    steps: int = 0


@dataclass
class Year:
    """The year of `trainees` people, told happening by happening.

    Setting `start` (ms) anew lets years follow each other. `stay_ms` is how long a rotation takes and, with it, when
    what it expects falls due.
    """

    trainees: int
    seed: int = 1
    start: int = START_MS
    stay_ms: int = ROTATION_MS
    _told: int = 0
    _stays: dict[int, _Stay] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)  # noqa: S311  (reproducible, nothing secret)
        self._latest: deque[Happening] = deque(maxlen=_REMEMBERED)
        self._makers = [getattr(self, f"_{kind}") for kind in SHARES]
        self._weights = list(SHARES.values())

    def opening(self) -> Iterator[Happening]:
        """Enrol everybody and start a rotation for each: two happenings a trainee."""
        for maker in (self._enrolment, self._rotation):
            for person in range(self.trainees):
                yield self._kept(maker(person, self.start, self.start))

    def happenings(self, n: int) -> Iterator[Happening]:
        """Tell `n` happenings spread evenly over the year, in order of availability."""
        choose, below = self._random.choices, self._random.randrange
        for i in range(n):
            available = self.start + YEAR_MS * i // n
            maker = choose(self._makers, self._weights)[0]
            yield self._kept(maker(below(self.trainees), available - below(2 * DAY_MS), available))

    def _kept(self, happening: Happening) -> Happening:
        self._latest.append(happening)
        return happening

    def _new(self, topic: Topic, type_: str, person: int, at: tuple[int, int], data: dict[str, Any]) -> Happening:
        self._told += 1
        return Happening(topic, f"megdt.{type_}.v1", f"r-{self._told}", 0, f"k1.t{person:06d}", *at, data)

    # --- one maker a kind: (person, happened, available) ---

    def _assessment(self, person: int, happened: int, available: int) -> Happening:
        random = self._random
        instrument, scale, top = random.choice(_INSTRUMENTS)
        base = person // _TRAINEES_PER_BASE
        stay = self._stays.get(person)
        chosen = random.sample(_COMPETENCIES, random.randint(1, 3))
        data: dict[str, Any] = {
            "instrument": instrument,
            "scale": scale,
            "assessor": f"k1.a{base:04d}-{random.randrange(_ASSESSORS_PER_BASE):02d}",
            "scores": [{"competency": name, "value": random.randint(1, top)} for name in chosen],
        }
        if stay is not None:
            data["rotation"] = stay.code
        return self._new(topics.ASSESSMENTS, "assessment.recorded", person, (happened, available), data)

    def _exposure(self, person: int, happened: int, available: int) -> Happening:
        kind, item = self._random.choice(_EXPOSURES)
        role = self._random.choice(("observed", "assisted", "performed"))
        data = {"kind": kind, "item": item, "role": role, "count": self._random.randint(1, 3)}
        return self._new(topics.EXPOSURES, "exposure.recorded", person, (happened, available), data)

    def _rotation(self, person: int, happened: int, available: int) -> Happening:
        """Tell the next step: started, then in turn ended, or the plan anew with other dates, before the next one."""
        stay = self._stays.get(person)
        if stay is not None and stay.steps == 1 and self._random.random() < 0.5:
            stay.steps = 2
            data = {"rotation": stay.code}
            return self._new(topics.ROTATIONS, "rotation.ended", person, (happened, available), data)
        base = f"base-{person // _TRAINEES_PER_BASE:04d}"
        stay = self._stays[person] = _Stay(f"rot-{person}-{self._told}", happened, base, 1)
        return self._new(topics.ROTATIONS, "rotation.started", person, (happened, available), self._plan(stay))

    def _plan(self, stay: _Stay) -> dict[str, Any]:
        ends = rfc3339(stay.starts + self.stay_ms)
        expects = [
            {"instrument": "mini-cex", "count": 2, "due": ends},
            {"instrument": "dops", "due": ends},
        ]
        return {
            "rotation": stay.code,
            "base": stay.base,
            "department": self._random.choice(_DEPARTMENTS),
            "starts": rfc3339(stay.starts),
            "ends": ends,
            "expects": expects,
        }

    def _outcome(self, person: int, happened: int, available: int) -> Happening:
        result = "pass" if self._random.random() < 0.9 else "fail"
        data = {"outcome": "exit-exam", "result": result, "value": float(self._random.randint(40, 100))}
        return self._new(topics.OUTCOMES, "outcome.recorded", person, (happened, available), data)

    def _enrolment(self, person: int, happened: int, available: int) -> Happening:
        base = f"base-{person // _TRAINEES_PER_BASE:04d}"
        data = {"stage": "postgraduate", "base": base, "programme": "internal-medicine", "cohort": "2024"}
        return self._new(topics.IDENTITIES, "identity.enrolled", person, (happened, available), data)

    def _duplicate(self, person: int, happened: int, available: int) -> Happening:
        if not self._latest:
            return self._exposure(person, happened, available)
        return self._random.choice(self._latest)

    def _amendment(self, person: int, happened: int, available: int) -> Happening:
        for _ in range(8):
            earlier = self._random.choice(self._latest) if self._latest else None
            if earlier is not None and earlier.topic is topics.ASSESSMENTS and earlier.revision == 0:
                return self._amended(earlier, available)
        return self._assessment(person, happened, available)

    def _amended(self, earlier: Happening, available: int) -> Happening:
        first, *others = earlier.data["scores"]
        value = first["value"] - 1 if first["value"] > 1 else 2
        data = {**earlier.data, "scores": [{**first, "value": value}, *others]}
        type_ = "megdt.assessment.amended.v1"
        return earlier._replace(type=type_, revision=1, available=available, data=data)


SOURCE: Final = "urn:hospital:training-records"


def as_event(happening: Happening) -> bytes:
    """Write a happening as its source system publishes it: a CloudEvent."""
    event: dict[str, Any] = {
        "specversion": "1.0",
        "source": SOURCE,
        "id": happening.id,
        "type": happening.type,
        "subject": happening.trainee,
        "time": rfc3339(happening.happened),
        "recorded": rfc3339(happening.available),
        "available": rfc3339(happening.available),
        "data": happening.data,
    }
    if happening.revision:
        event["revision"] = happening.revision
    return orjson.dumps(event)


def as_evidence(happening: Happening, origin: Origin, reference: Reference) -> Evidence:
    """Make the canonical evidence that intake would make of the event."""
    body = [happening.type, happening.trainee, happening.happened, happening.revision, happening.data]
    common = {
        "trainee": happening.trainee,
        "source": SOURCE,
        "id": happening.id,
        "rev": happening.revision,
        "h": record.record_hash(SOURCE, happening.id),
        "d": record.digest(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)),
        "happened": happening.happened,
        "recorded": happening.available,
        "available": happening.available,
        "origin": origin,
    }
    return _EVIDENCE[happening.topic.short](happening, common, reference)


def _assessment(happening: Happening, common: dict[str, Any], reference: Reference) -> Evidence:
    data = happening.data
    scale, weight = reference.scales[data["scale"]], reference.weight(data["scale"])
    marks = [(s["competency"], float(s["value"]), scale.level(s["value"]), weight) for s in data["scores"]]
    return record.Assessment(
        instrument=data["instrument"],
        item=None,
        assessor=data["assessor"],
        rotation=data.get("rotation"),
        scale=data["scale"],
        carried_over=False,
        marks=tuple(marks),
        missing=(),
        **common,
    )


def _rotation(happening: Happening, common: dict[str, Any], _reference: Reference) -> Evidence:
    data, status = happening.data, happening.type.split(".")[2]
    starts, ends = (_ms(data[name]) if name in data else None for name in ("starts", "ends"))
    expects = [(e["instrument"], e.get("count", 1), _ms(e["due"])) for e in data.get("expects", ())]
    return record.Rotation(
        status=status,
        rotation=data["rotation"],
        base=data.get("base"),
        department=data.get("department"),
        supervisor=None,
        starts=starts,
        ends=ends,
        expects=tuple(expects) if "expects" in data else None,
        **common,
    )


def _exposure(happening: Happening, common: dict[str, Any], _reference: Reference) -> Evidence:
    return record.Exposure(**happening.data, rotation=None, **common)


def _outcome(happening: Happening, common: dict[str, Any], _reference: Reference) -> Evidence:
    return record.Outcome(**happening.data, rotation=None, starts=None, ends=None, **common)


def _enrolment(happening: Happening, common: dict[str, Any], _reference: Reference) -> Evidence:
    return record.Enrolment(**happening.data, **common)


_EVIDENCE: Final[dict[str, Callable[[Happening, dict[str, Any], Reference], Evidence]]] = {
    "assessments": _assessment,
    "rotations": _rotation,
    "exposures": _exposure,
    "outcomes": _outcome,
    "identities": _enrolment,
}


class Arrival(NamedTuple):
    """A record for the evidence topic."""

    partition: int
    key: bytes | None
    value: bytes


class Log:
    """Turns happenings into the evidence topic's records: origins numbered, a tick to every partition each day."""

    def __init__(self, partitions: int, reference: Reference) -> None:
        self._partitions = partitions
        self._reference = reference
        self._offsets: Counter[tuple[str, int]] = Counter()
        self._day = START_MS // DAY_MS
        self.latest = START_MS
        self.written: Counter[int] = Counter()

    def arrivals(self, happenings: Iterator[Happening]) -> Iterator[Arrival]:
        """Give the records of happenings, with the ticks between them."""
        for happening in happenings:
            self.latest = max(self.latest, happening.available)
            day = happening.available // DAY_MS
            if day > self._day:
                self._day = day
                yield from self._ticks(day * DAY_MS)
            yield self._arrival(happening)

    def _ticks(self, at: int) -> Iterator[Arrival]:
        value = record.encode(Tick(at, at))
        for partition in range(self._partitions):
            self.written[partition] += 1
            yield Arrival(partition, None, value)

    def _arrival(self, happening: Happening) -> Arrival:
        partition = partition_of(happening.trainee, self._partitions)
        short = happening.topic.short
        offset = self._offsets[short, partition]
        self._offsets[short, partition] = offset + 1
        evidence = as_evidence(happening, (short, partition, offset), self._reference)
        self.written[partition] += 1
        return Arrival(partition, happening.trainee.encode(), record.encode(evidence))


def rfc3339(ms: int) -> str:
    """Write a moment (ms) as events do."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")


def _ms(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return round(moment.timestamp() * 1000)
