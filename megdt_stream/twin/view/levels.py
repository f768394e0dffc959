"""Levels and their growth, estimated from a competency's cells.

`estimate` is the one entrance: whatever estimates levels in another way takes its place there and is passed to
`reading.read`. Severity of assessors is not estimated here: it is carried as uncertainty instead.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from math import sqrt
from typing import Final, NamedTuple, Protocol, TypeAlias

from megdt_stream.evidence.record import PERIOD_MS
from megdt_stream.twin.state import Twin
from megdt_stream.twin.view.estimation import Estimation
from megdt_stream.twin.view.fields import sums_of
from megdt_stream.twin.view.intervals import Interval
from megdt_stream.twin.view.times import YEAR_MS

UNNAMED: Final = "-"
WEIGHT_UNIT: Final = 1000
"""Weights are thousandths of inverse variance, levels are thousandths (docs/records.md, section 2)."""
NOT_ESTIMATED: Final = "not estimated; carried as uncertainty"
LOWEST, HIGHEST = 1.0, 5.0
"""The ends of the common scale; no forecast goes beyond."""
_DEGENERATE: Final = 1e-9
"""Determinant of the equations, relative to its diagonal, below which times are too close together for a slope."""


class Level(NamedTuple):
    """A competency's level with its interval (levels), and what it rests on.

    `scores` by `raters` named assessors, of which `unnamed` name none; from `since` up to `until` (ms). `severity` says
    what became of the severity of assessors, `snapshot` names the version of what is known of it, if any is.
    """

    competency: str
    mean: float
    low: float
    high: float
    scores: int
    raters: int
    unnamed: int
    since: int
    until: int
    severity: str = NOT_ESTIMATED
    snapshot: str | None = None


class Course(Protocol):
    """How a level goes on."""

    def at(self, moment: int, z: float) -> Interval:
        """Give the level at a moment (ms) with an interval of `z` standard deviations to each side, on the scale."""
        ...


class Line(NamedTuple):
    """A straight course: the level `mean` at `centre` (ms), changing by `slope` a year.

    `variances` are those of that level and of the slope, and their covariance.
    """

    centre: float
    mean: float
    slope: float
    variances: tuple[float, float, float]

    def at(self, moment: int, z: float) -> Interval:
        """Give the line's level; what lies beyond the ends of the scale is cut."""
        years = (moment - self.centre) / YEAR_MS
        of_mean, of_slope, together = self.variances
        mean = self.mean + self.slope * years
        half = z * sqrt(max(0.0, of_mean + 2 * years * together + years * years * of_slope))
        return Interval(*(min(HIGHEST, max(LOWEST, level)) for level in (mean, mean - half, mean + half)))


class Growth(NamedTuple):
    """A competency's growth (levels per year) with its interval, and the course of the level.

    It rests on `scores` in `periods` periods, from `since` up to `until` (ms).
    """

    competency: str
    slope: float
    low: float
    high: float
    course: Course
    scores: int
    periods: int
    since: int
    until: int


class Estimate(NamedTuple):
    """What is estimated of a competency; no growth where the scores lie in one period."""

    level: Level
    growth: Growth | None


class Cell(NamedTuple):
    """One competency's scores by one assessor in one period: how many, their weight, weight times level."""

    period: int
    rater: str
    n: int
    w: int
    wy: int


Estimator: TypeAlias = Callable[[str, Sequence[Cell], Estimation], Estimate]
"""Estimates a competency from all its cells (at least one)."""


def cells(twin: Twin) -> dict[str, list[Cell]]:
    """Give a twin's cells by competency."""
    found: defaultdict[str, list[Cell]] = defaultdict(list)
    for (_, competency, period, rater), (n, w, wy) in sums_of(twin, "c"):
        found[competency].append(Cell(int(period), rater, n, w, wy))
    return dict(found)


def estimate(competency: str, cells: Sequence[Cell], estimation: Estimation) -> Estimate:
    """Estimate a competency from its cells (at least one)."""
    return Estimate(level(competency, cells, estimation), growth(competency, cells, estimation))


def level(competency: str, cells: Iterable[Cell], estimation: Estimation) -> Level:
    """Estimate a level from a competency's cells (at least one).

    Scores of one assessor share that assessor's severity, so their mean m_r has variance 1000 / W_r + s2, with
    W_r the sum of weights and s2 the declared variance between assessors; assessors are combined by inverse
    variance (the fixed-effect mean of a random-intercept model with known variances, e.g. Searle, Casella,
    McCulloch: Variance Components, 1992, ch. 3). Scores without an assessor count as one assessor's.
    """
    everything = list(cells)
    newest = max(cell.period for cell in everything)
    used = [cell for cell in everything if cell.period > newest - estimation.window.periods]
    raters: defaultdict[str, list[Cell]] = defaultdict(list)
    for cell in used:
        raters[cell.rater].append(cell)
    precision = weighted = 0.0
    for theirs in raters.values():
        weight = sum(cell.w for cell in theirs)
        share = 1 / (WEIGHT_UNIT / weight + estimation.rater.variance)
        precision += share
        weighted += share * sum(cell.wy for cell in theirs) / weight / 1000
    mean, half = weighted / precision, estimation.z * precision**-0.5
    return Level(
        competency,
        mean,
        mean - half,
        mean + half,
        scores=sum(cell.n for cell in used),
        raters=len(raters) - (UNNAMED in raters),
        unnamed=sum(cell.n for cell in raters.get(UNNAMED, ())),
        since=min(cell.period for cell in used) * PERIOD_MS,
        until=(newest + 1) * PERIOD_MS,
    )


def growth(competency: str, cells: Iterable[Cell], estimation: Estimation) -> Growth | None:
    """Estimate the growth of a level from a competency's cells; None where they lie in one period.

    The model of `level` with a slope, over all periods: score = level + slope * time + severity of the assessor +
    noise, with known variances, by generalised least squares (Searle, Casella, McCulloch, as above, sections 6.3 and
    7.6). Scores of one assessor have the covariance matrix D + s2 J, whose inverse is that of Sherman and Morrison
    (Ann Math Stat 1950;21:124-127): D^-1 - D^-1 J D^-1 * s2 / (1 + s2 * trace D^-1). Scores lie in the middle of
    their period. It takes growth to be steady, and knows nothing of a severity that changes.
    """
    used = list(cells)
    periods = {cell.period for cell in used}
    if len(periods) < 2:
        return None
    total = sum(cell.w for cell in used)
    centre = sum(cell.w * cell.period for cell in used) / total
    solved = _line(used, centre, estimation.rater.variance)
    if solved is None:
        return None
    mean, slope, variances = solved
    half = estimation.z * sqrt(variances[1])
    return Growth(
        competency,
        slope,
        slope - half,
        slope + half,
        course=Line((centre + 0.5) * PERIOD_MS, mean, slope, variances),
        scores=sum(cell.n for cell in used),
        periods=len(periods),
        since=min(periods) * PERIOD_MS,
        until=(max(periods) + 1) * PERIOD_MS,
    )


def _line(
    cells: Sequence[Cell], centre: float, between: float
) -> tuple[float, float, tuple[float, float, float]] | None:
    """Solve the normal equations: level at the centre, slope per year, variances of both and their covariance."""
    a = b = c = y = z = 0.0
    raters: defaultdict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        raters[cell.rater].append(cell)
    for theirs in raters.values():
        s0, s1, s2, y0, y1 = _moments(theirs, centre)
        shared = between / (1 + between * s0)
        a += s0 - shared * s0 * s0
        b += s1 - shared * s0 * s1
        c += s2 - shared * s1 * s1
        y += y0 - shared * s0 * y0
        z += y1 - shared * s1 * y0
    determinant = a * c - b * b
    if determinant <= _DEGENERATE * a * c:
        return None
    return (
        (c * y - b * z) / determinant,
        (a * z - b * y) / determinant,
        (c / determinant, a / determinant, -b / determinant),
    )


def _moments(cells: Iterable[Cell], centre: float) -> tuple[float, float, float, float, float]:
    """Sum precisions, times and levels: w, w t, w t^2, w y, w t y; t in years from the centre."""
    s0 = s1 = s2 = y0 = y1 = 0.0
    for cell in cells:
        weight, weighted = cell.w / WEIGHT_UNIT, cell.wy / WEIGHT_UNIT / 1000
        years = (cell.period - centre) * PERIOD_MS / YEAR_MS
        s0 += weight
        s1 += weight * years
        s2 += weight * years * years
        y0 += weighted
        y1 += weighted * years
    return s0, s1, s2, y0, y1
