"""River's logistic regression behind River's standard scaler, with its state as plain numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from river import linear_model, optim, preprocessing, utils

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
            "steps": self._model.optimizer.n_iterations,
            "counts": dict(self._scaler.counts),
            "means": dict(self._scaler.means),
            "variances": dict(self._scaler.vars),
        }

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> StandardisedRegression:
        """Read a state back. Raises KeyError, TypeError or ValueError where it is none."""
        model = cls()
        model._scaler.counts.update(state["counts"])
        model._scaler.means.update(state["means"])
        model._scaler.vars.update(state["variances"])
        model._model.intercept = float(state["intercept"])
        model._model._weights = utils.VectorDict(dict(state["weights"]))
        model._model.optimizer.n_iterations = int(state["steps"])
        return model

    def linear(self, names: Sequence[str]) -> tuple[float, list[float]]:
        """Give constant and weights of the log odds in the inputs as they come, before they are standardised."""
        constant, weights = float(self._model.intercept), []
        for name in names:
            variance = self._scaler.vars.get(name, 0.0)
            weight = self._model.weights.get(name, 0.0) / variance**0.5 if variance else 0.0
            constant -= weight * self._scaler.means.get(name, 0.0)
            weights.append(weight)
        return constant, weights
