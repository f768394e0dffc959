"""A twin held against what is wanted: targets, quotas, limits, and what is due."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from megdt_stream.twin.view.awaited import Awaited, awaited
from megdt_stream.twin.view.estimation import Estimation
from megdt_stream.twin.view.goals import Goal, goals
from megdt_stream.twin.view.intervals import Interval
from megdt_stream.twin.view.levels import Level
from megdt_stream.twin.view.norms import Norms
from megdt_stream.twin.view.quota import Coverage, coverage
from megdt_stream.twin.view.reading import TwinView
from megdt_stream.twin.view.tallies import OwnRating
from megdt_stream.twin.view.workload import Workload, workload


class OwnView(NamedTuple):
    """A trainee's own rating beside the assessors' estimate; `difference` is own less assessors' (levels)."""

    own: OwnRating
    level: Level | None
    difference: Interval | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What comes of holding a twin against norms; without norms, what needs none."""

    goals: tuple[Goal, ...]
    quotas: Coverage | None
    workload: Workload | None
    awaited: Awaited | None
    own_views: tuple[OwnView, ...]

    @property
    def weak(self) -> tuple[Goal, ...]:
        """Give the competencies below their target, the surest first."""
        return tuple(sorted((one for one in self.goals if one.weak), key=lambda one: -(one.below or 0)))


def compare(view: TwinView, estimation: Estimation, as_of: int, norms: Norms | None) -> Comparison:
    """Hold a twin against norms; `as_of` in ms, 0 for not known."""
    return Comparison(
        goals=() if norms is None else goals(view, estimation, as_of, norms),
        quotas=None if norms is None else coverage(view, estimation, as_of, norms),
        workload=workload(view, as_of, None if norms is None else norms.targets.workload),
        awaited=awaited(view, as_of),
        own_views=_own_views(view, estimation),
    )


def _own_views(view: TwinView, estimation: Estimation) -> tuple[OwnView, ...]:
    """Set own ratings beside levels; their errors are independent, so their variances add."""
    levels = {one.competency: one for one in view.levels}
    found = []
    for own in view.own_ratings:
        level = levels.get(own.competency)
        difference = None
        if level is not None:
            deviation = (level.high - level.low) / 2 / estimation.z
            half = estimation.z * (deviation**2 + own.variance) ** 0.5
            value = own.rating.value - level.mean
            difference = Interval(value, value - half, value + half)
        found.append(OwnView(own, level, difference))
    return tuple(found)
