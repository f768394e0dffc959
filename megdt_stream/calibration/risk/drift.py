"""What changed: features, residuals, calibration. Each detection names the action that follows from it.

Judged cohort by cohort on predictions made before their outcomes were known, against what differs between cohorts
anyway (SD about .2 on the logit), so that an ordinary new cohort is no drift.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from megdt_stream.calibration.risk import measures
from megdt_stream.calibration.risk.recalibration import COHORT_SD
from megdt_stream.calibration.risk.vocabulary import FEATURES

Floats = NDArray[np.float64]
_LOUD: Final = 1.2816
"""A level outside the 80 % interval that was stated. One in five ordinary cohorts is: recalibrating is cheap, and with
500 outcomes a shift of .5 is seen in 99 of 100 (at 1.645 in 83)."""
_LOUD_LOSS: Final = 3.0
_FAR: Final = 0.8
"""Standard deviations by which a feature's mean may move (a large effect by Cohen's convention)."""
_NO_BETTER: Final = 0.55
_FEWEST: Final = 50


class Action(StrEnum):
    """What is done about a drift."""

    RECALIBRATE = "recalibrate"
    RESET_CHALLENGER = "reset-challenger"
    DEGRADED = "degraded"
    WARN = "warn"


class Drift(NamedTuple):
    """What drifted (`calibration`, `residuals`, `discrimination`, `feature:<name>`), by how much, and what is done."""

    what: str
    size: float
    action: Action


def detect(p: Floats, y: Floats) -> Iterator[Drift]:
    """Look at the predictions (n,) of a closed cohort, one a person, and its outcomes (n,)."""
    if len(p) < _FEWEST:
        return
    expected = -(p * np.log(np.clip(p, 1e-6, 1)) + (1 - p) * np.log(np.clip(1 - p, 1e-6, 1)))
    information = float(np.sum(p * (1 - p)))
    found = measures.calibration(p, y)
    shift = math.inf if found is None else found.intercept_slope_fixed
    if abs(shift) > _LOUD * math.sqrt(1 / max(information, 1e-6) + COHORT_SD**2):
        yield Drift("calibration", min(shift, 30.0), Action.RECALIBRATE)
    losses = -(y * np.log(np.clip(p, 1e-6, 1)) + (1 - y) * np.log(np.clip(1 - p, 1e-6, 1)))
    excess = float(np.mean(losses - expected))
    if excess > _LOUD_LOSS * float(np.std(losses - expected)) / math.sqrt(len(p)):
        yield Drift("residuals", excess, Action.RESET_CHALLENGER)
    area = measures.auc(p, y)
    if area is not None and area < _NO_BETTER:
        yield Drift("discrimination", area, Action.DEGRADED)


def moved(mean: Floats, sd: Floats, fresh: Floats) -> Iterator[Drift]:
    """Compare a cohort's mean features (k,) with the mean and SD (k,) of what was learnt from before."""
    for name, was, spread, now in zip(FEATURES, mean, sd, fresh, strict=True):
        size = float((now - was) / max(spread, 0.1))
        if abs(size) > _FAR:
            yield Drift(f"feature:{name}", size, Action.WARN)
