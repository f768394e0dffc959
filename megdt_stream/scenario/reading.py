"""The world as the twins tell it: levels with their uncertainty, schedules, what departments offer, what is owed.

Rates are re-estimated from the evidence of the site each time: cases by department, the pace of learning, failures.
What cannot be told from it is taken from the seeds, and each estimate keeps its uncertainty.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Final, NamedTuple

import numpy as np

from megdt_stream.evidence.record import PERIOD_MS, WEEK_MS
from megdt_stream.scenario.interventions import Interventions
from megdt_stream.scenario.pace import Paces, paces
from megdt_stream.scenario.timetable import Timetable, timetable
from megdt_stream.scenario.world import TOP, Floats, Normal, Risk, World, physics
from megdt_stream.twin.view import Estimation, Norms, Outcome, TwinView, rfc3339
from megdt_stream.twin.view.quota import coverage
from megdt_stream.twin.view.times import MONTH_MS, YEAR_MS
from megdt_stream.twin.view.training import Training, training

_UNKNOWN_LEVEL: Final = 2.5
_UNKNOWN_SD: Final = 0.8
"""A trainee without a score stands anywhere; so wide that the group's mean decides."""
_LEAST_SPREAD: Final = 0.2
_PRIOR_CASES: Final = 10.0
"""A department's rate is drawn to that of all as if so many cases had been seen at it."""
_PRIOR_SEASON: Final = 200.0
"""A period's cases are drawn to the mean of the year as if so many had come at it."""
_PERIODS: Final = 13
"""Periods of four weeks in a year."""
_FACULTY_A_TRAINEE: Final = 0.7
_SLOTS: Final = 1.4
_SIMULATOR_FREE: Final = 1.6
_HOURS_LIMIT: Final = 80.0


class Supply(NamedTuple):
    """What resources are recorded: teachers' hours and beds by department, hours of simulators a week in all."""

    faculty: Mapping[str, float] = {}
    beds: Mapping[str, float] = {}
    simulators: float | None = None


class Twins(NamedTuple):
    """What a world is read from: twins by trainee, at `as_of` (ms), beside the resources; `label` says where from."""

    views: Mapping[str, TwinView]
    as_of: int
    supply: Supply = Supply()
    label: str = "twins"


def world(
    twins: Twins,
    known: Interventions,
    estimation: Estimation,
    norms: Norms,
    weeks: int,
    adverse: Callable[[Outcome], bool | None] = lambda _: None,
) -> World | None:
    """Read a world of trainees in training at `as_of`; None where there is none.

    `adverse` tells of an outcome whether it is a failure, None where it is no examination.
    """
    people = _in_training(twins)
    if not people:
        return None
    names, views = zip(*sorted(people.items()), strict=True)
    since = [training(view) for view in views]
    table = timetable(
        [_rotations(view) for view in views], twins.as_of, weeks, [_standard(norms, one) for one in since]
    )
    level, level_sd = _levels(views, estimation, twins.as_of)
    pace = paces(views, estimation, level)
    limit = norms.targets.workload
    arrivals, arrivals_sd = _arrivals(views, table, twins.as_of)
    heads = np.maximum(table.occupancy.max(axis=1), 1)
    use = _simulations(views, twins.as_of)
    return World(
        snapshot=_snapshot(twins, names),
        begins=twins.as_of,
        trainees=names,
        bases=(bases := _indexed([one.enrolment.base if one.enrolment else "-" for one in views]))[0],
        groups=(groups := _indexed([_group(one) for one in since]))[0],
        departments=table.departments,
        base=bases[1],
        group=groups[1],
        level=level,
        level_sd=level_sd,
        pace=pace.log_rate,
        pace_sd=pace.sd,
        wanted=_wanted(since, norms, twins.as_of + weeks * WEEK_MS),
        schedule=table.schedule,
        need=_need(views, table, estimation, norms, twins.as_of),
        arrivals=arrivals,
        arrivals_sd=arrivals_sd,
        slots=_of(twins.supply.beds, table, arrivals.max(axis=1) * _SLOTS),
        faculty=_of(twins.supply.faculty, table, heads * _FACULTY_A_TRAINEE),
        simulators=twins.supply.simulators or use * _SIMULATOR_FREE,
        simulator_use=min(use, twins.supply.simulators or use),
        physics=physics(
            known,
            float(limit.hours) if limit is not None else _HOURS_LIMIT,
            _risk(views, known, adverse),
            _shared(pace),
        ),
    )


def _in_training(twins: Twins) -> dict[str, TwinView]:
    return {
        name: view
        for name, view in twins.views.items()
        if view.head is None and view.enrolment is not None and not _left(view)
    }


def _left(view: TwinView) -> bool:
    return any(one.outcome in ("withdrawal", "dismissal") for one in view.outcomes)


def _snapshot(twins: Twins, names: Sequence[str]) -> str:
    told = "\n".join(f"{name} {twins.views[name].revision}" for name in names)
    supply = repr(sorted((kind, *one) for kind, part in enumerate(twins.supply[:2]) for one in part.items()))
    severities = sorted({one.snapshot or "" for name in names for one in twins.views[name].levels})
    rest = f"{supply}\n{twins.supply.simulators}\n{severities}"
    digest = blake2b(f"{told}\n{rest}".encode(), digest_size=8).hexdigest()
    return f"{twins.label}-{digest}@{rfc3339(twins.as_of)}"


def _indexed(named: Sequence[str]) -> tuple[tuple[str, ...], np.ndarray]:
    names, places = np.unique(np.array(named), return_inverse=True)
    return tuple(str(name) for name in names), places.ravel().astype(np.int64)


def _group(since: Training | None) -> str:
    return "-" if since is None else f"{since.stage} {since.programme or ''}".strip()


def _rotations(view: TwinView) -> list[tuple[str, int, int]]:
    """Give department, beginning and end of every rotation that is dated and was not cancelled."""
    return [
        (one.department, one.starts, one.ends)
        for one in view.rotations
        if one.department and one.starts is not None and one.ends is not None and one.status != "cancelled"
    ]


def _standard(norms: Norms, since: Training | None) -> list[tuple[str, float]]:
    """Give the departments of a trainee's standard with their weeks."""
    found = norms.standard(since.stage, since.programme) if since is not None else None
    return [] if found is None else [(one.department, one.months * MONTH_MS / WEEK_MS) for one in found[1].rotations]


def _of(recorded: Mapping[str, float], table: Timetable, assumed: np.ndarray) -> Floats:
    return np.array(
        [recorded.get(name, float(assumed[place])) for place, name in enumerate(table.departments)], np.float32
    )


def _wanted(since: Sequence[Training | None], norms: Norms, at: int) -> Floats:
    found = []
    for one in since:
        target = None if one is None else next((t for s, t in norms.targets.stages.items() if s == one.stage), None)
        wanted = target.wanted(one.years(at)) if target is not None and one is not None else None
        found.append(3.0 if wanted is None else wanted)
    return np.array(found, np.float32)


# --- levels ---


def _levels(views: Sequence[TwinView], estimation: Estimation, as_of: int) -> tuple[Floats, Floats]:
    """Give the posterior of each trainee's mean level at `as_of`: the twin's own, drawn to the mean of all.

    Competencies of one form share their assessor, so the variance of their mean is taken as their mean variance.
    """
    told = [_told(view, estimation, as_of) for view in views]
    mean, variance = np.array([one[0] for one in told]), np.array([one[1] for one in told])
    centre = float(np.average(mean, weights=1 / variance))
    between = max(float(np.average((mean - centre) ** 2 - variance, weights=1 / variance)), _LEAST_SPREAD**2)
    posterior = 1 / (1 / variance + 1 / between)
    found = posterior * (mean / variance + centre / between)
    return np.clip(found, 1, TOP).astype(np.float32), np.sqrt(posterior).astype(np.float32)


def _told(view: TwinView, estimation: Estimation, as_of: int) -> tuple[float, float]:
    if not view.levels:
        return _UNKNOWN_LEVEL, _UNKNOWN_SD**2
    growth = {one.competency: one.slope for one in view.growth}
    slope = float(np.mean(list(growth.values()))) if growth else 0.0
    moved = [
        one.mean + min(max(slope, 0.0), 1.0) * max(0.0, as_of - (one.since + one.until) / 2) / YEAR_MS
        for one in view.levels
    ]
    variances = [((one.high - one.low) / 2 / estimation.z) ** 2 for one in view.levels]
    return float(np.mean(moved)), float(np.mean(variances))


def _shared(pace: Paces) -> float:
    return float(np.clip(pace.shared_sd, 0.02, 0.5))


# --- departments ---


def _arrivals(views: Sequence[TwinView], table: Timetable, as_of: int) -> tuple[Floats, Floats]:
    """Give cases a week by department for each week to come, and how far that is not known (log).

    Cases are counted where the trainee was in the period; a department's rate for one trainee is drawn to that of all
    (Gamma with `_PRIOR_CASES`), times the trainees it has by the schedule.
    """
    cases, weeks = np.zeros(len(table.departments)), np.zeros(len(table.departments))
    by_period: Counter[int] = Counter()
    for number, view in enumerate(views):
        for department, begin, end in _rotations(view):
            weeks[table.place(department)] += max(0.0, min(end, as_of) - begin) / WEEK_MS
        for one in view.exposures:
            if one.kind == "simulation":
                continue
            for cell in one.cells:
                place = table.was(number, cell.period)
                if place is not None:
                    cases[place] += cell.times
                    by_period[cell.period] += cell.times
    overall = max(float(cases.sum()) / max(float(weeks.sum()), 1.0), 0.05)
    rate = (cases + _PRIOR_CASES) / (weeks + _PRIOR_CASES / overall)
    heads = table.occupancy.astype(float)
    usual = np.where((heads > 0).any(axis=1), heads.sum(axis=1) / np.maximum((heads > 0).sum(axis=1), 1), 1.0)
    arrivals = (rate * usual)[:, None] * _season(by_period, table, overall, as_of)[None]
    return arrivals.astype(np.float32), (1 / np.sqrt(cases + _PRIOR_CASES)).astype(np.float32)


def _season(by_period: Counter[int], table: Timetable, overall: float, as_of: int) -> np.ndarray:
    """Give by how much more cases come in each week to come: as in the periods a year before, drawn to 1.

    Expected are `overall` cases for each trainee-week; a period without any trainee on record says nothing.
    """
    on_duty = table.trainee_weeks(sorted(by_period), as_of)
    ratio = {
        period: (cases + _PRIOR_SEASON) / (overall * on_duty[period] + _PRIOR_SEASON)
        for period, cases in by_period.items()
    }
    ahead = [(as_of + week * WEEK_MS + WEEK_MS // 2) // PERIOD_MS - _PERIODS for week in range(table.schedule.shape[1])]
    return np.array([ratio.get(period, 1.0) for period in ahead])


def _simulations(views: Sequence[TwinView], as_of: int) -> float:
    """Give the simulations a week of all, over the last year on record; an hour each."""
    seen = sum(one.total for view in views for one in view.exposures if one.kind == "simulation")
    first = min((s for view in views for _, s, _ in _rotations(view)), default=as_of - YEAR_MS)
    return seen / max((as_of - first) / WEEK_MS, 1.0)


def _need(views: Sequence[TwinView], table: Timetable, estimation: Estimation, norms: Norms, as_of: int) -> Floats:
    """Give what is still owed by department, as far as the schedule gives time for it in these weeks."""
    need = np.zeros((len(views), len(table.departments)), np.float32)
    for number, view in enumerate(views):
        found = coverage(view, estimation, as_of, norms)
        for one in found.items if found is not None else ():
            if one.rotation.department in table.departments:
                owed = max(0, one.item.minimum - one.done)
                need[number, table.place(one.rotation.department)] += owed
        for place in np.flatnonzero(need[number]):
            here = float((table.schedule[number] == place).sum())
            left = max(table.left[number].get(table.departments[place], here), here)
            need[number, place] *= here / left if left else 0.0
    return need


def _risk(views: Sequence[TwinView], known: Interventions, adverse: Callable[[Outcome], bool | None]) -> Risk | None:
    """Draw the share of failures at the target to what this site has seen (normal on the log-odds)."""
    told = [adverse(one) for view in views for one in view.outcomes]
    failed, all_ = sum(one is True for one in told), sum(one is not None for one in told)
    if not all_:
        return None
    prior = known.dynamics.risk
    seen, seen_var = np.log((failed + 0.5) / (all_ - failed + 0.5)), 1 / (failed + 0.5) + 1 / (all_ - failed + 0.5)
    mean, var = np.log(prior.at_target / (1 - prior.at_target)), prior.at_target_sd**2
    joint = 1 / (1 / var + 1 / seen_var)
    return Risk(
        Normal(float(joint * (mean / var + seen / seen_var)), float(joint**0.5)),
        Normal(prior.slope, prior.slope_sd),
        prior.shift_sd,
    )
