"""The interval of a standard deviation, in closed form."""

from __future__ import annotations

from math import sqrt
from typing import Final, NamedTuple

LEAST_FOR_SD: Final = 10
"""Fewest values whose standard deviation is told; the approximation of its interval is within 1 % from here on."""


class Interval(NamedTuple):
    """Lower and upper bound."""

    low: float
    high: float


def of_sd(sd: float, freedom: int, z: float) -> Interval:
    """Give the interval of a standard deviation with so many degrees of freedom, for normal values.

    From the chi-square distribution of the variance, its quantiles by Wilson EB, Hilferty MM. The distribution of
    chi-square. PNAS 1931;17:684-688.
    """
    return Interval(sd * sqrt(freedom / _chi_square(z, freedom)), sd * sqrt(freedom / _chi_square(-z, freedom)))


def _chi_square(z: float, freedom: int) -> float:
    ninth = 2 / (9 * freedom)
    return float(freedom * (1 - ninth + z * sqrt(ninth)) ** 3)
