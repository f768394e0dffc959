"""Effects from tables: near the truth where the plain difference is far off, and honest about overlap."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megdt_stream.evaluate.look_alikes import crooked, earnings
from megdt_stream.governance.effects.basis import expand
from megdt_stream.governance.effects.fitting import balanced, folds, logistic, ridge
from megdt_stream.governance.effects.observed import TooFew, estimate


def test_earnings_of_people_who_were_never_alike():
    drawn = earnings(1, 1500, sharp=1.5, bent=1.0)
    found = estimate(drawn.covariates, drawn.treated, drawn.outcome, splits=3)
    assert found.naive < -10_000
    assert abs(found.estimate - drawn.truth) < 400
    low, high = found.interval
    assert low < drawn.truth < high
    assert high - low < 1_500
    assert (found.n_treated, found.n_control) == (185, 1500)
    assert found.overlap.set_aside > 300
    assert found.overlap.after < 0.15 < found.overlap.before


def test_bias_and_coverage_over_tables():
    """Without weights the error of this mean is above 0.2, without regressions above 0.1."""
    errors, covered = [], []
    for seed in range(8):
        drawn = crooked(seed, 500)
        found = estimate(drawn.covariates, drawn.treated, drawn.outcome, splits=1)
        errors.append(found.estimate - drawn.truth)
        covered.append(found.interval[0] < drawn.truth < found.interval[1])
    assert abs(np.mean(errors)) < 0.1
    assert sum(covered) >= 6


def test_everybody_is_another_estimand_than_the_treated():
    drawn = crooked(3, 2000)
    treated = estimate(drawn.covariates, drawn.treated, drawn.outcome, splits=1)
    everybody = estimate(drawn.covariates, drawn.treated, drawn.outcome, "ATE", splits=1)
    assert (treated.estimand, everybody.estimand) == ("ATT", "ATE")
    # The gain is .5 + .3 x0, and the treated have the larger x0.
    assert treated.estimate == pytest.approx(drawn.truth, abs=0.2)
    assert everybody.estimate == pytest.approx(0.5, abs=0.2)
    assert treated.estimate - everybody.estimate > 0.03


def test_in_a_trial_nothing_is_set_aside():
    drawn = crooked(2, 400, at_random=True)
    found = estimate(drawn.covariates, drawn.treated, drawn.outcome, splits=1)
    assert found.overlap.verdict == "good"
    assert found.estimate == pytest.approx(drawn.truth, abs=3 * found.se)
    one, other = (drawn.outcome[drawn.treated == arm] for arm in (1, 0))
    # What regressions explain is not in the error: a trial's plain difference does without them, but is less sure.
    assert found.se < 0.8 * (one.var() / len(one) + other.var() / len(other)) ** 0.5


def test_no_overlap_is_said():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 2))
    t = (np.arange(300) < 60).astype(float)
    x[:60] += 6
    found = estimate(x, t, x.sum(axis=1) + t + rng.normal(size=300), splits=1)
    assert found.overlap.verdict == "poor"
    assert "extrapolation" in found.overlap.said() or "still differs" in found.overlap.said()


def test_without_covariates_it_is_the_plain_difference():
    rng = np.random.default_rng(1)
    t = (rng.random(200) < 0.4).astype(float)
    y = t + rng.normal(size=200)
    found = estimate(np.empty((200, 0)), t, y, splits=1)
    assert found.estimate == pytest.approx(found.naive, abs=0.02)


def test_equal_input_gives_equal_output():
    drawn = crooked(5, 200)
    one, other = (estimate(drawn.covariates, drawn.treated, drawn.outcome, splits=2) for _ in range(2))
    assert one == other


@pytest.mark.parametrize("ones", [0, 4])
def test_too_few(ones):
    t = (np.arange(40) < ones).astype(float)
    with pytest.raises(TooFew, match=f"{ones} treated and {40 - ones} controls"):
        estimate(np.ones((40, 1)), t, t)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 1000), st.floats(-100, 100))
def test_units_of_the_outcome_do_not_matter(seed, scale, shift):
    drawn = crooked(seed, 120)
    plain = estimate(drawn.covariates, drawn.treated, drawn.outcome, splits=1)
    other = estimate(drawn.covariates, drawn.treated, scale * drawn.outcome + shift, splits=1)
    assert other.estimate == pytest.approx(scale * plain.estimate, rel=1e-3, abs=1e-3 * scale)


# --- the parts ---


@given(st.integers(0, 10_000))
def test_weights_balance_and_stay_weights(seed):
    rng = np.random.default_rng(seed)
    columns = rng.normal(size=(200, 3))
    target = rng.uniform(-0.5, 0.5, size=3)
    weights = balanced(columns, np.ones(200), target)
    assert weights.sum() == pytest.approx(1)
    assert (weights > 0).all()
    assert np.abs(weights @ columns - target).max() < 0.02


def test_regressions_find_what_is_there():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(4000, 2))
    t = (rng.random(4000) < 1 / (1 + np.exp(1 - x[:, 0]))).astype(float)
    line = logistic(x, t, 0.1)
    assert (line.intercept, *line.slopes) == pytest.approx((-1, 1, 0), abs=0.15)
    fitted = ridge(x, 2 + 3 * x[:, 1] + rng.normal(size=4000), np.ones(4000))
    assert (fitted.intercept, *fitted.slopes) == pytest.approx((2, 0, 3), abs=0.1)


@given(st.integers(0, 1000), st.integers(2, 5))
def test_folds_share_out_both_groups(seed, count):
    treated = np.repeat([1.0, 0.0], [2 * count, 4 * count])
    fold = folds(treated, count, np.random.default_rng(seed))
    assert {(k, t): ((fold == k) & (treated == t)).sum() for k in range(count) for t in (0, 1)} == {
        (k, t): 2 * (2 - t) for k in range(count) for t in (0, 1)
    }


def test_a_basis_grows_by_level_and_drops_constants():
    rng = np.random.default_rng(3)
    x = np.column_stack(
        (np.where(rng.random(100) < 0.3, 0, rng.lognormal(size=100)), rng.random(100) < 0.5, np.ones(100))
    )
    sizes = [expand(x, level).shape[1] for level in range(4)]
    assert sizes[0] == 2
    assert sizes == sorted(set(sizes))
    assert np.allclose(expand(x, 3).mean(axis=0), 0)
