"""The closed vocabulary of risk features: names, and how they become a model's terms.

Nothing outside of it reaches a model, and everything in it is a finite number within `LIMIT`: one NaN poisons a
linear model for good, and invented names make it grow without limit. A changed meaning is a new version.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

VERSION: Final = 1
LIMIT: Final = 4.0
"""No feature is further from zero."""

FEATURES: Final = (
    # relative to the schedule: of what was due so far
    *("missed_share", "missed_last", "missed_before_last", "missed_run", "missed_recent", "missed_any_recent"),
    *("missed_decayed", "missed_all", "missed_last_fresh", "days_since_due", "nothing_due", "nothing_more_due"),
    *("next_done", "next_in"),
    # how work is handed in
    *("submitted_none", "submitted_rate", "silence", "long_silence"),
    *("lead_mean", "lead_last", "late_share", "late_last", "carried_over"),
    # levels, shrunken to the middle; the hinges are 40, 55, 60 and 75 per cent on `oulad-percent@1`
    *("level_mean", "below_2_6", "below_3_2", "below_3_4", "below_4_0", "level_last", "level_last_high"),
    *("level_last_low", "failed_share", "level_min", "level_trend", "levels_seen", "earned"),
    # before and beside
    *("registered_late", "beside", "passed_before", "failed_before", "left_before"),
    *("level_elsewhere", "entry_qualification", "entry_attempts", "entry_repeats", "entry_load", "entry_overload"),
    "entry_area",
    # time
    *("weeks", "progress", "early"),
)
"""Names by position; what each means stands in docs/risk.md."""

WITH_WEEKS: Final = (
    *("missed_share", "missed_last", "missed_before_last", "missed_run", "missed_recent", "missed_decayed"),
    *("days_since_due", "next_in", "submitted_rate", "silence", "lead_mean", "lead_last", "late_share", "late_last"),
    *("level_mean", "below_3_4", "below_4_0", "level_last", "level_last_low", "level_min", "levels_seen", "earned"),
    *("entry_qualification", "entry_repeats", "entry_load"),
)
"""Features whose weight may change with the weeks: each has a second term, itself times the weeks."""

_TIME: Final = ("weeks", "progress", "early")
_ENDS: Final = ("nothing_due", "nothing_more_due")
HISTORY: Final = ("beside", "passed_before", "failed_before", "left_before", "level_elsewhere")
"""Rare, and empty in a first cohort: held close to no effect until outcomes speak."""
EARLY: Final = tuple([n for n in FEATURES if n not in {*_TIME, *_ENDS, *HISTORY, "registered_late"}])
"""Features that may weigh otherwise in the first fifty days, when little is known."""

_INDEX: Final = {name: at for at, name in enumerate(FEATURES)}
_WEEKLY: Final = np.array([_INDEX[name] for name in WITH_WEEKS])
_EARLY: Final = np.array([_INDEX[name] for name in EARLY])
_WEEKS: Final = _INDEX["weeks"]
_DAYS_LEFT: Final = _INDEX["early"]
_MIDDLE: Final = 0.75
"""Hundreds of days: interactions vanish there, so main terms are the weights of that day."""

TERMS: Final = (
    "intercept",
    *FEATURES,
    *(f"{name}*weeks" for name in WITH_WEEKS),
    *(f"{name}*early" for name in EARLY),
)
"""What a model weighs, by position."""
_FIRST: Final = len(FEATURES) + 1
_SECOND: Final = _FIRST + len(WITH_WEEKS)

PRIOR_VARIANCE: Final = tuple([0.04 if name in HISTORY else 10.0 for name in TERMS])
"""Of each term's weight. Wide: the limits of the features, not the prior, keep a weight in place."""

_KEY: Final = ("missed_share", "silence", "level_mean", "level_last", "lead_last", "earned", "entry_qualification")
PRODUCTS: Final = tuple([(a, b) for at, a in enumerate(_KEY) for b in _KEY[at:]])
RICHER_TERMS: Final = (*TERMS, *(f"{a}*{b}" for a, b in PRODUCTS))
"""What the richer challenger weighs: also squares and products of the features that say most."""
RICHER_PRIOR_VARIANCE: Final = (*PRIOR_VARIANCE, *[0.25] * len(PRODUCTS))
_LEFT: Final = np.array([_INDEX[a] for a, _ in PRODUCTS])
_RIGHT: Final = np.array([_INDEX[b] for _, b in PRODUCTS])

Vector = NDArray[np.float64]


def clamped(values: Sequence[float]) -> tuple[float, ...]:
    """Give the features within their limits; what is no number is 0. Raises ValueError for another number of them."""
    if len(values) != len(FEATURES):
        raise ValueError(f"{len(values)} features, not the {len(FEATURES)} of vocabulary {VERSION}")
    return tuple([_clamp(value) for value in values])


def from_names(named: Mapping[str, Any]) -> tuple[float, ...]:
    """Give features by position. Names that are not in the vocabulary are ignored, absent ones are 0."""
    return tuple([_clamp(named.get(name, 0.0)) for name in FEATURES])


def terms(features: Sequence[float]) -> Vector:
    """Give the terms (n,) of features that are within their limits."""
    whole = np.empty(len(TERMS))
    _fill(whole, np.asarray(features, dtype=np.float64))
    return whole


def richer_terms(features: Sequence[float]) -> Vector:
    """Give the terms of the richer challenger."""
    given = np.asarray(features, dtype=np.float64)
    whole = np.empty(len(RICHER_TERMS))
    _fill(whole, given)
    np.multiply(given[_LEFT], given[_RIGHT], out=whole[len(TERMS) :])
    return whole


def _fill(whole: Vector, given: Vector) -> None:
    whole[0] = 1.0
    whole[1:_FIRST] = given
    np.multiply(given[_WEEKLY], given[_WEEKS] - _MIDDLE, out=whole[_FIRST:_SECOND])
    np.multiply(given[_EARLY], given[_DAYS_LEFT], out=whole[_SECOND : len(TERMS)])


def _clamp(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return 0.0
    if math.isnan(number):
        return 0.0
    return -LIMIT if number < -LIMIT else min(number, LIMIT)
