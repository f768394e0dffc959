"""The floor: the prevalence, whoever is asked about. What does not beat it is not worth its cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from river import base

_PRIOR: Final = 2.0


class Prevalence(base.Classifier):
    """The share of adverse outcomes so far, with one adverse and one other assumed before the first.

    Examples
    --------
    >>> from megdt_stream.calibration.risk.models.floor import Prevalence
    >>> model = Prevalence()
    >>> model.learn_one({}, True)
    >>> round(model.predict_proba_one({})[True], 2)
    0.67

    """

    def __init__(self) -> None:
        self.adverse = 0.0
        self.n = 0.0

    def learn_one(self, x: Mapping[str, Any], y: bool) -> None:  # type: ignore[override]
        """Learn one outcome."""
        self.learn(bool(y))

    def learn(self, y: bool, weight: float = 1.0) -> None:
        """Learn one outcome that counts `weight`."""
        self.adverse += weight * y
        self.n += weight

    def predict_proba_one(self, x: Mapping[str, Any] | None = None) -> dict[bool, float]:  # type: ignore[override]
        """Give the probability of either outcome."""
        p = (self.adverse + _PRIOR / 2) / (self.n + _PRIOR)
        return {False: 1.0 - p, True: p}

    @property
    def _multiclass(self) -> bool:
        return False

    def to_json(self) -> dict[str, Any]:
        """Give the state as plain numbers."""
        return {"adverse": self.adverse, "n": self.n}

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Prevalence:
        """Read a state back. Raises KeyError, TypeError or ValueError where it is none."""
        model = cls()
        model.adverse, model.n = float(state["adverse"]), float(state["n"])
        return model
