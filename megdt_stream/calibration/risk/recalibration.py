"""Intercept and slope of a model's log odds, learnt again from recent outcomes: the first remedy, before any refit.

Recalibration before revision: Steyerberg EW et al. Validation and updating of predictive logistic regression models.
Stat Med 23 (2004) 2567-2586. Priors keep it from chasing one cohort: levels shift between cohorts with a SD of about
.2 on the logit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
COHORT_SD: Final = 0.2
"""Between cohorts on the logit, in each interval."""
_SLOPE_SD: Final = 0.1
_STEPS: Final = 30


@dataclass(frozen=True)
class Recalibration:
    """`z -> intercept + slope * z`, with the variances of both and their covariance."""

    intercept: float = 0.0
    slope: float = 1.0
    variance: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def apply(self, z: float) -> tuple[float, float]:
        """Give recalibrated log odds, and the variance that recalibrating adds."""
        of_intercept, of_both, of_slope = self.variance
        return self.intercept + self.slope * z, of_intercept + 2 * z * of_both + z * z * of_slope

    def to_json(self) -> dict[str, Any]:
        """Give it as plain numbers."""
        return {"intercept": self.intercept, "slope": self.slope, "variance": list(self.variance)}

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Recalibration:
        """Read it back. Raises KeyError, TypeError or ValueError where it is none."""
        first, both, second = state["variance"]
        return cls(float(state["intercept"]), float(state["slope"]), (float(first), float(both), float(second)))


def recalibrate(
    z: Floats, y: Floats, intercept_sd: float = COHORT_SD, slope_sd: float = _SLOPE_SD, *, one_cohort: bool = False
) -> Recalibration:
    """Fit intercept and slope to log odds `z` (n,) and outcomes `y` (n,) with Gaussian priors at 0 and 1.

    `one_cohort`: all outcomes share a level of their own that will not come again, so together they tell no more
    about the next cohort than that level's variance lets them.
    """
    x = np.column_stack([np.ones(len(z)), np.clip(z, -30, 30)])
    prior = np.diag([1 / intercept_sd**2, 1 / slope_sd**2])
    middle = np.array([0.0, 1.0])
    b = middle.copy()
    chance = 1 / (1 + np.exp(-x[:, 1]))
    weight = 1 / (1 + COHORT_SD**2 * float(np.sum(chance * (1 - chance)))) if one_cohort else 1.0
    hessian = prior
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-np.clip(x @ b, -30, 30)))
        hessian = weight * (x * (p * (1 - p))[:, None]).T @ x + prior
        step = np.linalg.solve(hessian, weight * x.T @ (y - p) - prior @ (b - middle))
        b = b + np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-10:
            break
    v = np.linalg.inv(hessian)
    return Recalibration(float(b[0]), max(0.05, float(b[1])), (float(v[0, 0]), float(v[0, 1]), float(v[1, 1])))
