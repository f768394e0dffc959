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
LOW = {"value": 1, "en": "poor", "zh": "差"}
HIGH = {"value": 9, "en": "good", "zh": "好"}


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
        ("cbd@1", 6, 5000, 1250),
        ("msf@1", 4, 3400, 1000),
        ("entrustment-chen@1", 3.3, 3300, 1667),
        ("zwisch@1", 4, 4000, 1667),
        ("milestone@1", 2.5, 2500, 3333),
        ("completion-theory-100@1", 80, 4000, 2500),
    ],
)
def test_shipped_scales(scale_id, value, level, weight):
    evidence = fact(with_data(scale=scale_id, scores=[{"competency": "patient-care", "value": value}]))
    assert evidence.marks == (("patient-care", float(value), level, weight),)


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
        ("source", " \n"),
        ("colour", "red"),
        ("step", 0),
        ("step", 8.5),
        ("judgement", "introspective"),
        ("categories", []),
        ("categories", [LOW]),
        ("categories", [LOW, LOW]),
        ("categories", [HIGH, LOW]),
        ("categories", [LOW, HIGH | {"value": 9.5}]),
        ("categories", [LOW, HIGH | {"value": "9"}]),
        ("categories", [LOW, HIGH | {"zh": ""}]),
        ("categories", [LOW, HIGH | {"colour": "red"}]),
        ("categories", [LOW | {"label": "a"}, HIGH | {"label": "a"}]),
    ],
)
def test_a_bad_table_is_refused_by_name(field, value):
    with pytest.raises(ValidationError) as refused:
        Reference.from_tables({"ward@1": GOOD, "ward@2": GOOD | {field: value}}, {})
    assert {error["loc"][0] for error in refused.value.errors()} == {"ward@2"}


@pytest.mark.parametrize(
    "scale_id", ["ward", "ward@0", "ward@x", "@1", "ward@1@2", "the ward@1", "ward|@1", "w" * 57 + "@1"]
)
def test_an_id_is_a_name_and_a_version(scale_id):
    with pytest.raises(ValidationError, match="name@version"):
        Reference.from_tables({scale_id: GOOD}, {})


@pytest.mark.parametrize("optional", [{}, {"step": 0.5, "judgement": "prospective", "categories": [LOW, HIGH]}])
def test_what_describes_the_form_changes_no_score(optional):
    described = Reference.from_tables({"病区@12": GOOD | optional}, {}).scales["病区@12"]
    assert described.holds(2.25)
    assert (described.level(2.25), described.weight) == (1625, 1250)


@pytest.mark.parametrize("name", sorted(REFERENCE.scales))
def test_the_categories_of_a_shipped_form_span_the_scale(name):
    shipped = REFERENCE.scales[name]
    if shipped.categories is None:
        assert (shipped.min, shipped.max) == (0, 100)
    else:
        assert (shipped.categories[0].value, shipped.categories[-1].value) == (shipped.min, shipped.max)
    if shipped.categories and shipped.step:
        assert len(shipped.categories) == (shipped.max - shipped.min) / shipped.step + 1


@pytest.mark.parametrize("field", sorted(GOOD))
def test_a_field_is_not_left_out(field):
    with pytest.raises(ValidationError, match=field):
        Reference.from_tables({"ward@1": {name: value for name, value in GOOD.items() if name != field}}, {})
