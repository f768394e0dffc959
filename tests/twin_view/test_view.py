"""What is read off a twin: levels with honest intervals, and everything else as it was told."""

import hashlib
import json
import math
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.evidence.record import PERIOD_MS, Enrolment, Exposure, Outcome
from megdt_stream.seed_files import load_estimation
from megdt_stream.twin.state import Twin
from megdt_stream.twin.view import Cell, document, level, read
from tests.twin_view.telling import DAY, MARK, WEIGHT, Telling

ESTIMATION = load_estimation()
RATER_VARIANCE = ESTIMATION.rater.variance


def cell(rater="tch.a", n=1, y=3000, period=100, w=WEIGHT):
    return Cell(period, rater, n, n * w, n * w * y)


def half_width(one):
    return (one.high - one.low) / 2


cells = st.builds(
    cell,
    rater=st.sampled_from(["tch.a", "tch.b", "tch.c", "-"]),
    n=st.integers(1, 30),
    y=st.integers(0, 5000),
    period=st.integers(100, 105),
    w=st.sampled_from([1250, 1667, 2000, 1429]),
)
some_cells = st.lists(cells, min_size=1, max_size=12)


class TestLevel:
    def test_one_score_carries_its_own_and_its_assessors_variance(self):
        one = level("patient-care", [cell(y=3200)], ESTIMATION)
        assert one.mean == pytest.approx(3.2)
        assert half_width(one) == pytest.approx(NormalDist().inv_cdf(0.9) * math.sqrt(0.8 + RATER_VARIANCE))

    def test_assessors_are_weighed_by_what_they_know(self):
        # Variances 0.8/4 + 0.25 = 0.45 and 0.8 + 0.25 = 1.05.
        one = level("patient-care", [cell("tch.a", n=4, y=3000), cell("tch.b", n=1, y=4000)], ESTIMATION)
        assert one.mean == pytest.approx((3 / 0.45 + 4 / 1.05) / (1 / 0.45 + 1 / 1.05))

    def test_a_thousand_scores_of_one_assessor_say_no_more_than_that_assessor_can(self):
        one = level("patient-care", [cell(n=1000)], ESTIMATION)
        assert half_width(one) > ESTIMATION.z * math.sqrt(RATER_VARIANCE)

    @given(some_cells)
    def test_another_assessor_narrows_the_interval(self, before):
        narrower = level("c", [*before, cell("tch.new", period=105)], ESTIMATION)
        kept = [one for one in before if one.period > 105 - ESTIMATION.window.periods]
        wider = level("c", [*kept, cell("tch.a", n=1, period=105)], ESTIMATION) if kept else None
        assert wider is None or half_width(narrower) < half_width(level("c", kept, ESTIMATION))

    @given(some_cells, st.randoms())
    def test_order_does_not_matter(self, before, chance):
        shuffled = chance.sample(before, len(before))
        first, second = level("c", before, ESTIMATION), level("c", shuffled, ESTIMATION)
        assert first.mean == pytest.approx(second.mean)
        assert first[3:] == pytest.approx(second[3:])

    @given(some_cells)
    def test_the_estimate_lies_within_the_scores_and_its_interval(self, found):
        one = level("c", found, ESTIMATION)
        ys = [c.wy / c.w / 1000 for c in found]
        assert min(ys) - 1e-9 <= one.mean <= max(ys) + 1e-9
        assert one.low < one.mean < one.high
        assert one.scores == sum(c.n for c in found)
        assert one.unnamed == sum(c.n for c in found if c.rater == "-")

    def test_scores_before_the_window_are_left_out(self):
        periods = ESTIMATION.window.periods
        old = cell("tch.a", n=9, y=1000, period=100)
        new = cell("tch.b", n=1, y=4000, period=100 + periods)
        one = level("c", [old, new], ESTIMATION)
        assert (one.mean, one.scores, one.raters) == (pytest.approx(4.0), 1, 1)
        assert one.since == (100 + periods) * PERIOD_MS
        assert level("c", [old, new._replace(period=99 + periods)], ESTIMATION).scores == 10


def view_of(telling):
    return read(telling.twin, ESTIMATION)


class TestRead:
    def test_expected_and_arrived_are_told_apart(self):
        telling = Telling()
        telling.rotate("plan")
        telling.rotate("end", "ended", happened=720 * DAY)
        telling.assess("a1", MARK)
        telling.assess("a2", MARK, item="多余")
        (rotation,) = view_of(telling).rotations
        assert (rotation.status, rotation.department) == ("ended", "急诊科")
        assert rotation.expected == (("急诊考核", 2, 1, 710 * DAY),)
        assert rotation.others == (("多余", 1),)

    def test_assessments_of_a_rotation_nobody_planned_are_not_lost(self):
        telling = Telling()
        telling.assess("a1", MARK, rotation=None)
        (rotation,) = view_of(telling).rotations
        assert (rotation.code, rotation.status, rotation.others) == ("-", "unplanned", (("急诊考核", 1),))

    def test_an_amendment_replaces_the_score(self):
        telling = Telling()
        telling.assess("a1", MARK)
        telling.assess("a1", ("patient-care", 4.0, 2500, WEIGHT), rev=1)
        (one,) = view_of(telling).levels
        assert (one.mean, one.scores) == (pytest.approx(2.5), 1)

    def test_the_latest_enrolment_stands(self):
        telling = Telling()
        for happened, base in ((2, "外科-02"), (1, "内科-01")):
            telling.tell(
                Enrolment, f"e{happened}", happened * DAY, stage="postgraduate", base=base, programme=None, cohort=None
            )
        assert view_of(telling).enrolment.base == "外科-02"

    def test_exposures_add_up_over_roles_and_periods(self):
        telling = Telling()
        for number, role in enumerate(("performed", "performed", "observed", None)):
            happened = (100 + 40 * number) * DAY
            telling.tell(
                Exposure, f"x{number}", happened, kind="procedure", item="腰椎穿刺术", role=role, count=2, rotation=None
            )
        (one,) = view_of(telling).exposures
        assert (one.item, one.total, dict(one.roles)) == ("腰椎穿刺术", 8, {"performed": 4, "observed": 2, "-": 2})

    def test_missing_scores_are_counted_and_give_no_level(self):
        telling = Telling()
        telling.assess("a1", missing=[("professionalism", "not-observed")])
        view = view_of(telling)
        assert (view.levels, view.missing) == ((), (("professionalism", 1),))

    def test_open_warnings_say_how_far_it_has_come(self):
        telling = Telling()
        telling.rotate("plan")
        telling.assess("a1", MARK)
        telling.twin.standing["w|expected-assessment-overdue|r-1|急诊考核"] = [730 * DAY, "ab" * 8, 710 * DAY, 2]
        (one,) = view_of(telling).warnings
        assert (one.rotation, one.key, one.expected, one.arrived) == ("r-1", "急诊考核", 2, 1)

    def test_an_empty_twin_is_read_as_nothing(self):
        assert document("syn.t1", read(Twin(), ESTIMATION), ESTIMATION, 0) == {
            "id": "syn.t1",
            "kind": "trainee",
            "revision": hashlib.blake2b(digest_size=8).hexdigest(),
            "as_of": None,
            "properties": {},
        }


class TestDocument:
    @pytest.fixture
    def told(self):
        telling = Telling()
        telling.rotate("plan")
        telling.assess("a1", MARK, missing=[("professionalism", "not-observed")])
        common = {"rotation": None, "starts": None, "ends": None}
        telling.tell(Outcome, "o1", 715 * DAY, outcome="结业考核", result="pass", value=71.5, **common)
        away = {"rotation": None, "value": None, "starts": 720 * DAY, "ends": 727 * DAY}
        telling.tell(Outcome, "o2", 719 * DAY, outcome="leave/病假", result="recorded", **away)
        telling.twin.standing["w|expected-assessment-overdue|r-1|急诊考核"] = [730 * DAY, "ab" * 8, 710 * DAY, 2]
        return document("syn.t1", view_of(telling), ESTIMATION, 730 * DAY)

    def test_it_is_json_and_keeps_chinese(self, told):
        assert json.loads(json.dumps(told, ensure_ascii=False, allow_nan=False)) == told
        assert told["as_of"] == "1972-01-01T00:00:00Z"
        assert "rotation|r-1" in told["properties"]

    def test_a_leave_tells_its_dates(self, told):
        (leave,) = (found for name, found in told["properties"].items() if name.startswith("outcome|leave/病假|"))
        dates = {"starts": "1971-12-22T00:00:00Z", "ends": "1971-12-29T00:00:00Z"}
        assert dates.items() <= leave["provenance"].items()

    def test_no_number_stands_without_its_interval_unless_it_counts(self, told):
        counts = ("exposure|", "missing", "evidence|")
        for name, found in told["properties"].items():
            if isinstance(found["value"], int | float) and not name.startswith(counts):
                low, high = found["interval"]
                assert low < found["value"] < high, name

    def test_a_level_says_that_severity_is_not_estimated(self, told):
        provenance = told["properties"]["level|patient-care"]["provenance"]
        assert provenance["rater_severity"].startswith("not estimated")
        assert (provenance["scores"], provenance["raters"]) == (1, 1)

    def test_the_assumptions_name_their_source(self):
        assert all(part.source for part in (ESTIMATION.rater, ESTIMATION.window, ESTIMATION.interval))
