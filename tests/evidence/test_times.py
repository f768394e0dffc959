"""RFC 3339 as the contract takes it, to the millisecond."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.evidence.samples import NOW, event, fact, reason

DAY = 86_400_000


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:00:00z", 0),
        ("1970-01-01T08:00:00+08:00", 0),
        ("1969-12-31T23:59:59-00:00", -1000),
        ("1970-01-01T00:00:00.0009Z", 0),
        ("1970-01-01T00:00:00.999999999Z", 999),
        ("1970-01-01T00:00:00.5Z", 500),
        ("1970-01-01T00:00:00.05Z", 50),
        ("1970-01-01T00:00:00.1234Z", 123),
        ("1969-12-31T23:59:59.9999Z", -1),
        ("1969-12-31T23:59:59.9990Z", -1),
        ("1969-12-31T23:59:59.0001Z", -1000),
        ("1900-01-01T00:00:00Z", -2_208_988_800_000),
        ("1899-12-31T12:00:00-12:00", -2_208_988_800_000),
        ("2000-02-29T23:59:59+23:59", 951_782_459_000),
        ("2024-12-31T23:59:59.999-23:59", 1_735_775_999_999 - 60_000),
    ],
)
def test_milliseconds(text, ms):
    assert fact(event(time=text)).happened == ms


@pytest.mark.parametrize(
    "text",
    [
        "2025-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2025-13-01T00:00:00Z",
        "2025-00-01T00:00:00Z",
        "2025-01-00T00:00:00Z",
        "2025-04-31T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2025-01-01T24:00:00Z",
        "2025-01-01T25:00:00Z",
        "2025-01-01T23:60:00Z",
        "2016-12-31T23:59:60Z",
        "2025-01-01T00:00:61Z",
        "2025-01-01T00:00:00+24:00",
        "2025-01-01T00:00:00-24:00",
        "2025-01-01T00:00:00+99:99",
        "2025-01-01T00:00:00+05:60",
        "2025-01-01T00:00:00-05:99",
        "2025-01-01T00:00:00+23:60",
        "2025-01-01T24:00:00",
        "1899-12-31T23:59:59.999Z",
        "1900-01-01T00:00:00+00:01",
        "2200-01-01T00:00:00.001Z",
        "9999-12-31T23:59:59-23:59",
        "0001-01-01T00:00:00+23:59",
        "2025-01-01 00:00:00Z",
        "2025-01-01T00:00Z",
        "2025-01-01T00:00:00.Z",
        "2025-01-01T00:00:00,5Z",
        "2025-01-01T00:00:00.1234567890Z",
        "2025-01-01T00:00:00+0800",
        "2025-01-01T00:00:00+08",
        "2025-01-01T00:00:00+08:00:00",
        "2025-01-01T00:00:00ZZ",
        "2025-01-01T00:00:00Z\n",
        " 2025-01-01T00:00:00Z",
        "2025-W01-1T00:00:00Z",
        "20250101T000000Z",
        "2025-1-1T00:00:00Z",
        "２０２５-01-01T00:00:00Z",
        "٢٠٢٥-01-01T00:00:00Z",
        "+2025-01-01T00:00:00Z",
        "",
        "now",
    ],
)
@pytest.mark.parametrize("attribute", ["time", "recorded", "available"])
def test_what_is_no_time(text, attribute):
    assert reason(event(**{attribute: text})) == "invalid"


@pytest.mark.parametrize("text", ["2025-01-01T00:00:00", "2025-01-01t00:00:00.123456789", "1700-01-01T00:00:00"])
@pytest.mark.parametrize("attribute", ["time", "recorded", "available"])
def test_a_time_without_a_zone_is_naive(text, attribute):
    assert reason(event(**{attribute: text})) == "naive_timestamp"


@given(
    st.datetimes(datetime(1900, 1, 2), datetime(2025, 12, 31)),  # noqa: DTZ001 - the strategy wants naive ends
    st.integers(-1439, 1439),
    st.integers(0, 999),
    st.sampled_from("Tt"),
)
def test_any_moment(moment, minutes, nanoseconds, letter):
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    text = f"{moment:%Y-%m-%d}{letter}{moment:%H:%M:%S.%f}{nanoseconds:03d}{sign}{hours:02d}:{rest:02d}"
    exact = (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert fact(event(time=text, recorded=text)).recorded == exact // 1000


def test_the_last_moment_is_the_start_of_2200():
    assert reason(event(recorded="2200-01-01T00:00:00Z")) == "future_event"
    assert reason(event(recorded="2200-01-01T00:00:00.001Z")) == "invalid"


def at(ms):
    moment = datetime.fromtimestamp(ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


@pytest.mark.parametrize("attribute", ["time", "recorded", "available"])
def test_a_day_ahead_is_taken_and_a_millisecond_more_is_not(attribute):
    assert reason(event(**{attribute: at(NOW + DAY)})) == ""
    assert reason(event(**{attribute: at(NOW + DAY + 1)})) == "future_event"


def test_defaults_are_time_and_append_time():
    evidence = fact(event())
    assert (evidence.recorded, evidence.available) == (evidence.happened, NOW)
    stated = fact(event(recorded=at(NOW - 5), available=at(NOW - 3)))
    assert (stated.recorded, stated.available) == (NOW - 5, NOW - 3)
