"""The people of the hospital and what is true of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from types import MappingProxyType

from megdt_stream.synth.catalogue import (
    COMPETENCIES,
    CONTINUING,
    MEDICAL_SCHOOL,
    POSTGRADUATE,
    SPECIALTIES,
    Specialty,
)
from megdt_stream.synth.chance import YEAR, generator
from megdt_stream.synth.lift import Lift
from megdt_stream.synth.plan import HospitalPlan

TOP_LEVEL = 5.0
_ENTRY_LEVEL = MappingProxyType({MEDICAL_SCHOOL: 1.7, POSTGRADUATE: 2.4, CONTINUING: 3.8})
_YEARLY_STEP = MappingProxyType({MEDICAL_SCHOOL: 0.35, POSTGRADUATE: 0.5, CONTINUING: 0.0})
_GROWTH_FACTOR = MappingProxyType({MEDICAL_SCHOOL: 0.5, POSTGRADUATE: 1.0, CONTINUING: 0.5})
_LAST_YEAR = MappingProxyType({MEDICAL_SCHOOL: 2, POSTGRADUATE: 3, CONTINUING: 1})


@dataclass(frozen=True)
class Curve:
    """A learning curve that slows towards the top: level = 5 - (5 - first) exp(-rate * years)."""

    first: float
    rate: float

    def level(self, years: float) -> float:
        """Give the level so many years after the stream's first day."""
        return TOP_LEVEL - (TOP_LEVEL - self.first) * math.exp(-self.rate * years)


@dataclass(frozen=True)
class Base:
    """A specialty base; `strength` shifts the levels of all its trainees."""

    code: str
    specialty: Specialty
    strength: float


@dataclass(frozen=True)
class Assessor:
    """A clinical teacher: `severity` is taken off every mark, `noise_sd` spreads single marks (levels)."""

    pseudonym: str
    department: str
    severity: float
    noise_sd: float
    load: float
    """Relative share of the department's forms."""


@dataclass(frozen=True)
class Trainee:
    """A trainee and the truth about them."""

    index: int
    pseudonym: str
    stage: str
    year: int
    base: Base
    cohort: str
    entry_year: int
    """The year of the stage in training year 1."""
    opens: int
    """Where the learning curves begin (ms)."""
    curves: MappingProxyType[str, Curve]
    lifts: tuple[Lift, ...]
    self_bias: float
    """How much higher they rate themselves than they are (levels)."""

    @property
    def final_year(self) -> bool:
        """Whether this is the last year of the stage."""
        return self.year == _LAST_YEAR[self.stage]

    def level(self, competency: str, at: int) -> float:
        """Give the true level at a time in ms."""
        learnt = self.curves[competency].level((at - self.opens) / YEAR)
        return min(TOP_LEVEL, learnt + sum(lift.at(at) for lift in self.lifts)) if self.lifts else learnt

    def mean_level(self, at: int) -> float:
        """Give the mean true level over all competencies."""
        return sum(self.level(competency, at) for competency in COMPETENCIES) / len(COMPETENCIES)

    def standing(self, at: int) -> float:
        """Give how far the mean level is from what is usual for this stage and year at that time (levels)."""
        return self.mean_level(at) - usual_curve(self.stage, self.entry_year).level((at - self.opens) / YEAR)


@dataclass(frozen=True)
class Staff:
    """The assessors of one department and their cumulative loads, ready to draw from."""

    assessors: tuple[Assessor, ...]
    cumulative_loads: tuple[float, ...]

    def draw(self, rng: Random) -> Assessor:
        """Pick who fills in a form."""
        return rng.choices(self.assessors, cum_weights=self.cumulative_loads)[0]


@dataclass(frozen=True)
class People:
    """Everybody, and the bases they belong to."""

    bases: tuple[Base, ...]
    trainees: tuple[Trainee, ...]
    staff: MappingProxyType[str, Staff]
    """By department code."""


def usual_curve(stage: str, year: int, rate: float = 0.28) -> Curve:
    """Give the curve of an average trainee of a stage and year."""
    return Curve(_ENTRY_LEVEL[stage] + _YEARLY_STEP[stage] * (year - 1), rate * _GROWTH_FACTOR[stage])


def recruit(plan: HospitalPlan) -> People:
    """Draw everybody of a plan."""
    rng = generator(plan.seed, "people")
    sizes = _base_sizes(plan, rng)
    bases = _bases(plan, len(sizes), rng)
    places = [base for base, size in zip(bases, sizes, strict=True) for _ in range(size)]
    trainees = tuple(_trainee(plan, index, base) for index, base in enumerate(places))
    return People(bases, trainees, _staff(plan, bases))


def _base_sizes(plan: HospitalPlan, rng: Random) -> list[int]:
    """Split the trainees into bases within the plan's sizes, as far as their number allows."""
    least, most = plan.base_size
    count = max(1, round(plan.trainees / ((least + most) / 2)), math.ceil(plan.trainees / most))
    sizes = [plan.trainees // count + (index < plan.trainees % count) for index in range(count)]
    for _ in range(3 * count):
        giver, taker = rng.randrange(count), rng.randrange(count)
        if giver != taker and sizes[giver] > least and sizes[taker] < most:
            sizes[giver] -= 1
            sizes[taker] += 1
    return sizes


def _bases(plan: HospitalPlan, count: int, rng: Random) -> tuple[Base, ...]:
    order = [specialty for rank in range(3) for specialty in SPECIALTIES if specialty.weight > rank]
    chosen = [order[index % len(order)] for index in range(count)]
    return tuple(
        Base(
            f"{specialty.code}-{chosen[: index + 1].count(specialty):02d}",
            specialty,
            rng.gauss(0, plan.base_sd),
        )
        for index, specialty in enumerate(chosen)
    )


def _trainee(plan: HospitalPlan, index: int, base: Base) -> Trainee:
    rng = generator(plan.seed, "person", index)
    stage = _stage(plan, rng.random())
    drawn = 1 + rng.randrange(_LAST_YEAR[stage])
    entry_year = 1 if plan.entrants_only else drawn
    typical = usual_curve(stage, entry_year, plan.growth_mean)
    ability = base.strength + rng.gauss(0, plan.trainee_sd)
    drive = math.exp(plan.growth_sd * rng.gauss(0, 1) - plan.growth_sd**2 / 2)
    curves = {
        competency: Curve(
            min(4.8, max(1.0, typical.first + ability + rng.gauss(0, plan.competency_sd))),
            typical.rate * drive * math.exp(0.2 * rng.gauss(0, 1)),
        )
        for competency in COMPETENCIES
    }
    return Trainee(
        index=index,
        pseudonym=f"syn.t{index + 1:06d}",
        stage=stage,
        year=entry_year + plan.training_year - 1,
        entry_year=entry_year,
        base=base,
        cohort=f"{plan.start.year - plan.training_year - entry_year + 2}级",
        opens=plan.origin,
        lifts=tuple(lift for lift in plan.lifts if lift.trainee == index),
        curves=MappingProxyType(curves),
        self_bias=rng.gauss(plan.self_bias_mean, plan.self_bias_sd),
    )


def _stage(plan: HospitalPlan, draw: float) -> str:
    if draw < plan.medical_school_share:
        return MEDICAL_SCHOOL
    return CONTINUING if draw >= 1 - plan.continuing_share else POSTGRADUATE


def _staff(plan: HospitalPlan, bases: tuple[Base, ...]) -> MappingProxyType[str, Staff]:
    codes = {department.code: None for base in bases for department in base.specialty.departments}
    return MappingProxyType(
        {code: _department_staff(plan, number, code) for number, code in enumerate(codes)},
    )


def _department_staff(plan: HospitalPlan, number: int, department: str) -> Staff:
    rng = generator(plan.seed, "staff", department)
    assessors = tuple(
        Assessor(
            pseudonym=f"syn.a{number + 1:02d}{place + 1:03d}",
            department=department,
            severity=rng.gauss(0, plan.severity_sd),
            noise_sd=plan.noise_sd * math.exp(0.25 * rng.gauss(0, 1)),
            load=math.exp(0.7 * rng.gauss(0, 1)),
        )
        for place in range(plan.assessors_per_department)
    )
    total, loads = 0.0, []
    for assessor in assessors:
        total += assessor.load
        loads.append(total)
    return Staff(assessors, tuple(loads))
