"""Scales: the mapping is exact, and a bad table is refused by name."""

from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from megdt_stream.evidence.reference import Reference, Scale
from tests.evidence.samples import REFERENCE, fact, with_data

GOOD = {
    "name": {"en": "Scale", "zh": "量表"},
    "min": 1,
    "max": 9,
    "direction": "higher-is-better",
    "intercept_milli": 500,
    "slope_milli": 500,
    "variance": 0.8,
    "source": "a convention",
}


def scale(**fields):
    return Scale.model_validate(GOOD | fields)


@given(st.integers(-1_000_000, 1_000_000), st.integers(-100_000, 100_000), st.integers(1, 100_000), st.booleans())
def test_levels_of_three_decimals_are_exact(milli, intercept, steep, down):
    slope = -steep if down else steep
    mapping = scale(
        intercept_milli=intercept, slope_milli=slope, direction="lower-is-better" if down else "higher-is-better"
    )
    exact = intercept + floor(Fraction(slope * milli, 1000) + Fraction(1, 2))
    assert mapping.level(milli / 1000) == exact


@given(st.floats(-1e6, 1e6), st.integers(1, 100_000))
def test_levels_of_any_score_are_off_by_the_first_rounding_at_most(value, slope):
    exact = Fraction(value) * slope
    assert abs(scale(intercept_milli=0, slope_milli=slope).level(value) - exact) <= Fraction(slope, 2000) * 2 + 1


@given(st.integers(1, 100_000))
def test_weights_are_exact(thousandths):
    exact = floor(Fraction(1_000_000, thousandths) + Fraction(1, 2))
    assert scale(variance=thousandths / 1000).weight == exact


@pytest.mark.parametrize(
    ("scale_id", "value", "level", "weight"),
    [
        ("mini-cex@1", 6, 3500, 1250),
        ("mini-cex@1", 5.5, 3250, 1250),
        ("dops@1", 1, 1000, 1250),
        ("entrustment@1", 4, 4000, 1667),
        ("rotation-exam-100@1", 87.5, 4375, 2000),
        ("rotation-exam-100@1", 60, 3000, 2000),
        ("oulad-percent@1", 40, 2600, 1429),
    ],
)
def test_shipped_scales(scale_id, value, level, weight):
    evidence = fact(with_data(scale=scale_id, scores=[{"competency": "C", "value": value}]))
    assert evidence.marks == (("C", float(value), level, weight),)


@pytest.mark.parametrize("name", sorted(REFERENCE.scales))
def test_shipped_scales_rise_and_hold_their_ends(name):
    shipped = REFERENCE.scales[name]
    assert shipped.holds(shipped.min)
    assert shipped.holds(shipped.max)
    assert shipped.level(shipped.min) < shipped.level(shipped.max)
    assert shipped.level(shipped.min) >= 0
    assert shipped.level(shipped.max) <= 5000


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", {"en": "Scale"}),
        ("name", {"zh": "量表"}),
        ("name", {"en": "Scale", "zh": ""}),
        ("name", {"en": "Scale", "zh": "量表", "fr": "échelle"}),
        ("min", "1"),
        ("min", float("nan")),
        ("max", float("nan")),
        ("max", float("inf")),
        ("min", float("-inf")),
        ("max", 1),
        ("max", 1e306),
        ("direction", "up"),
        ("direction", "lower-is-better"),
        ("slope_milli", 0),
        ("slope_milli", -5),
        ("slope_milli", 0.5),
        ("slope_milli", 10**30),
        ("intercept_milli", 10**30),
        ("variance", 0),
        ("variance", -1),
        ("variance", 1e-300),
        ("variance", float("nan")),
        ("variance", 101),
        ("source", ""),
        ("colour", "red"),
    ],
)
def test_a_bad_table_is_refused_by_name(field, value):
    with pytest.raises(ValidationError) as refused:
        Reference.from_tables({"ward@1": GOOD, "ward@2": GOOD | {field: value}})
    assert {error["loc"][0] for error in refused.value.errors()} == {"ward@2"}


@pytest.mark.parametrize("field", sorted(GOOD))
def test_a_field_is_not_left_out(field):
    with pytest.raises(ValidationError, match=field):
        Reference.from_tables({"ward@1": {name: value for name, value in GOOD.items() if name != field}})
