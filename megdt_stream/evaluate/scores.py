"""Scores of probabilistic forecasts."""

from __future__ import annotations

from math import pi

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def crps_of_draws(draws: Array, truth: Array) -> Array:
    """Give the continuous ranked probability score of each forecast from its draws, shape (b, n); smaller is better.

    E|X - y| - E|X - X'| / 2 with the unbiased estimate of the second term (Gneiting T, Raftery AE. J Am Stat Assoc
    2007;102:359-378, eq. 21; Ferro CAT. Q J R Meteorol Soc 2014;140:1917-1923).
    """
    b = len(draws)
    ordered = np.sort(draws, axis=0)
    weights = 2 * np.arange(1, b + 1) - b - 1
    spread = (weights[:, None] * ordered).sum(axis=0) / (b * (b - 1))
    return np.asarray(np.abs(draws - truth).mean(axis=0) - spread)


def crps_of_normal(mean: ArrayLike, sd: ArrayLike, truth: Array) -> Array:
    """Give the score of normal forecasts in closed form (Gneiting T et al. Mon Weather Rev 2005;133:1098-1118)."""
    from scipy.special import ndtr

    sd = np.asarray(sd, float)
    z = (truth - np.asarray(mean, float)) / sd
    return np.asarray(sd * (z * (2 * ndtr(z) - 1) + 2 * np.exp(-z * z / 2) / np.sqrt(2 * pi) - 1 / np.sqrt(pi)))


def covered(draws: Array, truth: Array, coverage: float) -> float:
    """Give the share of truths inside the central intervals of the draws."""
    tail = 50 * (1 - coverage)
    low, high = np.percentile(draws, (tail, 100 - tail), axis=0)
    return float(((low <= truth) & (truth <= high)).mean())
