"""The truth: what is so in the hospital, and what its accepted records add up to."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from megdt_stream.synth.draft import ACCEPTED, DUPLICATE, FAMILIES, REJECTED, Draft
from megdt_stream.synth.identities import Identities
from megdt_stream.synth.ledger import Ledger
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
    """Of the curve 5 - (5 - start) exp(-rate * years), before what interventions added."""


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
    self_bias: float
    """How much higher than they are they rate themselves (levels)."""
    pseudonyms: list[str]
    """All their pseudonyms, the main one first."""
    accepted: int
    """Accepted events, all versions under all pseudonyms."""
    exposures: dict[str, dict[str, int]]
    """`kind|item` -> `count` of what stands at the main pseudonym, and the yearly `quota` (0: none)."""
    outcomes: dict[str, str]
    """Outcome -> result of what stands at the main pseudonym."""


@dataclass(frozen=True)
class TrueSubject:
    """What becomes of a pseudonym by the stream's end.

    `head` is whom it belongs to by the accepted links, `accepted` counts events under it, and `twin` tells whether
    anything stands there, its own or carried over.
    """

    head: str | None
    accepted: int
    twin: bool


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

    `why`: `never-came`, `late` (comes after the end), `rejected` (malformed and not sent again), `retracted`,
    `unlinked` (came under a pseudonym that does not belong to this one by then). `trainee` has no head.
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
    """A pseudonym's own standing version of a record that has an accepted revision above 0."""

    subject: str
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
    subjects: dict[str, TrueSubject] = field(default_factory=dict)
    """Whatever the stream speaks of: trainees under each of their pseudonyms, teachers, resources."""
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


class TruthTeller:
    """Collects the truth, trainee by trainee."""

    def __init__(self, plan: HospitalPlan, people: People) -> None:
        self._plan = plan
        self._people = people
        self._forms: Counter[str] = Counter()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._reasons: Counter[str] = Counter()
        told = asdict(plan)
        told |= {"start": plan.start.isoformat(), "base_size": list(plan.base_size), "lifts": list(told["lifts"])}
        self._truth = Truth(plan=told)

    def add(self, trainee: Trainee, schedule: Schedule, identities: Identities, drafts: Iterable[Draft]) -> None:
        """Enter one trainee's year."""
        ledger = self._book(drafts)
        self._forms.update(draft.data["assessor"] for draft in ledger.accepted if _judged(draft))
        self._truth.expectations += sum(count for _, _, _, count, _ in ledger.due_expectations())
        self._truth.undelivered.extend(Undelivered(*missed) for missed in ledger.undelivered())
        self._truth.trainees[trainee.pseudonym] = self._trainee(trainee, schedule, identities, ledger)

    def add_resources(self, drafts: Iterable[Draft]) -> None:
        """Enter the year of the hospital's resources."""
        self._book(drafts)

    def _book(self, drafts: Iterable[Draft]) -> Ledger:
        """Enter what holds of all lives alike."""
        ledger = Ledger(drafts, self._plan.closes)
        self._counts.update((draft.topic, draft.fate) for draft in ledger.sent)
        self._reasons.update(draft.reason for draft in ledger.sent if draft.reason)
        self._truth.standing.extend(
            StandingRevision(draft.subject, draft.topic, draft.source, draft.id, draft.revision, draft.retraction)
            for draft in ledger.revised()
        )
        accepted = Counter(draft.subject for draft in ledger.accepted)
        for name in ledger.names:
            self._truth.subjects[name] = TrueSubject(ledger.heads.get(name), accepted[name], bool(ledger.of(name)))
        return ledger

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
        truth.counts = {topic: {fate: self._counts[topic, fate] for fate in _FATES} for topic in sorted(FAMILIES)}
        truth.reasons = dict(sorted(self._reasons.items()))
        return truth

    def _trainee(self, trainee: Trainee, schedule: Schedule, identities: Identities, ledger: Ledger) -> TrueTrainee:
        left = schedule.withdrawn
        return TrueTrainee(
            stage=trainee.stage,
            year=trainee.year,
            base=trainee.base.code,
            cohort=trainee.cohort,
            withdrawn=left if left is not None and left < self._plan.closes else None,
            competencies={code: self._competency(trainee, code) for code in trainee.curves},
            self_bias=trainee.self_bias,
            pseudonyms=[name for name in (identities.main, identities.skills, identities.double) if name],
            accepted=len(ledger.accepted),
            exposures=_coverage(trainee, ledger.exposures(trainee.pseudonym)),
            outcomes=ledger.outcomes(trainee.pseudonym),
        )

    def _competency(self, trainee: Trainee, code: str) -> TrueCompetency:
        start, end = trainee.level(code, self._plan.opens), trainee.level(code, self._plan.closes)
        return TrueCompetency(start, end, end - start, trainee.curves[code].rate)

    def _assessor(self, assessor: Assessor) -> TrueAssessor:
        forms = self._forms[assessor.pseudonym]
        return TrueAssessor(assessor.department, assessor.severity, assessor.noise_sd, assessor.load, forms)


def _judged(draft: Draft) -> bool:
    return draft.thing == "assessment" and "assessor" in draft.data


def _coverage(trainee: Trainee, done: Counter[str]) -> dict[str, dict[str, int]]:
    quotas: Counter[str] = Counter()
    for department in trainee.base.specialty.departments:
        quotas.update({f"case|{item}": quota for item, quota in department.cases.items()})
        quotas.update({f"procedure|{item}": quota for item, quota in department.procedures.items()})
    items = (*quotas, *sorted(item for item in done if item not in quotas))
    return {item: {"count": done[item], "quota": quotas[item]} for item in items}
