"""The weekly dynamics, for all trainees and a block of draws at once (docs/rehearse.md gives the equations).

Arrays are (draws, trainees) in float32, ten draws a block, so that a week's work stays in the cache; what is the same
for all trainees of a cell is computed once for the cell. Sums over a department go by `reduceat`. Nothing depends on
how draws are put into blocks: every row is computed by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from megdt_stream.scenario.accrual import Quota
from megdt_stream.scenario.chance import LEVELS, SHARED, Noise, classes, counts, noise
from megdt_stream.scenario.interventions import Interventions
from megdt_stream.scenario.plan import Cells, Plan, headcount, nothing
from megdt_stream.scenario.queueing import Queue
from megdt_stream.scenario.world import FLOOR, TOP, WEEKS_A_YEAR, Floats, World

BLOCK: Final = 10
"""Draws of a block: with 2,000 trainees an array takes 80 kB, and a dozen of them fit a cache of 1 MB."""
_FACULTY_SD: Final = 0.1
"""How far teachers' hours are off what is recorded (log): leave, illness, clinics. Declared convention."""
_F: Final = np.float32


class People(NamedTuple):
    """How b draws end for n trainees: level, cases seen, share of need reached, fails or not; each (b, n)."""

    level: Floats
    cases: Floats
    quota: Floats
    fails: NDArray[np.bool_]


class Ended(NamedTuple):
    """How b draws end: `people`, and by draw mean weekly hours, share of weeks at the limit, weeks of waiting.

    `drivers` (b, ...) is what differed between draws for all trainees alike, by name, in standard deviations.
    """

    people: People
    hours: Floats
    at_limit: Floats
    waiting: Floats
    drivers: dict[str, Floats]


@dataclass(frozen=True)
class Quantities:
    """What holds in each of b draws for all trainees; (b, 1), or (b, D) for departments.

    `effects` are the interventions' effects by kind on their own scales; `drivers` is what all this was made of.
    """

    practice: Floats
    feedback: Floats
    forgetting: Floats
    pace: Floats
    arrivals: Floats
    faculty: Floats
    risk: tuple[Floats, Floats, Floats]
    effects: dict[str, Floats]
    drivers: dict[str, Floats]


@dataclass(frozen=True)
class Course:
    """What the world says of every draw: means about which practice and feedback are counted, and units."""

    practice: float
    feedback: float
    per_case: float
    spread: float
    gain: float
    usual: Plan

    @classmethod
    def of(cls, world: World) -> Course:
        """Work out the means of going on as now: the pace of a twin was learnt under them."""
        usual = nothing(world)
        heads, on = headcount(world, usual), world.schedule >= 0
        rates = (world.arrivals / heads)[np.maximum(world.schedule, 0), np.arange(world.weeks)]
        per_case = 1 / world.usual_cases
        # The mean of 1 - exp(-X / usual) over a Poisson count X.
        practised = 1 - np.exp(-rates * (1 - np.exp(-per_case)))
        given = np.clip(world.faculty[:, None] / (heads * world.physics.hours_feedback), 0, 1)
        fed = given[np.maximum(world.schedule, 0), np.arange(world.weeks)]
        years = float(on.mean())
        gain = float(np.mean((TOP - world.level) * (1 - np.exp(-np.exp(world.pace))))) * years
        return cls(
            float(practised[on].mean()) if on.any() else 0.0,
            float(fed[on].mean()) if on.any() else 0.0,
            per_case,
            world.level_spread,
            max(gain, 0.05),
            usual,
        )


def quantities(world: World, course: Course, known: Interventions, chance: Noise) -> Quantities:
    """Turn standard normal numbers into the quantities of each draw."""
    physics = world.physics
    z = {name: chance.shared[:, number : number + 1] for number, name in enumerate(SHARED)}

    def of(mean: float, sd: float, name: str) -> Floats:
        return (_F(mean) + _F(sd) * z[name]).astype(np.float32)

    feedback = of(*physics.feedback, "feedback") * _F(course.spread / course.gain)
    forgetting = np.maximum(of(*physics.forgetting, "forgetting"), 0)
    distance = max(float(np.mean(world.level)) - FLOOR, 0.5)
    effects: dict[str, Floats] = {
        kind: (_F(one.prior.mean) + _F(one.prior.prediction_sd) * chance.effects[:, number : number + 1]).astype(_F)
        for number, (kind, one) in enumerate(known.kinds.items())
        if one.prior is not None
    }
    return Quantities(
        practice=np.maximum(of(*physics.practice, "practice"), 0),
        feedback=feedback,
        forgetting=forgetting * _F(course.spread / distance / WEEKS_A_YEAR),
        pace=_F(physics.pace_shared_sd) * z["pace"],
        arrivals=np.exp(chance.arrivals * world.arrivals_sd),
        faculty=np.exp(chance.faculty * _F(_FACULTY_SD)),
        risk=(
            of(*physics.risk.intercept, "risk_at_target"),
            np.maximum(of(*physics.risk.slope, "risk_slope"), 0),
            _F(physics.risk.shift_sd) * z["cohort"],
        ),
        effects=effects,
        drivers=_drivers(known, chance),
    )


def _drivers(known: Interventions, chance: Noise) -> dict[str, Floats]:
    shared = {name: chance.shared[:, number] for number, name in enumerate(SHARED)}
    effects = {
        f"effect of {kind}": chance.effects[:, number]
        for number, (kind, one) in enumerate(known.kinds.items())
        if one.prior is not None
    }
    return {**shared, **effects, "cases": chance.arrivals.mean(axis=1), "teachers": chance.faculty.mean(axis=1)}


def simulate(
    world: World, plans: Sequence[Plan], known: Interventions, seed: int, draws: range, course: Course | None = None
) -> list[Ended]:
    """Run draws of a world under each plan, with the same chance for all. Gives one `Ended` a plan, rows as `draws`.

    Memory grows with the number of draws: call it with `BLOCK` of them.
    """
    course = course or Course.of(world)
    chance = noise(world, seed, draws, len(known.kinds))
    drawn = quantities(world, course, known, chance)
    return [_Run(world, plan, course, drawn, chance).ended() for plan in plans]


class _Run:
    """One plan in one block of draws."""

    def __init__(self, world: World, plan: Plan, course: Course, drawn: Quantities, chance: Noise) -> None:
        self._world, self._plan, self._course, self._drawn, self._chance = world, plan, course, drawn, chance
        b, n = chance.level.shape
        self._heads = headcount(world, plan)
        self._level = np.clip(world.level + world.level_sd * chance.level, FLOOR, TOP).astype(np.float32)
        # What a trainee covers of the distance to the top in a week under usual conditions.
        self._pace = np.exp(world.pace + world.pace_sd * chance.pace + drawn.pace) / _F(WEEKS_A_YEAR)
        self._cases = np.zeros((b, n), np.float32)
        self._quota = Quota(world, b)
        self._queue = Queue(world, plan, b)
        self._at_limit = np.zeros(b, np.float32)
        self._scratch = np.empty((b, n), np.float32)

    def ended(self) -> Ended:
        for week, here in enumerate(self._plan.weeks):
            self._week(week, here)
        duty = np.maximum((self._plan.schedule >= 0).sum(), 1)
        physics, people = self._world.physics, self._people()
        added = float((self._plan.hours * (self._plan.schedule >= 0)).sum())
        done = self._cases.sum(axis=1) * _F(physics.hours_per_case)
        return Ended(
            people,
            (_F(physics.hours_fixed) + (done + _F(added)) / _F(duty)).astype(np.float32),
            (self._at_limit / _F(duty)).astype(np.float32),
            self._queue.waiting(),
            self._drawn.drivers,
        )

    def _week(self, week: int, here: Cells) -> None:
        seen = self._seen(week, here)
        self._cases += seen
        self._quota.add(self._plan.schedule[:, week], seen)
        self._learn(week, here, seen)
        self._train(week)

    # --- cases ---

    def _seen(self, week: int, here: Cells) -> Floats:
        """Give the cases of each trainee: a Poisson count, as far as beds and hours allow."""
        rates = self._by_place(self._world.arrivals[:, week] * self._drawn.arrivals / self._heads[:, week], here)
        rates += here.cases
        rates[:, here.place < 0] = 0
        index = np.take(classes(rates) * LEVELS, here.of, axis=1)
        index += self._chance.uniforms[:, week]
        seen = counts().take(index).astype(np.float32)
        self._share_beds(week, here, seen)
        return self._within_hours(week, seen)

    def _by_place(self, values: Floats, here: Cells) -> Floats:
        """Give a department's value to its cells; whatever, where a cell has none."""
        found: Floats = np.take(values, np.maximum(here.place, 0), axis=1)
        return found

    def _share_beds(self, week: int, here: Cells, seen: Floats) -> None:
        """Cut everybody's cases of a department alike where there are more than it has beds for."""
        if not len(here.order):
            return
        totals = np.add.reduceat(np.take(seen, here.order, axis=1), here.cuts, axis=1)
        fits = self._world.slots[here.staffed]
        if (totals <= fits).all():
            return
        share = np.ones((len(seen), len(self._world.departments)), np.float32)
        share[:, here.staffed] = np.minimum(1, fits / np.maximum(totals, 1))
        seen *= np.take(self._by_place(share, here), here.of, axis=1)

    def _within_hours(self, week: int, seen: Floats) -> Floats:
        """Leave out the cases that would take a trainee over the limit of hours."""
        physics = self._world.physics
        room = (_F(physics.hours_limit - physics.hours_fixed) - self._plan.hours[:, week]) / _F(physics.hours_per_case)
        most = np.maximum(room, 0)
        self._at_limit += (seen > most).sum(axis=1)
        np.minimum(seen, most, out=seen)
        return seen

    # --- learning ---

    def _learn(self, week: int, here: Cells, seen: Floats) -> None:
        """Move levels: faster with practice and feedback than usual, back without practice."""
        course, drawn, level = self._course, self._drawn, self._level
        # Practice above the usual: 1 - exp(-cases / usual) - its mean.
        above = np.exp(seen * _F(-course.per_case))
        np.subtract(_F(1 - course.practice), above, out=above)
        fed = drawn.feedback * (self._feedback(week, here) - _F(course.feedback))
        faster = np.take(_F(1) + fed, here.of, axis=1)
        faster += np.multiply(above, drawn.practice, out=self._scratch)
        np.maximum(faster, 0, out=faster)
        faster *= self._pace
        faster *= here.present
        faster *= np.subtract(_F(TOP), level, out=self._scratch)
        above *= drawn.forgetting
        above *= np.subtract(level, _F(FLOOR), out=self._scratch)
        level += faster
        level += above
        np.clip(level, FLOOR, TOP, out=level)

    def _feedback(self, week: int, here: Cells) -> Floats:
        """Give the share of full feedback by cell, shape (b, cells): what teachers have left, shared by all there."""
        left = np.maximum(self._plan.faculty[:, week] * self._drawn.faculty, 0)
        needed = self._heads[:, week] * _F(self._world.physics.hours_feedback)
        given = self._by_place(np.minimum(left / needed, 1), here)
        return np.minimum(given + here.supervision / _F(self._world.physics.hours_feedback), 1)

    def _train(self, week: int) -> None:
        """Serve the queue for simulators; what is served of a course has its share of the effect."""
        for one, served in self._queue.serve(week, self._chance.queue[:, week]):
            effect = self._drawn.effects.get(one.kind)
            if effect is not None:
                self._level[:, one.members] += effect * _F(self._course.spread) * served
        if self._queue.busy:
            np.clip(self._level, FLOOR, TOP, out=self._level)

    # --- the end ---

    def _people(self) -> People:
        intercept, slope, shift = self._drawn.risk
        logit = intercept + shift + slope * (self._world.wanted - self._level)
        for kind, dose in self._plan.log_odds_dose.items():
            logit = logit + self._drawn.effects[kind] * dose
        fails = self._chance.fails < 1 / (1 + np.exp(-logit))
        return People(self._level, self._cases, self._quota.reached(), fails)
