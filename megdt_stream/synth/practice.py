"""What a trainee sees, does and attends in a stay: cases, procedures, simulations, teaching, duty, learning cases."""

from __future__ import annotations

from typing import Any, Final

from megdt_stream.synth.catalogue import HIS, LEARNING, PATIENT_CARE, ROSTER, ROSTERED, SIMULATIONS, SKILLS_CENTRE, TMS
from megdt_stream.synth.chance import DAY, HOUR, WEEK
from megdt_stream.synth.desk import Way
from megdt_stream.synth.diary import Diary
from megdt_stream.synth.draft import Draft
from megdt_stream.synth.schedule import Rotation

_CHARTED: Final = Way(HIS, 120, 12)
_LOGGED: Final = Way(SKILLS_CENTRE, 45, 10)
_SIGNED_IN: Final = Way(TMS, 90, 24)
_CLOCKED: Final = Way(ROSTER, 60, 30)
_WORKED: Final = Way(LEARNING, 1, 1)
_SESSIONS: Final = ("教学查房", "小讲课", "病例讨论")
_SKILLS_CENTRE_SHARE: Final = 0.4
"""Of the procedures: those that the skills centre's log book tells, not the ward's."""


class Practice:
    """Tells what one trainee does."""

    def __init__(self, diary: Diary) -> None:
        self._diary = diary
        self._rng = diary.rng

    def of(self, rotation: Rotation) -> list[Draft]:
        """Tell all that is done in a stay."""
        return self._exposures(rotation) + self._teaching(rotation) + self._duty(rotation) + self._learning(rotation)

    def _exposures(self, rotation: Rotation) -> list[Draft]:
        department, plan = rotation.department, self._diary.plan
        kinds = (
            ("case", department.cases, plan.cases_per_week),
            ("procedure", department.procedures, plan.procedures_per_week),
            ("simulation", dict.fromkeys(SIMULATIONS, 1), plan.simulations_per_week),
        )
        drafts: list[Draft] = []
        for kind, quotas, weekly in kinds:
            many = self._diary.count(rotation, weekly)
            for item in self._rng.choices(tuple(quotas), tuple(quotas.values()), k=many):
                drafts += self._exposure(rotation, kind, item)
        return drafts

    def _exposure(self, rotation: Rotation, kind: str, item: str) -> list[Draft]:
        at = self._diary.moment(rotation.starts, rotation.leaves)
        data: dict[str, Any] = {"kind": kind, "item": item, "role": self._role(at), "rotation": rotation.code}
        count = 1 + (self._rng.random() < 0.1)
        if count > 1:
            data["count"] = count
        logged = kind == "simulation" or (kind == "procedure" and self._rng.random() < _SKILLS_CENTRE_SHARE)
        mistakes = ({**data, "count": count + 1}, {**data, "role": "observed"})
        way = _LOGGED if logged else _CHARTED
        return self._diary.send(way, "exposure.recorded", at, data, mistakes, retractable=1)

    def _role(self, at: int) -> str:
        """Draw what the trainee did; the abler do more themselves."""
        level = self._diary.trainee.level(PATIENT_CARE, at) + self._rng.gauss(0, 0.6)
        if level < 2:
            return "observed"
        return "assisted" if level < 3 else "performed"

    def _teaching(self, rotation: Rotation) -> list[Draft]:
        drafts: list[Draft] = []
        for _ in range(self._diary.count(rotation, self._diary.plan.teaching_per_week)):
            at = self._diary.moment(rotation.starts, rotation.leaves)
            week = (at - self._diary.plan.opens) // WEEK
            data: dict[str, Any] = {
                "session": f"{self._rng.choice(_SESSIONS)}-{rotation.department.code}-{week:02d}",
                "minutes": self._rng.choice((45, 60, 90)),
                "rotation": rotation.code,
            }
            if self._rng.random() < 0.1:
                data["attended"] = False
            mistakes = ({**data, "minutes": 120},)
            drafts += self._diary.send(_SIGNED_IN, "teaching.attended", at, data, mistakes, retractable=1)
        return drafts

    def _duty(self, rotation: Rotation) -> list[Draft]:
        """Tell the shifts of a stay: a long day every other week, a night on call between."""
        if rotation.department.code not in ROSTERED:
            return []
        day, night = self._rng.randrange(5), self._rng.randrange(7)
        drafts: list[Draft] = []
        for week in range(int(rotation.weeks)):
            monday = rotation.starts + week * WEEK
            late = self._rng.randrange(4) * HOUR // 2
            if week % 2:
                drafts += self._shift(rotation, monday + night * DAY + 10 * HOUR, 14 * HOUR + late, on_call=True)
            else:
                drafts += self._shift(rotation, monday + day * DAY, 12 * HOUR + late, on_call=False)
        return drafts

    def _shift(self, rotation: Rotation, starts: int, length: int, *, on_call: bool) -> list[Draft]:
        data = {"starts": starts, "ends": starts + length, "on_call": on_call, "rotation": rotation.code}
        if not on_call:
            del data["on_call"]
        # Written down when it is over.
        way = _CLOCKED._replace(minutes=_CLOCKED.minutes + length // 60_000)
        mistakes = ({**data, "ends": starts + length - HOUR},)
        return self._diary.send(way, "duty.recorded", starts, data, mistakes, retractable=1)

    def _learning(self, rotation: Rotation) -> list[Draft]:
        drafts: list[Draft] = []
        cases = tuple(rotation.department.cases)
        for _ in range(self._diary.count(rotation, self._diary.plan.learning_cases_per_week)):
            at = self._diary.moment(rotation.starts, rotation.leaves)
            data = {"item": self._rng.choice(cases), "minutes": self._rng.randrange(10, 90), "rotation": rotation.code}
            drafts += self._diary.send(_WORKED, "learning-case.recorded", at, data, retractable=1)
        return drafts
