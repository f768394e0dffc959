"""What the hospital teaches with: beds, simulators, and its teachers' hours."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from megdt_stream.synth.catalogue import REGISTRY, RESOURCE_OFFICE, SIMULATIONS, SKILLS_CENTRE
from megdt_stream.synth.chance import DAY, HOUR
from megdt_stream.synth.desk import Chapter, Desk, Scene, Way, tell
from megdt_stream.synth.draft import Draft
from megdt_stream.synth.mess import Data, Mess
from megdt_stream.synth.people import Assessor, People
from megdt_stream.synth.plan import HospitalPlan

_QUARTER_DAYS: Final = 91
_COUNTED: Final = Way(RESOURCE_OFFICE, 8 * 60, 24)
_BOOKED: Final = Way(SKILLS_CENTRE, 60, 12)
_REGISTERED: Final = Way(REGISTRY, 20, 5)


class Inventory:
    """The hospital's resources over the year; iterate `chapters` once."""

    def __init__(self, plan: HospitalPlan, people: People) -> None:
        self._plan = plan
        self._people = people
        self._rng = plan.chance("resources")
        self._desk = Desk(plan, Mess(plan, plan.chance("mess", "resources")), plan.series("inv"))
        # A department that trains for several bases is counted at the first.
        self._base_of: dict[str, str] = {}
        for base in people.bases:
            for department in base.specialty.departments:
                self._base_of.setdefault(department.code, base.code)

    def chapters(self) -> Iterator[Chapter]:
        """Tell the year, `not_before` never falling."""
        return tell(self._plot())

    def _plot(self) -> Iterator[Scene]:
        for quarter in range(-(-self._plan.days // _QUARTER_DAYS)):
            at = self._plan.opens + quarter * _QUARTER_DAYS * DAY + HOUR
            for number, department in enumerate(self._people.staff):
                yield at, partial(self._beds, at, number, department)
            for number in range(len(SIMULATIONS)):
                yield at, partial(self._simulator, at, number)
        for department, staff in self._people.staff.items():
            for place, teacher in enumerate(staff.assessors):
                if self._rng.random() < 0.5:
                    yield self._plan.opens, partial(self._teacher, self._plan.opens, department, teacher)
                elif place == 0:
                    yield self._plan.opens, partial(self._instructor, self._plan.opens, department, teacher)

    def _beds(self, at: int, number: int, department: str) -> list[Draft]:
        capacity = 20 + self._rng.randrange(30)
        data = self._data("beds", department, capacity, "beds", at)
        return self._recorded(_COUNTED, f"res.ward-{number + 1:02d}", at, data)

    def _simulator(self, at: int, number: int) -> list[Draft]:
        departments = tuple(self._base_of)
        slots = 6 + self._rng.randrange(10)
        data = self._data("simulator", departments[number % len(departments)], slots, "slots-per-week", at)
        data["ends"] = at + _QUARTER_DAYS * DAY
        del data["department"]
        return self._recorded(_BOOKED, f"res.sim-{number + 1}", at, data)

    def _teacher(self, at: int, department: str, teacher: Assessor) -> list[Draft]:
        trainees = self._data("faculty", department, 1 + self._rng.randrange(3), "trainees", at)
        drafts = self._recorded(_COUNTED, teacher.pseudonym, at, trainees)
        return drafts + self._recorded(_COUNTED, teacher.pseudonym, at, self._hours(department, at))

    def _instructor(self, at: int, department: str, teacher: Assessor) -> list[Draft]:
        """Tell of a teacher whom the skills centre knows by another pseudonym."""
        alias = teacher.pseudonym.replace("syn.", "sk.")
        drafts = self._recorded(_BOOKED, alias, at, self._hours(department, at))
        known = at + self._rng.randrange(self._plan.days) * DAY
        data = {"person": teacher.pseudonym, "system": "skills-centre"}
        return drafts + self._desk.send(_REGISTERED, "identity.linked", alias, known, data, retractable=4)

    def _hours(self, department: str, at: int) -> dict[str, Any]:
        return self._data("faculty", department, self._rng.randrange(2, 17) / 2, "hours-per-week", at)

    def _data(self, kind: str, department: str, capacity: float, unit: str, starts: int) -> dict[str, Any]:
        return {
            "kind": kind,
            "base": self._base_of[department],
            "department": department,
            "capacity": capacity,
            "unit": unit,
            "starts": starts,
        }

    def _recorded(self, way: Way, subject: str, at: int, data: dict[str, Any]) -> list[Draft]:
        mistakes: tuple[Data, ...] = ({**data, "capacity": data["capacity"] * 10},)
        return self._desk.send(way, "resource.recorded", subject, at, data, mistakes, retractable=3)
