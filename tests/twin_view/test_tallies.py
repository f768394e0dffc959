"""Hours, attendance, feedback, own ratings, and what was expected and has not come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.evidence.record import PERIOD_MS, WEEK_MS
from megdt_stream.evidence.reference.targets import WorkloadLimit
from megdt_stream.evidence.times import rfc3339
from megdt_stream.seed_files import load_estimation, load_norms
from megdt_stream.twin.view import compare, document, read
from megdt_stream.twin.view.times import week_start
from megdt_stream.twin.view.workload import workload
from tests.twin_view.telling import DAY, HOUR, MARK, WEIGHT, Telling

ESTIMATION, NORMS = load_estimation(), load_norms()
MONDAY = week_start(2866)  # 2024-12-02
NOW = MONDAY + 8 * WEEK_MS


def told(telling, as_of=NOW, norms=NORMS):
    return document("syn.t1", read(telling.twin, ESTIMATION), ESTIMATION, as_of, norms)["properties"]


def on_duty(*hours):
    """Tell of one duty a week, the first in the week of `MONDAY`."""
    telling = Telling()
    for week, length in enumerate(hours):
        for part, day in enumerate(range(6)):
            if length:
                telling.duty(f"d{week}.{part}", MONDAY + week * WEEK_MS + day * DAY, length / 6, on_call=day == 5)
    return telling


class TestWorkload:
    def test_hours_are_told_by_week_with_what_was_on_call(self):
        properties = told(on_duty(72, 36))
        week = properties["workload|2024-12-02"]
        assert (week["value"], week["on_call"], week["provenance"]["records"]) == (72, 12, 6)
        assert properties["workload|2024-12-09"]["value"] == 36

    def test_eight_weeks_at_most_and_none_is_left_out_in_between(self):
        properties = told(on_duty(10, 20, *[0] * 7, 70), NOW + 9 * WEEK_MS)
        weeks = sorted(name for name in properties if name.startswith("workload|"))
        assert len(weeks) == 8
        assert properties[weeks[0]]["value"] == 0
        assert properties["workload"]["value"] == pytest.approx(70 / 4)
        assert properties["workload"]["maximum"] == 70

    @pytest.mark.parametrize(
        ("hours", "over"), [((80, 80, 80, 80), False), ((84, 84, 84, 77), True), ((100, 100, 100), None)]
    )
    def test_the_limit_is_on_the_average_of_four_whole_weeks(self, hours, over):
        found = told(on_duty(*hours))["workload"]
        assert found["over"] is over
        assert found["limit"] == {"hours": 80, "weeks": 4}
        assert found["provenance"]["seeds"] == {"file": "targets.toml", "version": 1, "key": "workload"}

    def test_a_week_that_is_not_over_is_told_and_not_averaged(self):
        properties = told(on_duty(70, 70, 70, 70, 7), MONDAY + 4 * WEEK_MS + DAY)
        assert properties["workload"]["value"] == 70
        assert properties["workload|2024-12-30"]["whole"] is False

    def test_without_a_limit_nothing_is_too_much(self):
        view = read(on_duty(100, 100, 100, 100).twin, ESTIMATION)
        assert workload(view, NOW, None).over is None
        assert told(on_duty(100), norms=None)["workload"]["limit"] is None
        assert "workload" not in told(Telling())

    @given(st.lists(st.integers(0, 140), min_size=1, max_size=10), st.integers(1, 8))
    def test_the_mean_lies_between_the_weeks(self, hours, weeks):
        view = read(on_duty(*hours).twin, ESTIMATION)
        found = workload(view, NOW + 4 * WEEK_MS, WorkloadLimit(hours=80, weeks=weeks, source="a test"))
        assert (found is None) == (not any(hours))
        if found is not None:
            assert 0 <= found.mean <= found.highest <= max(hours) + 0.1
            assert found.averaged <= weeks


class TestLearning:
    def test_attendance_is_a_share_with_its_interval_and_learning_cases_are_no_sessions(self):
        telling = Telling()
        for number in range(4):
            telling.attend(f"t{number}", NOW - number * 40 * DAY, attended=number > 0)
        telling.attend("case", NOW, kind="learning-case")
        found = told(telling)["attendance"]
        assert (found["value"], found["attended"], found["recorded"], found["minutes"]) == (0.75, 3, 4, 240)
        # (0.75 + z^2/8) / (1 + z^2/4) = 0.677, and 0.245 to each side, with z = 1.2816.
        assert found["interval"] == pytest.approx([0.4325, 0.922], abs=0.001)

    def test_feedback_says_how_much_of_whom_how_specific_how_late(self):
        telling = Telling()
        telling.comment("f1", NOW - DAY, specific=True, observed=NOW - DAY - 3 * HOUR)
        telling.comment("f2", NOW - DAY, specific=False, observed=NOW - DAY - 5 * HOUR, assessor="tch.b")
        telling.comment("f3", NOW - 100 * DAY, assessor=None)
        found = told(telling)["feedback"]
        assert (found["value"], found["assessors"], found["without_assessor"]) == (3, 2, 1)
        assert found["specific"]["value"] == 0.5
        assert (found["mean_delay_hours"], found["provenance"]["timed"]) == (4.0, 2)
        assert found["provenance"]["not_told"] == 1
        assert len(found["periods"]) == 6
        assert sum(one["count"] for one in found["periods"]) == 3

    def test_silence_is_seen_in_the_latest_periods(self):
        telling = Telling()
        telling.comment("f1", NOW - 400 * DAY)
        assert [one["count"] for one in told(telling)["feedback"]["periods"]] == [0] * 6
        assert told(telling, as_of=0)["feedback"]["periods"][-1]["count"] == 1
        assert told(telling)["feedback"]["specific"] is None
        assert told(telling)["feedback"]["mean_delay_hours"] is None

    def test_an_own_rating_stands_beside_the_assessors(self):
        telling = Telling()
        telling.assess("a1", ("patient-care", 6.0, 3000, WEIGHT), happened=NOW - DAY)
        telling.rate_oneself("v1", NOW - DAY, ("patient-care", 4.0, 4000, 1000), ("medical-knowledge", 3.0, 3000, 1000))
        properties = told(telling)
        found = properties["self-assessment|patient-care"]
        assert (found["value"], found["own"]["value"], found["assessors"]["value"]) == (1.0, 4.0, 3.0)
        low, high = found["interval"]
        # Variances: score 0.8 and assessor 0.25 on one side, the own scale's 1.0 on the other.
        assert (high - low) / 2 == pytest.approx(ESTIMATION.z * (0.8 + 0.25 + 1.0) ** 0.5, abs=0.002)
        alone = properties["self-assessment|medical-knowledge"]
        assert (alone["value"], alone["assessors"], alone["own"]["value"]) == (None, None, 3.0)

    def test_own_ratings_before_the_window_are_left_out(self):
        telling = Telling()
        window = ESTIMATION.window.periods
        telling.rate_oneself("v1", NOW, ("patient-care", 4.0, 4000, 1000))
        telling.rate_oneself("v2", NOW - window * PERIOD_MS, ("patient-care", 2.0, 2000, 1000))
        own = told(telling)["self-assessment|patient-care"]
        assert (own["own"]["value"], own["provenance"]["scores"]) == (4.0, 1)


class TestMissing:
    def expecting(self):
        telling = Telling()
        expects = (("急诊考核", 2, NOW - 9 * DAY), ("mini-cex", 1, NOW - DAY), ("later", 3, NOW + DAY))
        self.plan = telling.rotate("plan", happened=NOW - 60 * DAY, starts=NOW - 60 * DAY, expects=expects)
        return telling

    def test_what_was_due_and_has_not_come_is_listed(self):
        telling = self.expecting()
        telling.assess("a1", MARK, happened=NOW - 20 * DAY, missing=[("professionalism", "not-observed")])
        telling.assess("a2", MARK, happened=NOW - 20 * DAY, item="later")
        found = told(telling)["missing"]
        assert (found["value"], found["expected"], found["came"], found["share"]) == (2, 3, 1, 0.333)
        assert [(one["key"], one["arrived"], one["expected"]) for one in found["items"]] == [
            ("急诊考核", 1, 2),
            ("mini-cex", 0, 1),
        ]
        first = found["items"][0]
        assert (first["rotation"], first["department"], first["due"]) == ("r-1", "急诊科", rfc3339(NOW - 9 * DAY))
        assert first["records"] == [self.plan]
        assert found["marks"] == {
            "patient-care": {"given": 2, "missing": 0},
            "professionalism": {"given": 0, "missing": 1},
        }

    def test_too_much_of_one_does_not_make_up_for_another(self):
        telling = self.expecting()
        for number in range(5):
            telling.assess(f"a{number}", MARK, happened=NOW - 20 * DAY)
        found = told(telling)["missing"]
        assert (found["value"], found["came"]) == (1, 2)

    def test_a_cancelled_rotation_expects_nothing(self):
        telling = self.expecting()
        telling.rotate("off", "cancelled", happened=NOW - 50 * DAY)
        found = told(telling)["missing"]
        assert (found["value"], found["expected"], found["share"]) == (0, 0, None)

    def test_without_the_time_nothing_can_be_missing(self):
        assert "missing" not in told(self.expecting(), as_of=0)
        assert "missing" not in told(Telling())

    @given(st.integers(0, 5), st.integers(0, 5), st.integers(-30, 30))
    def test_what_came_and_what_is_missing_add_up_to_what_was_expected(self, first, second, days):
        telling = self.expecting()
        for number in range(first):
            telling.assess(f"a{number}", MARK, happened=NOW - 20 * DAY)
        for number in range(second):
            telling.assess(f"b{number}", MARK, happened=NOW - 20 * DAY, item="mini-cex")
        found = compare(read(telling.twin, ESTIMATION), ESTIMATION, NOW + days * DAY, None).awaited
        assert 0 <= found.came <= found.expected
        assert found.missing == sum(one.expected.needed - one.expected.arrived for one in found.items)
