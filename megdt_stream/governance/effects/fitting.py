"""Regressions with a penalty, folds, and weights that balance: the parts of which estimators are made."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from scipy.special import expit

from megdt_stream.governance.effects.basis import Array

PENALTIES: Final[tuple[float, ...]] = tuple(float(10.0**k) for k in np.arange(-1, 4.1, 0.5))
_NEWTON: Final = 30
_FARTHEST: Final = 3.0
_SOFT: Final = 0.002
"""How much balance gives way, in squared standard deviations: far apart groups have no exact answer."""


class Line(NamedTuple):
    """A fitted linear predictor: intercept and slopes (k)."""

    intercept: float
    slopes: Array

    def at(self, columns: Array) -> Array:
        """Give its values at rows (n, k)."""
        return np.asarray(self.intercept + columns @ self.slopes)


def folds(treated: Array, count: int, rng: np.random.Generator) -> Array:
    """Deal rows (n) into `count` folds, each with its share of treated and controls."""
    fold = np.empty(len(treated))
    for value in (0, 1):
        rows = rng.permutation(np.flatnonzero(treated == value))
        fold[rows] = np.arange(len(rows)) % count
    return fold


def logistic(columns: Array, treated: Array, penalty: float) -> Line:
    """Fit a logistic regression with a ridge penalty on its slopes, by Newton steps of limited length."""
    design = np.column_stack((np.ones(len(treated)), columns))
    ridge = np.r_[1e-9, np.full(columns.shape[1], penalty)]
    beta = np.zeros(design.shape[1])
    beta[0] = np.log(treated.mean() / (1 - treated.mean()))
    for _ in range(_NEWTON):
        chance = expit(np.clip(design @ beta, -30, 30))
        spread = np.maximum(chance * (1 - chance), 1e-9)
        step = np.linalg.solve(
            (design * spread[:, None]).T @ design + np.diag(ridge), design.T @ (treated - chance) - ridge * beta
        )
        longest = np.abs(step).max()
        beta += step * min(1.0, _FARTHEST / max(longest, 1e-12))
        if longest < 1e-5:
            break
    return Line(float(beta[0]), beta[1:])


def ridge(columns: Array, values: Array, weights: Array) -> Line:
    """Fit a weighted ridge regression; the penalty is chosen by generalised cross-validation.

    Golub, Heath, Wahba, Technometrics 1979;21:215; the number of rows is the effective one under the weights.
    """
    weights = weights / weights.mean()
    centre, mean = weights @ columns / weights.sum(), float(weights @ values / weights.sum())
    root = np.sqrt(weights)
    rotated, left = (columns - centre) * root[:, None], (values - mean) * root
    roots, vectors = np.linalg.eigh(rotated.T @ rotated)
    roots, projected = np.maximum(roots, 0), vectors.T @ (rotated.T @ left)
    effective = weights.sum() ** 2 / (weights @ weights)
    best, slopes = np.inf, np.zeros(columns.shape[1])
    for penalty in PENALTIES:
        shrunk = 1 / (roots + penalty)
        freedom = 1 - (float((roots * shrunk).sum()) + 1) / effective
        if freedom <= 0.02:
            continue
        squares = left @ left - 2 * (projected**2 * shrunk).sum() + (projected**2 * shrunk**2 * roots).sum()
        if squares / freedom**2 < best:
            best, slopes = squares / freedom**2, vectors @ (projected * shrunk)
    return Line(mean - float(centre @ slopes), slopes)


def balanced(columns: Array, weights: Array, target: Array) -> Array:
    """Tilt weights (n) as little as possible so that weighted means of `columns` (n, k) come to `target` (k); sum 1.

    Entropy balancing from base weights (Hainmueller, Political Analysis 2012;20:25), softened by a ridge.
    """
    base = weights / weights.sum()
    if not columns.shape[1]:
        return np.asarray(base)
    tilt, soft = np.zeros(columns.shape[1]), _SOFT * np.eye(columns.shape[1])
    tilted = base
    for _ in range(_NEWTON):
        mean = tilted @ columns
        curvature = (columns * tilted[:, None]).T @ columns - np.outer(mean, mean) + soft
        step = np.linalg.solve(curvature, mean - target + _SOFT * tilt)
        longest = np.abs(step).max()
        tilt -= step * min(1.0, 1.0 / max(longest, 1e-12))
        tilted = base * np.exp(np.clip(columns @ tilt, -30, 30))
        tilted /= tilted.sum()
        if longest < 1e-6:
            break
    return np.asarray(tilted)
