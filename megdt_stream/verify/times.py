"""RFC 3339 times as milliseconds since the epoch."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

DAY_MS: Final = 86_400_000
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_FORM: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt]([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d{1,9}))?"
    r"(?P<zone>[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))?",
    re.ASCII,
)


class NotATime(ValueError):
    """The text is no RFC 3339 time."""


class NaiveTime(ValueError):
    """A time whose zone is missing."""


def read_time(text: str) -> int:
    """Give the milliseconds since the epoch, finer digits cut off.

    Raises NotATime, or NaiveTime when only the zone is missing.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise NotATime(text)
    days = _days(found)
    if found["zone"] is None:
        raise NaiveTime(text)
    hours, minutes, seconds = int(found[4]), int(found[5]), int(found[6])
    thousandths = int(((found[7] or "") + "000")[:3])
    local = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    return (local - _offset_seconds(found)) * 1000 + thousandths


def _days(found: re.Match[str]) -> int:
    try:
        return date(int(found[1]), int(found[2]), int(found[3])).toordinal() - _EPOCH_DAY
    except ValueError as error:
        raise NotATime(found[0]) from error


def _offset_seconds(found: re.Match[str]) -> int:
    if found[9] is None:
        return 0
    seconds = int(found[10]) * 3600 + int(found[11]) * 60
    return -seconds if found[9] == "-" else seconds


EARLIEST: Final = read_time("1900-01-01T00:00:00Z")
LATEST: Final = read_time("2200-01-01T00:00:00Z")
