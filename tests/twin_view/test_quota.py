"""Quota coverage: what counts, what will be, and what cannot be told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.seed_files import load_estimation, load_norms
from megdt_stream.twin.view import document, read
from megdt_stream.twin.view.intervals import CountAhead
from tests.twin_view.telling import DAY, Telling

ESTIMATION, NORMS = load_estimation(), load_norms()
BEGAN = 20_000 * DAY
NOW = BEGAN + 60 * DAY
FAILURE = "quota|case|心力衰竭"  # heart failure, at least 5, cardiology, 4 months
CARDIOLOGY = {"rotation": "r-c", "department": "心内科"}


def told(telling, as_of=NOW):
    return document("syn.t1", read(telling.twin, ESTIMATION), ESTIMATION, as_of, NORMS)["properties"]


def enrolled():
    telling = Telling()
    telling.enrol("e1", BEGAN)
    return telling


def test_only_items_of_the_standard_have_a_quota():
    telling = enrolled()
    telling.expose("x1", NOW - DAY)
    telling.expose("x2", NOW - DAY, item="从未列入")
    properties = told(telling)
    assert {name for name in properties if name.startswith("quota|") and properties[name]["value"]} == {FAILURE}
    assert {"exposure|case|心力衰竭", "exposure|case|从未列入"} <= set(properties)
    standard = NORMS.quotas["internal-medicine@1"]
    assert sum(name.startswith("quota|") for name in properties) == len(list(standard.items()))
    assert (properties["quota"]["value"], properties["quota"]["items"]) == (0, len(list(standard.items())))
    found = properties[FAILURE]
    assert (found["value"], found["required"], found["share"]) == (1, 5, 0.2)
    assert found["provenance"]["seeds"] == {"file": "quotas.toml", "key": "internal-medicine@1"}
    assert found["provenance"]["department"] == "心内科"


def test_a_procedure_counts_from_its_least_role_upwards():
    telling = enrolled()
    for role, count in (("observed", 7), ("assisted", 2), ("performed", 1), (None, 4)):
        telling.expose(f"x{role}", NOW - DAY, "procedure", "血液透析管理", role, count)
    found = told(telling)["quota|procedure|血液透析管理"]
    assert found["provenance"]["least_role"] == "assisted"
    assert (found["value"], found["provenance"]["not_counted"]) == (3, 11)


def test_without_a_standard_it_says_so():
    telling = Telling()
    telling.enrol("e1", BEGAN, programme="儿科")
    properties = told(telling)
    assert properties["quota"]["unknown"] == "no-standard"
    assert properties["quota"]["value"] is None
    assert not any(name.startswith("quota|") for name in properties)
    assert "quota" not in told(Telling())


def test_the_newest_version_of_a_standard_holds_for_its_stage_only():
    older = NORMS.quotas["internal-medicine@1"]
    norms = NORMS._replace(quotas={"internal-medicine@10": older, "internal-medicine@9": older})
    assert norms.standard("postgraduate", "内科")[0] == "internal-medicine@10"
    assert norms.standard("continuing", "内科") is None
    assert norms.standard("postgraduate", None) is None


def test_a_rotation_is_projected_to_what_the_standard_gives_the_department():
    telling = enrolled()
    telling.rotate("p", "started", BEGAN, starts=BEGAN, ends=BEGAN + 120 * DAY, **CARDIOLOGY)
    telling.expose("x1", BEGAN + 30 * DAY, count=2)
    found = told(telling)[FAILURE]
    assert found["projected"]["basis"] == "rotation"
    assert (found["projected"]["days_observed"], found["projected"]["days_ahead"]) == (60, 60)
    more = CountAhead(2, 60, 60)
    assert found["projected"]["value"] == 2 + more.quantile(0.5)
    assert found["projected"]["probability_short"] == pytest.approx(more.below(3), abs=1e-3)
    assert found["short"] is (more.below(3) >= 0.8)


def test_months_that_are_not_planned_yet_are_owed():
    telling = enrolled()
    telling.rotate("p", "started", BEGAN, starts=BEGAN, ends=BEGAN + 60 * DAY, **CARDIOLOGY)
    telling.expose("x1", BEGAN + 30 * DAY, count=2)
    projected = told(telling)[FAILURE]["projected"]
    # Four months of 30.4 days, 60 of them over.
    assert projected["days_not_planned"] == pytest.approx(4 * 365.25 / 12 - 60, abs=0.1)
    assert projected["by"] > "2027-01"


def test_when_training_is_over_nothing_is_to_come():
    telling = enrolled()
    telling.rotate("p", "ended", BEGAN, starts=BEGAN, ends=BEGAN + 60 * DAY, **CARDIOLOGY)
    telling.expose("x1", BEGAN + 30 * DAY, count=2)
    found = told(telling, BEGAN + 1200 * DAY)[FAILURE]
    assert (found["projected"]["value"], found["projected"]["interval"]) == (2, [2, 2])
    assert (found["projected"]["probability_short"], found["short"]) == (1.0, True)


def test_what_is_done_is_never_short():
    telling = enrolled()
    telling.rotate("p", "started", BEGAN, starts=BEGAN, ends=BEGAN + 120 * DAY, **CARDIOLOGY)
    telling.expose("x1", BEGAN + 30 * DAY, count=9)
    found = told(telling)[FAILURE]
    assert (found["short"], found["share"], found["projected"]["probability_short"]) == (False, 1.0, 0.0)


def test_the_minimum_itself_is_enough_wherever_it_was_reached():
    telling = enrolled()
    telling.rotate("p", "started", BEGAN, starts=BEGAN, ends=NOW, rotation="r", department="消化内科")
    telling.expose("x1", BEGAN + 30 * DAY, count=5)
    properties = told(telling)
    assert (properties[FAILURE]["short"], properties[FAILURE]["unknown"]) == (False, "no-rotation")
    assert properties["quota"]["value"] == 1


def test_what_came_before_the_rotation_counts_and_is_no_part_of_its_rate():
    telling = enrolled()
    telling.rotate("p", "started", BEGAN, starts=BEGAN, ends=BEGAN + 120 * DAY, **CARDIOLOGY)
    telling.expose("x1", BEGAN - 100 * DAY, count=2)
    found = told(telling)[FAILURE]
    assert (found["value"], found["projected"]["seen"]) == (2, 0)
    assert found["projected"]["probability_short"] == pytest.approx(CountAhead(0, 60, 60).below(3), abs=1e-3)


def test_a_cancelled_rotation_is_no_time_in_the_department():
    telling = enrolled()
    telling.rotate("p", "started", BEGAN, starts=BEGAN, ends=BEGAN + 120 * DAY, **CARDIOLOGY)
    telling.rotate("c", "cancelled", BEGAN + DAY, rotation="r-c")
    assert told(telling)[FAILURE]["unknown"] == "no-beginning"


def test_a_rotation_that_ended_early_does_not_last_to_its_planned_end():
    telling = enrolled()
    telling.rotate("p", "started", BEGAN, starts=BEGAN, ends=BEGAN + 120 * DAY, **CARDIOLOGY)
    telling.rotate("e", "ended", BEGAN + 50 * DAY, rotation="r-c")
    projected = told(telling)[FAILURE]["projected"]
    # What is left of the four months is owed, not planned.
    assert projected["days_ahead"] == projected["days_not_planned"] == pytest.approx(4 * 365.25 / 12 - 60, abs=0.1)


@pytest.mark.parametrize(
    ("rotation", "as_of", "unknown"),
    [
        ({"starts": NOW - 3 * DAY, "ends": NOW + 50 * DAY, **CARDIOLOGY}, NOW, "too-early"),
        ({"starts": NOW + 3 * DAY, "ends": NOW + 50 * DAY, **CARDIOLOGY}, NOW, "too-early"),
        ({"starts": BEGAN, "ends": NOW, "rotation": "r", "department": "消化内科"}, NOW, "no-rotation"),
        ({"starts": BEGAN, "ends": NOW, "rotation": "r", "department": "门诊"}, NOW, "no-beginning"),
        ({"starts": BEGAN, "ends": NOW, **CARDIOLOGY}, 0, "no-clock"),
    ],
)
def test_what_cannot_be_told_says_why(rotation, as_of, unknown):
    telling = enrolled()
    telling.rotate("p", "planned", BEGAN, **rotation)
    found = told(telling, as_of)[FAILURE]
    assert (found["projected"], found["short"], found["unknown"]) == (None, None, unknown)


def test_without_departments_the_programme_is_the_span():
    telling = enrolled()
    telling.expose("x1", BEGAN + 30 * DAY, count=2)
    projected = told(telling)[FAILURE]["projected"]
    assert projected["basis"] == "programme"
    assert projected["days_observed"] + projected["days_ahead"] <= 33 * 365.25 / 12 + 0.1


def test_days_in_two_rotations_of_a_department_count_once():
    telling = enrolled()
    for code in ("r-1", "r-2"):
        telling.rotate(code, "started", BEGAN, rotation=code, department="心内科", starts=BEGAN, ends=BEGAN + 120 * DAY)
    assert told(telling)[FAILURE]["projected"]["days_observed"] == 60


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 5)), max_size=8),
    st.integers(0, 60),
    st.integers(1, 150),
    st.sampled_from(["planned", "started", "ended"]),
)
def test_a_projection_is_never_below_what_is_done_and_holds_its_value(seen, starts, length, status):
    telling = enrolled()
    begins, ends = BEGAN + starts * DAY, BEGAN + (starts + length) * DAY
    telling.rotate("p", "planned", BEGAN, starts=begins, ends=ends, **CARDIOLOGY)
    if status != "planned":
        telling.rotate("s", status, BEGAN + DAY, rotation="r-c", expects=None)
    for number, (day, count) in enumerate(seen):
        telling.expose(f"x{number}", BEGAN + day * DAY, count=count)
    found = told(telling)[FAILURE]
    assert 0 <= found["share"] <= 1
    if found["projected"] is not None:
        low, high = found["projected"]["interval"]
        assert found["value"] <= low <= found["projected"]["value"] <= high
        assert 0 <= found["projected"]["probability_short"] <= 1
