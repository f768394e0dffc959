"""An estimate equals the dense joint posterior, also where the twin has grown since the snapshot."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.calibration.blocks import BELIEF, snapshot
from megdt_stream.twin.estimate import PERIODS_PER_YEAR, UNNAMED, Components, estimate
from tests.calibration.blocks_world import Dense, cells, components, worlds

PLAIN = Components(0.4, 0.2, 0.5, 1250.0, 0.01, 0.0004)


def assert_is(found, mean, covariance):
    assert found.level == pytest.approx(mean[0], abs=1e-7)
    assert found.sd**2 == pytest.approx(covariance[0, 0], abs=1e-7)
    assert found.growth_per_year == pytest.approx(mean[1] * PERIODS_PER_YEAR, abs=1e-6)
    assert (found.growth_sd / PERIODS_PER_YEAR) ** 2 == pytest.approx(covariance[1, 1], abs=1e-7)
    assert found.covariance == pytest.approx(covariance[0, 1], abs=1e-7)


@given(worlds, cells(1), components, st.integers(0, 20))
def test_equals_the_dense_posterior_of_all_scores(world, mine, c, ahead):
    world = {**world, "me": mine}
    at = max(cell[0] for cell in mine) + ahead
    found = estimate(mine, snapshot(world, c, "v1", "pc1"), "me", at)
    assert_is(found, *Dense(world, c).level("me", at))


@given(worlds, cells(), cells(1), components)
def test_scores_since_the_snapshot_count_once(world, before, since, c):
    """Also with raters and periods new to it, and with one that moves the trainee's start back."""
    found = estimate(before + since, snapshot({**world, "me": before}, c, "v1", "pc1"), "me")
    at = max(cell[0] for cell in before + since)
    assert_is(found, *Dense({**world, "me": before + since}, c).level("me", at))


@given(worlds, cells(1), components)
def test_a_trainee_whom_the_snapshot_does_not_know(world, mine, c):
    at = max(cell[0] for cell in mine)
    found = estimate(mine, snapshot(world, c, "v1", "pc1"), "me")
    assert_is(found, *Dense({**world, "me": mine}, c).level("me", at))


@given(worlds, cells(2), components, st.data())
def test_scores_taken_back_since_the_snapshot_leave_nothing(world, mine, c, data):
    kept = data.draw(st.lists(st.sampled_from(mine), min_size=1, unique_by=id))
    found = estimate(kept, snapshot({**world, "me": mine}, c, "v1", "pc1"), "me")
    at = max(cell[0] for cell in kept)
    assert_is(found, *Dense({**world, "me": kept}, c).level("me", at))


@given(cells(1), components, st.randoms(use_true_random=False))
def test_order_of_cells_changes_no_bit(mine, c, chance):
    known = snapshot({"me": mine}, c, "v1", "pc1")
    assert estimate(chance.sample(mine, len(mine)), known, "me") == estimate(mine, known, "me")


@given(cells(1), components)
def test_splitting_a_cells_sums_changes_no_bit(mine, c):
    halves = [(p, r, n - n // 2, w - w // 2, wy - wy // 2) for p, r, n, w, wy in mine]
    halves += [(p, r, n // 2, w // 2, wy // 2) for p, r, n, w, wy in mine]
    known = snapshot({"me": mine}, c, "v1", "pc1")
    assert estimate(halves, known, "me") == estimate(mine, known, "me")


@given(worlds, cells(1), cells(1), components)
def test_more_scores_never_widen(world, mine, more, c):
    # Not earlier than the first, which would count the periods from another start.
    more = [(max(p, min(cell[0] for cell in mine)), *rest) for p, *rest in more]
    at = max(cell[0] for cell in mine + more)
    known = snapshot({**world, "me": mine}, c, "v1", "pc1")
    fewer, all_ = estimate(mine, known, "me", at), estimate(mine + more, known, "me", at)
    assert all_.sd <= fewer.sd * (1 + 1e-9)
    assert all_.growth_sd <= fewer.growth_sd * (1 + 1e-9)


@given(cells(1), components, st.integers(0, 30))
def test_forecast_is_the_estimate_at_a_later_period(mine, c, ahead):
    known = snapshot({"me": mine}, c, "v1", "pc1")
    now = estimate(mine, known, "me")
    later, expected = now.forecast(now.period + ahead), estimate(mine, known, "me", now.period + ahead)
    for name in ("level", "sd", "growth_per_year", "growth_sd", "covariance"):
        assert getattr(later, name) == pytest.approx(getattr(expected, name), rel=1e-6, abs=1e-9)
    assert later.period == expected.period


ROWS = [(600, "a", 2, 2500, 2500 * 3500), (603, "b", 1, 1250, 1250 * 4000), (604, UNNAMED, 1, 1250, 1250 * 4000)]


def test_says_what_it_rests_on():
    others = {"s1": [(600, "a", 1, 1250, 1250 * 3000), (600, "c", 1, 1250, 1250 * 3000)]}
    found = estimate(ROWS, snapshot(others, PLAIN, "v7", "pc1"), "me")
    assert (found.n, found.raters, found.connected, found.snapshot_version) == (4, 2, 2, "v7")
    assert (found.period, found.newest) == (604, 604)


def test_intervals_and_probabilities():
    found = estimate(ROWS, snapshot({}, PLAIN, "v1", "pc1"), "me")
    low, high = found.interval(0.95)
    assert low < found.low80 < found.level < found.high80 < high
    assert found.probability_below(found.level) == pytest.approx(0.5)
    assert found.probability_below(found.high80) == pytest.approx(0.9)
    assert found.connected == 0


def test_no_score_leaves_what_is_believed_of_anybody():
    found = estimate([], snapshot({}, PLAIN, "v1", "pc1"), "me")
    assert (found.level, found.n, found.period) == (BELIEF.level, 0, None)
    assert found.sd**2 == pytest.approx(BELIEF.level_sd**2 + PLAIN.subject)
    with pytest.raises(ValueError, match="no period"):
        found.forecast(600)


def test_no_level_before_the_first_score():
    with pytest.raises(ValueError, match="the first is of period 600"):
        estimate(ROWS, snapshot({}, PLAIN, "v1", "pc1"), "me", 599)


def test_no_forecast_into_the_past():
    known = snapshot({}, PLAIN, "v1", "pc1")
    for period, at in ((603, 604), (604, 602)):
        with pytest.raises(ValueError, match="goes forward"):
            estimate(ROWS, known, "me", at).forecast(period)
