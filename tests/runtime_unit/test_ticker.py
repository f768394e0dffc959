"""Event time: up to when everything is on the log."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.evidence import record
from megdt_stream.runtime.ticker import Position, Ticker, event_time

positions = st.lists(st.builds(Position, st.integers(0, 5), st.integers(0, 5), st.integers(-1, 50)), max_size=6)


@pytest.mark.parametrize(
    ("known", "at"),
    [
        ([], None),
        ([(0, 0, -1)], None),
        ([(5, 5, 100)], 100),
        ([(3, 5, 100)], 100),
        ([(0, 5, -1)], None),
        ([(0, 5, -1), (5, 5, 100)], None),
        ([(5, 5, 100), (2, 5, 70)], 70),
        ([(3, 5, 80), (2, 5, 70)], 70),
        ([(5, 5, 70), (5, 5, 100)], 100),
        ([(5, 5, 70), (0, 0, -1)], 70),
        ([(5, 5, 0)], 0),
    ],
)
def test_event_time(known, at):
    assert event_time(Position(*position) for position in known) == at


@given(positions)
def test_no_partition_that_is_behind_is_overtaken(known):
    at = event_time(known)
    behind = [position.watermark for position in known if position.offset < position.end]
    assert at is None or all(watermark >= at for watermark in behind)
    assert at is None or at in {position.watermark for position in known}


@given(positions, st.randoms(use_true_random=False))
def test_order_of_partitions_does_not_matter(known, chance):
    other = known[:]
    chance.shuffle(other)
    assert event_time(known) == event_time(other)


class Topic:
    """Takes the place of the producer, and keeps the times that it was to tell."""

    def __init__(self):
        self.told = []

    async def write(self, entries):
        self.told.append([record.decode(entry.value).at for entry in entries])


@pytest.mark.parametrize(
    ("watermark", "waiting", "told"),
    [(100, 0, []), (101, 0, [[101, 101]]), (100, 3, [[100, 100]]), (90, 3, [[100, 100]])],
)
def test_who_takes_over_tells_no_time_again_unless_somebody_waits_for_it_and_none_backwards(watermark, waiting, told):
    async def given(value):
        return value

    topic = Topic()
    known = [Position(5, 5, watermark)]
    ticker = Ticker(
        *("event", 1.0, 2, topic, lambda: given(known), lambda: True, None),
        waiting=lambda: given(waiting),
        reached=lambda: given(100),
    )
    asyncio.run(ticker.tick())
    assert topic.told == told
