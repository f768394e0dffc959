"""The evaluation of warnings on a small hospital: what is planted is what is judged, and everything fits the schema."""

import pytest

from megdt_stream.evaluate.warnings import judge
from megdt_stream.evaluate.warnings.hospital import Played
from megdt_stream.synth.plan import HospitalPlan
from megdt_stream.synth.problems import KINDS, SILENT, TroubledHospital
from megdt_stream.verify.reference import load_reference

KEYS = {"planted", "false_per_100_trainee_weeks", "per_reviewer_week_max", "blamed_for_assessor"}
PLAN = HospitalPlan(
    seed=5,
    trainees=30,
    days=236,
    base_size=(14, 20),
    medical_school_share=0.1,
    continuing_share=0.05,
    cases_per_week=2.0,
)


@pytest.fixture(scope="module")
def played():
    found = Played(TroubledHospital(PLAN), lambda _: None)
    found.play()
    return found


def test_the_report_has_the_keys_that_are_promised(played):
    found = judge._report(played, judge._triaged(played))
    assert found.keys() >= KEYS
    assert list(found["planted"]) == list(KINDS)
    assert all(one.keys() == {"n", "warned", "right_reason", "median_delay_days"} for one in found["planted"].values())
    assert found["per_reviewer_week_max"] <= found["cap"]
    assert found["planted"][SILENT]["right_reason"] == 1
    assert found["blamed_for_assessor"] == 0


def test_every_notice_fits_the_published_schema(played):
    reference = load_reference()
    assert {one["data"]["rule"] for one in played.said} >= {"source-silent", "expected-assessment-overdue"}
    assert [one for one in played.said if not reference.satisfies("alerts", one)] == []


def test_equal_seeds_plant_the_same_and_publish_the_same():
    one, other = TroubledHospital(PLAN), TroubledHospital(PLAN)
    assert one.planted == other.planted
    assert [e.value for e, _ in zip(one.events, range(300), strict=False)] == [
        e.value for e, _ in zip(other.events, range(300), strict=False)
    ]
