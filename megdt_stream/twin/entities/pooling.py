"""Partial pooling over bases: how far a base's trainees lie from their peers, shrunk by how little is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from math import sqrt
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]

_LARGEST_SD: Final = 1.5
_STEPS: Final = 300
"""The standard deviation between bases is taken as equally likely from 0 to 1.5 levels, in so many steps."""

_NOTHING: Final = 1e-9
"""What is less than this is rounding."""

LEAST_FREEDOM: Final = 10
"""Fewest degrees of freedom that the spread of trainees within bases is taken from."""


class Observation(NamedTuple):
    """A trainee's level, the base they belong to, and the group of peers that they are compared with.

    `shares` is how much of the level each assessor's scores make up.
    """

    level: float
    base: str
    peers: str
    shares: Mapping[str, float] = MappingProxyType({})


class Effect(NamedTuple):
    """How far a base lies from its peers (levels), with its standard deviation, and on how many trainees it rests."""

    mean: float
    sd: float
    trainees: int


def base_effects(observations: Sequence[Observation], left: Callable[[str], float]) -> dict[str, Effect]:
    """Estimate each base's effect; none at all where no two bases share peers, or with too few trainees.

    Model: level = peers (fixed) + base (normal, SD t) + what is left of the assessors' severities + trainee (normal, SD
    s). `left` gives the variance (squared levels) that is left of an assessor's severity: assessors are shared by the
    trainees of a base, so it does not average out over them. s2 comes from the fixed-effects fit (Henderson's method 3;
    Searle, Casella, McCulloch: Variance Components, 1992, ch. 5). t is integrated over a flat prior, as Gelman A. Prior
    distributions for variance parameters in hierarchical models. Bayesian Analysis 2006;1:515-533 advises: an estimate
    of 0, usual with few bases, would claim that all are certainly equal. Given t and s the effects are the best linear
    unbiased predictors (Henderson CR. Biometrics 1975;31:423-447).
    """
    bases = sorted({one.base for one in observations})
    if len(bases) < 2:
        return {}
    counts, right, within, freedom = _absorbed(observations, bases)
    values, vectors = np.linalg.eigh(counts)
    there = values > _NOTHING * max(1.0, float(values[-1]))
    freedom -= int(there.sum())
    if freedom < LEAST_FREEDOM or not there.any():
        return {}
    values, vectors = values[there], vectors[:, there]
    # What the data tell of the contrasts between bases, and their errors: of trainees, and of shared assessors.
    contrasts: Floats = vectors.T @ right / values
    residual = max(0.0, within - float(contrasts @ (values * contrasts))) / freedom
    errors = np.diag(residual / values) + vectors.T @ _shared(observations, bases, left) @ vectors
    noise, turned = np.linalg.eigh(errors)
    means, variances = _integrated(np.maximum(noise, _NOTHING), vectors @ turned, turned.T @ contrasts)
    sizes = Counter(one.base for one in observations)
    return {
        base: Effect(float(mean), sqrt(max(0.0, float(variance))), sizes[base])
        for base, mean, variance in zip(bases, means, variances, strict=True)
    }


def _shared(observations: Sequence[Observation], bases: Sequence[str], left: Callable[[str], float]) -> Floats:
    """Give the covariance of the bases' means that comes of assessors who rated several trainees."""
    sizes = Counter(one.base for one in observations)
    raters = sorted({rater for one in observations for rater in one.shares})
    number = {rater: column for column, rater in enumerate(raters)}
    place = {base: row for row, base in enumerate(bases)}
    shares = np.zeros((len(bases), len(raters)))
    for one in observations:
        for rater, share in one.shares.items():
            shares[place[one.base], number[rater]] += share / sizes[one.base]
    found: Floats = (shares * np.array([left(rater) for rater in raters])) @ shares.T
    return found


def _absorbed(observations: Sequence[Observation], bases: Sequence[str]) -> tuple[Floats, Floats, float, int]:
    """Absorb the peers' means: give Z'MZ, Z'My, y'My and the number of observations less that of groups of peers."""
    groups = sorted({one.peers for one in observations})
    base_number = {base: number for number, base in enumerate(bases)}
    group_number = {group: number for number, group in enumerate(groups)}
    column = np.array([base_number[one.base] for one in observations])
    row = np.array([group_number[one.peers] for one in observations])
    levels = np.array([one.level for one in observations])
    cells = np.zeros((len(groups), len(bases)))
    np.add.at(cells, (row, column), 1.0)
    sizes = cells.sum(axis=1)
    means = np.bincount(row, levels, len(groups)) / sizes
    off = levels - means[row]
    counts = np.diag(cells.sum(axis=0)) - cells.T @ (cells / sizes[:, None])
    right: Floats = np.bincount(column, off, len(bases)).astype(np.float64)
    return counts, right, float(off @ off), len(observations) - len(groups)


def _integrated(noise: Floats, vectors: Floats, contrasts: Floats) -> tuple[Floats, Floats]:
    """Give means and variances of the effects, averaged over the SD between bases by its posterior.

    `contrasts` are independent with error variances `noise`; `vectors` turn them into effects of bases.
    """
    squares = ((np.arange(_STEPS) + 0.5) * (_LARGEST_SD / _STEPS)) ** 2
    # One row a step: the variance of each contrast.
    table: Floats = squares[:, None] + noise
    likelihood: Floats = -0.5 * np.sum(np.log(table) + contrasts**2 / table, axis=1)
    weights: Floats = np.exp(likelihood - likelihood.max())
    weights = weights / weights.sum()
    means: Floats = (squares[:, None] * contrasts / table) @ vectors.T
    # What the data do not reach keeps the whole variance between bases.
    variances: Floats = squares[:, None] - (squares[:, None] ** 2 / table) @ (vectors**2).T
    mean: Floats = weights @ means
    variance: Floats = weights @ (variances + means**2) - mean**2
    return mean, variance
