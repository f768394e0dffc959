"""The choice keeps to what is free, is fair, is no greedy loop, and says how likely it was."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megdt_stream.governance.advice.choice import Policy, choose
from megdt_stream.governance.advice.options import averted, options
from tests.advice.world import EFFECTS, SD, SEEDS, need, plan

FREE = {"faculty-hour": 60.0, "simulator-hour": 24.0}


def used(chosen):
    total = {}
    for one in chosen:
        for name, amount in one.option.uses.items():
            total[name] = total.get(name, 0.0) + amount
    return total


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.floats(1.0, 4.0), max_size=8),
    st.floats(0, 80),
    st.floats(0, 40),
    st.integers(1, 5),
    st.integers(0, 100),
)
def test_capacity_cap_and_one_each(levels, faculty, simulator, most, seed):
    free = {"faculty-hour": faculty, "simulator-hour": simulator}
    found = plan([need(i, level) for i, level in enumerate(levels)], free, seed, most=most, draws=3)
    trainees = [one.option.need.trainee for one in found.chosen]
    assert len(trainees) == len(set(trainees)) <= most
    for name, amount in used(found.chosen).items():
        assert amount <= free[name] + 1e-6
        assert found.left[name] == pytest.approx(free[name] - amount)
    assert set(found.offered) == {f"k1.t{i:03d}" for i in range(len(levels))}
    for chances in found.offered.values():
        assert 0 <= sum(chances.values()) <= 1 + 1e-9
    assert found.total <= found.best + 1e-9


def test_the_best_plan_is_the_best_of_all():
    """Against trying everything, in a case where taking the best first is wrong."""
    needs = [need(i, level) for i, level in enumerate((2.2, 2.5, 2.8, 3.0))]
    free = {"faculty-hour": 22.0, "simulator-hour": 16.0}
    some = options(needs, SEEDS, EFFECTS, SD)
    best = 0.0
    for picks in itertools.product((0, 1), repeat=len(some)):
        chosen = [one for one, pick in zip(some, picks, strict=True) if pick]
        total = {name: sum(one.uses.get(name, 0) for one in chosen) for name in free}
        if len({one.need.trainee for one in chosen}) == len(chosen) and all(total[n] <= free[n] for n in free):
            best = max(best, sum(one.benefit.mean for one in chosen))
    assert plan(needs, free, chance=0.0, draws=1).total == pytest.approx(best)


def test_the_lowest_score_is_not_the_best_reason():
    needs = [need(0, 0.8), need(1, 2.8)]
    found = plan(needs, {"faculty-hour": 2.0, "simulator-hour": 8.0}, chance=0.0)
    assert [one.option.need.level for one in found.chosen] == [2.8]
    far, near = (averted(one, EFFECTS.kinds["simulation-training"], SD) for one in needs)
    assert near.mean > far.mean


def test_no_effect_no_advice():
    kinds = {one.kind for one in options([need(0)], SEEDS, EFFECTS, SD)}
    assert kinds == {"remedial-training", "simulation-training"}
    assert "rotation-change" in SEEDS.kinds


def test_each_group_gets_its_share():
    """Group B gains a little less each, and would get nothing."""
    needs = [need(i, 2.8, group="A") for i in range(6)] + [need(10 + i, 2.3, group="B") for i in range(6)]
    free = {"faculty-hour": 8.0, "simulator-hour": 32.0}
    alone, fair = (plan(needs, free, chance=0.0, draws=1, equity=share) for share in (0.0, 1.0))
    assert [one.option.need.group for one in alone.chosen].count("B") == 0
    assert [one.option.need.group for one in fair.chosen].count("B") >= 1
    assert fair.total <= alone.total


def test_equals_take_turns_with_the_chance_that_is_logged():
    needs = [need(i, 2.6) for i in range(4)]
    free = {"faculty-hour": 4.0, "simulator-hour": 16.0}
    found = plan(needs, free, draws=60)
    assert sum(sum(one.values()) for one in found.offered.values()) == pytest.approx(2, abs=0.01)
    assert all(sum(one.values()) == pytest.approx(0.5, abs=0.25) for one in found.offered.values())
    seen = {one.option.need.trainee for seed in range(8) for one in plan(needs, free, seed, draws=1).chosen}
    assert len(seen) == 4


def test_equal_seeds_give_equal_plans():
    needs = [need(i, 2.2 + 0.1 * i) for i in range(6)]
    assert plan(needs, FREE, 7) == plan(list(reversed(needs)), FREE, 7)


def test_nobody_in_need():
    found = choose([], FREE, Policy(), 0)
    assert (found.chosen, found.offered, found.total) == ((), {}, 0.0)
