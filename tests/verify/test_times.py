"""RFC 3339, and nothing like it."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.verify.times import EARLIEST, LATEST, NaiveTime, NotATime, read_time


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T08:00:00+08:00", 0),
        ("1969-12-31T19:00:00.001-05:00", 1),
        ("1969-12-31T23:59:59.9999Z", -1),
        ("2025-11-03t09:30:00.123999z", 1762162200123),
        ("2000-02-29T23:59:59.5-00:00", 951868799500),
        ("1900-01-01T00:00:00Z", EARLIEST),
        ("2200-01-01T00:00:00Z", LATEST),
    ],
)
def test_reads_milliseconds(text, milliseconds):
    assert read_time(text) == milliseconds


@given(
    st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 28)),  # noqa: DTZ001 - hypothesis wants naive bounds
    st.integers(-23 * 60 - 59, 23 * 60 + 59),
)
def test_agrees_with_the_standard_library(moment, offset):
    zoned = moment.replace(tzinfo=timezone(timedelta(minutes=offset)))
    expected = (zoned - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert read_time(zoned.isoformat()) == expected


@pytest.mark.parametrize("text", ["2025-11-03T09:30:00", "2025-11-03T09:30:00.25", "1800-01-01T00:00:00"])
def test_a_missing_zone_is_told_apart(text):
    with pytest.raises(NaiveTime):
        read_time(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2025-11-03",
        "2025-11-03 09:30:00Z",
        "2025-11-03T09:30Z",
        "2025-11-03T09:30:00.Z",
        "2025-11-03T09:30:00+8:00",
        "2025-11-03T09:30:00+08:60",
        "2025-02-29T00:00:00Z",
        "2025-02-30T00:00:00",
        "2016-12-31T23:59:60Z",
        "2025-11-03T09:30:00.1234567890Z",
        "2025-11-03T09:30:00+24:00",
        "2025-11-03T24:00:00Z",
        "0000-01-01T00:00:00Z",
        "+2025-11-03T09:30:00Z",
        "2025-11-03T09:30:00Z ",
        "2025-11-03T09:30:00Z\n",
        "٢٠٢٥-11-03T09:30:00Z",
    ],
)
def test_anything_else_is_no_time(text):
    with pytest.raises(NotATime):
        read_time(text)
