"""The guard against a publisher that broke."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.errors import RejectLimit
from megdt_stream.runtime.intake_stage import RejectGuard


def test_few_events_say_nothing():
    guard = RejectGuard(0.5, 100)
    guard.note(99, 99)
    with pytest.raises(RejectLimit, match="100 of the last 100"):
        guard.note(1, 1)


def test_the_share_decides():
    guard = RejectGuard(0.5, 10)
    for _ in range(50):
        guard.note(10, 4)
    guard = RejectGuard(0.5, 10)
    with pytest.raises(RejectLimit, match="5 of the last 10"):
        guard.note(10, 5)


def test_only_the_latest_count():
    guard = RejectGuard(0.5, 10)
    guard.note(1000, 0)
    with pytest.raises(RejectLimit, match="10 of the last 10"):
        guard.note(10, 10)


def test_the_past_is_forgotten():
    guard = RejectGuard(0.5, 10)
    guard.note(5, 5)
    guard.note(20, 0)
    guard.note(9, 9 // 2)


def test_one_never_stops():
    RejectGuard(1.0, 1).note(1000, 1000)


@given(st.lists(st.integers(1, 30).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))), max_size=30))
def test_it_stops_exactly_when_the_latest_events_are_that_bad(batches):
    guard, noted = RejectGuard(0.5, 40), []
    for batch in batches:
        noted.append(batch)
        while sum(read for read, _ in noted[1:]) >= 40:
            noted.pop(0)
        read, rejected = (sum(column) for column in zip(*noted, strict=True))
        if read >= 40 and 2 * rejected >= read:
            with pytest.raises(RejectLimit):
                guard.note(*batch)
            return
        guard.note(*batch)
