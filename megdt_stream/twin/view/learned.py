"""Levels and growth given what is known of assessors' severity: a snapshot for each competency.

Takes the place of `levels.estimate`. Apart from the rest, since it needs a numerical library that is slow to load.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from megdt_stream.evidence.record import PERIOD_MS
from megdt_stream.twin.estimate import Estimate as Learned
from megdt_stream.twin.estimate import Snapshot
from megdt_stream.twin.estimate import estimate as learned
from megdt_stream.twin.view.estimation import Estimation
from megdt_stream.twin.view.intervals import Interval
from megdt_stream.twin.view.levels import HIGHEST, LOWEST, UNNAMED, Cell, Estimate, Estimator, Growth, Level, estimate

SUBTRACTED = "estimated and subtracted"
BELIEVED = "not connected with other assessors; known by the prior only"


class Forecast(NamedTuple):
    """The course of a level: as at the newest score, going on as it grows."""

    now: Learned

    def at(self, moment: int, z: float) -> Interval:
        """Give the level at a moment (ms), cut at the ends of the scale; before the newest score, as it is there."""
        then = self.now.forecast(max(self.now.newest or 0, moment // PERIOD_MS))
        half = z * then.sd
        return Interval(*(min(HIGHEST, max(LOWEST, one)) for one in (then.level, then.level - half, then.level + half)))


def estimator(trainee: str, snapshots: Mapping[str, Snapshot], persons: Mapping[str, str]) -> Estimator:
    """Give what estimates a trainee's competencies by these snapshots, by competency; the declared way where none is.

    `persons`: pseudonym of an assessor -> the name that the snapshots have, where it is another.
    """

    def by_snapshot(competency: str, cells: Sequence[Cell], estimation: Estimation) -> Estimate:
        snapshot = snapshots.get(competency)
        if snapshot is None:
            return estimate(competency, cells, estimation)
        named = [cell._replace(rater=persons.get(cell.rater, cell.rater)) for cell in cells]
        return _told(competency, named, learned(named, snapshot, trainee), estimation.z)

    return by_snapshot


def _told(competency: str, cells: Sequence[Cell], found: Learned, z: float) -> Estimate:
    since = min(cell.period for cell in cells) * PERIOD_MS
    until = (max(cell.period for cell in cells) + 1) * PERIOD_MS
    scores = sum(cell.n for cell in cells)
    unnamed = sum(cell.n for cell in cells if cell.rater == UNNAMED)
    severity = SUBTRACTED if found.connected > 1 else BELIEVED
    # Not cut at the ends of the scale: the probability of being below a target is read off this interval.
    shown = found.level, found.level - z * found.sd, found.level + z * found.sd
    level = Level(competency, *shown, scores, found.raters, unnamed, since, until, severity, found.snapshot_version)
    periods = len({cell.period for cell in cells})
    if periods < 2:
        return Estimate(level, None)
    slope, half = found.growth_per_year, z * found.growth_sd
    interval = slope, slope - half, slope + half
    return Estimate(level, Growth(competency, *interval, Forecast(found), scores, periods, since, until))
