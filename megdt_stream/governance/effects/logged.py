"""The effect of an intervention from decisions whose propensity was logged when they were made.

What was offered is random given the logged covariates and propensity; who takes it up is not. So both the outcome and
the taking up are compared between offered and not offered, and their ratio is the effect on those who take it up
because it was offered (Angrist, Imbens, Rubin, JASA 1996;91:444), each part by cross-fitted augmented inverse
propensity weighting (Robins, Rotnitzky, Zhao, JASA 1994;89:846). Regression to the mean is the same on both sides and
drops out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from megdt_stream.governance.effects.basis import Array, Mask, expand
from megdt_stream.governance.effects.fitting import folds, ridge

FOLDS: Final = 5
LEAST: Final = 0.05
"""Propensities nearer to 0 or 1 than this are not compared: one row would weigh as twenty."""

FEWEST: Final = 20
_WEAK: Final = 0.1
Z95: Final = 1.959964


class Unidentified(ValueError):
    """The log does not hold what tells the effect."""


@dataclass(frozen=True)
class Log:
    """Decisions (n): covariates (n, d) as they were then, offered (0/1), its propensity, taken up (0/1), outcome."""

    covariates: Array
    offered: Array
    propensity: Array
    taken: Array
    outcome: Array


class Arms(NamedTuple):
    """What follows without and with an offer, expected given the covariates, (n) each."""

    without: Array
    with_: Array


class Learned(NamedTuple):
    """The effect per intervention taken up, its standard error, the share that takes up, and the rows compared.

    `scores` (n) are each decision's own noisy estimate of what the offer did for the outcome: their mean given
    covariates is the benefit of offering.
    """

    effect: float
    se: float
    uptake: float
    compared: int
    scores: Array

    @property
    def interval(self) -> tuple[float, float]:
        """Give the 95 % interval from evidence alone."""
        return self.effect - Z95 * self.se, self.effect + Z95 * self.se


def learn(log: Log, *, seed: int = 0) -> Learned:
    """Estimate the effect from a log, regressions learnt out of fold.

    Raises:
        Unidentified: fewer than twenty on a side are comparable, or hardly anybody takes up what is offered.
    """
    kept = comparable(log)
    some = Log(*(column[kept] for column in (log.covariates, log.offered, log.propensity, log.taken, log.outcome)))
    fold = folds(some.offered, FOLDS, np.random.default_rng(seed))
    return learn_given(some, expected(some, some.outcome, fold), expected(some, some.taken, fold))


def comparable(log: Log) -> Mask:
    """Tell which decisions (n) could have gone either way. Raises Unidentified."""
    kept = np.asarray((log.propensity >= LEAST) & (log.propensity <= 1 - LEAST))
    for side in (0, 1):
        number = int((log.offered[kept] == side).sum())
        if number < FEWEST:
            name = "offered" if side else "not offered"
            raise Unidentified(f"{number} decisions {name} that could have gone either way: {FEWEST} are needed")
    return kept


def learn_given(log: Log, outcome: Arms, taken: Arms) -> Learned:
    """Estimate the effect given regressions of outcome and taking up. Raises Unidentified."""
    gained = scores(log, log.outcome, outcome)
    took = scores(log, log.taken, taken)
    uptake = float(took.mean())
    if uptake < _WEAK:
        raise Unidentified(f"offering raises taking up by {uptake:.2f} only: no effect of taking up can be told")
    effect = float(gained.mean()) / uptake
    influence = (gained - effect * took) / uptake
    return Learned(effect, float(influence.std(ddof=1)) / len(gained) ** 0.5, uptake, len(gained), gained)


def scores(log: Log, values: Array, arms: Arms) -> Array:
    """Give each decision's doubly robust score of what offering does to `values` (n)."""
    z, p = log.offered, log.propensity
    left = z * (values - arms.with_) / p - (1 - z) * (values - arms.without) / (1 - p)
    return np.asarray(arms.with_ - arms.without + left)


def expected(log: Log, values: Array, fold: Array) -> Arms:
    """Predict `values` (n) on both sides, out of fold, by the simpler or the bent basis, whichever predicts better."""
    arms = []
    for side in (0, 1):
        arm = log.offered == side
        weight = 1 / np.where(arm, np.where(side, log.propensity, 1 - log.propensity), 1.0)
        found = [_predicted(expand(log.covariates, level), values, arm, weight, fold) for level in (0, 1)]
        losses = [float(weight[arm] @ (values[arm] - one[arm]) ** 2) for one in found]
        arms.append(found[int(np.argmin(losses))])
    return Arms(*arms)


def _predicted(columns: Array, values: Array, arm: Array, weight: Array, fold: Array) -> Array:
    found = np.empty(len(values))
    for k in np.unique(fold):
        rows, here = arm & (fold != k), fold == k
        found[here] = ridge(columns[rows], values[rows], weight[rows]).at(columns[here])
    return found


class Uplift(NamedTuple):
    """Whom an offer helps how much: a line in covariates scaled by `centre` and `spread` (d), shrunk to the mean."""

    intercept: float
    slopes: Array
    centre: Array
    spread: Array

    def at(self, covariates: Array) -> Array:
        """Give the expected benefit of offering at covariates (m, d), in the outcome's units."""
        return np.asarray(self.intercept + (covariates - self.centre) / self.spread @ self.slopes)


def uplift(covariates: Array, learned: Learned) -> Uplift:
    """Learn whom an offer helps from the decisions that were compared (n, d).

    Scores regressed on covariates (Kennedy, Electronic Journal of Statistics 2023;17:3008), the slopes shrunk as far as
    cross-validation wants.
    """
    centre, spread = covariates.mean(axis=0), covariates.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    line = ridge((covariates - centre) / spread, learned.scores, np.ones(len(covariates)))
    return Uplift(line.intercept, line.slopes, centre, spread)
