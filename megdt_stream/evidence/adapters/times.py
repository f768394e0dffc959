"""Times of foreign formats: read as aware datetimes, written as the contract wants them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, tzinfo
from math import ceil
from typing import Final

from megdt_stream.evidence.adapters import AdapterReason
from megdt_stream.evidence.adapters.settling import Unusable
from megdt_stream.evidence.reasons import REMEDY, Reason

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
NOON: Final = time(12)
"""The hour of a day without one: no zone on earth but the last ones moves noon to another day."""

_PARTIAL: Final = re.compile(r"[0-9]{4}(-[0-9]{2})?")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DURATION: Final = re.compile(
    r"P(?:(?P<weeks>[0-9]{1,6}(?:\.[0-9]+)?)W"
    r"|(?:(?P<days>[0-9]{1,6}(?:\.[0-9]+)?)D)?"
    r"(?:T(?:(?P<hours>[0-9]{1,6}(?:\.[0-9]+)?)H)?(?:(?P<minutes>[0-9]{1,8}(?:\.[0-9]+)?)M)?"
    r"(?:(?P<seconds>[0-9]{1,10}(?:\.[0-9]+)?)S)?)?)"
)
_IN_MINUTES: Final = {"weeks": 10080.0, "days": 1440.0, "hours": 60.0, "minutes": 1.0, "seconds": 1 / 60}
_MOST_MINUTES: Final = 1440


def instant(text: object, path: str) -> datetime:
    """Read an ISO 8601 time with a zone. Raises Unusable."""
    if text is None:
        raise Unusable(AdapterReason.MISSING_TIME, path, "state when it happened")
    moment = _parsed(text, path)
    if moment.tzinfo is None:
        raise Unusable(Reason.NAIVE_TIMESTAMP, path, REMEDY[Reason.NAIVE_TIMESTAMP])
    return moment


def fhir_instant(text: object, path: str, zone: tzinfo) -> datetime:
    """Read a FHIR `dateTime`: a day without an hour is noon there in `zone`. Raises Unusable."""
    if isinstance(text, str) and _PARTIAL.fullmatch(text):
        raise Unusable(AdapterReason.IMPRECISE_TIME, path, "state the day at least: 2025-03-04")
    if isinstance(text, str) and _DAY.fullmatch(text):
        return settled(datetime.combine(_parsed(text, path).date(), NOON), zone, path)
    return instant(text, path)


def settled(local: datetime, zone: tzinfo, path: str, *, ambiguous: str = "refuse") -> datetime:
    """Put a local time into its zone.

    A time that occurs twice is the `earlier` or `later` one, or refused; one that the clocks skip is refused.
    """
    first, second = local.replace(tzinfo=zone, fold=0), local.replace(tzinfo=zone, fold=1)
    before, after = _offset(first, path), _offset(second, path)
    if before == after:
        return first
    if before < after:
        raise Unusable(AdapterReason.NONEXISTENT_TIME, path, "the clocks skip this time: correct it at its source")
    if ambiguous == "refuse":
        hint = "set file.ambiguous to earlier or later in the mapping, or state the offset"
        raise Unusable(AdapterReason.AMBIGUOUS_TIME, path, hint)
    return first if ambiguous == "earlier" else second


def at_noon(day: date) -> datetime:
    """Give noon of a day, without a zone."""
    return datetime.combine(day, NOON)


def rfc3339(moment: datetime, path: str = "") -> str:
    """Write an aware time. Offsets are whole minutes in the contract: others become UTC. Raises Unusable."""
    offset = _offset(moment, path)
    if offset % 60 == 0:
        return moment.isoformat()
    try:
        return moment.astimezone(UTC).isoformat()
    except OverflowError as error:
        raise Unusable(Reason.INVALID, path, "a time lies between the years 1900 and 2200") from error


def milliseconds(moment: datetime) -> int:
    """Give an aware time in ms since the epoch, cut off towards the past."""
    delta = moment - EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1000 + delta.microseconds // 1000


def minutes(duration: object) -> int | None:
    """Give an ISO 8601 duration as 1 to 1,440 minutes, rounded up; None for any other, and for months and years."""
    found = _DURATION.fullmatch(duration) if isinstance(duration, str) else None
    if found is None:
        return None
    whole = ceil(sum(float(number) * _IN_MINUTES[unit] for unit, number in found.groupdict().items() if number) - 1e-9)
    return whole if 1 <= whole <= _MOST_MINUTES else None


def _parsed(text: object, path: str) -> datetime:
    if not isinstance(text, str):
        raise Unusable(AdapterReason.MALFORMED, path, "a time is a text by ISO 8601")
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError as error:
        raise Unusable(Reason.INVALID, path, "no real time by ISO 8601, such as 2025-03-04T10:15:00+08:00") from error


def _offset(moment: datetime, path: str) -> float:
    """Give the offset from UTC in seconds. Zones count from year 1, and overflow beside it."""
    try:
        offset = moment.utcoffset()
    except OverflowError as error:
        raise Unusable(Reason.INVALID, path, "a time lies between the years 1900 and 2200") from error
    return 0.0 if offset is None else offset.total_seconds()
