"""Ratings condensed to cells of rater, subject and item, and the sums that every solution needs.

A cell holds the count and the sum of its ratings; nothing else of them matters but the sum of all squares. Nodes are
numbered: raters, then subjects, then items, then the mean as the last one, so that one vector holds every effect.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from megdt_stream.calibration.components import Array, Side, Totals, Variance, estimate

Index = NDArray[np.int64]

PRIOR_SHARES: Final = Variance(0.15, 0.15, 0.70)
"""Shares of the variance believed before there are data: of the order found in workplace ratings."""

PRIOR_WEIGHT: Final = 60.0
"""How many ratings that belief is worth beside the moments, whose error at so few ratings is as large as they are."""


@dataclass(frozen=True)
class Cells:
    """Ratings by cell, sorted by rater, subject and item; four arrays of one length, and the sum of squares.

    `count` ratings sum up to `total` in each cell. `sizes` says how many raters, subjects and items there are; an
    item of -1 is none.
    """

    rater: Index
    subject: Index
    item: Index
    count: Array
    total: Array
    square: float
    sizes: tuple[int, int, int]

    @property
    def n(self) -> int:
        """How many ratings."""
        return round(float(self.count.sum()))

    @property
    def variation(self) -> float:
        """The variance of all ratings about their mean."""
        return self.square / self.n - float(self.total.sum() / self.n) ** 2

    @property
    def nodes(self) -> int:
        """How many effects, the mean among them."""
        return sum(self.sizes) + 1

    @cached_property
    def columns(self) -> tuple[Index, ...]:
        """The nodes that each cell loads on, but for the mean; items only where there are any."""
        raters, subjects, items = self.sizes
        columns: tuple[Index, ...] = (self.rater, raters + self.subject)
        # Cells without an item load on the slot of the mean there, which every product overwrites.
        return (*columns, np.where(self.item < 0, self.nodes - 1, raters + subjects + self.item)) if items else columns

    @cached_property
    def weights(self) -> Array:
        """Ratings per node."""
        return self.spread(self.count)

    @cached_property
    def right(self) -> Array:
        """Sum of ratings per node: the right-hand side of the mixed-model equations."""
        return self.spread(self.total)

    def spread(self, values: Array) -> Array:
        """Sum a value per cell over each node's cells."""
        out = np.zeros(self.nodes)
        for column in self.columns:
            out += np.bincount(column, weights=values, minlength=self.nodes)
        out[-1] = values.sum()
        return out

    def fit(self, effects: Array) -> Array:
        """Give each cell's fitted rating."""
        fitted: Array = effects[self.columns[0]] + effects[self.columns[1]] + effects[-1]
        if self.sizes[2]:
            fitted += np.where(self.item < 0, 0.0, effects[self.columns[2]])
        return fitted

    def penalties(self, variance: Variance, item: float) -> Array:
        """Give each effect's prior precision in units of the residual's; the mean has none."""
        ratios = [variance.residual / v for v in (variance.rater, variance.subject, item)]
        return np.append(np.repeat(ratios, self.sizes), 0.0)

    def variance(self, effects: Array, floor: float) -> tuple[Variance, float]:
        """Estimate the components by moments, and the variance of items, none below `floor`.

        Items are taken off by their current effects first, so that ratings alike for their item do not pass for
        alike for their rater.
        """
        totals = self.total
        square = self.square
        if self.sizes[2]:
            items = np.where(self.item < 0, 0.0, effects[self.columns[2]])
            totals = self.total - self.count * items
            square += float((self.count * items**2 - 2.0 * self.total * items).sum())
        starts = np.flatnonzero(np.diff(self.rater, prepend=-1) | np.diff(self.subject, prepend=-1))
        w, v = np.add.reduceat(self.count, starts), np.add.reduceat(totals, starts)
        raters = _side(self.rater[starts], self.sizes[0], w, v)
        subjects = _side(self.subject[starts], self.sizes[1], w, v)
        found = estimate(Totals(self.n, float(w.sum()), float(v.sum()), square), raters, subjects, floor)
        return found, max(self._item_variance(), floor)

    def _item_variance(self) -> float:
        """Average products of residuals of one item over pairs that share neither rater nor subject."""
        if not self.sizes[2]:
            return 0.0
        has = self.item >= 0
        rater, subject, item, w = self.rater[has], self.subject[has], self.item[has], self.count[has]
        v = self.total[has] - w * (self.total.sum() / self.count.sum())
        own = _squares(item, w, v)
        by_rater = _squares(rater * self.sizes[2] + item, w, v)
        by_subject = _squares(subject * self.sizes[2] + item, w, v)
        pairs, products = own - by_rater - by_subject + np.array([(w * w).sum(), (v * v).sum()])
        return float(products / pairs) if pairs > 1e-9 * float(own[0]) else 0.0


def _side(index: Index, size: int, w: Array, v: Array) -> Side:
    sums = (np.bincount(index, weights=x, minlength=size) for x in (w, v, v * v, w * v, w * w))
    return Side(*(x.astype(np.float64, copy=False) for x in sums))


def _squares(key: Index, w: Array, v: Array) -> Array:
    """Sum the squared sums of weights, and of values, over groups of one key."""
    groups = np.unique(key, return_inverse=True)[1]
    return np.array([(np.bincount(groups, weights=x) ** 2).sum() for x in (w, v)])


def condense(
    rater: Index, subject: Index, item: Index, count: Array, total: Array, square: float, sizes: tuple[int, int, int]
) -> Cells:
    """Put ratings, or cells already condensed, of the same rater, subject and item together."""
    key = (rater * max(sizes[1], 1) + subject) * (sizes[2] + 1) + item + 1
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.diff(key[order], prepend=-1))
    first = order[starts]
    counts, totals = (np.add.reduceat(x[order], starts) for x in (count, total))
    return Cells(rater[first], subject[first], item[first], counts, totals, square, sizes)


def believed(found: Variance, n: int) -> Variance:
    """Mix components found from `n` ratings with the prior shares of the same total."""
    trust = n / (n + PRIOR_WEIGHT)
    total = sum(found)
    return Variance(*(trust * v + (1.0 - trust) * share * total for v, share in zip(found, PRIOR_SHARES, strict=True)))


def components(raters: Index, subjects: Index, sizes: tuple[int, int]) -> int:
    """Count the connected components of the graph of raters and subjects, one edge a cell; every node has an edge."""
    ends = raters, sizes[0] + subjects
    label = np.arange(sum(sizes))
    while True:
        least = np.minimum(label[ends[0]], label[ends[1]])
        new = label.copy()
        for end in ends:
            # The node and the one that it was labelled by both learn of the smaller label: rounds grow with the log.
            np.minimum.at(new, label[end], least)
            np.minimum.at(new, end, least)
        new = new[new]
        if np.array_equal(new, label):
            return len(np.unique(label))
        label = new
