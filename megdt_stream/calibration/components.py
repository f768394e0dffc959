"""Variance components of crossed ratings, from products of residual pairs kept as running sums.

The model is `y = mu + rater + subject + e` with independent random effects; a rating of precision weight `w` has the
residual variance `residual / w`. The product of two residuals has the expectation

- `var_rater` for two ratings of one rater about different subjects,
- `var_subject` for two ratings of one subject by different raters,
- zero for two ratings that share neither.

Sums of such products are algebra on sums per rater, per subject and per pair of both (Koch 1967, Technometrics 9(1),
93-118, "symmetric sums"). Pairs that share rater *and* subject are left out everywhere: a rater's lasting opinion of
one subject would pass for the rater's severity or the subject's level.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FLOOR: Final = 1e-6
"""Least value of a component, squared units: a component of zero would stop its effects from ever being learnt."""

REWEIGHTINGS: Final = 4
"""How often pairs are weighted anew by the components found; the third time changes less than 0.1 %."""

LEAST_TOLD: Final = 1e-3
"""Least part of a component that centring leaves in its products; below, one node makes up the mean."""


class Variance(NamedTuple):
    """Variance components, in squared units of the rating; `residual` is that of a rating of weight one."""

    rater: float
    subject: float
    residual: float


class Totals(NamedTuple):
    """Sums over all ratings: their number, and weight, weighted value and square (all from one anchor)."""

    n: int
    weight: float
    value: float
    square: float


class Side(NamedTuple):
    """Sums of each rater, or of each subject: five arrays of one length.

    `weight` and `value` are sums over the node's ratings. With `w` and `v` such sums over one pair of rater and
    subject, `vv`, `wv` and `ww` are sums of `v * v`, `w * v` and `w * w` over the node's pairs.
    """

    weight: Array
    value: Array
    vv: Array
    wv: Array
    ww: Array

    def products(self, centre: float) -> Array:
        """Give each node's sum of products of residuals about `centre`, over ordered pairs with unlike partners."""
        own = (self.value - centre * self.weight) ** 2
        return own - (self.vv - 2.0 * centre * self.wv + centre**2 * self.ww)

    def pairs(self) -> Array:
        """Give the weight of those pairs, per node."""
        return self.weight**2 - self.ww


class PairMoments:
    """Running sums for the variance components: O(1) a rating, memory O(pairs of rater and subject).

    The result is a function of the multiset of ratings held, up to rounding: the order of `add` does not matter, and
    `remove` undoes `add`. Values are counted from the first one held, so that a large common offset costs no digits.
    """

    __slots__ = ("_anchor", "_n", "_pairs", "_raters", "_square", "_subjects", "_value", "_weight")

    def __init__(self) -> None:
        self._raters: dict[str, list[float]] = {}
        self._subjects: dict[str, list[float]] = {}
        self._pairs: dict[tuple[str, str], list[float]] = {}
        self._clear()

    @property
    def n(self) -> int:
        """How many ratings are held."""
        return self._n

    @property
    def mean(self) -> float:
        """The weighted mean of the ratings held; 0 where there are none."""
        return self._anchor + self._value / self._weight if self._n else 0.0

    def add(self, rater: str, subject: str, value: float, weight: float = 1.0) -> None:
        """Take in a rating; `weight` is its precision in units of 1 / residual variance, above zero."""
        if not self._n:
            self._anchor = value
        self._change(rater, subject, value, weight, 1)

    def remove(self, rater: str, subject: str, value: float, weight: float = 1.0) -> None:
        """Take out a rating that was added with the same arguments.

        Raises:
            KeyError: no rating of this rater about this subject is held.
        """
        if (rater, subject) not in self._pairs:
            raise KeyError((rater, subject))
        self._change(rater, subject, value, weight, -1)

    def variance(self, floor: float = FLOOR) -> Variance:
        """Estimate the components by the method of moments, none below `floor`; costs O(raters + subjects)."""
        if not self._n:
            return Variance(floor, floor, floor)
        totals = Totals(self._n, self._weight, self._value, self._square)
        return estimate(totals, _side(self._raters), _side(self._subjects), floor)

    def _change(self, rater: str, subject: str, value: float, weight: float, sign: int) -> None:
        value -= self._anchor
        self._n += sign
        if not self._n:
            self._clear()
            return
        change = sign * weight
        moved = change * value
        self._weight += change
        self._value += moved
        self._square += moved * value
        key = (rater, subject)
        pair = self._pairs.get(key)
        if pair is None:
            pair = self._pairs[key] = [0.0, 0.0, 0]
        w, v, count = pair
        more = (
            change,
            moved,
            moved * (2.0 * v + moved),
            change * v + moved * (w + change),
            change * (2.0 * w + change),
        )
        pair[0] = w + change
        pair[1] = v + moved
        pair[2] = count + sign
        if not pair[2]:
            del self._pairs[key]
        _accumulate(self._raters, rater, more, sign)
        _accumulate(self._subjects, subject, more, sign)

    def _clear(self) -> None:
        """Start from exact zeros again, so that what is emptied and filled equals what is new."""
        self._n = 0
        self._anchor = self._weight = self._value = self._square = 0.0
        self._raters.clear()
        self._subjects.clear()
        self._pairs.clear()


def _accumulate(nodes: dict[str, list[float]], key: str, more: tuple[float, ...], sign: int) -> None:
    """Add to a node's sums and its count of ratings; a node without ratings is forgotten."""
    node = nodes.get(key)
    if node is None:
        nodes[key] = [*more, sign]
        return
    node[0] += more[0]
    node[1] += more[1]
    node[2] += more[2]
    node[3] += more[3]
    node[4] += more[4]
    node[5] += sign
    if not node[5]:
        del nodes[key]


def _side(nodes: dict[str, list[float]]) -> Side:
    """Arrange nodes' sums as arrays, in the order of their keys, so that rounding does not follow arrival."""
    table = np.array([nodes[key] for key in sorted(nodes)], dtype=np.float64)
    return Side(*table.T[:5])


def estimate(totals: Totals, raters: Side, subjects: Side, floor: float = FLOOR) -> Variance:
    """Solve for the components that explain the sums; none below `floor` (squared units), which is also what cannot
    be told.

    The residual is what is left of the total when every rating counts alike, so products count alike there, too: a
    rater of thousands of ratings has the same say in both. For the components of raters and subjects such a rater
    is one draw among others, see `_component`. They depend on each other and are found by iteration from equal ones.
    """
    centre = totals.value / totals.weight
    realised = _per_rating(raters, centre) + _per_rating(subjects, centre)
    square = (totals.square - centre * totals.value) / totals.weight
    shift = _disjoint(totals, raters, subjects, centre)
    residual = max((square - realised + shift) * totals.weight / totals.n, floor)
    found = Variance(residual, residual, residual)
    for _ in range(REWEIGHTINGS):
        of_raters, of_subjects = _in_mean(raters, subjects, found, -shift - residual / totals.weight)
        rater = max(_component(raters, found.rater, found.subject, residual, of_subjects), floor)
        subject = max(_component(subjects, found.subject, rater, residual, of_raters), floor)
        found = Variance(rater, subject, residual)
    return found


def _in_mean(raters: Side, subjects: Side, found: Variance, both: float) -> tuple[float, float]:
    """Split what raters and subjects add to the squared error of the mean, `both`, as it is in these data.

    The side that is spread more evenly is near its expectation, the component times the chance that two ratings are
    of one node. The rest is the other's, whose few large nodes are what they happen to be.
    """
    chances = [float(side.weight @ side.weight) / float(side.weight.sum()) ** 2 for side in (raters, subjects)]
    expected = found.rater * chances[0], found.subject * chances[1]
    if chances[0] <= chances[1]:
        return expected[0], both - expected[0]
    return both - expected[1], expected[1]


def _component(side: Side, own: float, other: float, residual: float, of_other: float) -> float:
    """Estimate a side's variance from its nodes' products, weighted by what each can tell; 0 where nothing can.

    A node with `n` ratings has `n * n` products, but one effect behind them. So a pair weighs
    `1 / (n * own + rest) ** 2`, the inverse variance of the node's mean product (if the other side's effects were
    noise) over its pairs, as in iterated MINQUE (Searle, Casella and McCulloch 1992, Variance Components, ch. 11).
    Residuals are about the mean that weighs nodes likewise. What its own error takes off the products is given back:
    with shares `q` of nodes in the mean and `p` in the products, their expectation is
    `own * (1 - 2 p.q + q.q) - residual * (2 p.(q/n) - q.(q/n)) - of_other`, the last being
    what the other side adds to the squared error of the mean.
    """
    spread = side.weight * own + other + residual
    shares = side.weight / spread
    shares /= shares.sum()
    centre = float(shares @ (side.value / side.weight))
    pairs = spread**-2.0 * side.pairs()
    total = float(pairs.sum())
    if total <= 1e-9 * float(spread**-2.0 @ side.weight**2):
        return 0.0
    pairs /= total
    taken = 2.0 * pairs - shares
    told = 1.0 - float(taken @ shares)
    if told < LEAST_TOLD:
        return 0.0
    product = float(spread**-2.0 @ side.products(centre)) / total
    return (product + residual * float(taken @ (shares / side.weight)) + of_other) / told


def _per_rating(side: Side, centre: float) -> float:
    """Average products of residuals so that every rating counts about alike; 0 where there are none."""
    pairs = float((side.pairs() / side.weight).sum())
    least = 1e-9 * float(side.weight.sum())
    return float((side.products(centre) / side.weight).sum()) / pairs if pairs > least else 0.0


def _disjoint(totals: Totals, raters: Side, subjects: Side, centre: float) -> float:
    """Average the products of residuals over pairs that share neither rater nor subject; 0 where there are none.

    The centre is the weighted mean, so residuals sum to zero and inclusion and exclusion leave three sums.
    """
    same = float(raters.vv.sum()) - 2.0 * centre * float(raters.wv.sum()) + centre**2 * float(raters.ww.sum())
    of_raters = float(((raters.value - centre * raters.weight) ** 2).sum())
    of_subjects = float(((subjects.value - centre * subjects.weight) ** 2).sum())
    pairs = totals.weight**2 - float((raters.weight**2).sum()) - float((subjects.weight**2).sum())
    pairs += float(raters.ww.sum())
    return (same - of_raters - of_subjects) / pairs if pairs > 1e-9 * totals.weight**2 else 0.0
