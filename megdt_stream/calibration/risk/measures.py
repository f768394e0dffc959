"""How good probabilities are: discrimination, error, calibration with intervals, coverage, fairness."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

Floats = NDArray[np.float64]
_EDGE: Final = 1e-6
_STEPS: Final = 50
_SMALLEST_GROUP: Final = 10
"""Below this a group is not shown (docs/entities.md: small cells are suppressed)."""


class Calibration(NamedTuple):
    """Intercept and slope of outcomes on the logit, fitted jointly, with standard errors.

    Cox DR. Two further applications of a model for binary regression. Biometrika 45 (1958) 562-565.
    """

    intercept: float
    slope: float
    intercept_se: float
    slope_se: float
    intercept_slope_fixed: float


def auc(p: Floats, y: Floats) -> float | None:
    """Give the area under the ROC curve; ties count half. None where there is one class only."""
    positives = float(y.sum())
    negatives = len(y) - positives
    if not positives or not negatives:
        return None
    ranks = rankdata(p)
    return float((ranks[y > 0].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def brier(p: Floats, y: Floats) -> float:
    """Give the mean squared error of probabilities."""
    return float(np.mean((p - y) ** 2))


def log_loss(p: Floats, y: Floats) -> float:
    """Give the mean negative log likelihood (natural), probabilities kept from 0 and 1."""
    q = np.clip(p, _EDGE, 1 - _EDGE)
    return float(-np.mean(y * np.log(q) + (1 - y) * np.log1p(-q)))


def precision_at(p: Floats, y: Floats, share: float = 0.1) -> float:
    """Give the share of adverse outcomes among the top `share` of risks (ties in the order given)."""
    top = np.argsort(-p, kind="stable")[: max(1, round(share * len(p)))]
    return float(y[top].mean())


def calibration(p: Floats, y: Floats) -> Calibration | None:
    """Fit intercept and slope jointly, and the intercept with the slope held at 1; None for one class only."""
    if not 0 < y.sum() < len(y):
        return None
    z = logit(p)
    joint, covariance = _fit(np.column_stack([np.ones(len(z)), z]), y, np.zeros(len(z)))
    alone, _ = _fit(np.ones((len(z), 1)), y, z)
    spread = np.sqrt(np.diag(covariance))
    return Calibration(float(joint[0]), float(joint[1]), float(spread[0]), float(spread[1]), float(alone[0]))


def reliability(p: Floats, y: Floats, bins: int = 10) -> list[dict[str, float]]:
    """Give, by equally large bins of risk, how many, the mean risk and the observed rate."""
    order = np.argsort(p, kind="stable")
    return [
        {"n": len(part), "mean": float(p[part].mean()), "rate": float(y[part].mean())}
        for part in np.array_split(order, bins)
        if len(part)
    ]


def coverage(groups: Sequence[str], p: Floats, y: Floats, half: Floats, level: float = 0.8) -> float | None:
    """Give the share of group-by-decile cells whose observed rate lies in the stated interval of the cell's mean risk.

    `half` are standard deviations on the logit that all of a cell share (model and cohort); the binomial error of the
    cell's rate is added. None without cells of at least ten.
    """
    names = np.asarray(groups)
    z = float(norm.ppf(0.5 + level / 2))
    inside = cells = 0
    for name in sorted(set(groups)):
        mine = np.flatnonzero(names == name)
        for part in np.array_split(mine[np.argsort(p[mine], kind="stable")], 10):
            if len(part) >= _SMALLEST_GROUP:
                mean = float(p[part].mean())
                steep = float(np.mean(p[part] * (1 - p[part])))
                spread = math.sqrt(steep / len(part) + (steep * float(half[part].mean())) ** 2)
                inside += abs(float(y[part].mean()) - mean) <= z * spread
                cells += 1
    return inside / cells if cells else None


def recall_gap(groups: Mapping[str, Sequence[str]], p: Floats, y: Floats, share: float = 0.1) -> float | None:
    """Give the largest difference in recall between two groups of one kind when the top `share` is helped.

    Groups with fewer than ten adverse outcomes do not count. None where no kind has two groups left.
    """
    top = np.zeros(len(p), dtype=bool)
    top[np.argsort(-p, kind="stable")[: max(1, round(share * len(p)))]] = True
    gaps = []
    for labels in groups.values():
        names = np.asarray(labels)
        adverse = [(names == name) & (y > 0) for name in sorted(set(labels))]
        recalls = [float(top[mine].mean()) for mine in adverse if mine.sum() >= _SMALLEST_GROUP]
        if len(recalls) > 1:
            gaps.append(max(recalls) - min(recalls))
    return max(gaps, default=None)


def logit(p: Floats) -> Floats:
    """Give log odds, probabilities kept from 0 and 1."""
    q = np.clip(p, _EDGE, 1 - _EDGE)
    found: Floats = np.log(q) - np.log1p(-q)
    return found


def _fit(x: Floats, y: Floats, offset: Floats) -> tuple[Floats, Any]:
    """Fit a logistic regression by Newton's method with a breath of ridge, so that separation stays finite."""
    b = np.zeros(x.shape[1])
    hessian = np.eye(x.shape[1])
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-np.clip(x @ b + offset, -30, 30)))
        hessian = (x * (p * (1 - p))[:, None]).T @ x + 1e-6 * np.eye(x.shape[1])
        step = np.linalg.solve(hessian, x.T @ (y - p) - 1e-6 * b)
        b += np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-9:
            break
    return b, np.linalg.inv(hessian)
