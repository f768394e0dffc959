"""Intervals of a regression output that keep their coverage whatever the errors' distribution.

Adaptive conformal inference: Gibbs I, Candes E. Adaptive conformal inference under distribution shift. NeurIPS 2021,
here as a tracked quantile of absolute errors (Angelopoulos A et al. Conformal PID control. NeurIPS 2023, eq. 1).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


class Conformal:
    """Half the width of an interval that covers `level` of outcomes in the long run."""

    def __init__(self, level: float = 0.8, rate: float = 0.05, half: float = 1.0) -> None:
        """Start from a half width. Raises ValueError unless 0 < level < 1."""
        if not 0 < level < 1:
            raise ValueError(f"coverage is between 0 and 1, not {level}")
        self.level, self.rate, self.half = level, rate, half

    def learn(self, predicted: float, observed: float) -> bool:
        """Learn one error; tell whether the interval covered it. What is not finite changes nothing."""
        error = abs(observed - predicted)
        if not math.isfinite(error):
            return False
        covered = error <= self.half
        step = self.rate * max(self.half, 1e-6)
        self.half = max(0.0, self.half + step * (self.level - covered))
        return covered

    def interval(self, predicted: float) -> tuple[float, float]:
        """Give the interval around a prediction."""
        return predicted - self.half, predicted + self.half

    def to_json(self) -> dict[str, Any]:
        """Give the state as plain numbers."""
        return {"level": self.level, "rate": self.rate, "half": self.half}

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Conformal:
        """Read a state back. Raises KeyError, TypeError or ValueError where it is none."""
        return cls(float(state["level"]), float(state["rate"]), float(state["half"]))
