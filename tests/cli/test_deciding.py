"""When a decision counts."""

from datetime import UTC, datetime, timedelta

import pytest

from megdt_stream.cli.deciding import times

WALL = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def ms(moment):
    return int(moment.timestamp() * 1000)


@pytest.mark.parametrize("now", [0, ms(WALL), ms(WALL - timedelta(hours=23)), ms(WALL + timedelta(days=40))])
def test_in_a_running_hospital_it_counts_when_it_is_made(now):
    assert times(now, WALL) == {"time": WALL}


def test_on_played_history_it_counts_where_that_stands_and_does_not_move_its_clock():
    reached = datetime(2025, 9, 1, tzinfo=UTC)
    assert times(ms(reached), WALL) == {"time": reached, "available": reached, "recorded": WALL}
