"""Marks of a trainee by period and assessor, added up over competencies."""

from __future__ import annotations

from collections.abc import Mapping
from math import isqrt
from typing import Final, NamedTuple, TypeAlias

from megdt_stream.twin.state import Twin

UNNAMED: Final = "-"

Rated: TypeAlias = dict[str, tuple[int, int, int]]
"""By assessor: how many marks, sum of weights, sum of weighted levels (thousandths)."""


def add(into: Rated, rater: str, value: tuple[int, ...]) -> None:
    """Add a cell."""
    n, w, wy = into.get(rater, (0, 0, 0))
    into[rater] = (n + value[0], w + value[1], wy + value[2])


class Window(NamedTuple):
    """What several assessors say: each one's mean level once, whoever filled in more forms (thousandths).

    `variance` of the mean of these, in squared thousandths.
    """

    means: Mapping[str, int]
    mean: int
    variance: int


def window(rated: Rated, rater_sd: int, mark_sd: int) -> Window:
    """Sum a window of at least one assessor up.

    `rater_sd`: how far assessors differ in severity; `mark_sd`: of single marks about what an assessor sees
    (thousandths of a level). With severity unknown, its spread is part of the uncertainty.
    """
    means = {rater: wy // w for rater, (_, w, wy) in rated.items()}
    k = len(means)
    spread = sum(rater_sd**2 + mark_sd**2 // n for n, _, _ in rated.values())
    return Window(means, sum(means.values()) // k, spread // k**2)


def without(means: Mapping[str, int], lowest: bool) -> int:
    """Give the mean of the others without the assessor who says least (or most); there are at least two."""
    left = sorted(means.values())
    left = left[1:] if lowest else left[:-1]
    return sum(left) // len(left)


def marks(twin: Twin, since: int) -> list[tuple[str, int, str, tuple[int, ...]]]:
    """Give (competency, period, assessor, sum) of all cells from a period on whose assessor is named."""
    found = []
    for field, value in twin.sums.items():
        if field[0] == "c":
            _, competency, period, rater = field.split("|")
            if int(period) >= since and rater != UNNAMED:
                found.append((competency, int(period), rater, value))
    return found


def root(variance: int) -> int:
    """Give the standard deviation, rounded down."""
    return isqrt(variance)
