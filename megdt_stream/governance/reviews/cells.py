"""Marks of a trainee by period and assessor, added up over competencies."""

from __future__ import annotations

from collections.abc import Mapping
from math import isqrt
from typing import Final, NamedTuple, TypeAlias

from megdt_stream.evidence.record import PERIOD_MS
from megdt_stream.twin.state import Twin

UNNAMED: Final = "-"
_HOUR_MS: Final = 3_600_000

Rated: TypeAlias = dict[str, list[int]]
"""By assessor: how many marks, sum of weights, sum of weighted levels (thousandths)."""


def add(into: Rated, rater: str, value: tuple[int, ...]) -> None:
    """Add a cell."""
    known = into.get(rater)
    if known is None:
        into[rater] = list(value)
    else:
        n, w, wy = value
        known[0] += n
        known[1] += w
        known[2] += wy


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


def marks(twin: Twin, since: int) -> list[tuple[str, str, int, str, tuple[int, ...]]]:
    """Give (field, competency, period, assessor, sum) of all cells from a period on whose assessor is named."""
    sums = twin.sums
    names = [name for name in sums if name[0] == "c"]
    # One cut through all names costs a third of one cut a name.
    parts = "|".join(names).split("|")
    return [
        (name, competency, int(period), rater, sums[name])
        for name, competency, period, rater in zip(names, parts[1::4], parts[2::4], parts[3::4], strict=False)
        if rater != UNNAMED and int(period) >= since
    ]


def forms_fell(twin: Twin, first: int, turn: int, limit: int) -> bool:
    """Tell whether forms from a period `turn` on are lower than those from `first` to there by more than `limit`.

    By the twin's sums of forms, a rotation and key each at its mean time: there are far fewer of them than marks, and
    where these do not fall nothing else has to be looked at. With none from `turn` on they cannot tell: true.
    """
    middle, start = (period * PERIOD_MS // _HOUR_MS for period in (turn, first))
    late = late_level = early = early_level = 0
    for n, level, hours in [value for name, value in twin.sums.items() if name[0] == "a"]:
        if hours >= middle * n:
            late += n
            late_level += level
        elif hours >= start * n:
            early += n
            early_level += level
    return bool(early) and (not late or early_level // early - late_level // late > limit)


def root(variance: int) -> int:
    """Give the standard deviation, rounded down."""
    return isqrt(variance)
