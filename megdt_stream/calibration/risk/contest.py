"""Champion against challenger: when is a lower log loss evidence, however often one looks?

A confidence sequence for the mean difference, valid at all times at once: Waudby-Smith I, Arbour D, Sinha R, Kennedy
EH, Ramdas A. Time-uniform central limit theory and asymptotic confidence sequences. Ann Stat 52 (2024), theorem 2.2.
The unit is a person, not a prediction: the weeks of one person repeat each other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

_RHO2: Final = 0.01
"""Tightest at some hundreds of persons."""
_FEWEST: Final = 100


class Contest:
    """Differences in log loss, champion's less challenger's, summed over persons."""

    def __init__(self, alpha: float = 0.05) -> None:
        """Start even. `alpha`: how likely it is ever to be wrong."""
        self.alpha = alpha
        self.n = 0
        self.total = 0.0
        self.squares = 0.0

    def learn(self, champion: float, challenger: float) -> None:
        """Learn the mean log losses of one person's predictions."""
        difference = champion - challenger
        if math.isfinite(difference):
            self.n += 1
            self.total += difference
            self.squares += difference * difference

    def bounds(self) -> tuple[float, float]:
        """Give the interval of the mean difference; without limits before a hundred persons."""
        if self.n < _FEWEST:
            return -math.inf, math.inf
        mean = self.total / self.n
        variance = max(self.squares / self.n - mean * mean, 1e-12)
        scaled = self.n * _RHO2 + 1
        half = math.sqrt(variance * 2 * scaled / (self.n**2 * _RHO2) * math.log(math.sqrt(scaled) / self.alpha))
        return mean - half, mean + half

    @property
    def won(self) -> bool:
        """Tell whether the challenger is better beyond doubt."""
        return self.bounds()[0] > 0

    def to_json(self) -> dict[str, Any]:
        """Give the state as plain numbers."""
        return {"alpha": self.alpha, "n": self.n, "total": self.total, "squares": self.squares}

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Contest:
        """Read a state back. Raises KeyError, TypeError or ValueError where it is none."""
        contest = cls(float(state["alpha"]))
        contest.n, contest.total = int(state["n"]), float(state["total"])
        contest.squares = float(state["squares"])
        return contest
