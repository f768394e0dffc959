"""Severities for a report: the joint solution with its standard deviations, at the likelihood's maximum."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from megdt_stream.calibration.components import Array, Variance
from megdt_stream.calibration.crossed_cells import Cells, Index, components, condense
from megdt_stream.calibration.crossed_inverse import inverse_diagonal, invertible
from megdt_stream.calibration.crossed_solve import blup, marginal

PRECISE: Final = 1e-8
SMALL_CHANGE: Final = 0.03
"""Relative change of every component at which likelihood steps end: they converge quadratically."""

LARGE: Final = 1_000
"""Effects beyond which a step costs so much that they end at a change of `LARGE_CHANGE`, which leaves about 2 %."""

LARGE_CHANGE: Final = 0.15

MOST_STEPS: Final = 30

CEILING: Final = 100.0
"""Largest component in units of all variation: where ratings say nothing of one, steps may go either way."""


class Severities(NamedTuple):
    """Per rater, in the order of their numbers: severity, positive = strict, with its posterior SD, and ratings.

    `components` counts the connected components of the graph of raters and subjects: severities of two components
    are not comparable, for nobody links them. `exact` is False where the inverse was too large; then each SD takes
    the rater's own subjects for unknown, but what is known of them from others for sure to their own precision only,
    and is too small where few raters see each subject.
    """

    severity: Array
    sd: Array
    ratings: Index
    components: int
    exact: bool


class Fit(NamedTuple):
    """Components at (or one small step from) the restricted likelihood's maximum, with the effects given them.

    `errors` are the effects' error variances in units of the residual's.
    """

    variance: Variance
    item: float
    effects: Array
    errors: Array
    exact: bool


def solve(
    rater: NDArray[np.integer],
    subject: NDArray[np.integer],
    value: Array,
    variance: Variance,
    item: NDArray[np.integer] | None = None,
    item_variance: float = 0.0,
) -> Severities:
    """Solve for severities given the components (all above zero), from arrays of one rating per element.

    Raters, subjects and items are numbered from 0 without gaps; an item of -1 is none.

    Raises:
        ValueError: there is no rating.
    """
    if not len(value):
        raise ValueError("no ratings")
    items = np.full(len(value), -1) if item is None else np.asarray(item, dtype=np.int64)
    keys = np.asarray(rater, dtype=np.int64), np.asarray(subject, dtype=np.int64), items
    sizes = int(keys[0].max()) + 1, int(keys[1].max()) + 1, int(items.max()) + 1
    moved = np.asarray(value, dtype=np.float64) - float(value[0])
    cells = condense(*keys, np.ones(len(moved)), moved, float(moved @ moved), sizes)
    penalties = cells.penalties(variance, item_variance or variance.residual * PRECISE)
    effects = blup(cells, penalties, np.zeros(cells.nodes), PRECISE)
    exact = invertible(cells)
    errors = inverse_diagonal(cells, penalties) if exact else marginal(cells, penalties)
    return severities(cells, Fit(variance, item_variance, effects, errors, exact))


def severities(cells: Cells, fit: Fit) -> Severities:
    """Read the severities off a fit."""
    raters = cells.sizes[0]
    return Severities(
        -fit.effects[:raters],
        np.sqrt(fit.variance.residual * fit.errors[:raters]),
        cells.weights[:raters].astype(np.int64),
        components(cells.rater, cells.subject, cells.sizes[:2]),
        fit.exact,
    )


def refine(cells: Cells, variance: Variance, item: float, start: Array, floor: float) -> Fit:
    """Improve components by restricted maximum likelihood; none falls below `floor`.

    Average-information steps (Gilmour, Thompson and Cullis 1995, Biometrics 51(4), 1440-1450). Where the exact
    inverse is too large, the ratios of components stay and the residual variance is `y'(y - W effects) / (n - 1)`
    (Searle, Casella and McCulloch 1992, Variance Components, ch. 7).
    """
    theta = np.array([*variance[:2], item, variance.residual])
    penalties = _penalties(cells, theta)
    effects = blup(cells, penalties, start, PRECISE)
    if not invertible(cells):
        theta *= max(_residual(cells, effects), floor) / theta[3]
        return _fit(theta, effects, marginal(cells, penalties), exact=False)
    found = inverse_diagonal(cells, penalties)
    enough = SMALL_CHANGE if cells.nodes < LARGE else LARGE_CHANGE
    for _ in range(MOST_STEPS):
        before, theta = theta, _step(cells, theta, effects, found, floor)
        penalties = _penalties(cells, theta)
        effects = blup(cells, penalties, effects, PRECISE)
        if float(np.abs(theta / before - 1.0).max()) < enough:
            break
        found = inverse_diagonal(cells, penalties)
    return _fit(theta, effects, found, exact=True)


def _penalties(cells: Cells, theta: Array) -> Array:
    return cells.penalties(Variance(theta[0], theta[1], theta[3]), theta[2])


def _fit(theta: Array, effects: Array, found: Array, *, exact: bool) -> Fit:
    rater, subject, item, residual = theta.tolist()
    return Fit(Variance(rater, subject, residual), item, effects, found, exact)


def _residual(cells: Cells, effects: Array) -> float:
    return (cells.square - float(effects @ cells.right)) / max(cells.n - 1, 1)


def _step(cells: Cells, theta: Array, effects: Array, found: Array, floor: float) -> Array:
    """Take one average-information step; components at the floor that would fall stay there."""
    score, information = _score(cells, theta, effects, found)
    moving = (theta > floor * 1.001) | (score > 0.0)
    moving &= np.array([cells.sizes[0] > 1, cells.sizes[1] > 1, cells.sizes[2] > 1, True])
    new = theta.copy()
    if moving.any():
        part = information[np.ix_(moving, moving)]
        new[moving] += np.linalg.lstsq(part, score[moving], rcond=1e-10)[0]
    # A step across zero, or far out of what the curvature at hand tells of, goes on from a tenth, or ten times.
    return np.clip(np.clip(new, 0.1 * theta, 10.0 * theta), floor, max(CEILING * cells.variation, floor))


def _score(cells: Cells, theta: Array, effects: Array, found: Array) -> tuple[Array, Array]:
    """Give the restricted likelihood's slope and average information at rater, subject, item and residual."""
    residual = theta[3]
    left = cells.total - cells.count * cells.fit(effects)
    squares = cells.square - 2.0 * float(cells.total @ cells.fit(effects))
    squares += float(cells.count @ cells.fit(effects) ** 2)
    penalties = cells.penalties(Variance(theta[0], theta[1], residual), theta[2])
    slope, working, spreads, known = np.zeros(4), np.zeros((3, len(left))), np.zeros((4, cells.nodes)), 0.0
    for kind, (begin, end) in enumerate(_blocks(cells.sizes)):
        own = np.zeros(cells.nodes)
        own[begin:end] = effects[begin:end] / theta[kind]
        degrees = end - begin - float(penalties[begin:end] @ found[begin:end])
        slope[kind] = (float(own @ own) - degrees / theta[kind]) / 2.0
        known += degrees
        working[kind] = cells.fit(own)
        spreads[kind] = cells.spread(cells.count * working[kind])
    slope[3] = (squares / residual - (cells.n - 1 - known)) / residual / 2.0
    spreads[3] = cells.spread(left / residual)
    products = np.empty((4, 4))
    products[:3, :3] = (working * cells.count) @ working.T
    products[3, :3] = products[:3, 3] = working @ left / residual
    products[3, 3] = squares / residual**2
    solved = np.array([blup(cells, penalties, np.zeros(cells.nodes), 1e-4, right) for right in spreads])
    return slope, (products - spreads @ solved.T) / residual / 2.0


def _blocks(sizes: tuple[int, int, int]) -> list[tuple[int, int]]:
    ends = np.cumsum(sizes).tolist()
    return list(zip([0, *ends], ends, strict=False))
