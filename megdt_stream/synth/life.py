"""One trainee's year, told as chapters of drafts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from megdt_stream.synth.catalogue import (
    CONTINUING,
    DOPS,
    ENTRUSTMENT,
    HIS,
    MEDICAL_KNOWLEDGE,
    MEDICAL_SCHOOL,
    MINI_CEX,
    PATIENT_CARE,
    POSTGRADUATE,
    ROTATION_EXAM,
    TMS,
    Instrument,
)
from megdt_stream.synth.chance import DAY, HOUR, MINUTE, generator, poisson
from megdt_stream.synth.draft import Draft
from megdt_stream.synth.mess import Data, Mess
from megdt_stream.synth.people import People, Trainee
from megdt_stream.synth.plan import HospitalPlan
from megdt_stream.synth.schedule import Rotation, Schedule, draw_schedule

_INSTRUMENTS: Final = MappingProxyType({form.code: form for form in (MINI_CEX, DOPS, ENTRUSTMENT, ROTATION_EXAM)})
_ACTIVITY: Final = MappingProxyType({MEDICAL_SCHOOL: 0.8, POSTGRADUATE: 1.2, CONTINUING: 0.4})
"""How busy a stage is, as a factor on the plan's weekly volumes."""
_EXAM_NOISE_SD: Final = 0.35
_PASS_MARK: Final = 60


@dataclass(frozen=True)
class Chapter:
    """Drafts none of which is published before `not_before` (ms)."""

    not_before: int
    drafts: list[Draft]


class Life:
    """A trainee's way through the hospital; iterate `chapters` once."""

    def __init__(self, plan: HospitalPlan, people: People, trainee: Trainee) -> None:
        self._plan = plan
        self._people = people
        self._trainee = trainee
        self._rng = generator(plan.seed, "life", trainee.index)
        self._mess = Mess(plan, generator(plan.seed, "mess", trainee.index))
        self._serials: Counter[str] = Counter()
        self.schedule: Schedule = draw_schedule(
            plan, trainee, people.staff, generator(plan.seed, "schedule", trainee.index)
        )

    def chapters(self) -> Iterator[Chapter]:
        """Tell the year, `not_before` never falling."""
        for not_before, tell in sorted(self._plot(), key=lambda scene: scene[0]):
            yield Chapter(not_before, tell())

    def _plot(self) -> Iterator[tuple[int, Callable[[], list[Draft]]]]:
        opens = self._plan.opens
        yield opens, self._enrolment
        for rotation in self.schedule.rotations:
            yield max(opens, rotation.planned), partial(self._rotation, rotation)
        left = self.schedule.withdrawn
        if left is not None:
            yield left, partial(self._outcome, left, "withdrawal", "withdrawn", None)
        for at, outcome in self._examinations():
            if left is None or at < left:
                yield at, partial(self._examination, at, outcome)

    def _examinations(self) -> Iterator[tuple[int, str]]:
        annual = self._plan.opens + self._plan.annual_assessment_day * DAY + 6 * HOUR
        yield annual, "annual-assessment"
        if self._trainee.stage == POSTGRADUATE and self._trainee.final_year:
            yield annual - 20 * DAY, "completion-theory"
            yield annual - 13 * DAY, "completion-practice"

    # Records

    def _record(
        self, topic: str, kind: str, source: str, time: int, recorded: int, lag_hours: float, data: Data
    ) -> Draft:
        """Draft what a record should say; each source numbers its own, so ids recur between sources."""
        self._serials[source] += 1
        available = max(self._plan.opens, recorded) + self._mess.lag(lag_hours)
        record = f"{self._trainee.index + 1:06d}-{self._serials[source]:05d}"
        return Draft(
            topic=topic,
            kind=kind,
            source=source,
            id=f"病例{record}" if source == HIS else record,
            trainee=self._trainee.pseudonym,
            time=time,
            recorded=recorded,
            available=available,
            published=available,
            data=data,
        )

    def _enrolment(self) -> list[Draft]:
        trainee = self._trainee
        time = self._plan.opens - (trainee.year - 1) * 365 * DAY - self._rng.randrange(1, 20) * DAY
        right = {
            "stage": trainee.stage,
            "base": trainee.base.code,
            "programme": trainee.base.specialty.code,
            "cohort": trainee.cohort,
        }
        draft = self._record("identities", "identity.enrolled", TMS, time, time + 3 * HOUR, 2, right)
        return self._mess.published(draft, ({**right, "cohort": "待定"},))

    # Rotations

    def _rotation(self, rotation: Rotation) -> list[Draft]:
        drafts = self._planned(rotation)
        if rotation.begins:
            drafts += self._stay(rotation)
        if rotation.cancelled is not None:
            drafts += self._status("rotation.cancelled", rotation, rotation.cancelled, 12)
        return drafts

    def _planned(self, rotation: Rotation) -> list[Draft]:
        data = self._plan_of(rotation)
        time = rotation.planned
        draft = self._record("rotations", "rotation.planned", TMS, time, time + 30 * MINUTE, 8, data)
        return self._mess.published(draft, (_postponed(data, 7), _postponed(data, 14)))

    def _plan_of(self, rotation: Rotation) -> dict[str, Any]:
        return {
            "rotation": rotation.code,
            "base": self._trainee.base.code,
            "department": rotation.department.code,
            "starts": rotation.starts,
            "ends": rotation.ends,
            "supervisor": rotation.supervisor,
            "expects": list(rotation.expects),
        }

    def _status(
        self, kind: str, rotation: Rotation, time: int, lag_hours: float, data: Data | None = None
    ) -> list[Draft]:
        body = {"rotation": rotation.code} if data is None else data
        return self._mess.published(self._record("rotations", kind, TMS, time, time + 10 * MINUTE, lag_hours, body))

    def _stay(self, rotation: Rotation) -> list[Draft]:
        drafts = self._status("rotation.started", rotation, rotation.starts, 6, self._plan_of(rotation))
        for expected in rotation.expects:
            drafts += self._expected(rotation, expected)
        drafts += self._extra_forms(rotation)
        drafts += self._exposures(rotation)
        if rotation.cancelled is None:
            drafts += self._status("rotation.ended", rotation, rotation.ends, 18)
        return drafts

    def _moment(self, starts: int, until: int) -> int:
        """Draw a working minute of a stay."""
        day = self._rng.randrange(max(1, (until - starts) // DAY))
        return starts + day * DAY + self._rng.randrange(570) * MINUTE

    # Assessments

    def _expected(self, rotation: Rotation, expected: dict[str, Any]) -> list[Draft]:
        form = _INSTRUMENTS[expected["instrument"]]
        # Whole stays are judged at their end.
        since = rotation.ends - 3 * DAY if form in (ENTRUSTMENT, ROTATION_EXAM) else rotation.starts
        drafts: list[Draft] = []
        for _ in range(expected.get("count", 1)):
            at = self._moment(since, rotation.ends)
            told = self._assessment(form, rotation, at, expected.get("item"))
            if not self._mess.never_comes() and at <= rotation.leaves:
                drafts += told
        return drafts

    def _extra_forms(self, rotation: Rotation) -> list[Draft]:
        drafts: list[Draft] = []
        cases = tuple(rotation.department.cases)
        for _ in range(self._count(rotation, self._plan.extra_forms_per_week)):
            at, item = self._moment(rotation.starts, rotation.leaves), self._rng.choice(cases)
            drafts += self._assessment(MINI_CEX, rotation, at, item)
        return drafts

    def _count(self, rotation: Rotation, weekly: float) -> int:
        return poisson(self._rng, weekly * _ACTIVITY[self._trainee.stage] * rotation.weeks)

    def _assessment(self, form: Instrument, rotation: Rotation, at: int, item: str | None) -> list[Draft]:
        values, assessor = self._judged(form, rotation, at) if form.judged else (self._keyed(form, at), None)
        scores = [self._mess.mark(competency, value) for competency, value in values.items()]
        data = {"instrument": form.code, "scale": form.scale.id, "rotation": rotation.code, "scores": scores}
        if assessor is not None:
            data["assessor"] = assessor
        if item is not None:
            data["item"] = item
        draft = self._record(
            "assessments",
            "assessment.recorded",
            form.source,
            at,
            at + 20 * MINUTE,
            form.median_delay_hours,
            data,
        )
        mistakes = (_misread(form, data, 1), _misread(form, data, -1))
        return self._mess.published(draft, mistakes, retractable=True)

    def _judged(self, form: Instrument, rotation: Rotation, at: int) -> tuple[dict[str, int], str]:
        rng = self._rng
        assessor = self._people.staff[rotation.department.code].draw(rng)
        shared = rng.gauss(0, self._plan.halo_sd) - assessor.severity
        values = {
            competency: form.scale.value(self._trainee.level(competency, at) + shared + rng.gauss(0, assessor.noise_sd))
            for competency in self._asked(form)
        }
        return values, assessor.pseudonym

    def _keyed(self, form: Instrument, at: int) -> dict[str, int]:
        return {
            competency: form.scale.value(self._trainee.level(competency, at) + self._rng.gauss(0, _EXAM_NOISE_SD))
            for competency in self._asked(form)
        }

    def _asked(self, form: Instrument) -> tuple[str, ...]:
        """Draw which competencies a form marks, in their usual order."""
        least, most = form.marks
        count = least if least == most else self._rng.randrange(least, most + 1)
        if count == len(form.competencies):
            return form.competencies
        chosen = set(self._rng.sample(form.competencies, count))
        return tuple(competency for competency in form.competencies if competency in chosen)

    # Exposures

    def _exposures(self, rotation: Rotation) -> list[Draft]:
        department, plan = rotation.department, self._plan
        kinds = (
            ("case", department.cases, plan.cases_per_week),
            ("procedure", department.procedures, plan.procedures_per_week),
        )
        drafts: list[Draft] = []
        for kind, quotas, weekly in kinds:
            items = self._rng.choices(tuple(quotas), tuple(quotas.values()), k=self._count(rotation, weekly))
            for item in items:
                drafts += self._exposure(rotation, kind, item)
        return drafts

    def _exposure(self, rotation: Rotation, kind: str, item: str) -> list[Draft]:
        at = self._moment(rotation.starts, rotation.leaves)
        data: dict[str, Any] = {"kind": kind, "item": item, "role": self._role(at), "rotation": rotation.code}
        count = 1 + (self._rng.random() < 0.1)
        if count > 1:
            data["count"] = count
        draft = self._record("exposures", "exposure.recorded", HIS, at, at + 2 * HOUR, 12, data)
        return self._mess.published(
            draft, ({**data, "count": count + 1}, {**data, "role": "observed"}), retractable=True
        )

    def _role(self, at: int) -> str:
        """Draw what the trainee did; the abler do more themselves."""
        level = self._trainee.level(PATIENT_CARE, at) + self._rng.gauss(0, 0.6)
        if level < 2:
            return "observed"
        return "assisted" if level < 3 else "performed"

    # Outcomes

    def _examination(self, at: int, outcome: str) -> list[Draft]:
        value = self._examination_value(at, outcome)
        return self._outcome(at, outcome, "pass" if value >= _PASS_MARK else "fail", value)

    def _examination_value(self, at: int, outcome: str) -> float:
        """Draw a percentage from the true levels: 80 stands for the graduation target, level 4."""
        trainee, noise = self._trainee, self._rng.gauss(0, 4)
        if outcome == "annual-assessment":
            # The bar moves with stage and year: 75 is the usual level.
            raw = 75 + 20 * trainee.standing(at) + noise
        else:
            raw = 20 * trainee.level(MEDICAL_KNOWLEDGE if outcome.endswith("theory") else PATIENT_CARE, at) + noise
        return round(min(100.0, max(0.0, raw)), 1)

    def _outcome(self, at: int, outcome: str, result: str, value: float | None) -> list[Draft]:
        data: dict[str, Any] = {"outcome": outcome, "result": result}
        if value is not None:
            data["value"] = value
        draft = self._record("outcomes", "outcome.recorded", TMS, at, at + DAY, 9 * 24, data)
        return self._mess.published(draft, _misentered(data))


def _postponed(data: dict[str, Any], days: int) -> dict[str, Any]:
    expects = [{**expected, "due": expected["due"] + days * DAY} for expected in data["expects"]]
    starts, ends = data["starts"] + days * DAY, data["ends"] + days * DAY
    return {**data, "starts": starts, "ends": ends, "expects": expects}


def _misread(form: Instrument, data: dict[str, Any], step: int) -> dict[str, Any]:
    """Give the form with its first value entered wrongly by a category, within the scale."""
    scores = [dict(mark) for mark in data["scores"]]
    for mark in scores:
        if "value" in mark:
            scale = form.scale
            shifted = mark["value"] + step
            mark["value"] = shifted if scale.lowest <= shifted <= scale.highest else mark["value"] - step
            break
    return {**data, "scores": scores}


def _misentered(data: dict[str, Any]) -> tuple[Data, ...]:
    """Give the outcome as first entered: on the other side of the pass mark."""
    if "value" not in data:
        return ()
    value = round(2 * _PASS_MARK - 0.5 - data["value"], 1)
    return ({**data, "value": value, "result": "pass" if value >= _PASS_MARK else "fail"},)
