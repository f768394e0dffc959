"""What has to be known beside the effect: who gets treated, and what follows without and with it, out of fold."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from scipy.special import expit

from megdt_stream.governance.effects.basis import LEVELS, Array, Mask, expand
from megdt_stream.governance.effects.fitting import folds, logistic, ridge

FOLDS: Final = 5
_LEAST_WEIGHT: Final = 0.02
"""No row weighs less in a regression than this share of the mean: the fit stays tied to all that was kept."""

_TRIMS: Final = 2
_TRIM_PENALTY: Final = 3.0
_LOGISTIC: Final = (0.3, 3.0, 30.0)
LEAST, MOST = 1e-6, 0.97


class Propensity(NamedTuple):
    """How propensities are fitted: the basis (n, k) and the penalty that cross-validation chose."""

    columns: Array
    penalty: float

    def out_of_fold(self, treated: Array, fold: Array) -> Array:
        """Give each row's propensity from a fit on the other folds."""
        return out_of_fold(self.columns, treated, fold, self.penalty)


def out_of_fold(columns: Array, treated: Array, fold: Array, penalty: float) -> Array:
    """Give propensities (n), each from a fit on the rows of the other folds."""
    found = np.empty(len(treated))
    for k in np.unique(fold):
        rest = fold != k
        found[~rest] = expit(np.clip(logistic(columns[rest], treated[rest], penalty).at(columns[~rest]), -30, 30))
    return found


def bases(covariates: Array) -> list[Array]:
    """Give the basis of each level that differs from the one before."""
    found = [expand(covariates, level) for level in range(LEVELS)]
    return [found[0], *(b for a, b in pairwise(found) if a.shape != b.shape)]


def choose(levels: Sequence[Array], treated: Array, fold: Array) -> Propensity:
    """Choose basis and penalty by the cross-validated likelihood."""
    best, chosen = np.inf, Propensity(levels[0], _LOGISTIC[-1])
    for columns in levels:
        for penalty in _LOGISTIC:
            chance = np.clip(out_of_fold(columns, treated, fold, penalty), 1e-9, 1 - 1e-9)
            loss = -float(np.mean(treated * np.log(chance) + (1 - treated) * np.log(1 - chance)))
            if loss < best:
                best, chosen = loss, Propensity(columns, penalty)
    return chosen


def comparable(covariates: Array, treated: Array, count: int, rng: np.random.Generator) -> Mask:
    """Tell which rows (n) to compare: all treated, and controls about as likely to be treated as somebody treated is.

    Fitted again on what is left: what tells the treated from everybody does not tell them from those like them.
    """
    kept = np.ones(len(treated), bool)
    for _ in range(_TRIMS):
        rows = np.flatnonzero(kept)
        fold = folds(treated[rows], count, rng)
        chance = out_of_fold(expand(covariates[rows], 1), treated[rows], fold, _TRIM_PENALTY)
        floor = np.quantile(chance[treated[rows] == 1], 0.01) / 2
        far = rows[(treated[rows] == 0) & (chance < floor)]
        if (treated[rows] == 0).sum() - len(far) >= max(2 * count, 10):
            kept[far] = False
    return kept


def followed(levels: Sequence[Array], values: Array, arm: Mask, weights: Array, fold: Array) -> Array:
    """Predict for all rows (n), out of fold, what follows in an arm (bool, n).

    Each basis is fitted plainly and weighted towards the rows that the prediction is for; the one with the least
    weighted squared error out of fold is taken.
    """
    floor = np.maximum(weights, _LEAST_WEIGHT * weights[arm].mean())
    best, chosen = np.inf, np.zeros(len(values))
    for columns in levels:
        for weight in (np.ones(len(values)), floor):
            found = np.empty(len(values))
            for k in np.unique(fold):
                rows = arm & (fold != k)
                here = fold == k
                found[here] = ridge(columns[rows], values[rows], weight[rows]).at(columns[here])
            loss = float(weights[arm] @ (values[arm] - found[arm]) ** 2)
            if loss < best:
                best, chosen = loss, found
    return chosen
