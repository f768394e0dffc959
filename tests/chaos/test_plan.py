"""What is struck when: the same for the same seed, and while there is work."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.chaos import FAULTS
from megdt_stream.chaos.plan import draw

seeds = st.integers(0, 2**32)
kills = st.integers(0, 30)
faults = st.lists(st.sampled_from(FAULTS), max_size=6)


@given(seeds, kills, faults)
def test_equal_seeds_give_equal_plans(seed, kills, faults):
    assert draw(seed, kills, faults) == draw(seed, kills, faults)


def test_other_seeds_give_other_plans():
    assert len({tuple(strike.share for strike in draw(seed, 5)) for seed in range(50)}) == 50


@given(seeds, kills, faults)
def test_everything_asked_for_is_in_the_plan(seed, kills, faults):
    assert Counter(strike.fault for strike in draw(seed, kills, faults)) == Counter({"kill": kills}) + Counter(faults)


@given(seeds, kills, faults)
def test_strikes_come_in_order_with_work_before_and_after_them(seed, kills, faults):
    shares = [strike.share for strike in draw(seed, kills, faults)]
    assert shares == sorted(shares)
    assert all(0 < share < 0.9 for share in shares)


@given(seeds, kills)
def test_the_first_strike_does_not_wait_for_a_recovery(seed, kills):
    assert all(strike.relapse is None for strike in draw(seed, kills)[:1])


def test_some_strikes_fall_into_the_recovery_from_the_one_before():
    relapses = [strike.relapse for strike in draw(1, 400) if strike.relapse is not None]
    assert 60 < len(relapses) < 140
    assert min(relapses) < 1 < 7 < max(relapses)
