"""Levels held against the target of stage and time in training."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.evidence.record import PERIOD_MS
from megdt_stream.evidence.times import rfc3339
from megdt_stream.seed_files import load_estimation, load_norms
from megdt_stream.twin.view import Level, document, read
from megdt_stream.twin.view.goals import probability_below
from megdt_stream.twin.view.times import YEAR_MS
from megdt_stream.twin.view.training import chain, training
from tests.twin_view.telling import DAY, WEIGHT, Telling

ESTIMATION, NORMS = load_estimation(), load_norms()
BEGAN = 19_000 * DAY
NOW = BEGAN + 400 * DAY


def told(telling, as_of=NOW):
    return document("syn.t1", read(telling.twin, ESTIMATION), ESTIMATION, as_of, NORMS)["properties"]


def scored(*levels, every=28):
    """Tell of a trainee with one score by each of several assessors in every period, the last one just over."""
    telling = Telling()
    for number, level in enumerate(levels):
        at = NOW - (len(levels) - number) * every * DAY
        for rater in "abcd":
            telling.assess(
                f"a{number}{rater}",
                ("patient-care", 0.0, round(level * 1000), WEIGHT),
                happened=at,
                rater=f"tch.{rater}",
            )
    return telling


class TestTraining:
    def test_it_begins_with_the_first_enrolment_in_the_stage(self):
        telling = Telling()
        telling.enrol("e1", BEGAN, stage="medical-school", programme=None)
        first = telling.enrol("e2", BEGAN + 100 * DAY)
        telling.enrol("e3", BEGAN + 300 * DAY, base="外科-02")
        found = training(read(telling.twin, ESTIMATION))
        assert (found.stage, found.began, found.basis, found.records) == (
            "postgraduate",
            BEGAN + 100 * DAY,
            "enrolment",
            (first,),
        )
        assert found.years(NOW) == pytest.approx(300 / 365.25)
        assert found.years(BEGAN) == 0

    def test_a_rotation_before_the_only_stage_shows_a_late_enrolment(self):
        telling = Telling()
        telling.rotate("plan", starts=BEGAN)
        telling.enrol("e1", BEGAN + 50 * DAY)
        found = training(read(telling.twin, ESTIMATION))
        assert (found.began, found.basis) == (BEGAN, "rotation")

    def test_with_two_stages_a_rotation_does_not_tell_which_it_belongs_to(self):
        telling = Telling()
        telling.rotate("plan", starts=BEGAN - 50 * DAY)
        telling.enrol("e1", BEGAN - 10 * DAY, stage="medical-school")
        telling.enrol("e2", BEGAN)
        assert training(read(telling.twin, ESTIMATION)).began == BEGAN

    def test_a_cancelled_rotation_begins_nothing(self):
        telling = Telling()
        telling.rotate("plan", starts=BEGAN - 50 * DAY)
        telling.rotate("off", "cancelled", happened=BEGAN)
        telling.enrol("e1", BEGAN)
        assert training(read(telling.twin, ESTIMATION)).began == BEGAN

    def test_without_an_enrolment_nothing_is_known(self):
        telling = Telling()
        telling.rotate("plan", starts=BEGAN)
        assert training(read(telling.twin, ESTIMATION)) is None

    def test_the_chain_of_stages_is_told_in_order_and_repeats_nothing(self):
        telling = Telling()
        telling.enrol("e2", BEGAN + DAY)
        telling.enrol("e1", BEGAN, stage="medical-school", programme=None)
        again = telling.enrol("e3", BEGAN + 2 * DAY)
        telling.enrol("e4", BEGAN + 3 * DAY, stage="continuing")
        value = told(telling)["stages"]["value"]
        assert [one["stage"] for one in value] == ["medical-school", "postgraduate", "continuing"]
        assert value[1]["since"] == rfc3339(BEGAN + DAY)
        assert value[1]["records"][-1] == again
        assert [len(records) for _, records in chain(read(telling.twin, ESTIMATION).stages)] == [1, 2, 1]


class TestTargets:
    def test_a_level_far_below_is_weak_and_says_how_sure(self):
        telling = scored(1.2)
        telling.enrol("e1", BEGAN)
        weak = told(telling)["weak|patient-care"]
        # 372 days and up to 28 more: the end of the period of the score, or now.
        assert weak["target"] == pytest.approx(2.0, abs=0.1)
        assert weak["weak"] is True
        assert 0.8 < weak["value"] < 1
        assert weak["provenance"]["training_since"] == rfc3339(BEGAN)

    def test_a_level_far_above_is_not(self):
        telling = scored(4.0)
        telling.enrol("e1", BEGAN)
        weak = told(telling)["weak|patient-care"]
        assert (weak["weak"], weak["value"]) == (False, pytest.approx(0, abs=0.01))

    def test_the_target_is_that_of_the_end_of_the_year_beside_report_and_forecast(self):
        telling = scored(*(2.0 + 0.05 * k for k in range(10)))
        telling.enrol("e1", BEGAN)
        properties = told(telling)
        target = properties["target|patient-care"]
        assert (target["value"], target["by"]) == (3.0, rfc3339(BEGAN + 2 * YEAR_MS))
        assert target["reported"]["value"] == properties["level|patient-care"]["value"]
        low, high = target["forecast"]["interval"]
        assert low < target["forecast"]["value"] < high
        assert target["forecast"]["value"] > target["reported"]["value"]

    def test_after_the_last_year_the_graduation_target_stays_and_nothing_is_forecast(self):
        telling = scored(3.5, 3.6)
        telling.enrol("e1", BEGAN - 4 * YEAR_MS)
        target = told(telling)["target|patient-care"]
        assert (target["value"], target["forecast"]) == (4.0, None)
        assert target["by"] == rfc3339(BEGAN - 4 * YEAR_MS + 3 * YEAR_MS)

    def test_a_stage_with_one_level_has_no_date(self):
        telling = scored(3.0)
        telling.enrol("e1", BEGAN, stage="continuing")
        target = told(telling)["target|patient-care"]
        assert (target["value"], target["by"], target["forecast"]) == (4.0, None, None)

    def test_an_old_level_is_held_against_the_target_of_its_time(self):
        telling = scored(2.0)
        telling.enrol("e1", BEGAN)
        soon, late = (told(telling, as_of)["weak|patient-care"] for as_of in (NOW, NOW + 700 * DAY))
        assert late["target"] - soon["target"] < 0.1
        assert late["provenance"]["at"] <= rfc3339(NOW + PERIOD_MS)

    def test_without_an_enrolment_it_says_so_and_calls_nothing_weak(self):
        properties = told(scored(1.0))
        assert properties["target|patient-care"]["value"] is None
        assert properties["target|patient-care"]["unknown"] == "no-enrolment"
        assert "weak|patient-care" not in properties

    @given(st.floats(0, 5), st.floats(0, 5), st.floats(0.05, 2))
    def test_the_probability_is_one_and_grows_with_what_is_wanted(self, mean, wanted, half):
        one = Level("c", mean, mean - half, mean + half, 1, 1, 0, 0, 1)
        below = probability_below(one, wanted, ESTIMATION)
        assert 0 <= below <= 1
        assert below <= probability_below(one, wanted + 0.1, ESTIMATION)
        # The end of an 80 % interval is not reached with a probability of a tenth.
        assert probability_below(one, one.low, ESTIMATION) == pytest.approx(0.1)
