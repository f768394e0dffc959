"""Tables of treated and controls whose true effect is known, drawn to be as hard as registries are.

`earnings`: a programme for people with little work, compared with a sample of everybody: earnings of two earlier years
with many zeros and a long tail, a dip before entry, few covariates, some binary, and hardly anybody alike.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from scipy.special import expit

from megdt_stream.governance.effects.basis import Array


class Drawn(NamedTuple):
    """Covariates (n, d), treatment (n), outcome (n), and the true average effect on the treated."""

    covariates: Array
    treated: Array
    outcome: Array
    truth: float


class People(NamedTuple):
    """Covariates that selection and outcome depend on, (n) each."""

    age: Array
    schooling: Array
    minority: Array
    married: Array
    before: Array
    last: Array

    def columns(self) -> Array:
        """Give them as the table has them, (n, 7)."""
        without = (self.schooling < 12).astype(float)
        return np.column_stack((self.age, self.schooling, self.minority, self.married, without, self.before, self.last))


def _people(n: int, rng: np.random.Generator) -> People:
    ability = rng.normal(size=n)
    age = np.clip(rng.gamma(6, 5, size=n) + 15, 17, 55).round()
    minority = (rng.random(n) < 0.3).astype(float)
    ability -= 0.35 * minority
    schooling = np.clip((11.8 + 1.8 * ability + 2 * rng.normal(size=n)).round(), 0, 18)
    married = (rng.random(n) < expit((age - 26) / 7 + 0.5 * ability - 0.8 * minority)).astype(float)
    lasting = 0.45 * ability + 0.06 * (schooling - 12) + 0.055 * (age - 30) - 0.0016 * (age - 30) ** 2 + 0.25 * married
    attached = 1.2 * lasting + 0.7 * rng.normal(size=n)
    before = np.where(attached + 0.8 * rng.normal(size=n) > -1.1, np.exp(9.45 + lasting + 0.45 * rng.normal(size=n)), 0)
    passing = 0.5 * rng.normal(size=n)
    works = attached + 0.6 * passing + 0.4 * (before > 0) - 0.2 + 0.8 * rng.normal(size=n) > -1.1
    level = 0.4 * np.where(before > 0, np.log(before + 1) - 9.4, -0.8)
    last = np.where(works, np.exp(9.4 + 0.6 * lasting + level + 0.4 * passing + 0.2 * rng.normal(size=n)), 0)
    return People(age, schooling, minority, married, before, last)


def earnings(
    seed: int, controls: int = 2490, treated: int = 185, sharp: float = 1.0, noise: float = 0.55, bent: float = 0.0
) -> Drawn:
    """Draw a programme's entrants and a sample of everybody else.

    `sharp` multiplies how strictly the needy are chosen, `noise` is the SD of log earnings, `bent` how crooked earnings
    follow earlier ones.
    """
    rng = np.random.default_rng(seed)
    p = _people(60_000 + 3 * controls, rng)
    idle = (p.last == 0).astype(float)
    expected = 0.25 * p.before + 0.45 * p.last + 250 * (p.schooling - 11) + 60 * (p.age - 30) - 6 * (p.age - 30) ** 2
    expected += 900 * p.married - 700 * p.minority + 2500 + (p.before == 0) * (600 - 1800 * idle)
    expected += bent * (3000 * np.tanh((p.last - 9000) / 5000) + 1500 * p.married * (p.age > 30))
    works = rng.random(len(expected)) < expit((expected - 1500) / 2500)
    without = np.where(
        works, np.clip(expected, 500, None) * np.exp(noise * rng.normal(size=len(works)) - noise**2 / 2), 0
    )
    gain = 1800 + 200 * (p.schooling - 10) - 0.05 * np.minimum(p.last, 20_000) + 500 * rng.normal(size=len(works))
    with_ = np.maximum(without + gain, 0)
    need = -0.25 * (p.age - 25) / 7 - 0.00022 * p.last - 0.00012 * p.before + 1.1 * (p.before == 0) + 0.7 * idle
    need += 1.8 * p.minority - 1.3 * p.married + 0.5 * (p.schooling < 12) - 0.02 * (p.schooling - 11) ** 2
    entered = np.argsort(-(sharp * need + rng.gumbel(size=len(need))))[:treated]
    others = rng.choice(np.setdiff1d(np.arange(len(need)), entered), controls, replace=False)
    rows, arm = np.r_[entered, others], np.r_[np.ones(treated), np.zeros(controls)]
    truth = float((with_ - without)[entered].mean())
    return Drawn(p.columns()[rows], arm, np.where(arm == 1, with_[rows], without[rows]), truth)


def crooked(seed: int, n: int = 1000, steps: bool = False, at_random: bool = False) -> Drawn:
    """Draw ten covariates of which selection and outcome depend smoothly, or in `steps`, on some."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 10))
    x[:, 7:] = x[:, 7:] > 0
    if steps:
        need = 1.2 * (x[:, 0] > 0.5) - (x[:, 1] < 0) + 0.6 * x[:, 7]
        level = 2 * (x[:, 0] > 0.5) + x[:, 1] ** 2 + x[:, 7] * x[:, 2]
    else:
        need = 0.8 * x[:, 0] - 0.6 * x[:, 1] + 0.5 * x[:, 7]
        level = x[:, 0] + x[:, 1] + 0.5 * x[:, 2] * x[:, 0] + x[:, 7]
    arm = (rng.random(n) < expit(0.0 if at_random else need - 0.85)).astype(float)
    gain = 0.5 + 0.3 * x[:, 0]
    return Drawn(x, arm, level + gain * arm + rng.normal(size=n), float(gain[arm == 1].mean()))


TABLES: Final[dict[str, Callable[[int], Drawn]]] = {
    "earnings, survey": lambda seed: earnings(seed, bent=1.0),
    "earnings, far apart": lambda seed: earnings(seed, sharp=1.7, noise=0.9, bent=1.0),
    "earnings, few controls": lambda seed: earnings(seed, 700, sharp=1.3, noise=0.8, bent=1.5),
    "earnings, census": lambda seed: earnings(seed, 16_000, sharp=1.3, noise=0.8),
    "smooth": crooked,
    "steps": lambda seed: crooked(seed, steps=True),
    "at random": lambda seed: crooked(seed, 400, at_random=True),
}
