"""Rotation schedules: where a trainee is when, what is expected there, and when they leave."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from types import MappingProxyType
from typing import Any, Final

from megdt_stream.synth.catalogue import (
    CONTINUING,
    DOPS,
    ENTRUSTMENT,
    MEDICAL_SCHOOL,
    MINI_CEX,
    POSTGRADUATE,
    ROTATION_EXAM,
    ROTATION_EXAM_ITEM,
    Department,
)
from megdt_stream.synth.chance import DAY, HOUR, WEEK, YEAR, logistic
from megdt_stream.synth.people import Staff, Trainee
from megdt_stream.synth.plan import HospitalPlan

_WEEKS: Final = MappingProxyType({MEDICAL_SCHOOL: (4, 4, 8), POSTGRADUATE: (4, 4, 8, 12), CONTINUING: (12,)})
_LONGEST_LEAD_DAYS: Final = 30
_LEAVES: Final = ("病假", "事假", "婚假", "conference")
_LEAVE_DAYS: Final = (1, 2, 3, 7, 10, 14)
_LONG_LEAVE_DAYS: Final = 3
_END_OF_DAY: Final = 6 * HOUR - 1000
"""From 18:00 at the end of a rotation to 23:59:59."""


@dataclass(frozen=True)
class Leave:
    """Days away within a stay; times in ms. A long one puts the rotation's end off by its length."""

    kind: str
    asked: int
    starts: int
    ends: int
    puts_off: int
    """By how much (ms)."""


@dataclass(frozen=True)
class Rotation:
    """A stay in a department as it came to be; times in ms, `cancelled` and after it nothing happens."""

    code: str
    department: Department
    supervisor: str
    planned: int
    starts: int
    ends: int
    expects: tuple[dict[str, Any], ...]
    """As in the event, dues in ms."""
    leave: Leave | None = None
    moved: int = 0
    """By how much (ms) it was moved after it was planned and before it began."""
    assigned: int | None = None
    """When the supervisor was named apart from the plan."""
    cancelled: int | None = None

    @property
    def begins(self) -> bool:
        """Whether the trainee ever gets there."""
        return self.cancelled is None or self.cancelled > self.starts

    @property
    def leaves(self) -> int:
        """When the trainee is last there."""
        return self.ends if self.cancelled is None else min(self.ends, self.cancelled)

    @property
    def weeks(self) -> float:
        """How long the trainee is there."""
        return max(0.0, (self.leaves - self.starts) / WEEK)


@dataclass(frozen=True)
class Schedule:
    """All rotations of a trainee within the stream, and when they withdraw, if ever."""

    rotations: tuple[Rotation, ...]
    withdrawn: int | None


def draw_schedule(plan: HospitalPlan, trainee: Trainee, staff: MappingProxyType[str, Staff], rng: Random) -> Schedule:
    """Draw a trainee's rotations; leaving depends on the true standing among peers."""
    rotations: list[Rotation] = []
    starts = plan.opens + rng.randrange(14) * DAY
    departments = trainee.base.specialty.departments
    first = rng.randrange(len(departments))
    while starts - _LONGEST_LEAD_DAYS * DAY < plan.closes:
        department = departments[(first + len(rotations)) % len(departments)]
        rotation = _rotation(plan, trainee, department, staff[department.code], starts, len(rotations), rng)
        rotations.append(rotation)
        leaves_at = _withdrawal(plan, trainee, rotation, rng)
        if leaves_at is not None:
            rotations[-1] = _cancelled(rotation, leaves_at)
            return Schedule(tuple(rotations), leaves_at)
        starts = rotation.ends + 14 * HOUR
    return Schedule(tuple(rotations), None)


def _rotation(
    plan: HospitalPlan,
    trainee: Trainee,
    department: Department,
    staff: Staff,
    starts: int,
    number: int,
    rng: Random,
) -> Rotation:
    weeks = rng.choice(_WEEKS[trainee.stage])
    leave = _leave(starts, weeks, rng) if rng.random() < plan.leave_rate else None
    ends = starts + weeks * WEEK - 14 * HOUR + (leave.puts_off if leave else 0)
    # Plans are made in order: a later rotation is never planned before an earlier one.
    planned = starts - rng.randrange(20, _LONGEST_LEAD_DAYS) * DAY
    rotation = Rotation(
        code=f"R{trainee.index + 1:06d}-{plan.first_rotation + number:02d}-{department.code}",
        department=department,
        supervisor=staff.draw(rng).pseudonym,
        planned=planned,
        starts=starts,
        ends=ends,
        expects=_expectations(trainee.stage, department, weeks, ends, rng),
        leave=leave,
        moved=rng.choice((-7, 7, 14)) * DAY if rng.random() < plan.changed_rotation_rate else 0,
        assigned=starts + rng.randrange(-9, 5) * DAY if rng.random() < plan.reassigned_rate else None,
    )
    called_off = starts - rng.randrange(1, 15) * DAY + rng.randrange(10) * HOUR
    return _cancelled(rotation, called_off) if rng.random() < plan.cancelled_rotation_rate else rotation


def _leave(starts: int, weeks: int, rng: Random) -> Leave:
    days = rng.choice(_LEAVE_DAYS)
    first = starts + rng.randrange(4, weeks * 7 - days) * DAY
    asked = first - rng.randrange(1, 4) * DAY + rng.randrange(1, 9) * HOUR
    return Leave(rng.choice(_LEAVES), asked, first, first + days * DAY, days * DAY if days > _LONG_LEAVE_DAYS else 0)


def _cancelled(rotation: Rotation, at: int) -> Rotation:
    return Rotation(**{**vars(rotation), "cancelled": at})


def _expectations(stage: str, department: Department, weeks: int, ends: int, rng: Random) -> tuple[dict[str, Any], ...]:
    last_day = ends + _END_OF_DAY
    forms = max(1, weeks // 4) if stage == POSTGRADUATE else 1
    procedure = rng.choice(tuple(department.procedures))
    expected: list[dict[str, Any]] = [
        {"instrument": MINI_CEX.code, "count": forms, "due": last_day},
        {"instrument": DOPS.code, "item": procedure, "due": last_day},
        {"instrument": ENTRUSTMENT.code, "due": last_day + 14 * DAY},
    ]
    if stage != CONTINUING:
        expected.append({"instrument": ROTATION_EXAM.code, "item": ROTATION_EXAM_ITEM, "due": last_day + 7 * DAY})
    return tuple(expected)


def _withdrawal(plan: HospitalPlan, trainee: Trainee, rotation: Rotation, rng: Random) -> int | None:
    """Draw when in this rotation the trainee leaves for good, if they do.

    The odds grow fourfold with each half level below what is usual for the stage and year.
    """
    chance, share = rng.random(), rng.random()
    if not rotation.begins or plan.withdrawal_rate == 0:
        return None
    per_rotation = plan.withdrawal_rate * (rotation.ends - rotation.starts) / YEAR
    shift = 2.8 * trainee.standing(rotation.starts)
    hazard = min(1.0, 2 * per_rotation * logistic(-shift))
    if chance >= hazard:
        return None
    days = int((rotation.ends - rotation.starts) * share / DAY)
    return rotation.starts + days * DAY + 9 * HOUR
