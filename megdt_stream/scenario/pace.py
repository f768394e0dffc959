"""How fast trainees learn, from the growth of their levels: each drawn to the pace of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from megdt_stream.scenario.world import TOP, Floats
from megdt_stream.twin.view import Estimation, TwinView

_RATE: Final = 0.28
_RATE_SD: Final = 0.15
"""The yearly rate where no growth is known: levels 1 to 4 in three to five years. Declared convention."""
_LEAST_RATE: Final = 0.03
_LEAST_SD: Final = 0.1


class Paces(NamedTuple):
    """Logarithm of each trainee's yearly rate with its SD, shape (n,), and how far the mean is not known (log)."""

    log_rate: Floats
    sd: Floats
    shared_sd: float


def paces(views: Sequence[TwinView], estimation: Estimation, level: Floats) -> Paces:
    """Estimate rates: the slope over the distance to the top, in a random-effects model over trainees.

    DerSimonian R, Laird N. Control Clin Trials 1986;7:177-188 for mean and spread; each trainee's is the posterior
    mean. The declared rate stands in for one trainee's worth of knowledge where hardly any growth is known.
    """
    slopes, variances = zip(*(_slope(view, estimation) for view in views), strict=True)
    distance = np.maximum(TOP - level.astype(float), 0.5)
    rate, var = np.array(slopes) / distance, np.array(variances) / distance**2
    told = np.isfinite(var)
    if not told.any():
        n = len(views)
        return Paces(np.full(n, np.log(_RATE), np.float32), np.full(n, _RATE_SD / _RATE, np.float32), _RATE_SD / _RATE)
    mean, between, error = _random_effects(rate[told], var[told])
    weight = np.where(told, between / (between + np.where(told, var, 1.0)), 0.0)
    found = np.maximum(mean + weight * (np.where(told, rate, mean) - mean), _LEAST_RATE)
    sd = np.sqrt(between * (1 - weight)) / found
    return Paces(np.log(found).astype(np.float32), np.clip(sd, _LEAST_SD, 1.0).astype(np.float32), error / mean)


def _slope(view: TwinView, estimation: Estimation) -> tuple[float, float]:
    """Give a trainee's mean slope and its variance (infinite where none is known)."""
    if not view.growth:
        return 0.0, float("inf")
    return (
        float(np.mean([one.slope for one in view.growth])),
        float(np.mean([((one.high - one.low) / 2 / estimation.z) ** 2 for one in view.growth])),
    )


def _random_effects(rate: np.ndarray, var: np.ndarray) -> tuple[float, float, float]:
    """Give the mean, the variance between trainees, and the standard error of the mean."""
    fixed = 1 / var
    centre = float((fixed * rate).sum() / fixed.sum())
    excess = float((fixed * (rate - centre) ** 2).sum()) - (len(rate) - 1)
    scale = float(fixed.sum() - (fixed**2).sum() / fixed.sum())
    between = max(excess / scale if scale > 0 else 0.0, (_RATE_SD / 3) ** 2)
    # The declared rate counts as one more trainee.
    weights = np.append(1 / (var + between), 1 / (_RATE_SD**2 + between))
    rates = np.append(rate, _RATE)
    mean = max(float((weights * rates).sum() / weights.sum()), _LEAST_RATE)
    return mean, between, float(weights.sum() ** -0.5)
