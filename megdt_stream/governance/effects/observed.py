"""The effect of a treatment in any table of treatment, outcome and covariates: nobody logged why who was treated.

Doubly robust and cross-fitted (Chernozhukov et al., Econometrics Journal 2018;21:C1): right when either the
propensities or the outcome regressions are, given that the covariates hold all that made the groups differ. That last
part no estimator can check.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias

import numpy as np

from megdt_stream.governance.effects.basis import Array, Mask
from megdt_stream.governance.effects.fitting import balanced, folds
from megdt_stream.governance.effects.nuisance import FOLDS, LEAST, MOST, bases, choose, comparable, followed
from megdt_stream.governance.effects.overlap import Overlap, describe

Estimand: TypeAlias = Literal["ATT", "ATE"]
Z95: Final = 1.959964
SPLITS: Final = 5
FEWEST: Final = 5
"""Rows each group must have."""


class TooFew(ValueError):
    """A group is too small to say anything."""


class Drawn(NamedTuple):
    """One cross-fitted estimate, its influence on each row (n, mean 0), and the weights used (n)."""

    estimate: float
    influence: Array
    weights: Array


@dataclass(frozen=True)
class Effect:
    """An estimate with its standard error, in the outcome's units; `naive` is the plain difference of means."""

    estimand: Estimand
    estimate: float
    se: float
    n_treated: int
    n_control: int
    naive: float
    overlap: Overlap

    @property
    def interval(self) -> tuple[float, float]:
        """Give the 95 % interval."""
        return self.estimate - Z95 * self.se, self.estimate + Z95 * self.se


def estimate(
    covariates: Array,
    treated: Array,
    outcome: Array,
    estimand: Estimand = "ATT",
    *,
    seed: int = 0,
    splits: int = SPLITS,
    trim: bool = True,
) -> Effect:
    """Estimate the effect of `treated` (n, 0 or 1) on `outcome` (n), given `covariates` (n, d).

    `ATT` is the average effect on those treated, `ATE` on everybody who can be compared. The median over `splits`
    random ways of cross-fitting is taken, and its spread is part of the standard error.

    Raises:
        TooFew: less than five rows in a group.
    """
    ones = int(treated.sum())
    if min(ones, len(treated) - ones) < FEWEST:
        raise TooFew(f"{ones} treated and {len(treated) - ones} controls: at least {FEWEST} of each are needed")
    naive = float(outcome[treated == 1].mean() - outcome[treated == 0].mean())
    rng = np.random.default_rng(seed)
    count = min(FOLDS, ones, len(treated) - ones)
    kept = _kept(covariates, treated, estimand, count, rng) if trim else np.ones(len(treated), bool)
    x, t, y = covariates[kept], treated[kept], outcome[kept]
    levels = bases(x)
    model = choose(levels, t, folds(t, count, rng))
    draw = _on_the_treated if estimand == "ATT" else _on_everybody
    dealt = [folds(t, count, rng) for _ in range(splits)]
    chances = [model.out_of_fold(t, fold) for fold in dealt]
    drawn = [draw(levels, t, y, np.clip(e, LEAST, MOST), fold) for e, fold in zip(chances, dealt, strict=True)]
    middle, se = _median(drawn)
    seen = describe(levels[0], t, chances[0], drawn[0].weights, treated, kept)
    return Effect(estimand, middle, se, ones, len(treated) - ones, naive, seen)


def _kept(x: Array, t: Array, estimand: Estimand, count: int, rng: np.random.Generator) -> Mask:
    kept = comparable(x, t, count, rng)
    # For everybody the treated have to be like some control too: the same question with the groups' names changed.
    return kept if estimand == "ATT" else np.asarray(kept & comparable(x, 1 - t, count, rng))


def _on_the_treated(levels: list[Array], t: Array, y: Array, e: Array, fold: Array) -> Drawn:
    control = t == 0
    odds = np.where(control, e / (1 - e), 0.0)
    left = y - followed(levels, y, control, odds, fold)
    weights = np.zeros(len(t))
    weights[control] = balanced(levels[0][control], odds[control], levels[0][~control].mean(axis=0))
    with_, without = float(left[~control].mean()), float(weights @ left)
    share = t.mean()
    influence = t * (left - with_) / share - len(t) * weights * (left - without)
    return Drawn(with_ - without, influence, weights)


def _on_everybody(levels: list[Array], t: Array, y: Array, e: Array, fold: Array) -> Drawn:
    e = np.clip(e, 1 - MOST, MOST)
    weights, parts, means = np.zeros(len(t)), [], []
    for arm, chance in ((t == 1, e), (t == 0, 1 - e)):
        told = followed(levels, y, arm, np.where(arm, 1 / chance, 0.0), fold)
        weight = np.where(arm, 1 / chance, 0.0)
        weight *= len(t) / weight.sum()
        parts.append(told + weight * (y - told))
        means.append(float(parts[-1].mean()))
        weights += np.where(arm, weight / len(t), 0.0)
    value = means[0] - means[1]
    return Drawn(value, parts[0] - parts[1] - value, weights)


def _median(drawn: list[Drawn]) -> tuple[float, float]:
    """Give the median estimate and its standard error, with the spread between splits (Chernozhukov et al., 3.4)."""
    values = np.array([one.estimate for one in drawn])
    middle = float(np.median(values))
    own = np.array([float((one.influence**2).mean() / len(one.influence)) for one in drawn])
    return middle, float(np.sqrt(np.median(own + (values - middle) ** 2)))
