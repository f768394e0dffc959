"""A scheme laid out on a world: who is where, and gets what, in every week. Capacity is checked here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from megdt_stream.scenario.errors import BadScheme
from megdt_stream.scenario.interventions import Interventions, Kind
from megdt_stream.scenario.scheme import NOTHING, Act, Scheme
from megdt_stream.scenario.timing import duration, starts
from megdt_stream.scenario.world import AWAY, Floats, Ints, World, occupancy

_TOLERANCE: Final = 1e-6


class Doing(NamedTuple):
    """An intervention of a scheme on a world: its members, in the weeks `first` to `last` (excluded).

    `full` is the dose that has the whole effect; less has less in proportion, more has no more.
    """

    kind: Kind
    members: Ints
    place: int | None
    source: int | None
    dose: float
    full: float
    first: int
    last: int

    @property
    def a_week(self) -> float:
        """Give the dose of a week where `dose` is that of the whole course."""
        return self.dose / (self.last - self.first)


@dataclass(frozen=True)
class Plan:
    """A scheme on a world.

    `schedule` (n, W); per trainee and week `cases` and `supervision` are what is added (cases, teachers' hours),
    `hours` (n, W) what an intervention takes of a trainee's week; per department and week `faculty` (D, W) is what
    teachers have left after what the interventions take. `log_odds_hours` (n) is the dose of each intervention whose
    effect is on the log-odds, by kind. `courses` are those on a simulator.
    """

    name: str
    doings: tuple[Doing, ...]
    schedule: NDArray[np.int16]
    cases: Floats
    supervision: Floats
    hours: Floats
    faculty: Floats
    log_odds_dose: dict[Kind, Floats]
    courses: tuple[Doing, ...]
    resources: dict[str, float]

    @cached_property
    def weeks(self) -> list[Cells]:
        """Give the cells of every week."""
        return cells(self)


def nothing(world: World) -> Plan:
    """Lay out going on as now."""
    return _laid_out(world, NOTHING, (), {})


def lay_out(world: World, scheme: Scheme, known: Interventions) -> Plan:
    """Lay a scheme out on a world. Raises BadScheme for what the world does not have or cannot bear."""
    weeks = starts(scheme.interventions, known, world.begins, world.weeks)
    doings = []
    used: dict[str, float] = {}
    for number, (act, first) in enumerate(zip(scheme.interventions, weeks, strict=True)):
        where = f"interventions.{number}"
        one = _doing(world, where, act, known, first)
        doings.append(one)
        times = 1 if one.kind == "resource-tilt" else len(one.members)
        if one.source is None:
            for resource, amount in known.kinds[one.kind].used(one.dose, one.last - one.first).items():
                used[resource] = used.get(resource, 0.0) + amount * times
    plan = _laid_out(world, scheme.name, tuple(doings), used, known)
    _check_simulators(world, plan)
    _check_faculty(world, plan)
    return plan


def _doing(world: World, where: str, act: Act, known: Interventions, first: int) -> Doing:
    length = duration(act, known)
    last = first + length
    if last > world.weeks:
        raise BadScheme(
            f"{where}.weeks",
            f"it ends in week {last}, after the last, {world.weeks}",
            "shorten it, or ask for more --weeks",
        )
    dose = act.dose or known.kinds[act.kind].dose.default
    place = _department(world, f"{where}.target.department", act.target.department)
    if act.kind == "rotation-change":
        place = _department(world, f"{where}.to", act.to)
    source = _department(world, f"{where}.from", act.source)
    full = known.kinds[act.kind].dose.default
    return Doing(act.kind, _members(world, where, act, first, last), place, source, dose, full, first, last)


def _department(world: World, where: str, name: str | None) -> int | None:
    if name is None:
        return None
    if name not in world.departments:
        raise _unknown(where, name, world.departments, "department")
    return world.departments.index(name)


def _unknown(where: str, name: str, known: Sequence[str], what: str) -> BadScheme:
    near = ", ".join(known[:8]) + (" ..." if len(known) > 8 else "")
    return BadScheme(where, f"{name!r} is no {what} of this snapshot", f"known are {near}")


def _members(world: World, where: str, act: Act, first: int, last: int) -> Ints:
    """Give who takes part, by their places."""
    target = act.target
    if target.base is not None:
        if target.base not in world.bases:
            raise _unknown(f"{where}.target.base", target.base, world.bases, "base")
        return np.flatnonzero(world.base == world.bases.index(target.base))
    if target.department is not None:
        place = _department(world, f"{where}.target.department", target.department)
        return np.flatnonzero((world.schedule[:, first:last] == place).any(axis=1))
    if target.weakest is not None:
        many = max(1, round(target.weakest * world.size))
        return np.sort(np.argsort(world.level - world.wanted, kind="stable")[:many])
    places = {name: number for number, name in enumerate(world.trainees)}
    for name in target.trainees or ():
        if name not in places:
            raise _unknown(f"{where}.target.trainees", name, world.trainees, "trainee")
    return np.array(sorted({places[name] for name in target.trainees or ()}), np.int64)


def _laid_out(
    world: World, name: str, doings: tuple[Doing, ...], used: dict[str, float], known: Interventions | None = None
) -> Plan:
    n, weeks = world.size, world.weeks
    schedule = world.schedule.copy()
    cases, supervision, hours = (np.zeros((n, weeks), np.float32) for _ in range(3))
    faculty = np.repeat(world.faculty[:, None], weeks, axis=1)
    log_odds: dict[Kind, Floats] = {}
    for one in doings:
        if one.kind == "rotation-change":
            block = schedule[one.members, one.first : one.last]
            schedule[one.members, one.first : one.last] = np.where(block == AWAY, AWAY, one.place or 0)
    taken = np.zeros((len(world.departments), weeks), np.float32)
    for one in doings:
        span = slice(one.first, one.last)
        if one.kind == "resource-tilt":
            faculty[one.place, span] += one.dose
            if one.source is not None:
                faculty[one.source, span] -= one.dose
        elif one.kind == "case-mix-supplement":
            cases[one.members, span] += _where_it_holds(schedule, one, one.dose)
        elif one.kind == "reinforced-supervision":
            found = _where_it_holds(schedule, one, one.dose)
            supervision[one.members, span] += found
            _take(taken, schedule, one, found)
        elif one.kind in ("remedial-training", "simulation-training"):
            found = np.full((len(one.members), one.last - one.first), one.a_week, np.float32)
            hours[one.members, span] += found
            uses = known.kinds[one.kind].per_dose.get("faculty-hour", 0.0) if known is not None else 0.0
            _take(taken, schedule, one, found * np.float32(uses))
            prior = known.kinds[one.kind].prior if known is not None else None
            if prior is not None and prior.scale == "log-odds":
                log_odds.setdefault(one.kind, np.zeros(n, np.float32))[one.members] += one.dose
    courses = tuple(one for one in doings if one.kind == "simulation-training")
    return Plan(name, doings, schedule, cases, supervision, hours, faculty - taken, log_odds, courses, used)


def _where_it_holds(schedule: NDArray[np.int16], one: Doing, dose: float) -> Floats:
    """Give the dose by member and week: with a department as the target only while they are there, else on duty."""
    block = schedule[one.members, one.first : one.last]
    there = block == one.place if one.place is not None else block != AWAY
    return np.where(there, np.float32(dose), np.float32(0))


def _take(taken: Floats, schedule: NDArray[np.int16], one: Doing, hours: Floats) -> None:
    """Charge teachers' hours to the departments where the members are; in none, nobody's."""
    block = schedule[one.members, one.first : one.last].astype(np.int64)
    for week in range(block.shape[1]):
        here = block[:, week] >= 0
        taken[:, one.first + week] += np.bincount(
            block[here, week], weights=hours[here, week], minlength=len(taken)
        ).astype(np.float32)


def _check_faculty(world: World, plan: Plan) -> None:
    short = np.argwhere(plan.faculty < -_TOLERANCE)
    if not len(short):
        return
    place, week = (int(part) for part in short[0])
    missing, name = -float(plan.faculty[place, week]), world.departments[place]
    number = next(
        number
        for number, one in reversed(list(enumerate(plan.doings)))
        if one.first <= week < one.last and (one.kind != "resource-tilt" or one.source == place)
    )
    raise BadScheme(
        f"interventions.{number}.dose",
        f"capacity exceeded: teachers of {name} are {missing:.1f} hours short in week {week}",
        "lower the dose, spread it over more weeks, take fewer trainees, or tilt hours to the department",
    )


def _check_simulators(world: World, plan: Plan) -> None:
    for number, one in enumerate(plan.doings):
        if one.kind != "simulation-training":
            continue
        wanted = one.dose * len(one.members)
        free = (world.simulators - world.simulator_use) * (one.last - one.first)
        if wanted > free + _TOLERANCE:
            raise BadScheme(
                f"interventions.{number}.dose",
                f"capacity exceeded: {wanted:.0f} simulator hours are asked for, {max(free, 0):.0f} are free",
                "lower the dose, spread it over more weeks, or take fewer trainees",
            )


# --- weeks ---


class Cells(NamedTuple):
    """Trainees of a week who meet the same conditions, together: in the same department, with the same additions.

    `of` (n) is each trainee's cell; by cell `place` (`AWAY` for none), `cases`, `supervision`. `order` sorts trainees
    by department, `cuts` are where the departments of `staffed` begin in it; `present` is 1 on duty, else 0.
    """

    of: Ints
    place: Ints
    cases: Floats
    supervision: Floats
    order: Ints
    cuts: Ints
    staffed: Ints
    present: Floats


def cells(plan: Plan) -> list[Cells]:
    """Give the cells of every week; weeks that are alike share them."""
    made: dict[bytes, Cells] = {}
    found = []
    for week in range(plan.schedule.shape[1]):
        places = np.ascontiguousarray(plan.schedule[:, week])
        cases, supervision = (np.ascontiguousarray(part[:, week]) for part in (plan.cases, plan.supervision))
        key = places.tobytes() + cases.tobytes() + supervision.tobytes()
        if key not in made:
            made[key] = _cells(places, cases, supervision)
        found.append(made[key])
    return found


def _cells(places: NDArray[np.int16], cases: Floats, supervision: Floats) -> Cells:
    rows = np.stack([places.astype(np.float32), cases, supervision])
    unique, of = np.unique(rows, axis=1, return_inverse=True)
    order = np.argsort(places, kind="stable")
    ordered = places[order]
    on_duty = int(np.searchsorted(ordered, 0))
    staffed, cuts = np.unique(ordered[on_duty:], return_index=True)
    return Cells(
        of.ravel().astype(np.int64),
        unique[0].astype(np.int64),
        unique[1],
        unique[2],
        order[on_duty:],
        cuts,
        staffed.astype(np.int64),
        (places >= 0).astype(np.float32),
    )


def headcount(world: World, plan: Plan) -> Floats:
    """Give trainees by department and week, at least 1 so that it divides, shape (D, W)."""
    return np.maximum(occupancy(plan.schedule, len(world.departments)), 1).astype(np.float32)
