"""Models obey River's own checks, and stay finite and bounded whatever they are given."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import checks, datasets

from megdt_stream.calibration.risk.models.floor import Prevalence
from megdt_stream.calibration.risk.models.hazard import WeeklyHazard
from megdt_stream.calibration.risk.models.logistic_filter import LogisticFilter
from megdt_stream.calibration.risk.models.standardised import StandardisedRegression
from megdt_stream.calibration.risk.vocabulary import FEATURES
from tests.risk.worlds import World

ANY = st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.integers(-(10**400), 10**400), st.booleans())


def river_checks(model):
    """Give River's checks, on the binary data that it ships; its other data need scikit-learn."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(checks, "_yield_datasets", lambda _model, scale=1: iter([datasets.Phishing().take(40 * scale)]))
        yield from checks.yield_checks(model)


@pytest.mark.parametrize("model", [LogisticFilter(), Prevalence()], ids=["filter", "floor"])
def test_river_s_own_estimator_checks(model):
    ran = 0
    for check in river_checks(model):
        if check.__name__ not in model._unit_test_skips():
            check(model.clone())
            ran += 1
    assert ran > 20


@settings(max_examples=30)
@given(st.lists(st.tuples(st.dictionaries(st.text(max_size=6), ANY, max_size=8), st.booleans()), max_size=40))
def test_poison_leaves_a_model_finite_bounded_and_between_0_and_1(history):
    model = LogisticFilter(capacity=10)
    for x, y in history:
        model.learn_one(x, y)
        p = model.predict_proba_one(x)[True]
        assert 0.0 <= p <= 1.0
        assert math.isfinite(p)
    assert len(model.mean) <= 11
    json.dumps(model.to_json(), allow_nan=False)


def test_a_thousand_extremes_do_not_break_the_covariance():
    model = LogisticFilter()
    for number in range(1000):
        model.learn_one({"a": 1e300 * (-1) ** number, "b": math.nan, "c": number}, bool(number % 3))
    assert 0.0 <= model.predict_proba_one({"a": -math.inf, "c": 1e9})[True] <= 1.0


def test_the_filter_finds_what_made_the_outcomes():
    model, world = LogisticFilter(), World()
    for _ in range(3000):
        features, adverse = world.person()
        model.learn_one(dict(zip(FEATURES, features, strict=True)), adverse)
    weights = dict(zip(("constant", *FEATURES), model.mean.tolist(), strict=True))
    assert weights["constant"] == pytest.approx(-0.5, abs=0.3)
    assert weights["level_mean"] == pytest.approx(-1.0, abs=0.2)
    assert weights["missed_share"] == pytest.approx(2.0, abs=0.5)


def test_a_state_comes_back_to_the_last_bit_and_learns_on_alike():
    model, world = LogisticFilter(), World()
    people = [world.person() for _ in range(600)]
    named = [(dict(zip(FEATURES, features, strict=True)), adverse) for features, adverse in people]
    for x, y in named[:300]:
        model.learn_one(x, y)
    other = LogisticFilter.from_json(json.loads(json.dumps(model.to_json())))
    for x, y in named[300:]:
        model.learn_one(x, y)
        other.learn_one(x, y)
    assert other.to_json() == model.to_json()


def test_a_state_that_is_not_finite_is_refused():
    state = LogisticFilter().to_json()
    with pytest.raises(ValueError, match="finite"):
        LogisticFilter.from_json(state | {"mean": [math.nan]})


def test_names_are_fixed_once():
    model = LogisticFilter()
    model.learn_one({"a": 1}, True)
    with pytest.raises(ValueError, match="before the first"):
        model.bind(("intercept", "a"), (1.0, 1.0))


def test_the_hazard_of_leaving_adds_up_over_weeks():
    hazard = WeeklyHazard()
    calm = (0.0,) * len(FEATURES)
    weekly = hazard.within(calm, 1)
    assert 0 < weekly < 0.05
    assert hazard.within(calm, 4) == pytest.approx(1 - (1 - weekly) ** 4)
    for _ in range(50):
        hazard.learn(calm, True)
    assert hazard.within(calm, 1) > weekly


def test_river_s_regression_learns_too():
    model, world = StandardisedRegression(), World()
    for _ in range(500):
        features, adverse = world.person()
        model.learn_one(dict(zip(FEATURES, features, strict=True)), adverse)
    weak, strong = ({**dict.fromkeys(FEATURES, 0.0), "level_mean": level} for level in (-2.0, 2.0))
    assert model.predict_proba_one(weak)[True] > model.predict_proba_one(strong)[True]
    json.dumps(model.to_json(), allow_nan=False)
