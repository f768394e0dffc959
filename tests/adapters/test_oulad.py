"""OULAD tables as events: a hand-made table, any table, and the real one where it is at hand."""

import json
import os
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.evidence.adapters.oulad import OuladTables, Summary, events
from megdt_stream.publisher.oulad_files import read_oulad
from tests.synth.event_format import ROOT, milliseconds, reason

LATER = 4_000_000_000_000
START = datetime(2013, 10, 1, tzinfo=UTC)

COURSE = {"code_module": "BBB", "code_presentation": "2013J", "module_presentation_length": "100"}
WORKS = [
    {**COURSE, "id_assessment": "11", "assessment_type": "TMA", "date": "19", "weight": "50"},
    {**COURSE, "id_assessment": "12", "assessment_type": "CMA", "date": "54", "weight": "0"},
    {**COURSE, "id_assessment": "13", "assessment_type": "Exam", "date": "", "weight": "100"},
]


def registered(student, date, left=""):
    return {**COURSE, "id_student": student, "date_registration": date, "date_unregistration": left}


def told(student, result):
    return {**COURSE, "id_student": student, "final_result": result}


def submitted(assessment, student, date, score, banked="0"):
    return {
        "id_assessment": assessment,
        "id_student": student,
        "date_submitted": date,
        "is_banked": banked,
        "score": score,
    }


def converted(registrations=(), results=(), submissions=(), courses=(COURSE,)):
    summary = Summary()
    tables = OuladTables(iter(courses), iter(WORKS), iter(results), iter(registrations), iter(submissions))
    sent = list(events(tables, summary))
    for event in sent:
        assert reason(event.topic, event.value, LATER) == ""
    assert [event.available for event in sent] == sorted(event.available for event in sent)
    return sent, summary


def bodies(sent, kind):
    return [body for body in (json.loads(event.value) for event in sent) if body["type"] == f"megdt.{kind}.v1"]


def at(days, hour=0, minute=0, second=0):
    moment = START + timedelta(days=days, hours=hour, minutes=minute, seconds=second)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_student_who_stays():
    sent, summary = converted([registered("7", "-30")], [told("7", "Pass")], [submitted("11", "7", "18", "78")])
    assert [json.loads(event.value)["type"].split(".", 1)[1] for event in sent] == [
        "identity.enrolled.v1",
        "rotation.planned.v1",
        "rotation.started.v1",
        "assessment.recorded.v1",
        "rotation.ended.v1",
        "outcome.recorded.v1",
    ]
    assert {event.key for event in sent} == {"oulad.7"}
    [enrolled] = bodies(sent, "identity.enrolled")
    assert enrolled["time"] == enrolled["recorded"] == enrolled["available"] == at(-30)
    assert enrolled["data"] == {
        "stage": "continuing",
        "base": "BBB-2013J",
        "programme": "BBB",
        "cohort": "2013J",
    }
    [outcome] = bodies(sent, "outcome.recorded")
    assert outcome["time"] == at(100, 23, 59, 59)
    assert outcome["data"] == {"outcome": "module-result", "result": "pass", "rotation": "BBB-2013J"}
    assert summary.rows == {
        "courses": 1,
        "assessments": 3,
        "studentRegistration": 1,
        "studentInfo": 1,
        "studentAssessment": 1,
    }
    assert summary.events.total() == len(sent) == 6


def test_an_exam_without_a_date_is_not_expected():
    sent, _ = converted([registered("7", "-30")])
    [planned] = bodies(sent, "rotation.planned")
    assert planned["data"]["expects"] == [
        {"instrument": "tma", "item": "11", "due": at(19, 23, 59, 59)},
        {"instrument": "cma", "item": "12", "due": at(54, 23, 59, 59)},
    ]
    assert (planned["data"]["starts"], planned["data"]["ends"]) == (at(0), at(100, 23, 59, 59))


def test_a_mark_and_a_missing_one_and_a_banked_one():
    sent, summary = converted(
        submissions=[
            submitted("11", "7", "18", "78"),
            submitted("12", "7", "54", ""),
            submitted("13", "7", "-1", "62", banked="1"),
        ]
    )
    banked, marked, missing = bodies(sent, "assessment.recorded")
    assert marked["data"] == {
        "instrument": "tma",
        "scale": "oulad-percent@1",
        "rotation": "BBB-2013J",
        "item": "11",
        "scores": [{"competency": "BBB", "value": 78}],
    }
    assert marked["time"] == at(18, 12)
    assert missing["data"]["scores"] == [{"competency": "BBB", "missing": "not-recorded"}]
    assert banked["data"]["scores"] == [{"competency": "BBB", "value": 62}]
    assert banked["data"]["carried_over"] is True
    assert banked["data"]["instrument"] == "exam"
    assert (summary.without_score, summary.banked) == (1, 1)


def kinds(sent):
    return [json.loads(event.value)["type"].removeprefix("megdt.").removesuffix(".v1") for event in sent]


def test_who_unregisters_before_the_start_never_starts():
    sent, _ = converted([registered("7", "-30", "-2")], [told("7", "Withdrawn")])
    assert kinds(sent) == ["identity.enrolled", "rotation.planned", "rotation.cancelled", "outcome.recorded"]
    assert bodies(sent, "rotation.cancelled")[0]["time"] == at(-2, 22)
    assert bodies(sent, "outcome.recorded")[0]["time"] == at(-2, 22)


def test_who_unregisters_later_has_started():
    sent, _ = converted([registered("7", "3", "3")], [told("7", "Withdrawn")])
    assert kinds(sent)[1:4] == ["rotation.planned", "rotation.started", "rotation.cancelled"]


def test_a_withdrawal_without_a_date_is_known_at_the_end():
    sent, _ = converted([registered("7", "-30")], [told("7", "Withdrawn")])
    assert bodies(sent, "outcome.recorded")[0]["time"] == at(100, 23, 59, 59)


def test_a_missing_registration_date_is_filled_in_and_counted():
    sent, summary = converted([registered("7", ""), registered("8", "", "-24"), registered("9", "?", "5")])
    times = {body["subject"]: body["time"] for body in bodies(sent, "identity.enrolled")}
    assert times == {"oulad.7": at(0), "oulad.8": at(-24), "oulad.9": at(0)}
    assert summary.without_registration == 3


def test_rows_that_refer_to_nothing_are_counted():
    elsewhere = {"code_module": "ZZZ"}
    sent, summary = converted(
        [{**registered("7", "-3"), **elsewhere}],
        [{**told("7", "Pass"), **elsewhere}],
        [submitted("99", "7", "1", "50")],
    )
    assert sent == []
    assert summary.skipped == {
        "registration of an unknown presentation": 1,
        "result of an unknown presentation": 1,
        "submission to an unknown assessment": 1,
    }


def test_a_presentation_in_february():
    course = {**COURSE, "code_presentation": "2014B"}
    sent, _ = converted([{**registered("7", "0"), "code_presentation": "2014B"}], courses=(course,))
    assert bodies(sent, "rotation.planned")[0]["data"]["starts"] == "2014-02-01T00:00:00Z"


@pytest.mark.parametrize(
    "row",
    [submitted("11", "7", "soon", "50"), submitted("11", "7", "1.5", "50"), submitted("11", "7", "1", "nan")],
)
def test_a_number_that_is_none_is_refused_with_its_row(row):
    with pytest.raises(ValueError, match=r"'id_student': '7'"):
        converted(submissions=[row])


def test_a_lacking_column_is_named():
    row = {key: value for key, value in submitted("11", "7", "1", "50").items() if key != "score"}
    with pytest.raises(ValueError, match="row 1 of studentAssessment lacks score"):
        converted(submissions=[row])


def test_an_unknown_presentation_code_is_refused():
    with pytest.raises(ValueError, match="year and B or J"):
        converted(courses=({**COURSE, "code_presentation": "2013X"},))


days = st.integers(-300, 300)


@given(st.lists(st.tuples(st.none() | days, st.none() | st.integers(0, 300)), max_size=8))
def test_the_last_word_on_a_rotation_is_how_it_ended(students):
    rows = [
        registered(
            str(number),
            "" if joined is None else str(joined),
            "" if stayed is None else str((0 if joined is None else joined) + stayed - 150 * (joined is None)),
        )
        for number, (joined, stayed) in enumerate(students)
    ]
    sent, summary = converted(rows)
    stories = defaultdict(list)
    for event in sent:
        if event.topic == "rotations":
            stories[event.key].append(json.loads(event.value))
    for number, (joined, stayed) in enumerate(students):
        story = stories[f"oulad.{number}"]
        times = [milliseconds(body["time"]) for body in story]
        assert times == sorted(times)
        if stayed is not None:
            assert story[-1]["type"] == "megdt.rotation.cancelled.v1"
        elif joined is None or joined <= 100:
            assert story[-1]["type"] == "megdt.rotation.ended.v1"
    identifiers = Counter(json.loads(event.value)["id"] for event in sent)
    assert not identifiers or max(identifiers.values()) == 1
    assert summary.events["identity.enrolled"] == len(students)


def test_missing_files_are_named(tmp_path):
    (tmp_path / "courses.csv").write_text("code_module\n", encoding="utf-8")
    with pytest.raises(FileNotFoundError, match=r"assessments\.csv, studentInfo\.csv"):
        read_oulad(tmp_path)


REAL = Path(os.environ.get("MEGDT_OULAD") or ROOT.parent / "shared" / "data" / "oulad-2013")


@pytest.mark.skipif(
    not (REAL / "studentAssessment.csv").is_file(),
    reason="the OULAD 2013 tables are not part of the project: set MEGDT_OULAD to their directory",
)
def test_the_real_presentations_of_2013():
    summary = Summary()
    sent = list(events(read_oulad(REAL), summary))
    assert summary.rows["studentInfo"] == summary.rows["studentRegistration"] == 13_529
    assert summary.rows["studentAssessment"] == 82_842
    assert summary.events == {
        "identity.enrolled": 13_529,
        "rotation.planned": 13_529,
        "rotation.started": 12_555,
        "rotation.ended": 9_807,
        "rotation.cancelled": 3_723,
        "assessment.recorded": 82_842,
        "outcome.recorded": 13_529,
    }
    assert (summary.without_score, summary.banked, summary.without_registration) == (84, 720, 18)
    assert not summary.skipped
    assert len(sent) == summary.events.total()
    assert sum(b'"missing":"not-recorded"' in event.value for event in sent) == 84
    assert all(a.available <= b.available for a, b in pairwise(sent))
    assert Counter(reason(event.topic, event.value, LATER) for event in sent) == {"": len(sent)}
    assert len({json.loads(event.value)["id"] for event in sent}) == len(sent)
    results = Counter(body["data"]["result"] for body in bodies(sent, "outcome.recorded"))
    assert results == {"pass": 5_494, "withdrawn": 3_717, "fail": 3_242, "distinction": 1_076}
