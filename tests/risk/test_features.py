"""Features are finite and closed whatever a twin holds, and know nothing that was not available."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.calibration.risk.features import features
from megdt_stream.calibration.risk.schedule import running
from megdt_stream.calibration.risk.vocabulary import (
    FEATURES,
    LIMIT,
    RICHER_TERMS,
    TERMS,
    clamped,
    from_names,
    richer_terms,
    terms,
)
from megdt_stream.twin.fold import fold
from megdt_stream.twin.state import Twin
from tests.risk.worlds import DAY, START, twin_of
from tests.twin.facts import facts

ANY = st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.integers(), st.text(max_size=3), st.none())


def named(twin, day, rotation="R-1"):
    return dict(zip(FEATURES, features(twin, START + day * DAY, rotation), strict=True))


@given(st.lists(ANY, min_size=len(FEATURES), max_size=len(FEATURES)))
def test_whatever_is_given_becomes_finite_and_within_limits(values):
    found = clamped(values)
    assert all(math.isfinite(value) and abs(value) <= LIMIT for value in found)
    assert all(math.isfinite(value) for value in (*terms(found), *richer_terms(found)))


@given(st.dictionaries(st.text(max_size=8), ANY, max_size=50))
def test_invented_names_change_nothing(extra):
    invented = {name: value for name, value in extra.items() if name not in FEATURES}
    assert from_names(invented | {"level_mean": 1.0}) == from_names({"level_mean": 1.0})


def test_terms_are_named_by_position():
    assert len(terms([0.0] * len(FEATURES))) == len(TERMS)
    assert len(richer_terms([0.0] * len(FEATURES))) == len(RICHER_TERMS)
    with pytest.raises(ValueError, match="features, not the"):
        clamped([0.0])


def test_a_missed_work_counts_from_its_due_date_on():
    twin = twin_of([("tma", 1, 20)])
    assert named(twin, 19)["missed_last"] == 0.0
    assert named(twin, 21)["missed_last"] == 1.0


def test_what_came_counts_with_its_level_and_lead():
    found = named(twin_of([("tma", 1, 20)], [("tma", 2.0, 15)]), 30)
    assert found["missed_share"] == 0.0
    assert found["level_last"] == pytest.approx((2.0 - 3.8) / 0.8)
    assert found["lead_last"] == pytest.approx(0.5)
    assert found["failed_share"] == 0.5


def test_two_of_three_expected_forms_are_a_miss_for_a_resident():
    assert named(twin_of([("mini-cex", 3, 20)], [("mini-cex", 3.5, 10)]), 30)["missed_share"] == 1.0


def test_earlier_results_are_history_and_this_rotation_s_own_is_not():
    slot = [START, 0, "fail", None, "R-0", None, None]
    own = [START, 0, "fail", None, "R-1", None, None]
    twin = twin_of(more=[(f"o|x|{'1' * 16}", slot), (f"o|x|{'2' * 16}", own)])
    assert named(twin, 10)["failed_before"] == 1.0


def test_no_features_of_a_rotation_that_is_unknown_or_cancelled():
    assert features(twin_of(), START, "R-2") is None
    assert features(twin_of(status="cancelled"), START, "R-1") is None


def test_running_rotations_are_found():
    twin = twin_of([("a", 1, 5)])
    assert list(running(twin, START + DAY)) == ["R-1"]
    assert list(running(twin, START - DAY)) == []
    assert list(running(twin, START + 300 * DAY)) == []


@given(st.lists(facts(), max_size=12), st.integers(0, 2**42))
def test_features_of_any_twin_are_finite(evidence, now):
    twin = Twin()
    for fact in evidence:
        fold(twin, (), fact)
    for group in [group for group in twin.slots if group.startswith("r|")]:
        found = features(twin, now, group[2:])
        assert found is None or all(math.isfinite(value) and abs(value) <= LIMIT for value in found)
