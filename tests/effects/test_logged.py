"""Effects from logged decisions: unbiased where before-and-after and takers-against-others are not."""

from dataclasses import replace

import numpy as np
import pytest

from megdt_stream.evaluate import loop
from megdt_stream.evaluate.year import decide, draw, oracle, true_effect
from megdt_stream.governance.effects.logged import Log, Unidentified, learn, learn_given, uplift

SEEDS = 25


@pytest.fixture(scope="module")
def report():
    return loop.evaluate(SEEDS)


def test_near_the_oracle_unbiased_and_covering(report):
    """At few seeds; `megdt evaluate loop --seeds 500` is what the figures are from."""
    figures = report.to_json()
    assert figures["rmse_ratio_to_oracle"] < 1.15
    assert abs(figures["bias_in_se"]) < 0.25 + 3 / SEEDS**0.5
    assert figures["coverage_95"] >= 0.85
    assert figures["posterior_rmse_ratio"] < 1.1
    assert figures["false_benefit_rate"] <= 0.05 + 0.05


def test_uplift_beats_risk_and_chance(report):
    by_uplift, by_risk, at_random = report.gains.T
    for other in (by_risk, at_random):
        difference = by_uplift - other
        assert difference.mean() > 4 * difference.std(ddof=1) / SEEDS**0.5


def test_the_world_is_hard(report):
    """What people compute otherwise is off by more than the estimator's standard error allows."""
    pre_post, as_treated = report.naive.mean(axis=0) - report.truth
    assert abs(as_treated) > 0.2
    assert abs(pre_post) > 0.05
    assert report.to_json().keys() == {
        "true_gain_uplift",
        "true_gain_risk",
        "true_gain_random",
        "rmse_ratio_to_oracle",
        "bias_in_se",
        "coverage_95",
        "posterior_rmse_ratio",
        "false_benefit_rate",
    }


def test_the_oracle_is_the_conditional_expectation():
    rng = np.random.default_rng(1)
    year = draw(rng, 300_000)
    log = decide(year, rng)
    outcome, taken = oracle(year)
    for side, arms in ((1, 1), (0, 0)):
        rows = log.offered == side
        assert log.taken[rows].mean() == pytest.approx(taken[arms][rows].mean(), abs=0.005)
        assert log.outcome[rows].mean() == pytest.approx(outcome[arms][rows].mean(), abs=0.01)
    assert learn_given(log, outcome, taken).effect == pytest.approx(true_effect(), abs=0.02)


def test_what_could_not_have_gone_either_way_is_left_out():
    rng = np.random.default_rng(2)
    log = decide(draw(rng), rng)
    sure = replace(log, propensity=np.where(np.arange(400) < 100, 1.0, log.propensity))
    assert learn(sure).compared == 300
    with pytest.raises(Unidentified, match="could have gone either way"):
        learn(replace(log, propensity=np.ones(400)))


def test_nobody_taking_it_up_tells_nothing():
    rng = np.random.default_rng(3)
    log = decide(draw(rng), rng)
    with pytest.raises(Unidentified, match="taking up"):
        learn(replace(log, taken=np.zeros(400)))


def test_uplift_is_a_line_through_the_mean_gain():
    rng = np.random.default_rng(4)
    log = decide(draw(rng), rng)
    found = learn(log)
    line = uplift(log.covariates, found)
    assert line.at(log.covariates).mean() == pytest.approx(found.scores.mean())


def test_a_policy_that_knew_more_than_the_covariates_is_put_right_by_its_propensity():
    rng = np.random.default_rng(5)
    known = rng.random(2000) < 0.5
    chance = np.where(known, 0.8, 0.2)
    offered = (rng.random(2000) < chance).astype(float)
    outcome = 2.0 * known + 0.3 * offered + rng.normal(size=2000)
    found = learn(Log(rng.normal(size=(2000, 1)), offered, chance, offered, outcome))
    assert found.effect == pytest.approx(0.3, abs=3 * found.se)
    assert found.se < 0.15
