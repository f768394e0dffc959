"""Shares and counts to come: the closed forms agree with scipy's, and intervals hold their value."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from megdt_stream.twin.view.intervals import CountAhead, wilson

Z80 = 1.2815515655446004

shares = st.integers(1, 500).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials)))
ahead = st.builds(CountAhead, st.integers(0, 300), st.floats(0.5, 50), st.floats(0.1, 50))


@given(shares)
def test_wilson_is_that_of_scipy(share):
    found = wilson(*share, Z80)
    wanted = stats.binomtest(*share).proportion_ci(confidence_level=0.8, method="wilson")
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high), abs=1e-9)


@given(shares, st.floats(0.1, 5))
def test_a_share_lies_in_its_interval_and_that_between_none_and_all(share, z):
    found = wilson(*share, z)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.value == share[0] / share[1]


def test_nothing_tried_has_no_share():
    assert wilson(0, 0, Z80) is None


@given(ahead, st.integers(0, 400))
def test_counts_ahead_are_negative_binomial(found, count):
    wanted = stats.nbinom(found.seen + 0.5, found.observed / (found.observed + found.ahead))
    assert found.below(count) == pytest.approx(wanted.cdf(count - 1), abs=1e-7)
    assert (found.mean, found.deviation) == pytest.approx((wanted.mean(), wanted.std()))


@given(ahead, st.sampled_from([0.025, 0.1, 0.5, 0.9, 0.975]))
def test_a_quantile_is_the_smallest_count_that_holds_the_probability(found, probability):
    number = found.quantile(probability)
    assert found.below(number + 1) >= probability - 1e-9
    assert found.below(number) < probability + 1e-9


@given(st.integers(10_000, 10**7), st.floats(1, 100), st.floats(1, 100))
def test_large_counts_are_told_by_the_normal_distribution(seen, observed, to_come):
    found = CountAhead(seen, observed, to_come)
    wanted = stats.nbinom(seen + 0.5, observed / (observed + to_come))
    assert found.below(math.floor(found.mean)) == pytest.approx(wanted.cdf(math.floor(found.mean) - 1), abs=0.01)
    assert found.quantile(0.1) == pytest.approx(wanted.ppf(0.1), rel=0.01, abs=2)


@given(ahead, st.integers(0, 100))
def test_a_higher_count_is_reached_more_seldom(found, count):
    assert found.below(count) <= found.below(count + 1) <= 1
