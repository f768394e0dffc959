"""The guard against a publisher that broke."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.runtime.reject_guard import Refused, RejectGuard


def refused(n, reason="invalid", source="/tms", topic="outcomes"):
    return [Refused(reason, source, f"megdt.{topic}.v1/0/{offset}") for offset in range(n)]


def test_few_events_say_nothing():
    guard = RejectGuard(0.5, 100)
    assert guard.note(99, refused(99)) is None
    trip = guard.note(1, refused(1))
    assert (trip.rejected, trip.read, trip.ratio) == (100, 100, 1.0)


def test_the_share_decides():
    guard = RejectGuard(0.5, 10)
    assert not any(guard.note(10, refused(4)) for _ in range(50))
    assert RejectGuard(0.5, 10).note(10, refused(5)).rejected == 5


def test_only_the_latest_count():
    guard = RejectGuard(0.5, 10)
    assert guard.note(1000, []) is None
    assert guard.note(10, refused(10)).read == 10


def test_the_past_is_forgotten():
    guard = RejectGuard(0.5, 10)
    assert guard.note(5, refused(5)) is None
    assert guard.note(20, []) is None
    assert guard.note(9, refused(4)) is None


def test_one_never_stops():
    assert RejectGuard(1.0, 1).note(1000, refused(1000)) is None


def test_it_trips_once_until_the_trip_is_taken_back():
    guard = RejectGuard(0.5, 10)
    assert guard.note(10, refused(10)) is not None
    assert guard.note(10, refused(10)) is None
    guard.rearm()
    assert guard.note(10, refused(10)) is not None


def test_a_trip_says_what_was_rejected_and_where_it_came_from():
    guard = RejectGuard(0.5, 30)
    guard.note(10, refused(6, "undecodable", ""))
    guard.note(10, [one for n in range(7) for one in refused(1, "invalid", f"/source-{n}")])
    trip = guard.note(10, refused(3, "invalid", "/source-6", topic="rotations"))
    assert trip.reasons == {"invalid": 10, "undecodable": 6}
    assert trip.sources == [("", 6), ("/source-6", 4), ("/source-0", 1), ("/source-1", 1), ("/source-2", 1)]
    assert trip.latest == [
        "megdt.outcomes.v1/0/0",
        "megdt.outcomes.v1/0/0",
        "megdt.rotations.v1/0/0",
        "megdt.rotations.v1/0/1",
        "megdt.rotations.v1/0/2",
    ]


@given(st.lists(st.integers(1, 30).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))), max_size=30))
def test_it_trips_exactly_when_the_latest_events_are_that_bad(batches):
    guard, noted = RejectGuard(0.5, 40), []
    for read, bad in batches:
        noted.append((read, bad))
        while sum(n for n, _ in noted[1:]) >= 40:
            noted.pop(0)
        total, rejected = (sum(column) for column in zip(*noted, strict=True))
        trip = guard.note(read, refused(bad))
        if total >= 40 and 2 * rejected >= total:
            assert (trip.read, trip.rejected) == (total, rejected)
            assert sum(trip.reasons.values()) == rejected
            return
        assert trip is None


@pytest.mark.parametrize("sources", [1, 5, 5_000])
def test_what_a_trip_says_is_bounded(sources):
    one_each = [Refused("invalid", f"/{n:0127}", f"megdt.outcomes.v1/0/{n}") for n in range(sources)]
    trip = RejectGuard(0.5, sources).note(sources, one_each)
    assert len(trip.sources) == min(5, sources)
    assert len(trip.latest) == min(5, sources)
