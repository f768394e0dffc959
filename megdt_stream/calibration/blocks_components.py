"""Variance components and drift from the cells of twins: the maximum of their marginal likelihood.

Products of residual pairs (`megdt_stream.calibration.components`) give severity, subject and residual variance at O(1)
a score and are where the search starts. They say next to nothing of drift: a product holds both raters' shifts, so that
how products fall with distance drowns in severity. The likelihood of the cells given all raters jointly uses the
differences that matter; with a penalty that states what is believed without data it stays finite for any data.

With the mean integrated out this is restricted likelihood (Patterson and Thompson 1971, Biometrika 58(3), 545-554).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from scipy.optimize import minimize

from megdt_stream.calibration.blocks import BELIEF, Belief, Layout, Solution, layout, solve
from megdt_stream.calibration.blocks_messages import Batch, Message, Ratings, derivatives
from megdt_stream.calibration.components import Variance
from megdt_stream.twin.estimate import PERIODS_PER_YEAR, SHARED, Array, Components


class Believed(NamedTuple):
    """What is believed of the components before any score, in squared levels; the weights are the penalty's.

    The logarithm of each variance is normal with the standard deviation `log_sd` about the one stated; that of the
    residual about what scales declare. Drift and growth variance are exponential: their means are `drift_share` and
    `growth_share` of the subject variance, over a year.
    """

    rater: float = 0.25
    subject: float = 0.16
    log_sd: float = 1.0
    drift_share: float = 0.1
    growth_share: float = 0.1


BELIEVED: Final = Believed()
"""Severity half a level (`seeds/estimation.toml`), trainees of one year 0.4 levels apart; each variance may well be a
third or three times that. A tenth of the variance between trainees a year is how far their order changes."""

_STEPS: Final = 30
_TOLERANCE: Final = 1e-6
_RANGE: Final = (-9.0, 3.0)
"""Bounds of the logarithms of variances: one hundredth of a level to more than four levels."""


def learn(
    ratings: Ratings,
    start: Variance | Components,
    believed: Believed = BELIEVED,
    belief: Belief = BELIEF,
) -> Components:
    """Give the most likely components, found from `start`; costs some twenty joint solutions.

    The residual variance is that of a score of the ratings' mean weight.
    """
    where = layout(ratings)
    penalty = _Penalty(believed, 1000.0 / ratings.weight)

    def cost(x: Array) -> tuple[float, Array]:
        c = _components(x, ratings.weight)
        found = solve(ratings, c, belief, where)
        value, slope = penalty.at(x)
        return value - found.loglikelihood, slope - _in_search(gradient(ratings, found, c), c)

    bounds = [_RANGE, _RANGE, _RANGE, (0.0, 5.0), (0.0, 5.0)]
    found = minimize(
        cost,
        _searched(start, believed),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": _STEPS, "ftol": _TOLERANCE},
    )
    return _components(found.x, ratings.weight)


# The search runs over the logarithms of the three variances, and over drift and growth as shares of the subject
# variance that they add in a year; those may be zero.


def _components(x: Array, weight: float) -> Components:
    rater, subject, residual = (float(v) for v in np.exp(x[:3]))
    drift, growth = float(x[3]) * subject / PERIODS_PER_YEAR, float(x[4]) * subject / PERIODS_PER_YEAR**2
    return Components(rater, subject, residual, weight, drift, growth)


def _searched(start: Variance | Components, believed: Believed) -> Array:
    logs = np.clip(np.log(np.maximum(start[:3], 1e-6)), *_RANGE)
    if isinstance(start, Components):
        shares = (start.drift / start.subject * PERIODS_PER_YEAR, start.growth / start.subject * PERIODS_PER_YEAR**2)
    else:
        shares = believed.drift_share, believed.growth_share
    return np.concatenate((logs, np.clip(shares, 0.0, 5.0)))


def _in_search(slope: Components, c: Components) -> Array:
    """Turn derivatives by the components into those by the search's coordinates."""
    return np.array(
        [
            slope.rater * c.rater,
            slope.subject * c.subject + slope.drift * c.drift + slope.growth * c.growth,
            slope.residual * c.residual,
            slope.drift * c.subject / PERIODS_PER_YEAR,
            slope.growth * c.subject / PERIODS_PER_YEAR**2,
        ]
    )


class _Penalty:
    """Minus the logarithm of what is believed of the components, and its slope."""

    def __init__(self, believed: Believed, residual: float) -> None:
        self._centre = np.log([believed.rater, believed.subject, residual])
        self._precision = believed.log_sd**-2
        self._rates = np.array([1.0 / believed.drift_share, 1.0 / believed.growth_share])

    def at(self, x: Array) -> tuple[float, Array]:
        off = x[:3] - self._centre
        value = self._precision * float(off @ off) / 2 + float(self._rates @ x[3:])
        return value, np.concatenate((self._precision * off, self._rates))


def gradient(ratings: Ratings, found: Solution, c: Components) -> Components:
    """Give the derivatives of the log-likelihood by the components (that by the reference weight is zero).

    With P the inverse of the cells' covariance once shared coordinates are integrated out, the derivative by a
    component with the kernel Q is (y'PQPy - tr PQ) / 2. P's diagonal blocks follow from each trainee's message and
    the joint posterior of its raters.
    """
    total = np.zeros(5)
    for batch, sent in zip(ratings.batches, found.messages, strict=True):
        total += _of_trainees(batch, sent, found, c)
    total[4] += _of_raters(found, c)
    subject, residual, drift, growth, rater = (float(v) for v in total)
    return Components(rater, subject, residual, 0.0, drift, growth)


def _of_trainees(batch: Batch, sent: Message, found: Solution, c: Components) -> Array:
    """Derivatives by subject, residual, drift, growth, and by the rater variance of raters without a name."""
    mean, covariance = _posterior(batch, found)
    scaled = np.matmul(sent.inverse, batch.design * sent.scale[:, :, None])
    error = batch.level - np.matmul(batch.design, mean[:, :, None])[:, :, 0]
    pull = np.matmul(sent.inverse, (sent.scale * error)[:, :, None])[:, :, 0]
    inner = pull[:, :, None] * pull[:, None, :] - sent.inverse
    inner += np.matmul(np.matmul(scaled, covariance), scaled.transpose(0, 2, 1))
    present = sent.scale > 0
    residual = float((np.einsum("tii->ti", inner) * present).sum()) / c.residual
    inner *= sent.scale[:, :, None] * sent.scale[:, None, :]
    subject, drift, growth, private = (float((inner * kernel).sum()) for kernel in derivatives(batch, c))
    return np.array([subject, residual, drift, growth, private]) / 2


def _posterior(batch: Batch, found: Solution) -> tuple[Array, Array]:
    """Give mean (t, 2 + k) and covariance of the shared coordinates and of each trainee's raters; padding is zero."""
    t, k = batch.raters.shape
    offset, slope = np.zeros((t, SHARED + k)), np.zeros((t, SHARED + k, SHARED))
    covariance = np.zeros((t, SHARED + k, SHARED + k))
    slope[:, 0, 0] = slope[:, 1, 1] = 1.0
    if k:
        where: Layout = found.layout
        seen = batch.raters >= 0
        places = where.vector(batch.raters)
        offset[:, SHARED:] = found.offset[places] * seen
        slope[:, SHARED:] = found.slope[places] * seen[:, :, None]
        both = seen[:, :, None] & seen[:, None, :]
        covariance[:, SHARED:, SHARED:] = found.conditional[where.matrix(batch.raters)] * both
    mean = offset + slope @ found.mean
    return mean, covariance + slope @ found.covariance @ slope.transpose(0, 2, 1)


def _of_raters(found: Solution, c: Components) -> float:
    """Derivative by the variance of named raters, from their posterior second moments."""
    where = found.layout
    mean = found.offset + found.slope @ found.mean
    own = np.concatenate(
        [
            np.diagonal(found.conditional[where.bases[b] : where.bases[b + 1]].reshape(size, size))
            for b, size in enumerate(where.sizes)
        ]
        or [np.zeros(0)]
    )
    variance = own + np.einsum("ri,ij,rj->r", found.slope, found.covariance, found.slope)
    return float((mean**2 + variance).sum() / c.rater - len(mean)) / (2 * c.rater)
