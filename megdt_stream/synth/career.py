"""Results: exams, certificates, remediation, leave, credits, and leaving for good."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from megdt_stream.synth.catalogue import CONTINUING, MEDICAL_KNOWLEDGE, PATIENT_CARE, POSTGRADUATE, ROSTER, TMS
from megdt_stream.synth.chance import DAY, HOUR, MINUTE, WEEK, poisson
from megdt_stream.synth.desk import Scene, Way
from megdt_stream.synth.diary import Diary
from megdt_stream.synth.draft import Draft
from megdt_stream.synth.mess import Data
from megdt_stream.synth.schedule import Leave

ANNUAL: Final = "annual-assessment"
THEORY: Final = "completion-exam-theory"
PRACTICE: Final = "completion-exam-practice"
_PASS_MARK: Final = 60
_WEAK: Final = -0.3
"""Below the usual level by so much, a trainee is given a remediation plan."""
_DECIDED: Final = Way(TMS, 24 * 60, 9 * 24)
_GRANTED: Final = Way(TMS, 24 * 60, 2 * 24)
_FILED: Final = Way(TMS, 60, 12)
_CLOCKED: Final = Way(ROSTER, 60, 30)
_LONG_DAY: Final = 15 * HOUR
_CREDIT_CATEGORIES: Final = (("国家级-I类", 5.0), ("省级-I类", 3.0), ("II类", 0.5))


class Career:
    """Tells one trainee's results."""

    def __init__(self, diary: Diary) -> None:
        self._diary = diary
        self._rng = diary.plan.chance("career", diary.trainee.index)
        self._results: dict[str, str] = {}

    def scenes(self) -> Iterator[Scene]:
        """Give what happens when, up to a withdrawal."""
        left = self._diary.schedule.withdrawn
        if left is not None:
            yield left, partial(self._outcome, left, "withdrawal", "withdrawn", None)
        for at, tell in (*self._examinations(), *self._remediation(), *self._credits(), *self._strain()):
            if left is None or at < left:
                yield at, tell

    def leave(self, leave: Leave) -> list[Draft]:
        """Tell of days away."""
        data = {"kind": leave.kind, "starts": leave.starts, "ends": leave.ends}
        mistakes = ({**data, "ends": leave.ends + DAY},)
        return self._diary.send(_FILED, "leave.recorded", leave.asked, data, mistakes, retractable=3)

    def _examinations(self) -> Iterator[Scene]:
        plan, trainee = self._diary.plan, self._diary.trainee
        annual = plan.opens + plan.annual_assessment_day * DAY + 6 * HOUR
        yield annual, partial(self._examination, annual, ANNUAL)
        if trainee.stage == POSTGRADUATE and trainee.final_year:
            for at, outcome in ((annual - 20 * DAY, THEORY), (annual - 13 * DAY, PRACTICE)):
                yield at, partial(self._examination, at, outcome)
            yield annual + 20 * DAY, partial(self._certificate, annual + 20 * DAY)

    def _examination(self, at: int, outcome: str) -> list[Draft]:
        value = self._examination_value(at, outcome)
        self._results[outcome] = "pass" if value >= _PASS_MARK else "fail"
        return self._outcome(at, outcome, self._results[outcome], value)

    def _examination_value(self, at: int, outcome: str) -> float:
        """Draw a percentage from the true levels: 80 stands for the graduation target, level 4."""
        trainee, noise = self._diary.trainee, self._rng.gauss(0, 4)
        if outcome == ANNUAL:
            # The bar moves with stage and year: 75 is the usual level.
            raw = 75 + 20 * trainee.standing(at) + noise
        else:
            raw = 20 * trainee.level(MEDICAL_KNOWLEDGE if outcome == THEORY else PATIENT_CARE, at) + noise
        return round(min(100.0, max(0.0, raw)), 1)

    def _certificate(self, at: int) -> list[Draft]:
        passed = all(self._results[outcome] == "pass" for outcome in (THEORY, PRACTICE))
        data = {"outcome": "certification", "result": "granted" if passed else "deferred"}
        return self._diary.send(_GRANTED, "outcome.recorded", at, data, retractable=3)

    def _outcome(self, at: int, outcome: str, result: str, value: float | None) -> list[Draft]:
        data: dict[str, Any] = {"outcome": outcome, "result": result}
        if value is not None:
            data["value"] = value
        return self._diary.send(_DECIDED, "outcome.recorded", at, data, _misentered(data), retractable=2)

    def _remediation(self) -> Iterator[Scene]:
        """Plan help for the weak; it leaves the true levels as they are."""
        plan, trainee = self._diary.plan, self._diary.trainee
        starts = plan.opens + int(self._rng.uniform(0.3, 0.6) * plan.days) * DAY + 3 * HOUR
        ends = starts + self._rng.randrange(60, 151) * DAY
        completed = self._rng.random() < 0.75
        if trainee.stage == POSTGRADUATE and trainee.standing(starts) < _WEAK:
            code = f"补训-{trainee.index + 1:06d}"
            begun, over = {"plan": code}, {"plan": code, "result": "completed" if completed else "not-completed"}
            yield starts, partial(self._diary.send, _FILED, "remediation.started", starts, begun, retractable=3)
            yield ends, partial(self._diary.send, _FILED, "remediation.ended", ends, over, retractable=3)

    def _strain(self) -> Iterator[Scene]:
        """Tell of an incident of conduct, or of four weeks with too many hours."""
        plan = self._diary.plan
        rng = plan.chance("strain", self._diary.trainee.index)
        draw, at = rng.random(), plan.opens + int(rng.uniform(0.4, 0.7) * plan.days) * DAY
        if draw < plan.incident_share:
            yield at, partial(self._outcome, at, "professionalism-incident", "noted", None)
        elif draw < plan.incident_share + plan.overwork_share:
            for starts in (at + day * DAY for day in range(28) if day % 7):
                yield starts, partial(self._shift, starts)

    def _shift(self, starts: int) -> list[Draft]:
        data = {"starts": starts, "ends": starts + _LONG_DAY}
        way = _CLOCKED._replace(minutes=_CLOCKED.minutes + _LONG_DAY // MINUTE)
        return self._diary.send(way, "duty.recorded", starts, data, retractable=1)

    def _credits(self) -> Iterator[Scene]:
        plan = self._diary.plan
        if self._diary.trainee.stage != CONTINUING:
            return
        for _ in range(poisson(self._rng, plan.credits_per_week * plan.days * DAY / WEEK)):
            at = plan.opens + self._rng.randrange(plan.days) * DAY + self._rng.randrange(600) * MINUTE
            category, most = self._rng.choice(_CREDIT_CATEGORIES)
            earned = self._rng.randrange(1, int(most * 2) + 1) / 2
            data = {"category": category, "credits": earned}
            mistakes = ({**data, "credits": earned + 0.5},)
            yield at, partial(self._diary.send, _FILED, "credits.recorded", at, data, mistakes, retractable=2)


def _misentered(data: dict[str, Any]) -> tuple[Data, ...]:
    """Give the outcome as first entered: on the other side of the pass mark."""
    if "value" not in data:
        return ()
    value = round(2 * _PASS_MARK - 0.5 - data["value"], 1)
    return ({**data, "value": value, "result": "pass" if value >= _PASS_MARK else "fail"},)
