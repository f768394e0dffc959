"""The joint solution per block equals the dense posterior, and blocks touch each other through the mean alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.calibration.blocks import BELIEF, arrange, snapshot, solve
from megdt_stream.twin.estimate import UNNAMED, Components, Snapshot, merged
from tests.calibration.blocks_world import Dense, cells, components, worlds

PLAIN = Components(0.4, 0.2, 0.5, 1250.0, 0.0, 0.0)


def named(world):
    return tuple(sorted({cell[1] for theirs in world.values() for cell in theirs} - {UNNAMED}))


@given(worlds, components)
def test_raters_and_shared_coordinates_have_the_dense_posterior(world, c):
    found, raters = snapshot(world, c, "v1", "pc1"), named(world)
    mean, covariance = found.posterior(raters)
    expected_mean, expected_covariance = Dense(world, c).shifts(raters)
    assert mean == pytest.approx(expected_mean, abs=1e-8)
    assert covariance == pytest.approx(expected_covariance, abs=1e-8)


@given(worlds, components)
def test_likelihood_is_the_dense_one(world, c):
    """That of the average scores of cells: how scores of one cell scatter is not in the sums."""
    found = solve(arrange(world), c).loglikelihood
    nothing = solve(arrange({}), c).loglikelihood
    averages = {trainee: merged(theirs) for trainee, theirs in world.items()}
    assert found - nothing == pytest.approx(Dense(averages, c).loglikelihood(), abs=1e-7)


@given(worlds, components, st.randoms(use_true_random=False))
def test_order_of_cells_and_trainees_changes_no_bit(world, c, chance):
    shuffled = list(world)
    chance.shuffle(shuffled)
    other = {trainee: chance.sample(world[trainee], len(world[trainee])) for trainee in shuffled}
    assert snapshot(world, c, "v1", "pc1").document() == snapshot(other, c, "v1", "pc1").document()


@given(worlds, components)
def test_a_snapshot_survives_being_written(world, c):
    document = snapshot(world, c, "v1", "pc1").document()
    assert Snapshot.read(document).document() == document


@given(cells(1), cells(1), cells(1), components)
def test_blocks_are_independent_given_what_all_share(left, right, other, c):
    # The same raters under other names, so that nobody connects the two sides.
    def renamed(theirs):
        return [(p, r if r == UNNAMED else r.upper(), n, w, wy) for p, r, n, w, wy in theirs]

    one = snapshot({"s1": left, "s2": renamed(right)}, c, "v1", "pc1")
    two = snapshot({"s1": left, "s2": renamed(other)}, c, "v1", "pc1")
    raters = {cell[1] for cell in left} - {UNNAMED}
    blocks = [[block for block in found.blocks if raters & set(block.raters)] for found in (one, two)]
    for block, other_block in zip(*blocks, strict=True):
        # Not to the bit: batches are padded to the trainee with most cells, which moves the last digit.
        for name in ("offset", "slope", "covariance"):
            assert getattr(block, name) == pytest.approx(getattr(other_block, name), rel=1e-9, abs=1e-9)


def test_blocks_are_the_connected_parts():
    def cell(rater):
        return (600, rater, 1, 1250, 1250 * 3000)

    world = {"s1": [cell("a"), cell("b")], "s2": [cell("b"), cell("c")], "s3": [cell("d")], "s4": [cell(UNNAMED)]}
    found = snapshot(world, PLAIN, "v1", "pc1")
    assert {block.raters: block.trainees for block in found.blocks} == {("a", "b", "c"): 2, ("d",): 1}


def test_a_rater_alone_with_one_trainee_takes_only_the_priors_share_of_the_difference():
    """Nothing tells severity from ability there, so both move in proportion to their variances."""
    rows = [(600, "a", 1000, 1250 * 1000, 1250 * 1000 * 4000)]
    shared = BELIEF._replace(level=3.0, level_sd=1e-4, growth_sd=1e-6)
    found = snapshot({"s1": rows}, PLAIN, "v1", "pc1", shared)
    severity, sd = found.severity("a")
    assert severity == pytest.approx(-0.4 / 0.6, abs=1e-3)
    assert sd == pytest.approx(np.sqrt(0.4 * 0.2 / 0.6), abs=1e-3)


def test_no_cells_leave_the_prior():
    found = snapshot({"s1": []}, PLAIN, "v1", "pc1")
    assert not found.blocks
    assert not found.shares
    assert found.severity("a") == (0.0, pytest.approx(0.4**0.5))
    assert found.mean == pytest.approx(BELIEF.mean)
