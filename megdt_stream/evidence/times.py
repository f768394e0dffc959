"""RFC 3339 times as the contract takes them, to milliseconds since the epoch (docs/records.md, section 1), and back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from megdt_stream.evidence.reasons import Reason
from megdt_stream.evidence.refused import Refused

MINUTE_MS: Final = 60_000
DAY_MS: Final = 24 * 60 * MINUTE_MS
_EARLIEST_MS: Final = -2_208_988_800_000  # 1900-01-01T00:00:00Z
_LATEST_MS: Final = 7_258_118_400_000  # 2200-01-01T00:00:00Z
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
NOT_WRITTEN_AS_TIME: Final = "a time is written like 2025-03-04T10:15:00+08:00, with up to nine decimals of a second"
_TIME: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2})(:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?([Zz]|[+-][0-9]{2}:[0-9]{2})?"
)
_REMEMBERED: Final = 16_384

# The parts of a time and what each adds, in ms: `2025-03-04T10`, `:15:00` and what follows, `.5+08:00`. Three look-ups
# cost half of datetime.fromisoformat and its arithmetic, and what is not there is not taken for granted.
_HOURS: Final[dict[str, int]] = {}
_CLOCK: Final = {
    f":{minute:02d}:{second:02d}": (minute * 60 + second) * 1000 for minute in range(60) for second in range(60)
}
_TAILS: Final[dict[str, int]] = {}
_HOUR_OF_DAY: Final = {f"{hour:02d}": hour * 60 * MINUTE_MS for hour in range(24)}


class NotATime(ValueError):
    """The text is no time that is taken; `refuse` says why."""


class NaiveTime(NotATime):
    """The text is a real time without a zone."""


def milliseconds(text: str) -> int:
    """Give the moment that a text names, fractions of a millisecond cut off. Raises NotATime."""
    try:
        return _HOURS[text[:13]] + _CLOCK[text[13:19]] + _TAILS[text[19:]]
    except (KeyError, TypeError):
        ms = _computed(text)
    if not _EARLIEST_MS <= ms <= _LATEST_MS:
        raise NotATime("a time lies between the years 1900 and 2200")
    return ms


def refuse(texts: Sequence[tuple[str, str]]) -> None:
    """Raise Refused for the first of (path, text) that is no time.

    All must be real, then all have a zone, then all be of our days: so the reason does not depend on their order.
    """
    naive = []
    for path, text in texts:
        try:
            _computed(text)
        except NaiveTime:
            naive.append((path, text))
        except NotATime as error:
            raise Refused(Reason.INVALID, f"{text} {error}", path) from error
    for path, text in naive:
        raise Refused(Reason.NAIVE_TIMESTAMP, f"{text} has no zone", path)
    for path, text in texts:
        try:
            milliseconds(text)
        except NotATime as error:
            raise Refused(Reason.INVALID, str(error), path) from error


def _computed(text: object) -> int:
    """Read a time of any form, and remember its parts for the next one. Raises NotATime."""
    if not isinstance(text, str) or (found := _TIME.fullmatch(text)) is None:
        raise NotATime(NOT_WRITTEN_AS_TIME)
    day, hour, clock, fraction, zone = found.groups()
    try:
        to_hour = (date.fromisoformat(day).toordinal() - _EPOCH_DAY) * DAY_MS + _HOUR_OF_DAY[hour]
        to_second = _CLOCK[clock]
        offset = 0 if zone in (None, "Z", "z") else _HOUR_OF_DAY[zone[1:3]] + _CLOCK[f"{zone[3:]}:00"]
    except (ValueError, KeyError) as error:
        raise NotATime("is no real time") from error
    if zone is None:
        raise NaiveTime("has no zone")
    tail = int((fraction or "0")[:3].ljust(3, "0")) + (offset if zone[0] == "-" else -offset)
    if 1900 < int(day[:4]) < 2199:  # so that what is put together of remembered parts is of our days
        _remember(_HOURS, text[:13], to_hour)
    if len(fraction or "") <= 3:
        _remember(_TAILS, text[19:], tail)
    return to_hour + to_second + tail


def _remember(table: dict[str, int], key: str, value: int) -> None:
    if len(table) >= _REMEMBERED:
        table.clear()
    table[key] = value


def moment(ms: int) -> datetime:
    """Give a moment in UTC, without its zone: the zone is written as Z, and isoformat is faster than strftime."""
    return _EPOCH + timedelta(milliseconds=ms)


def rfc3339(ms: int, timespec: str = "seconds") -> str:
    """Write a time in UTC; `timespec` as `datetime.isoformat` has it."""
    return f"{moment(ms).isoformat(timespec=timespec)}Z"
