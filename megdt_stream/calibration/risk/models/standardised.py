"""River's logistic regression behind River's standard scaler, with its state as plain numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from river import linear_model, optim, preprocessing

_RATE: Final = 0.01
_L2: Final = 1e-4


class StandardisedRegression:
    """A first-order baseline: `preprocessing.StandardScaler | linear_model.LogisticRegression`.

    Its inputs are the vocabulary's, which is closed and clamped: River itself checks nothing.
    """

    def __init__(self) -> None:
        self._scaler: Any = preprocessing.StandardScaler()
        self._model: Any = linear_model.LogisticRegression(optimizer=optim.SGD(_RATE), l2=_L2)

    def learn_one(self, x: Mapping[str, float], y: bool, weight: float = 1.0) -> None:
        """Learn one outcome that counts `weight`."""
        self._scaler.learn_one(x)
        self._model.learn_one(self._scaler.transform_one(x), y, weight)

    def predict_proba_one(self, x: Mapping[str, float]) -> dict[bool, float]:
        """Give the probability of either outcome."""
        found: dict[bool, float] = self._model.predict_proba_one(self._scaler.transform_one(x))
        return found

    def to_json(self) -> dict[str, Any]:
        """Give weights, means and variances as plain numbers."""
        return {
            "weights": dict(self._model.weights),
            "intercept": self._model.intercept,
            "counts": dict(self._scaler.counts),
            "means": dict(self._scaler.means),
            "variances": dict(self._scaler.vars),
        }
