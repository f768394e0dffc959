"""Times as text, and the lengths that numbers of a twin are told in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from megdt_stream.evidence.record import WEEK_MS
from megdt_stream.evidence.times import DAY_MS

YEAR_MS: Final = round(365.25 * DAY_MS)
"""A year of rates and of training: the Julian year, leap days spread."""

MONTH_MS: Final = YEAR_MS // 12
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)
_MONDAY_MS: Final = 3 * DAY_MS  # the epoch began on a Thursday


def rfc3339(ms: int) -> str:
    """Write a time in UTC, to the second."""
    return f"{_moment(ms).isoformat(timespec='seconds')}Z"


def rfc3339_or_none(ms: int | None) -> str | None:
    """Write a time in UTC where there is one."""
    return None if ms is None else rfc3339(ms)


def date_of(ms: int) -> str:
    """Write a day, UTC."""
    return _moment(ms).date().isoformat()


def week_start(week: int) -> int:
    """Give the Monday 00:00 UTC (ms) on which a week begins: the inverse of `evidence.record.week_of`."""
    return week * WEEK_MS - _MONDAY_MS


def _moment(ms: int) -> datetime:
    """Give a moment in UTC, without its zone: the zone is written as Z, and isoformat is faster than strftime."""
    return _EPOCH + timedelta(milliseconds=ms)
