"""Severity learnt online: crossed effects of raters, subjects and items in one pass over ratings.

The model is `y = mean + rater + subject + item + e`, all effects random and independent. Between joint solutions each
rating moves the effects that it touches by a Kalman step that takes their errors for independent (assumed-density
filtering). That is cheap and forgets how errors are shared: a rater's error is in all whom that rater saw. So at
geometrically spaced counts the components are read anew from the cells, and all effects are solved jointly; the
amortised cost of that stays a constant a rating.

What is kept of the past are counts and sums by cell. They do not depend on any variance, so that changed components
rescale the past exactly.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from megdt_stream.calibration.components import Array, Variance
from megdt_stream.calibration.crossed_cells import PRIOR_SHARES, Cells, believed, condense
from megdt_stream.calibration.crossed_solve import blup, marginal

FIRST_SOLVE: Final = 24
"""Ratings before the first joint solution; before that there is nothing to share."""

GROWTH: Final = 1.25
"""A joint solution at every quarter more ratings."""

ITEM_SHARE: Final = 0.02
"""Variance of items relative to the residual before anything is known of them."""

LEAST_SHARE: Final = 1e-4
"""Least component as a share of the total variance."""

TOLERANCE: Final = 1e-3
"""Relative error of a joint solution in the pass; the next ratings move effects by more."""

Node = list[float]  # effect, its variance in units of the residual's, its number


class CrossedFilter:
    """Predict ratings one step ahead and learn from them, in constant amortised time.

    Memory is O(cells of rater, subject and item). A rater, subject or item never seen before starts at the prior:
    effect zero, variance that of its kind. Raters' effects are on the scale of the ratings and point upwards; severity
    is their negative (`crossed_fit.severities`).
    """

    def __init__(self) -> None:
        self._nodes: tuple[dict[str, Node], ...] = ({}, {}, {})
        self._rows: list[tuple[float, float, float, float]] = []
        self._cells: Cells | None = None
        self._anchor = 0.0
        self._mean = 0.0
        self._mean_variance = 1.0
        self._n = 0
        self._due = FIRST_SOLVE
        self._variance = PRIOR_SHARES
        self._item_variance = ITEM_SHARE * PRIOR_SHARES.residual
        self._set_priors()

    @property
    def n(self) -> int:
        """How many ratings were learnt."""
        return self._n

    @property
    def variance(self) -> Variance:
        """The components in use; before the first joint solution only their ratios mean something."""
        return self._variance

    @property
    def item_variance(self) -> float:
        """The variance of items in use."""
        return self._item_variance

    def predict(self, rater: str, subject: str, item: str | None = None) -> float:
        """Give the expected rating; 0 before anything was learnt."""
        raters, subjects, items = self._nodes
        expected = self._anchor + self._mean
        expected += raters[rater][0] if rater in raters else 0.0
        expected += subjects[subject][0] if subject in subjects else 0.0
        return expected + (items[item][0] if item in items else 0.0)

    def learn(self, rater: str, subject: str, item: str | None, value: float) -> float:
        """Learn one finite rating and give what `predict` would have said of it."""
        if not self._n:
            self._anchor = value
        raters, subjects, items = self._nodes
        a = raters.get(rater)
        if a is None:
            a = raters[rater] = [0.0, self._prior_rater, len(raters)]
        b = subjects.get(subject)
        if b is None:
            b = subjects[subject] = [0.0, self._prior_subject, len(subjects)]
        value -= self._anchor
        expected = self._mean + a[0] + b[0]
        spread = 1.0 + a[1] + b[1] + self._mean_variance
        number = -1.0
        if item is not None:
            g = items.get(item)
            if g is None:
                g = items[item] = [0.0, self._prior_item, len(items)]
            number = g[2]
            expected += g[0]
            spread += g[1]
            gain = g[1] / spread
            g[0] += gain * (value - expected)
            g[1] -= gain * g[1]
        error = (value - expected) / spread
        self._mean += self._mean_variance * error
        self._mean_variance -= self._mean_variance**2 / spread
        a[0] += a[1] * error
        a[1] -= a[1] * a[1] / spread
        b[0] += b[1] * error
        b[1] -= b[1] * b[1] / spread
        self._rows.append((a[2], b[2], number, value))
        self._n += 1
        if self._n >= self._due:
            self.resolve()
            self._due = int(self._n * GROWTH) + 1
        # The very first rating was predicted from nothing; its value is the anchor, not a prediction.
        return self._anchor + expected if self._n > 1 else 0.0

    def cells(self) -> Cells:
        """Give all ratings learnt, by cell; values count from `anchor`.

        Raises:
            ValueError: nothing was learnt yet.
        """
        if self._rows:
            self._cells = self._condensed()
            self._rows.clear()
        if self._cells is None:
            raise ValueError("no ratings were learnt")
        return self._cells

    @property
    def anchor(self) -> float:
        """The first rating, from which the cells' values count."""
        return self._anchor

    def effects(self) -> Array:
        """Give all effects as one vector in the order of the cells' nodes; the mean counts from `anchor`."""
        return np.array([*(node[0] for nodes in self._nodes for node in nodes.values()), self._mean])

    def raters(self) -> list[str]:
        """Name the raters in the order of their numbers."""
        return list(self._nodes[0])

    def resolve(self) -> None:
        """Read the components anew and solve for all effects jointly."""
        cells = self.cells()
        effects = self.effects()
        if cells.variation > 0.0:
            found, item = cells.variance(effects, LEAST_SHARE * cells.variation)
            self._variance = believed(found, cells.n)
            self._item_variance = item
        penalties = cells.penalties(self._variance, self._item_variance)
        effects = blup(cells, penalties, effects, TOLERANCE)
        variances = marginal(cells, penalties)
        pairs = zip(effects.tolist(), variances.tolist(), strict=True)
        for nodes in self._nodes:
            # The shorter one first: zip would take, and lose, one pair too many.
            for node, (effect, variance) in zip(nodes.values(), pairs, strict=False):
                node[0] = effect
                node[1] = variance
        self._mean, self._mean_variance = next(pairs)
        self._set_priors()

    def _condensed(self) -> Cells:
        rater, subject, item, value = np.array(self._rows).T
        keys = [x.astype(np.int64) for x in (rater, subject, item)]
        counts = np.ones(len(value))
        square = float(value @ value)
        old = self._cells
        if old is not None:
            keys = [np.concatenate(x) for x in zip((old.rater, old.subject, old.item), keys, strict=True)]
            counts = np.concatenate((old.count, counts))
            value = np.concatenate((old.total, value))
            square += old.square
        raters, subjects, items = (len(nodes) for nodes in self._nodes)
        return condense(keys[0], keys[1], keys[2], counts, value, square, (raters, subjects, items))

    def _set_priors(self) -> None:
        self._prior_rater = self._variance.rater / self._variance.residual
        self._prior_subject = self._variance.subject / self._variance.residual
        self._prior_item = self._item_variance / self._variance.residual
