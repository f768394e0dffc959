"""How sure a share or a count to come is. Closed forms: importing scipy.stats would take longer than the command."""

from __future__ import annotations

from math import exp, floor, lgamma, log, sqrt
from statistics import NormalDist
from typing import Final, NamedTuple

_SPREAD: Final = 12
"""Standard deviations below the mean from which on the distribution is added up; below is less than 1e-20."""
_SMOOTH: Final = 1000.0
"""Standard deviation from which on the normal distribution stands in for the sum of single counts."""


class Interval(NamedTuple):
    """A value with its interval, all in the value's unit."""

    value: float
    low: float
    high: float


def wilson(successes: int, trials: int, z: float) -> Interval | None:
    """Give a share with Wilson's score interval; None without a trial.

    Wilson EB. J Am Stat Assoc 1927;22:209-212; recommended for small numbers by Brown LD, Cai TT, DasGupta A.
    Statist Sci 2001;16:101-133. `z`: half width of the interval in standard deviations.
    """
    if not trials:
        return None
    share, spread = successes / trials, z * z / trials
    centre = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * sqrt(share * (1 - share) / trials + spread / (4 * trials))
    # Rounding may leave the end a hair inside the share where that is 0 or 1.
    return Interval(share, min(share, max(0.0, centre - half)), max(share, min(1.0, centre + half)))


class CountAhead(NamedTuple):
    """The count in a time `ahead`, after `seen` were counted in a time `observed` (same unit, both above 0).

    Counts are Poisson with an unknown constant rate, the rate's prior is Jeffreys' Gamma(1/2, 0); so the count to come
    is negative binomial with shape seen + 1/2 and success probability observed / (observed + ahead) (Gelman A et al.
    Bayesian Data Analysis, 3rd ed. 2013, sections 2.6 and 2.8).
    """

    seen: int
    observed: float
    ahead: float

    @property
    def shape(self) -> float:
        """Give the shape of the rate's Gamma distribution."""
        return self.seen + 0.5

    @property
    def mean(self) -> float:
        """Give the expected count."""
        return self.shape * self.ahead / self.observed

    @property
    def deviation(self) -> float:
        """Give the standard deviation of the count."""
        return sqrt(self.mean * (1 + self.ahead / self.observed))

    def below(self, count: int) -> float:
        """Give the probability of fewer than `count`."""
        if count <= 0:
            return 0.0
        if self.deviation > _SMOOTH:
            return NormalDist(self.mean, self.deviation).cdf(count - 0.5)
        total, number, mass = self._begin()
        while number < count:
            total, number, mass = self._step(total, number, mass)
        return min(1.0, total)

    def quantile(self, probability: float) -> int:
        """Give the smallest count that is not exceeded with the probability (between 0.001 and 0.999)."""
        if self.deviation > _SMOOTH:
            return max(0, round(NormalDist(self.mean, self.deviation).inv_cdf(probability)))
        total, number, mass = self._begin()
        while True:
            total, number, mass = self._step(total, number, mass)
            if total >= probability:
                return number - 1

    def _begin(self) -> tuple[float, int, float]:
        """Give the probability below the first number that is added up (as good as none), it, and its probability."""
        first = max(0, floor(self.mean - _SPREAD * self.deviation))
        missed = self.ahead / (self.observed + self.ahead)
        mass = lgamma(first + self.shape) - lgamma(self.shape) - lgamma(first + 1) + self.shape * log(1 - missed)
        return 0.0, first, exp(mass + first * log(missed))

    def _step(self, total: float, number: int, mass: float) -> tuple[float, int, float]:
        missed = self.ahead / (self.observed + self.ahead)
        return total + mass, number + 1, mass * (number + self.shape) / (number + 1) * missed
