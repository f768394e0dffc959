"""A logistic regression learnt in one pass with the full covariance of its weights.

An extended Kalman filter for static weights with a Gaussian prior: each outcome moves all weights by their joint
uncertainty. Penny WD, Roberts SJ. Dynamic logistic regression. IJCNN 1999; Spiegelhalter DJ, Lauritzen SL. Sequential
updating of conditional probabilities on directed graphical structures. Networks 20 (1990) 579-605 (the variance in the
predictive probability).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from river import base

Vector = NDArray[np.float64]
_FURTHEST: Final = 30.0
"""Log odds beyond which a probability is taken for certain: exp stays finite."""
_INPUT: Final = 1e6
_KEPT: Final = 1e-9
_OFTEN: Final = 512


class LogisticFilter(base.Classifier):
    """A second-order logistic regression over at most `capacity` named inputs.

    `prior` is the variance of a weight before any outcome, `prior_intercept` that of the constant, `weight` what one
    outcome counts (below 1 where outcomes of one person repeat). Names beyond `capacity` are ignored.

    Examples
    --------
    >>> from megdt_stream.calibration.risk.models.logistic_filter import LogisticFilter
    >>> model = LogisticFilter()
    >>> for missed in (0, 1, 0, 1, 1, 0):
    ...     model.learn_one({"missed": missed}, bool(missed))
    >>> round(model.predict_proba_one({"missed": 1})[True], 2)
    0.76

    """

    def __init__(
        self, prior: float = 1.0, prior_intercept: float = 4.0, weight: float = 1.0, capacity: int = 256
    ) -> None:
        self.prior = prior
        self.prior_intercept = prior_intercept
        self.weight = weight
        self.capacity = capacity
        self._names: dict[str, int] = {}
        self.mean: Vector = np.zeros(1)
        self.covariance: Vector = np.full((1, 1), prior_intercept)
        self.n = 0

    # --- by name, as River has it ---

    def learn_one(self, x: Mapping[str, Any], y: bool) -> None:  # type: ignore[override]
        """Learn one outcome."""
        for name in x:
            if name not in self._names and len(self._names) < self.capacity:
                self._names[name] = len(self._names) + 1
        self._grow(len(self._names) + 1)
        self.learn(self._vector(x), bool(y), self.weight)

    def predict_proba_one(self, x: Mapping[str, Any]) -> dict[bool, float]:  # type: ignore[override]
        """Give the probability of either outcome."""
        p, _, _ = self.predict(self._vector(x))
        return {False: 1.0 - p, True: p}

    @property
    def _multiclass(self) -> bool:
        return False

    # --- by position ---

    def bind(self, names: Sequence[str], variances: Sequence[float]) -> None:
        """Fix the names by position, the constant first, and the prior variance of each weight.

        Raises ValueError after anything was learnt, or where there is not one variance a name.
        """
        if self.n or self._names:
            raise ValueError("names are fixed before the first outcome")
        self._names = {name: at for at, name in enumerate(names) if at}
        self.mean = np.zeros(len(names))
        self.covariance = np.diag(np.array([variance for _, variance in zip(names, variances, strict=True)]))

    def learn(self, terms: Vector, y: bool, weight: float = 1.0) -> None:
        """Learn one outcome of finite terms (n,), the constant first."""
        self.n += 1
        spread = self.covariance @ terms
        variance = float(terms @ spread)
        z = float(self.mean @ terms)
        p = _sigmoid(z)
        information = weight * max(p * (1.0 - p), 1e-6)
        shrink = 1.0 + information * variance
        self.mean += spread * (weight * (float(y) - p) / shrink)
        # One vector times itself: symmetric to the last bit, so that half of it says all.
        root = spread * math.sqrt(information / shrink)
        self.covariance -= root[:, None] * root
        if self.n % _OFTEN == 0:
            self._tidy()

    def predict(self, terms: Vector) -> tuple[float, float, float]:
        """Give the probability, and mean and variance of the log odds."""
        z, variance = self.log_odds(terms)
        # MacKay DJC. The evidence framework applied to classification networks. Neural Comput 4 (1992) 720-736.
        return _sigmoid(z / math.sqrt(1.0 + math.pi * variance / 8.0)), z, variance

    def log_odds(self, terms: Vector) -> tuple[float, float]:
        """Give mean and variance of the log odds."""
        return float(self.mean.dot(terms)), max(0.0, float(terms.dot(self.covariance.dot(terms))))

    def loosen(self, variance: float) -> None:
        """Let the constant's variance grow: another cohort has another level."""
        self.covariance[0, 0] += variance

    def widen(self, variances: Vector) -> None:
        """Add inputs (k,) without names after all others, with these prior variances and no effect yet."""
        old, whole = len(self.mean), len(self.mean) + len(variances)
        self.mean = np.concatenate([self.mean, np.zeros(len(variances))])
        covariance = np.zeros((whole, whole))
        covariance[:old, :old] = self.covariance
        covariance[range(old, whole), range(old, whole)] = variances
        self.covariance = covariance

    def narrow(self, size: int) -> None:
        """Integrate out all inputs but the first `size`."""
        self.mean = self.mean[:size].copy()
        self.covariance = self.covariance[:size, :size].copy()

    def _tidy(self) -> None:
        """Keep variances positive: rounding eats at them over many steps."""
        lacking = np.maximum(_KEPT - np.diagonal(self.covariance), 0.0)
        if lacking.any():
            self.covariance += np.diag(lacking)

    def _grow(self, size: int) -> None:
        old = len(self.mean)
        if size > old:
            self.mean = np.concatenate([self.mean, np.zeros(size - old)])
            covariance = np.diag(np.full(size, self.prior))
            covariance[:old, :old] = self.covariance
            self.covariance = covariance

    def _vector(self, x: Mapping[str, Any]) -> Vector:
        vector = np.zeros(len(self.mean))
        vector[0] = 1.0
        for name, value in x.items():
            at = self._names.get(name)
            if at is not None:
                vector[at] = _finite(value)
        return vector

    # --- as JSON ---

    def to_json(self) -> dict[str, Any]:
        """Give the state as plain numbers: exact, and the lower triangle of the covariance only."""
        lower = np.tril_indices(len(self.mean))
        return {
            "prior": [self.prior, self.prior_intercept, self.weight, self.capacity],
            "names": list(self._names),
            "n": self.n,
            "mean": self.mean.tolist(),
            "covariance": self.covariance[lower].tolist(),
        }

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> LogisticFilter:
        """Read a state back. Raises KeyError, TypeError or ValueError where it is none."""
        prior, intercept, weight, capacity = state["prior"]
        model = cls(prior, intercept, weight, capacity)
        mean = np.array(state["mean"], dtype=np.float64)
        covariance = np.zeros((len(mean), len(mean)))
        covariance[np.tril_indices(len(mean))] = state["covariance"]
        covariance += np.tril(covariance, -1).T
        if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
            raise ValueError("a model's numbers are finite")
        model._names = {name: at + 1 for at, name in enumerate(state["names"])}
        model.mean, model.covariance, model.n = mean, covariance, int(state["n"])
        return model


def _sigmoid(z: float) -> float:
    if z > _FURTHEST:
        z = _FURTHEST
    elif z < -_FURTHEST:
        z = -_FURTHEST
    return 1.0 / (1.0 + math.exp(-z))


def _finite(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return 0.0
    if math.isnan(number):
        return 0.0
    return -_INPUT if number < -_INPUT else min(number, _INPUT)
