"""The dynamics of `scenario/dynamics.py` once more, as a plain loop over draws, weeks and trainees with discrete draws.

Nothing is shared with the vectorised one but the world, the plan and the random numbers: no cells, no tables, double
precision, a Poisson count by adding up its probabilities. The other is measured against it, and tested against it.
"""

from __future__ import annotations

from math import exp
from typing import NamedTuple

from megdt_stream.scenario.chance import LEVELS, Noise, classes, rate_of
from megdt_stream.scenario.dynamics import Course, Quantities
from megdt_stream.scenario.plan import Plan
from megdt_stream.scenario.world import FLOOR, TOP, WEEKS_A_YEAR, World, occupancy


class Person(NamedTuple):
    """How a trainee ends."""

    level: float
    cases: float
    quota: float
    fails: bool


class Looped:
    """One plan, one draw after the other."""

    def __init__(self, world: World, plan: Plan, course: Course, drawn: Quantities, chance: Noise) -> None:
        self._world, self._plan, self._course, self._drawn, self._chance = world, plan, course, drawn, chance
        self._heads = occupancy(plan.schedule, len(world.departments))

    def draw(self, b: int) -> list[Person]:
        """Run a draw."""
        world, chance = self._world, self._chance
        people = range(world.size)
        pace = float(self._drawn.pace[b, 0])
        level = [
            min(TOP, max(FLOOR, float(world.level[i]) + float(world.level_sd[i]) * float(chance.level[b, i])))
            for i in people
        ]
        rate = [
            exp(float(world.pace[i]) + float(world.pace_sd[i]) * float(chance.pace[b, i]) + pace) / WEEKS_A_YEAR
            for i in people
        ]
        cases, counted = [0.0] * world.size, [[0.0] * len(world.departments) for _ in people]
        queue = _Queue(world, self._plan)
        for week in range(world.weeks):
            seen = self._seen(b, week)
            for i in people:
                cases[i] += seen[i]
                place = int(self._plan.schedule[i, week])
                if place >= 0:
                    counted[i][place] += seen[i]
                level[i] = self._learnt(b, week, i, level[i], rate[i], seen[i])
            self._train(b, week, level, queue)
        return [self._end(b, i, level[i], cases[i], counted[i]) for i in people]

    def _seen(self, b: int, week: int) -> list[float]:
        world, plan = self._world, self._plan
        places = len(world.departments)
        totals, seen = [0.0] * places, [0.0] * world.size
        for i in range(world.size):
            place = int(plan.schedule[i, week])
            if place < 0:
                continue
            rate = float(world.arrivals[place, week]) * float(self._drawn.arrivals[b, place])
            rate = rate / int(self._heads[place, week]) + float(plan.cases[i, week])
            seen[i] = float(_poisson(rate, int(self._chance.uniforms[b, week, i])))
            totals[place] += seen[i]
        physics = world.physics
        for i in range(world.size):
            place = int(plan.schedule[i, week])
            if place >= 0 and totals[place] > float(world.slots[place]):
                seen[i] *= float(world.slots[place]) / totals[place]
            room = physics.hours_limit - physics.hours_fixed - float(plan.hours[i, week])
            seen[i] = min(seen[i], max(0.0, room / physics.hours_per_case))
        return seen

    def _learnt(self, b: int, week: int, i: int, level: float, rate: float, seen: float) -> float:
        course, drawn = self._course, self._drawn
        place = int(self._plan.schedule[i, week])
        above = 1 - exp(-seen * course.per_case) - course.practice
        gain = 0.0
        if place >= 0:
            fed = self._feedback(b, week, i, place) - course.feedback
            faster = 1 + float(drawn.practice[b, 0]) * above + float(drawn.feedback[b, 0]) * fed
            gain = rate * max(0.0, faster) * (TOP - level)
        kept = float(drawn.forgetting[b, 0]) * above * (level - FLOOR)
        return min(TOP, max(FLOOR, level + gain + kept))

    def _feedback(self, b: int, week: int, i: int, place: int) -> float:
        full = self._world.physics.hours_feedback
        left = max(0.0, float(self._plan.faculty[place, week])) * float(self._drawn.faculty[b, place])
        given = min(1.0, left / (int(self._heads[place, week]) * full))
        return min(1.0, given + float(self._plan.supervision[i, week]) / full)

    def _train(self, b: int, week: int, level: list[float], queue: _Queue) -> None:
        for kind, i, share in queue.serve(week, float(self._chance.queue[b, week])):
            if kind in self._drawn.effects:
                gained = float(self._drawn.effects[kind][b, 0]) * self._course.spread * share
                level[i] += gained
        if self._plan.courses:
            level[:] = [min(TOP, max(FLOOR, one)) for one in level]

    def _end(self, b: int, i: int, level: float, cases: float, counted: list[float]) -> Person:
        need = [float(amount) for amount in self._world.need[i]]
        reached = sum(min(done, amount) for done, amount in zip(counted, need, strict=True))
        quota = reached / sum(need) if sum(need) else 1.0
        intercept, slope, shift = (float(part[b, 0]) for part in self._drawn.risk)
        logit = intercept + shift + slope * (float(self._world.wanted[i]) - level)
        for kind, dose in self._plan.log_odds_dose.items():
            logit += float(self._drawn.effects[kind][b, 0]) * float(dose[i])
        return Person(level, cases, quota, float(self._chance.fails[b, i]) < 1 / (1 + exp(-logit)))


class _Queue:
    def __init__(self, world: World, plan: Plan) -> None:
        self._world, self._courses, self._usual = world, plan.courses, 0.0
        self._waiting = [dict.fromkeys(map(int, one.members), 0.0) for one in plan.courses]
        self._had = [dict.fromkeys(map(int, one.members), 0.0) for one in plan.courses]

    def serve(self, week: int, z: float) -> list[tuple[str, int, float]]:
        use = self._world.simulator_use
        self._usual += max(0.0, float(round(use + use**0.5 * z)))
        for one, waiting in zip(self._courses, self._waiting, strict=True):
            if one.first <= week < one.last:
                for i in waiting:
                    waiting[i] += one.a_week
        total = self._usual + sum(sum(waiting.values()) for waiting in self._waiting)
        share = min(1.0, self._world.simulators / max(total, 1e-6))
        self._usual *= 1 - share
        served: list[tuple[str, int, float]] = []
        for one, waiting, had in zip(self._courses, self._waiting, self._had, strict=True):
            for i, hours in waiting.items():
                before, had[i] = had[i], had[i] + hours * share
                served.append((one.kind, i, (min(had[i], one.full) - min(before, one.full)) / one.full))
                waiting[i] = hours * (1 - share)
        return served


def _poisson(rate: float, uniform: int) -> int:
    """Draw a count: the smallest whose cumulated probability reaches the uniform. Rates on the simulator's grid."""
    rate = _GRID.get(rate) or _GRID.setdefault(rate, _on_grid(rate))
    if rate <= 0.0:
        return 0
    middle, count = (uniform + 0.5) / LEVELS, 0
    mass = total = exp(-rate)
    while total < middle and count < 255:
        count += 1
        mass *= rate / count
        total += mass
    return count


_GRID: dict[float, float] = {}


def _on_grid(rate: float) -> float:
    import numpy as np

    return rate_of(int(classes(np.array([rate], np.float32))[0]))
