"""Times as text, and the lengths that numbers of a twin are told in."""

from __future__ import annotations

from typing import Final

from megdt_stream.evidence.record import WEEK_MS
from megdt_stream.evidence.times import DAY_MS, moment, rfc3339

YEAR_MS: Final = round(365.25 * DAY_MS)
"""A year of rates and of training: the Julian year, leap days spread."""

MONTH_MS: Final = YEAR_MS // 12
_MONDAY_MS: Final = 3 * DAY_MS  # the epoch began on a Thursday


def rfc3339_or_none(ms: int | None) -> str | None:
    """Write a time in UTC where there is one."""
    return None if ms is None else rfc3339(ms)


def date_of(ms: int) -> str:
    """Write a day, UTC."""
    return moment(ms).date().isoformat()


def week_start(week: int) -> int:
    """Give the Monday 00:00 UTC (ms) on which a week begins: the inverse of `evidence.record.week_of`."""
    return week * WEEK_MS - _MONDAY_MS
