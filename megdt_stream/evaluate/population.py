"""Simulated trainees and raters with stated shares of the variance: the truth that estimates are measured by.

One score a period and trainee, continuous, in levels; its variance over trainees, raters and occasions is one squared
level. Nobody grows, which the learner is not told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from megdt_stream.twin.estimate import Sums

Array = NDArray[np.float64]
Index = NDArray[np.int64]

MEAN: Final = 3.0
SCORES: Final = 40
"""Scores per trainee, and per rater."""

BASE: Final = 7
"""Trainees, and raters, of a specialty base."""

BASES: Final = 100
PER_PERIOD: Final = 2
"""Scores of a trainee in a period of four weeks: 40 in a year and a half."""

_CROSSING: Final = 0.10
_FIRST_PERIOD: Final = 700
_WEIGHT: Final = 1250
"""Declared weight of a score, variance 0.8 squared levels; no setting has that residual variance."""


@dataclass(frozen=True)
class Setting:
    """Shares of the variance, and whether raters see the trainees of their base mostly, or anybody."""

    subject: float
    rater: float
    residual: float
    clustered: bool


SETTINGS: Final[dict[str, Setting]] = {
    f"{100 * subject:.0f}/{100 * rater:.0f}/{100 * residual:.0f} {'clustered' if clustered else 'mixed'}": Setting(
        subject, rater, residual, clustered
    )
    for subject, rater, residual in ((0.08, 0.45, 0.47), (0.25, 0.25, 0.50))
    for clustered in (False, True)
}
"""Named trainee/rater/residual in percent: `8/45/47 mixed` and so on."""


@dataclass(frozen=True)
class Population:
    """True levels (t) and shifts of raters (r), and who scored whom when: `raters` and `scores` are (t, SCORES).

    Column j is every trainee's score in period j.
    """

    setting: Setting
    levels: Array
    shifts: Array
    raters: Index
    scores: Array

    @property
    def trainees(self) -> int:
        """How many trainees there are."""
        return len(self.levels)

    def cells(self, count: int) -> dict[str, list[Sums]]:
        """Give the twins' cells after each trainee's first `count` scores."""
        milli = np.floor(self.scores * 1000 + 0.5).astype(np.int64)
        return {
            trainee_name(s): [
                (_FIRST_PERIOD + j // PER_PERIOD, rater_name(self.raters[s, j]), 1, _WEIGHT, _WEIGHT * int(milli[s, j]))
                for j in range(count)
            ]
            for s in range(self.trainees)
        }

    def observed(self, start: int, end: int) -> Iterator[tuple[str, str, float]]:
        """Give rater, trainee and score of periods `start` to `end` (excluded), in time order."""
        for j in range(start, end):
            for s in range(self.trainees):
                yield rater_name(self.raters[s, j]), trainee_name(s), float(self.scores[s, j])


def trainee_name(number: int) -> str:
    """Name a trainee."""
    return f"t.{number:05d}"


def rater_name(number: int) -> str:
    """Name a rater."""
    return f"r.{number:05d}"


def draw(setting: Setting, seed: int, bases: int = BASES) -> Population:
    """Draw a population of `bases` bases; equal seeds give equal populations."""
    chance = np.random.default_rng(seed)
    size = BASE * bases
    levels = MEAN + chance.normal(0.0, setting.subject**0.5, size)
    shifts = chance.normal(0.0, setting.rater**0.5, size)
    raters = _clustered(chance, bases) if setting.clustered else _mixed(chance, size)
    noise = chance.normal(0.0, setting.residual**0.5, raters.shape)
    return Population(setting, levels, shifts, raters, levels[:, None] + shifts[raters] + noise)


def _mixed(chance: np.random.Generator, size: int) -> Index:
    """Deal out each rater's scores to anybody."""
    dealt = chance.permutation(np.repeat(np.arange(size), SCORES))
    return dealt.reshape(size, SCORES)


def _clustered(chance: np.random.Generator, bases: int) -> Index:
    """Deal out each rater's scores within its base; then those that cross bases change raters among themselves."""
    dealt = np.concatenate([base * BASE + _mixed(chance, BASE) for base in range(bases)]).ravel()
    crossing = np.flatnonzero(chance.random(dealt.size) < _CROSSING)
    dealt[crossing] = dealt[chance.permutation(crossing)]
    return dealt.reshape(-1, SCORES)
