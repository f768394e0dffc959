"""Levels held against the target of a trainee's stage and time in training."""

from __future__ import annotations

from statistics import NormalDist
from typing import NamedTuple

from megdt_stream.evidence.reference.targets import StageTarget
from megdt_stream.twin.view.estimation import Estimation
from megdt_stream.twin.view.intervals import Interval
from megdt_stream.twin.view.levels import Growth, Level
from megdt_stream.twin.view.norms import Norms
from megdt_stream.twin.view.reading import TwinView
from megdt_stream.twin.view.times import YEAR_MS
from megdt_stream.twin.view.training import Training, training

NO_ENROLMENT = "no-enrolment"
NO_TARGET = "no-target"


class Goal(NamedTuple):
    """What is wanted of a competency, beside what is reported of it. Levels; times in ms.

    `wanted` is the target at `at`, the end of the level's evidence or now, whichever is earlier: what is older than
    now says nothing about now. `below` is the probability of being below it, `weak` whether that is over the threshold.
    `desired` is what is wanted next and `by` when (None: at any time); `forecast` is the line of growth at that time.
    `unknown` says why there is no target.
    """

    competency: str
    level: Level
    training: Training | None
    at: int
    wanted: float | None = None
    below: float | None = None
    weak: bool | None = None
    desired: float | None = None
    by: int | None = None
    forecast: Interval | None = None
    unknown: str | None = None


def goals(view: TwinView, estimation: Estimation, as_of: int, norms: Norms) -> tuple[Goal, ...]:
    """Hold each level against its target; `as_of` in ms, 0 for not known."""
    since = training(view)
    growth = {one.competency: one for one in view.growth}
    return tuple(_goal(one, growth.get(one.competency), since, estimation, as_of, norms) for one in view.levels)


def _goal(
    level: Level, growth: Growth | None, since: Training | None, estimation: Estimation, as_of: int, norms: Norms
) -> Goal:
    at = min(as_of, level.until) if as_of else level.until
    nothing = Goal(level.competency, level, since, at)
    if since is None:
        return nothing._replace(unknown=NO_ENROLMENT)
    target = next((found for stage, found in norms.targets.stages.items() if stage == since.stage), None)
    wanted = None if target is None else target.wanted(since.years(at))
    if target is None or wanted is None:
        return nothing._replace(unknown=NO_TARGET)
    below = probability_below(level, wanted, estimation)
    desired, by = _next(target, since, at)
    ahead = growth is not None and by is not None and by > at
    return nothing._replace(
        wanted=wanted,
        below=below,
        weak=below >= norms.targets.weak.probability,
        desired=desired,
        by=by,
        forecast=growth.course.at(by, estimation.z) if ahead and growth is not None and by is not None else None,
    )


def probability_below(level: Level, wanted: float, estimation: Estimation) -> float:
    """Give the probability that a level is below another, by the normal distribution that its interval is of."""
    deviation = (level.high - level.low) / 2 / estimation.z
    return NormalDist(level.mean, deviation).cdf(wanted)


def _next(target: StageTarget, since: Training, at: int) -> tuple[float | None, int | None]:
    """Give the level wanted at the end of the running year of training, and when that is."""
    if target.years is None:
        return target.level, None
    year = min(int(since.years(at)) + 1, target.years)
    return target.wanted(year), since.began + year * YEAR_MS
