"""The truth: what is so in the hospital, and what its accepted records add up to.

The ledger here works on drafts, before any byte is written, and follows docs/records.md by hand; it is small
because it sees one trainee at a time and knows the fates already.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from megdt_stream.synth.chance import YEAR
from megdt_stream.synth.draft import ACCEPTED, DUPLICATE, REJECTED, Draft
from megdt_stream.synth.people import Assessor, People, Trainee
from megdt_stream.synth.plan import HospitalPlan
from megdt_stream.synth.schedule import Schedule

_FATES = (ACCEPTED, DUPLICATE, REJECTED)


@dataclass(frozen=True)
class TrueCompetency:
    """A learning curve's level at the stream's start and end, and the gain between them (levels)."""

    start: float
    end: float
    growth: float
    rate: float
    """Of the curve 5 - (5 - start) exp(-rate * years)."""


@dataclass(frozen=True)
class TrueTrainee:
    """What is true of a trainee, and what their standing records add up to."""

    stage: str
    year: int
    base: str
    cohort: str
    withdrawn: int | None
    """When they left (ms), whether or not the record of it came."""
    competencies: dict[str, TrueCompetency]
    accepted: int
    """Accepted events, all versions."""
    exposures: dict[str, dict[str, int]]
    """`kind|item` -> `count` of the standing records and yearly `quota`."""
    outcomes: dict[str, str]
    """Outcome -> result of the standing record."""


@dataclass(frozen=True)
class TrueAssessor:
    """An assessor's severity and SD of single marks (levels), relative load, and accepted forms."""

    department: str
    severity: float
    sd: float
    load: float
    forms: int


@dataclass(frozen=True)
class TrueBase:
    """A base's specialty, the shift of its trainees' levels, and their number."""

    specialty: str
    strength: float
    trainees: int


@dataclass(frozen=True)
class Undelivered:
    """An expectation due within the stream and not met by standing records when the stream ends.

    `why`: `never-came`, `late` (comes after the end), `rejected` (malformed and not sent again), `retracted`.
    """

    trainee: str
    rotation: str
    key: str
    due: int
    expected: int
    arrived: int
    why: str


@dataclass(frozen=True)
class StandingRevision:
    """The version that stands of a record that has an accepted revision above 0."""

    trainee: str
    topic: str
    source: str
    id: str
    revision: int
    retracted: bool


@dataclass
class Truth:
    """The truth of one plan; `to_dict` is JSON-able. Times in ms."""

    plan: dict[str, Any]
    trainees: dict[str, TrueTrainee] = field(default_factory=dict)
    assessors: dict[str, TrueAssessor] = field(default_factory=dict)
    bases: dict[str, TrueBase] = field(default_factory=dict)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    """Topic -> fate -> events."""
    reasons: dict[str, int] = field(default_factory=dict)
    """Reason code -> rejected events."""
    expectations: int = 0
    """Forms expected by rotations that stand and due within the stream."""
    undelivered: list[Undelivered] = field(default_factory=list)
    standing: list[StandingRevision] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Give plain dicts, lists, strings and numbers."""
        return asdict(self)

    def to_json(self) -> str:
        """Give `to_dict` as JSON text, the same for equal plans."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False, indent=1)


class Ledger:
    """What one trainee's drafts add up to at the end of the stream."""

    def __init__(self, drafts: Iterable[Draft], closes: int) -> None:
        self._closes = closes
        everything = list(drafts)
        self.sent = [draft for draft in everything if draft.published < closes]
        self._unsent = [draft for draft in everything if draft.published >= closes]
        self.accepted = [draft for draft in self.sent if draft.fate == ACCEPTED]
        self._standing = _standing(self.accepted)
        self.valid = [draft for draft in self._standing.values() if not draft.retraction]

    def revised(self) -> Iterator[StandingRevision]:
        """Give the standing version of each record with an accepted revision above 0."""
        for (source, record), draft in self._standing.items():
            if draft.revision:
                yield StandingRevision(draft.trainee, draft.topic, source, record, draft.revision, draft.retraction)

    def exposures(self) -> Counter[str]:
        """Count what was seen and done, by `kind|item`."""
        totals: Counter[str] = Counter()
        for draft in self.valid:
            if draft.topic == "exposures":
                totals[f"{draft.data['kind']}|{draft.data['item']}"] += draft.data.get("count", 1)
        return totals

    def outcomes(self) -> dict[str, str]:
        """Give the standing result of each outcome."""
        return {draft.data["outcome"]: draft.data["result"] for draft in self.valid if draft.topic == "outcomes"}

    def due_expectations(self) -> list[tuple[str, str, int, int]]:
        """Give (rotation, key, count, due) of what uncancelled rotations expect by the stream's end."""
        return [
            (rotation, _key(expected), expected.get("count", 1), expected["due"])
            for rotation, story in self._rotations().items()
            if story[-1].kind != "rotation.cancelled"
            for expected in _last_plan(story)
            if expected["due"] < self._closes
        ]

    def undelivered(self) -> Iterator[Undelivered]:
        """Give the expectations due and not met."""
        arrived = Counter(_slot(draft) for draft in self.valid if draft.topic == "assessments")
        for rotation, key, count, due in self.due_expectations():
            if arrived[rotation, key] < count:
                trainee = self.accepted[0].trainee
                came = arrived[rotation, key]
                yield Undelivered(trainee, rotation, key, due, count, came, self._why((rotation, key)))

    def _rotations(self) -> dict[str, list[Draft]]:
        """Give each rotation's valid records in the order in which they happened."""
        stories: defaultdict[str, list[Draft]] = defaultdict(list)
        for draft in self.valid:
            if draft.topic == "rotations":
                stories[draft.data["rotation"]].append(draft)
        return {code: sorted(story, key=lambda draft: (draft.time, draft.revision)) for code, story in stories.items()}

    def _why(self, slot: tuple[str, str]) -> str:
        versions = [draft for draft in self.sent if _slot(draft) == slot]
        accepted = {(draft.source, draft.id) for draft in versions if draft.fate == ACCEPTED}
        if any(self._standing[record].retraction for record in accepted):
            return "retracted"
        if any(_slot(draft) == slot and draft.fate == ACCEPTED for draft in self._unsent):
            return "late"
        return "rejected" if any((draft.source, draft.id) not in accepted for draft in versions) else "never-came"


def _standing(accepted: Iterable[Draft]) -> dict[tuple[str, str], Draft]:
    highest: dict[tuple[str, str], Draft] = {}
    for draft in accepted:
        record = (draft.source, draft.id)
        if record not in highest or draft.revision > highest[record].revision:
            highest[record] = draft
    return highest


def _last_plan(story: list[Draft]) -> list[dict[str, Any]]:
    plans = [draft for draft in story if "expects" in draft.data]
    return list(plans[-1].data["expects"]) if plans else []


def _key(named: Any) -> str:
    return str(named.get("item") or named["instrument"])


def _slot(draft: Draft) -> tuple[str, str] | None:
    if draft.topic != "assessments" or draft.retraction:
        return None
    return draft.data["rotation"], _key(draft.data)


class TruthTeller:
    """Collects the truth, trainee by trainee."""

    def __init__(self, plan: HospitalPlan, people: People) -> None:
        self._plan = plan
        self._people = people
        self._forms: Counter[str] = Counter()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._reasons: Counter[str] = Counter()
        self._truth = Truth(plan={**asdict(plan), "start": plan.start.isoformat(), "base_size": list(plan.base_size)})

    def add(self, trainee: Trainee, schedule: Schedule, drafts: Iterable[Draft]) -> None:
        """Enter one trainee's year."""
        ledger = Ledger(drafts, self._plan.closes)
        self._counts.update((draft.topic, draft.fate) for draft in ledger.sent)
        self._reasons.update(draft.reason for draft in ledger.sent if draft.reason)
        self._forms.update(draft.data["assessor"] for draft in ledger.accepted if "assessor" in draft.data)
        self._truth.expectations += sum(count for _, _, count, _ in ledger.due_expectations())
        self._truth.undelivered.extend(ledger.undelivered())
        self._truth.standing.extend(ledger.revised())
        self._truth.trainees[trainee.pseudonym] = self._trainee(trainee, schedule, ledger)

    def tell(self) -> Truth:
        """Give the truth once every trainee is entered."""
        truth = self._truth
        truth.assessors = {
            assessor.pseudonym: self._assessor(assessor)
            for staff in self._people.staff.values()
            for assessor in staff.assessors
        }
        sizes = Counter(trainee.base.code for trainee in self._people.trainees)
        truth.bases = {
            base.code: TrueBase(base.specialty.code, base.strength, sizes[base.code]) for base in self._people.bases
        }
        topics = ("assessments", "exposures", "identities", "outcomes", "rotations")
        truth.counts = {topic: {fate: self._counts[topic, fate] for fate in _FATES} for topic in topics}
        truth.reasons = dict(sorted(self._reasons.items()))
        return truth

    def _trainee(self, trainee: Trainee, schedule: Schedule, ledger: Ledger) -> TrueTrainee:
        left = schedule.withdrawn
        return TrueTrainee(
            stage=trainee.stage,
            year=trainee.year,
            base=trainee.base.code,
            cohort=trainee.cohort,
            withdrawn=left if left is not None and left < self._plan.closes else None,
            competencies={code: self._competency(trainee, code) for code in trainee.curves},
            accepted=len(ledger.accepted),
            exposures=_coverage(trainee, ledger.exposures()),
            outcomes=ledger.outcomes(),
        )

    def _competency(self, trainee: Trainee, code: str) -> TrueCompetency:
        curve = trainee.curves[code]
        end = curve.level((self._plan.closes - self._plan.opens) / YEAR)
        return TrueCompetency(curve.first, end, end - curve.first, curve.rate)

    def _assessor(self, assessor: Assessor) -> TrueAssessor:
        forms = self._forms[assessor.pseudonym]
        return TrueAssessor(assessor.department, assessor.severity, assessor.noise_sd, assessor.load, forms)


def _coverage(trainee: Trainee, done: Counter[str]) -> dict[str, dict[str, int]]:
    quotas: Counter[str] = Counter()
    for department in trainee.base.specialty.departments:
        quotas.update({f"case|{item}": quota for item, quota in department.cases.items()})
        quotas.update({f"procedure|{item}": quota for item, quota in department.procedures.items()})
    return {item: {"count": done[item], "quota": quota} for item, quota in quotas.items()}
