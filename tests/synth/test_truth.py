"""The truth is worth comparing with: scores follow from it, rates keep to the plan, nothing is imported."""

import ast
import json
import math
import sys
from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path
from statistics import correlation, mean

import pytest

from megdt_stream.synth import HospitalPlan, catalogue, generate
from megdt_stream.synth.people import recruit
from megdt_stream.synth.wire import FAULTS
from tests.synth.event_format import ROOT, SCALES, milliseconds

HOUR = 3_600_000
DAY = 24 * HOUR


@pytest.fixture(scope="module")
def hospital():
    return generate(HospitalPlan(seed=11, trainees=150))


@pytest.fixture(scope="module")
def bodies(hospital):
    return [json.loads(event.value) for event in hospital.events if event.fate == "accepted"]


def test_the_package_imports_nothing_it_is_to_judge():
    allowed = sys.stdlib_module_names | {"numpy"}
    sources = sorted((ROOT / "megdt_stream" / "synth").rglob("*.py"))
    assert sources
    for path in sources:
        for node in ast.walk(ast.parse(Path(path).read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0
                names = [node.module]
            for name in names:
                assert name.split(".")[0] in allowed or name.startswith("megdt_stream.synth"), (path, name)


@pytest.mark.parametrize("form", [catalogue.MINI_CEX, catalogue.DOPS, catalogue.ENTRUSTMENT, catalogue.ROTATION_EXAM])
def test_the_scales_are_those_of_the_seeds(form):
    seed = SCALES[form.scale.id]
    assert (form.scale.lowest, form.scale.highest) == (seed["min"], seed["max"])
    assert (form.scale.intercept * 1000, form.scale.slope * 1000) == (
        seed["intercept_milli"],
        seed["slope_milli"],
    )


def levels(bodies):
    """Give (assessor, trainee, competency, time, level shown) of each judged mark."""
    for body in bodies:
        data = body["data"]
        if "assessor" in data and "scale" in data:
            seed = SCALES[data["scale"]]
            for score in data["scores"]:
                if "value" in score:
                    level = (seed["intercept_milli"] + seed["slope_milli"] * score["value"]) / 1000
                    yield (
                        data["assessor"],
                        body["subject"],
                        score["competency"],
                        milliseconds(body["time"]),
                        level,
                    )


def test_marks_show_the_assessors_severity(hospital, bodies):
    persons = {trainee.pseudonym: trainee for trainee in hospital.people.trainees}
    trainees = {name: persons[main] for main, trainee in hospital.truth.trainees.items() for name in trainee.pseudonyms}
    residuals = defaultdict(list)
    for assessor, trainee, competency, at, level in levels(bodies):
        residuals[assessor].append(level - trainees[trainee].level(competency, at))
    busy = {assessor: mean(values) for assessor, values in residuals.items() if len(values) >= 150}
    assert len(busy) > 20
    severities = [hospital.truth.assessors[assessor].severity for assessor in busy]
    assert correlation([-value for value in busy.values()], severities) > 0.95
    assert math.sqrt(mean((value + s) ** 2 for value, s in zip(busy.values(), severities, strict=True))) < 0.15


def test_trainees_rate_themselves_higher_than_they_are(hospital, bodies):
    persons = {trainee.pseudonym: trainee for trainee in hospital.people.trainees}
    names = {name: main for main, trainee in hospital.truth.trainees.items() for name in trainee.pseudonyms}
    gaps = defaultdict(list)
    for body in bodies:
        if body["type"] == "megdt.self-assessment.recorded.v1":
            trainee, at = persons[names[body["subject"]]], milliseconds(body["time"])
            for score in body["data"]["scores"]:
                if "value" in score:
                    gaps[trainee.pseudonym].append(score["value"] - trainee.level(score["competency"], at))
    busy = {name: mean(values) for name, values in gaps.items() if len(values) >= 12}
    assert len(busy) > 50
    assert 0.25 < mean(busy.values()) < 0.55
    assert correlation(list(busy.values()), [hospital.truth.trainees[name].self_bias for name in busy]) > 0.7


def test_duty_alternates_long_days_and_nights_on_call(bodies):
    shifts = defaultdict(set)
    for body in bodies:
        if body["type"] == "megdt.duty.recorded.v1":
            data, starts = body["data"], milliseconds(body["data"]["starts"])
            on_call = data.get("on_call", False)
            assert starts % DAY == (10 if on_call else 0) * HOUR, "from 18:00 or 08:00 in Beijing"
            assert 11 * HOUR <= milliseconds(data["ends"]) - starts <= 16 * HOUR
            shifts[data["rotation"]].add((starts, on_call))
    assert len(shifts) > 100
    for told in shifts.values():
        for (one, on_call), (other, also) in pairwise(sorted(told)):
            # Two of a kind lie two weeks apart; where one between was lost, the next two are of a kind.
            assert (other - one) % (14 * DAY) == 0 if on_call == also else 0 < other - one < 28 * DAY


def test_assessors_carry_unequal_loads(hospital, bodies):
    forms = Counter(body["data"]["assessor"] for body in bodies if {"assessor", "scale"} <= body["data"].keys())
    told = {code: assessor.forms for code, assessor in hospital.truth.assessors.items() if assessor.forms}
    assert forms == Counter(told)
    assert max(told.values()) > 4 * min(told.values())


def test_the_weaker_do_worse(hospital):
    def levels_of(result):
        return [
            mean(competency.end for competency in trainee.competencies.values())
            for trainee in truth.trainees.values()
            if trainee.outcomes.get("completion-exam-theory") == result
        ]

    truth = generate(HospitalPlan(seed=5, trainees=600, extra_forms_per_week=0, cases_per_week=0)).truth
    failed, passed = levels_of("fail"), levels_of("pass")
    assert 0.02 < len(failed) / (len(failed) + len(passed)) < 0.12
    assert mean(failed) < mean(passed) - 0.3


def test_growth_is_the_difference_of_levels(hospital):
    for trainee in hospital.truth.trainees.values():
        assert set(trainee.competencies) == set(catalogue.COMPETENCIES)
        for competency in trainee.competencies.values():
            assert 1 <= competency.start <= competency.end <= 5
            assert competency.growth == pytest.approx(competency.end - competency.start)


@pytest.mark.parametrize("trainees", [1, 5, 6, 13, 40, 200, 1000])
def test_bases_have_the_planned_sizes(trainees):
    people = recruit(HospitalPlan(trainees=trainees))
    sizes = Counter(trainee.base.code for trainee in people.trainees)
    assert sum(sizes.values()) == trainees
    assert max(sizes.values()) <= 12
    assert len(sizes) == len(people.bases)
    if trainees >= 40:
        assert min(sizes.values()) >= 6
        assert len({base.specialty.code for base in people.bases}) >= 4
    if trainees >= 200:
        assert len({trainee.stage for trainee in people.trainees}) == 3
        assert len({base.specialty.code for base in people.bases}) < len(people.bases)


def near(share, rate, n):
    return abs(share - rate) <= 5 * math.sqrt(rate * (1 - rate) / n)


def test_mess_keeps_to_the_plan(hospital):
    plan, truth = hospital.plan, hospital.truth
    fates = Counter(event.fate for event in hospital.events)
    # What is cut off at the end of the stream falls short a little; a hundredth of the total covers it.
    sent = fates["accepted"] + fates["rejected"]
    assert near(fates["duplicate"] / fates["accepted"], plan.duplicate_rate, fates["accepted"])
    assert near(fates["rejected"] / sent, plan.malformed_rate, sent)
    lost = sum(u.expected - u.arrived for u in truth.undelivered if u.why == "never-came")
    assert near(lost / truth.expectations, plan.missing_rate, truth.expectations)
    marks = [score for _, score in scores_of(hospital)]
    missing = sum("missing" in score for score in marks)
    assert near(missing / len(marks), plan.missing_score_rate, len(marks) / 4)


def scores_of(hospital):
    for event in hospital.events:
        if event.fate == "accepted" and event.topic == "assessments":
            body = json.loads(event.value)
            for score in body["data"].get("scores", ()):
                yield body["id"], score


def test_a_clean_hospital_has_no_mess(hospital):
    truth = generate(HospitalPlan(trainees=30, days=200).clean()).truth
    assert {fate for fates in truth.counts.values() for fate, n in fates.items() if n} == {"accepted"}
    assert truth.standing == []
    assert {u.why for u in truth.undelivered} <= {"late", "unlinked"}


def test_the_demo_has_its_size():
    hospital = generate(HospitalPlan.demo())
    assert 36_000 < sum(1 for _ in hospital.events) < 46_000


def test_the_truth_is_json(hospital):
    assert json.loads(hospital.truth.to_json()) == hospital.truth.to_dict()


def test_every_fault_names_a_reason_of_the_records_page():
    page = (ROOT / "docs" / "records.md").read_text(encoding="utf-8")
    assert FAULTS
    for fault in FAULTS.values():
        assert f"`{fault.reason}`" in page


@pytest.mark.parametrize(
    "wrong",
    [
        {"missing_rate": 1.5},
        {"trainees": 0},
        {"days": 400},
        {"noise_sd": -1},
        {"base_size": (5, 4)},
        {"medical_school_share": 0.6, "continuing_share": 0.6},
    ],
)
def test_an_impossible_plan_is_refused(wrong):
    with pytest.raises(ValueError, match=r"give|must|leave"):
        HospitalPlan(**wrong)
