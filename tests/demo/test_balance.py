"""The demonstration's account: what must not add up does not."""

import copy
from dataclasses import replace

import pytest

from megdt_stream.demo.balance import Coverage, compare, coverage, reconcile
from megdt_stream.demo.source import synthetic_source
from megdt_stream.seed_files import load_estimation
from megdt_stream.synth import HospitalPlan, generate
from megdt_stream.twin.state import Twin
from megdt_stream.twin.view import Level, OpenWarning, TwinView, read

DAY = 24 * 3600 * 1000
EMPTY = read(Twin(), load_estimation())


@pytest.fixture(scope="module")
def truth():
    return generate(HospitalPlan.small()).truth


def report_of(truth):
    """Make the report of a system that did everything right."""
    topics = {}
    for short, counts in truth.counts.items():
        topics[f"megdt.{short}.v1"] = {"read": sum(counts.values()), "reasons": {}, **counts}
    topics["megdt.exposures.v1"]["reasons"] = dict(truth.reasons)
    return {"topics": topics}


def twins_of(truth, until):
    twins = {name: EMPTY for name, subject in truth.subjects.items() if subject.twin}
    for u in truth.undelivered:
        if u.due <= until:
            warning = OpenWarning("rule", u.rotation, u.key, 0, "", u.due, u.expected, u.arrived)
            view = twins[u.trainee]
            twins[u.trainee] = replace(view, warnings=(*view.warnings, warning))
    return twins


class TestReconcile:
    def test_all_is_well(self, truth):
        published = {short: sum(counts.values()) for short, counts in truth.counts.items()}
        assert reconcile(published, report_of(truth)) == []

    @pytest.mark.parametrize("figure", ["read", "accepted", "duplicate", "rejected"])
    def test_one_event_too_few_is_found(self, truth, figure):
        published = {short: sum(counts.values()) for short, counts in truth.counts.items()}
        report = report_of(truth)
        report["topics"]["megdt.assessments.v1"][figure] -= 1
        (problem,) = reconcile(published, report)
        assert problem.startswith("assessments: ")


class TestCompare:
    @pytest.fixture
    def until(self, truth):
        return max(u.due for u in truth.undelivered) - 1

    def test_a_system_that_is_right_is_equal_throughout(self, truth, until):
        found = list(compare(truth, report_of(truth), twins_of(truth, until), until))
        assert [one.what for one in found if not one.equal] == []
        assert next(one.truth for one in found if one.what == "overdue and open") > 0

    def test_a_warning_on_the_wrong_trainee_differs_though_the_number_is_right(self, truth, until):
        twins = twins_of(truth, until)
        warned = next(name for name, view in twins.items() if view.warnings)
        other = next(name for name, view in twins.items() if not view.warnings)
        twins[warned], twins[other] = twins[other], twins[warned]
        (differing,) = [one for one in compare(truth, report_of(truth), twins, until) if not one.equal]
        assert (differing.what, differing.truth == differing.found) == ("overdue and open", True)

    def test_a_twin_too_many_differs(self, truth, until):
        twins = {**twins_of(truth, until), "syn.x1": EMPTY}
        (differing,) = [one for one in compare(truth, report_of(truth), twins, until) if not one.equal]
        assert (differing.what, differing.found - differing.truth) == ("twins", 1)

    def test_reasons_are_compared_one_by_one(self, truth, until):
        report = copy.deepcopy(report_of(truth))
        reasons = report["topics"]["megdt.exposures.v1"]["reasons"]
        first, second = list(reasons)[:2]
        reasons[first] += 1
        reasons[second] -= 1
        differing = [one.what for one in compare(truth, report, twins_of(truth, until), until) if not one.equal]
        assert differing == ["rejected, reason by reason"]


def test_coverage_counts_true_levels_inside_their_interval(truth):
    name, trainee = next(iter(truth.trainees.items()))
    code, curve = next(iter(trainee.competencies.items()))
    middle = (curve.start + curve.end) / 2
    levels = [
        Level(code, middle + 0.3, middle - 0.1, middle + 0.1, 1, 1, 0, 0, 100),
        Level(code, curve.end + 0.4, 9.0, 9.4, 1, 1, 0, 0, 100, snapshot="s"),
    ]
    view = TwinView(None, (), None, tuple(levels), (), (), (), (), (), ())
    linked = next(other for other, subject in truth.subjects.items() if other.startswith("sk.") and subject.twin)
    found = coverage(truth, {name: view, linked: view}, opens=0, closes=100)
    assert (found.inside, found.of) == (1, 2)
    assert found.error == pytest.approx((0.125) ** 0.5), "the first is of the middle, the one by snapshot of the end"
    assert found.width == pytest.approx(0.3)
    assert coverage(truth, {}, opens=0, closes=100) == Coverage(0, 0, 0.0, 0.0)


def test_a_synthetic_source_plays_the_hospital_as_it_is():
    plan = HospitalPlan.small()
    source = synthetic_source(plan)
    events = list(source.events())
    hospital = generate(replace(plan, binary_share=0.1, incident_share=0.03, overwork_share=0.03))
    assert [(e.topic, e.key, e.value, e.headers) for e in events] == [
        (e.topic, e.key, e.value, e.headers) for e in hospital.events
    ]
    assert any(event.headers for event in events)
    assert all(source.opens <= event.available < source.closes for event in events)
    assert source.focus in {event.key for event in events}
