"""What a result says: its form, its equity with small cells left out, fronts, and the same whatever ran it."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.runtime.rehearsing import Cancelled
from megdt_stream.runtime.rehearsing import rehearse as pooled
from megdt_stream.scenario.compare import pareto
from megdt_stream.scenario.measures import MEASURES
from megdt_stream.scenario.rehearsal import prepare, rehearse
from tests.scenario.worlds import EVERYTHING, KNOWN, act, scheme, small


def run(*schemes, world=None, draws=30, seed=1):
    return rehearse(prepare(world or small(), schemes, KNOWN, seed, draws))


@pytest.fixture(scope="module")
def result():
    return run(scheme(*EVERYTHING, name="all"), scheme(act("case-mix-supplement", 2.0, 16), name="病种"))


def test_the_form_that_stays(result):
    assert {"snapshot", "seed", "draws", "schemes"} <= set(result)
    assert list(result["schemes"]) == ["nothing", "all", "病种"]
    for one in result["schemes"].values():
        assert set(one) == {*MEASURES, "cost", "equity", "p_best", "pareto"}
        for name in MEASURES:
            assert one[name]["p05"] <= one[name]["mean"] + 1e-3
            assert one[name]["mean"] <= one[name]["p95"] + 1e-3
    assert sum(one["p_best"] for one in result["schemes"].values()) == pytest.approx(1, abs=1e-3)
    json.dumps(result, allow_nan=False)


def test_equal_seeds_give_equal_results_and_others_do_not(result):
    again = run(scheme(*EVERYTHING, name="all"), scheme(act("case-mix-supplement", 2.0, 16), name="病种"))
    assert again == result
    assert run(scheme(*EVERYTHING, name="all"), seed=2)["schemes"]["all"] != result["schemes"]["all"]


def test_more_cases_reach_more_quota(result):
    # Not in every draw: where beds are full, cases of one are taken from others.
    assert result["against_nothing"]["病种"]["quota"]["mean"] > 0.001
    assert result["local_only"]["病种"] == ["case-mix-supplement"]


def test_a_pool_gives_the_same(result):
    rehearsal = prepare(
        small(),
        [scheme(*EVERYTHING, name="all"), scheme(act("case-mix-supplement", 2.0, 16), name="病种")],
        KNOWN,
        1,
        30,
    )
    told = []
    assert pooled(rehearsal, 2, progress=lambda done, all_: told.append((done, all_))) == result
    assert sorted(told) == [(1, 3), (2, 3), (3, 3)]


def test_a_rehearsal_can_be_cancelled():
    rehearsal = prepare(small(), [scheme(*EVERYTHING)], KNOWN, 1, 200)
    with pytest.raises(Cancelled):
        pooled(rehearsal, 1, cancelled=lambda: True)


def test_small_groups_are_not_told():
    world = small()
    group = np.array([0] * 9 + [1] * 10 + [2] * 11)
    found = run(scheme(act("case-mix-supplement")), world=replace(world, group=group))
    assert set(found["schemes"]["nothing"]["equity"]["groups"]) == {"year-2", "year-3"}
    few = run(scheme(act("case-mix-supplement")), world=small(9))
    equity = few["schemes"]["a"]["equity"]
    assert (equity["groups"], equity["gap_between_groups"], equity["exposure_p90_p10"]) == ({}, None, None)


def test_where_nothing_is_gained_no_price_is_told():
    dear = run(scheme(act("remedial-training", 1.0)))["schemes"]["a"]["cost"]
    assert dear["per_missed_target_averted"] is None or dear["per_missed_target_averted"] > 0
    chances = [one["probability"] for one in dear["acceptability"]]
    assert chances == sorted(chances)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=8))
def test_the_front_holds_whoever_nobody_beats(points):
    front = pareto([tuple(map(float, one)) for one in points])
    assert any(front)
    for one, on in zip(points, front, strict=True):
        beaten = any(other != one and all(a >= b for a, b in zip(other, one, strict=True)) for other in points)
        assert on is not beaten
