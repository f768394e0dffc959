"""Simulated years of decisions whose true effects are known, with what makes learning from decisions hard.

Trainees come up for a decision since they scored low, and a low score is partly bad luck (regression to the mean). An
offer is made at random with a logged propensity that is higher for the weaker. Whether it is accepted depends on a need
that nobody logged and that the outcome depends on too; some get the intervention without an offer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import expit

from megdt_stream.governance.effects.basis import Array
from megdt_stream.governance.effects.logged import Arms, Log

DECISIONS: Final = 400
_RELIABILITY: Final = 0.5
"""Share of the variance of the score that is the trainee's: half of how low a picked score is goes away by itself."""

_NEED: Final = -0.35
_NOISE: Final = 0.5
_CROOKED: Final = 0.12
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(21)


@dataclass(frozen=True)
class Year:
    """Candidates of a year: covariates (n, 4: score, quota missing, weeks left, load), true gain if taken up (n)."""

    covariates: Array
    gain: Array
    level: Array
    need: Array

    def without(self) -> Array:
        """Give the expected outcome without the intervention, given the covariates (n)."""
        score, quota, weeks, load = self.covariates.T
        return np.asarray(_RELIABILITY * score - 0.2 * quota + 0.1 * weeks - _CROOKED * quota**2 - 0.15 * load)


def draw(rng: np.random.Generator, n: int = DECISIONS, effect: float = 1.0) -> Year:
    """Draw a year's candidates; `effect` multiplies what the intervention does (0: nothing)."""
    level, luck = rng.normal(size=(2, 4 * n)) * [[_RELIABILITY**0.5], [(1 - _RELIABILITY) ** 0.5]]
    picked = np.argsort(level + luck)[: 2 * n]
    picked = rng.permutation(picked)[:n]
    score = (level + luck)[picked]
    quota, weeks, load = rng.gamma(2.0, 0.5, size=n), rng.uniform(-1, 1, size=n), rng.normal(size=n)
    # Targeting the weakest can harm: beyond a depth the intervention competes with what they need more.
    gain = effect * (0.35 + 0.30 * (score + 0.8) + 0.25 * (quota - 1) + 0.15 * weeks)
    return Year(np.column_stack((score, quota, weeks, load)), gain, level[picked], rng.normal(size=n))


def propensity(year: Year) -> Array:
    """Give the logged chance of an offer (n): higher for lower scores, between .2 and .8."""
    return np.clip(expit(-0.8 * (year.covariates[:, 0] + 0.8)), 0.2, 0.8)


def acceptance(year: Year, need: Array) -> Array:
    """Give the chance of taking up an offer (n), given the need that nobody logs."""
    return np.asarray(expit(0.6 + 0.9 * need + 0.3 * year.covariates[:, 1] - 0.3))


def anyway(need: Array) -> Array:
    """Give the chance of getting the intervention without an offer, as a share of accepting one."""
    return np.asarray(0.10 * expit(0.5 * need))


def decide(year: Year, rng: np.random.Generator) -> Log:
    """Offer, let people accept, and see what comes out."""
    chance = propensity(year)
    luck = rng.random((2, len(chance)))
    offered = (luck[0] < chance).astype(float)
    # One draw decides both answers, so whoever takes it without an offer takes it with one, too.
    accepted = acceptance(year, year.need)
    taken = np.where(offered == 1, luck[1] < accepted, luck[1] < accepted * anyway(year.need)).astype(float)
    # The trainee's own part of a low score is the level; the rest of what the score missed stays in the outcome.
    missed = year.level - _RELIABILITY * year.covariates[:, 0]
    noise = _NOISE * rng.normal(size=len(chance))
    outcome = year.without() + missed + _NEED * year.need + taken * year.gain + noise
    return Log(year.covariates, offered, chance, taken, outcome)


def oracle(year: Year) -> tuple[Arms, Arms]:
    """Give the true regressions of outcome and taking up on the covariates, without and with an offer."""
    share = _WEIGHTS / _WEIGHTS.sum()
    grid = [(w, np.full(len(year.gain), node)) for w, node in zip(share, _NODES, strict=True)]
    with_ = np.asarray(sum(w * acceptance(year, u) for w, u in grid))
    without = np.asarray(sum(w * acceptance(year, u) * anyway(u) for w, u in grid))
    expected = year.without()
    return Arms(expected + without * year.gain, expected + with_ * year.gain), Arms(without, with_)


def true_effect(effect: float = 1.0, n: int = 400_000) -> float:
    """Give the mean gain of those who take up because of an offer, over the population."""
    year = draw(np.random.default_rng(0), n, effect)
    because = acceptance(year, year.need) * (1 - anyway(year.need))
    return float(because @ year.gain / because.sum())


def benefit(year: Year) -> Array:
    """Give the true expected benefit of an offer (n)."""
    _, taken = oracle(year)
    return np.asarray((taken.with_ - taken.without) * year.gain)
