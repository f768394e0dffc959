"""What becomes of an accepted event of each type: every field of the evidence (docs/records.md, section 2)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.evidence import builders, record
from megdt_stream.evidence.events import BY_TYPE
from megdt_stream.evidence.intake import Accepted
from tests.evidence.samples import DATA, DROP, NOW, event, fact, judge, named_events, topic_of, with_data

MARKS = {
    "scale": "mini-cex@1",
    "marks": [["patient-care", 6.0, 3500, 1250]],
    "missing": [["communication", "not-observed"]],
}
STARTS, ENDS = 1_761_926_400_000, 1_764_432_000_000
ON, OFF = 1_762_164_000_000, 1_762_214_430_000
PLAN = {
    "rotation": "内科-17",
    "base": "B1",
    "department": "D1",
    "supervisor": "k1.s-0042",
    "starts": STARTS,
    "ends": ENDS,
    "expects": [["mini-cex-1", 2, 1_763_568_000_000], ["dops", 1, 1_764_028_800_000]],
}
NO_TERMS = dict.fromkeys(("base", "department", "supervisor", "starts", "ends", "expects"))
ASSESSMENT = {
    "k": "assessment",
    "instrument": "mini-cex",
    "item": "mini-cex-1",
    "assessor": "k1.s-0042",
    "rotation": "内科-17",
    "carried_over": False,
    **MARKS,
}
ACTIVITY = {"k": "activity", "item": None, "starts": None, "ends": None, "attended": True, "on_call": False}
OUTCOME = {"k": "outcome", "value": None, "rotation": None, "starts": None, "ends": None}

EXPECTED = {
    "assessment.recorded": ASSESSMENT,
    "assessment.amended": ASSESSMENT,
    "feedback.recorded": {
        "k": "feedback",
        "assessor": "k1.s-0042",
        "rotation": "内科-17",
        "observed": 1_762_048_800_000,
        "characters": 13,
        "specific": True,
    },
    "rotation.planned": {"k": "rotation", "status": "planned", **PLAN},
    "rotation.started": {"k": "rotation", "status": "started", **PLAN},
    "rotation.changed": {"k": "rotation", "status": None, **PLAN},
    "rotation.supervisor-assigned": {
        "k": "rotation",
        "status": None,
        "rotation": "内科-17",
        **NO_TERMS,
        "supervisor": "k1.s-0043",
    },
    "rotation.ended": {"k": "rotation", "status": "ended", "rotation": "内科-17", **NO_TERMS},
    "rotation.cancelled": {"k": "rotation", "status": "cancelled", "rotation": "内科-17", **NO_TERMS},
    "exposure.recorded": {
        "k": "exposure",
        "kind": "procedure",
        "item": "P-1",
        "role": "performed",
        "count": 3,
        "rotation": "内科-17",
    },
    "teaching.attended": {
        **ACTIVITY,
        "kind": "teaching",
        "item": "小讲课-3",
        "minutes": 45,
        "attended": False,
        "rotation": "内科-17",
    },
    "duty.recorded": {
        **ACTIVITY,
        "kind": "duty",
        "starts": ON,
        "ends": OFF,
        "minutes": 840,
        "on_call": True,
        "rotation": "内科-17",
    },
    "self-assessment.recorded": {"k": "self-assessment", "rotation": "内科-17", **MARKS},
    "learning-case.recorded": {
        **ACTIVITY,
        "kind": "learning-case",
        "item": "病例-9",
        "minutes": 30,
        "rotation": "内科-17",
    },
    "outcome.recorded": {**OUTCOME, "outcome": "annual", "result": "pass", "value": 81.5, "rotation": "内科-17"},
    "remediation.started": {**OUTCOME, "outcome": "remediation/补训-1", "result": "started", "rotation": "内科-17"},
    "remediation.ended": {**OUTCOME, "outcome": "remediation/补训-1", "result": "passed", "rotation": "内科-17"},
    "leave.recorded": {**OUTCOME, "outcome": "leave/病假", "result": "recorded", "starts": ON, "ends": OFF},
    "credits.recorded": {**OUTCOME, "outcome": "credits/I类", "result": "recorded", "value": 2.5},
    "resource.recorded": {
        "k": "resource",
        "kind": "beds",
        "base": "B1",
        "department": "D1",
        "capacity": 40.0,
        "unit": "beds",
        "starts": ON,
        "ends": OFF,
    },
    "identity.enrolled": {
        "k": "enrolment",
        "stage": "postgraduate",
        "base": "B1",
        "programme": "IM",
        "cohort": "2025",
    },
    "identity.linked": {"k": "identity", "event": "linked", "head": "p1.somebody", "system": "his"},
    "identity.merged": {"k": "identity", "event": "merged", "head": "p1.somebody", "system": None},
    "identity.unmerged": {"k": "identity", "event": "unmerged", "head": None, "system": None},
    "decision.made": {
        "k": "decision",
        "on": "w-17",
        "action": "snoozed",
        "by": "k1.s-0042",
        "reason": "轮转已延期",
        "characters": 4,
        "until": 1_764_518_400_000,
    },
    **{name: {"k": "retraction"} for name in DATA if name.endswith(".retracted")},
}
COMMON = {
    "trainee": "k1.7Qm2xW9dTz",
    "source": "/hospital-a/ehr",
    "id": "A-1",
    "happened": 1_762_133_400_000,
    "recorded": 1_762_133_400_000,
    "available": NOW,
}


@pytest.mark.parametrize("name", DATA)
def test_each_field(name):
    written = json.loads(judge(event(name), topic_of(name)).value)
    origin, h, d = written.pop("origin"), written.pop("h"), written.pop("d")
    revision = 1 if name.endswith(("amended", "retracted")) else 0
    assert written == {**COMMON, "rev": revision, **EXPECTED[name]}
    assert origin == [topic_of(name).short, 0, 7]
    assert len(h) == len(d) == 16


def test_every_type_has_evidence():
    assert set(EXPECTED) == set(DATA) == {name.removeprefix("megdt.").removesuffix(".v1") for name in BY_TYPE}
    assert set(builders.BUILDERS) == set(BY_TYPE)


@pytest.mark.parametrize(
    ("name", "fields", "expected"),
    [
        (
            "feedback.recorded",
            {"text": "𠮷\u0301x", "observed": DROP, "specific": None},
            {"characters": 3, "observed": None, "specific": None},
        ),
        ("feedback.recorded", {"specific": False}, {"specific": False}),
        ("exposure.recorded", {"count": DROP, "role": DROP}, {"count": 1, "role": None}),
        ("teaching.attended", {"minutes": DROP, "attended": DROP}, {"minutes": 0, "attended": True}),
        ("duty.recorded", {"starts": "2025-11-03T00:00:00Z", "ends": "2025-11-03T00:01:59.999Z"}, {"minutes": 1}),
        (
            "duty.recorded",
            {"starts": "2025-11-03T00:00:00Z", "ends": "2025-11-03T00:00:59Z", "on_call": DROP},
            {"minutes": 0, "on_call": False},
        ),
        ("outcome.recorded", {"value": 80}, {"value": 80.0}),
        ("outcome.recorded", {"value": DROP}, {"value": None}),
        ("remediation.ended", {"result": DROP}, {"result": "ended"}),
        ("credits.recorded", {"credits": 3}, {"value": 3.0}),
        ("resource.recorded", {"ends": None}, {"ends": None}),
        ("decision.made", {"note": None, "until": DROP}, {"characters": 0, "until": None}),
        (
            "rotation.changed",
            {"base": DROP, "starts": DROP, "expects": []},
            {"base": None, "starts": None, "expects": ()},
        ),
        (
            "rotation.planned",
            {"expects": [{"instrument": "I", "count": None, "due": "1970-01-01T00:00:00Z"}]},
            {"expects": (("I", 1, 0),)},
        ),
    ],
)
def test_what_is_not_stated(name, fields, expected):
    evidence = fact(with_data(name, **fields), topic_of(name))
    assert {field: getattr(evidence, field) for field in expected} == expected


@given(named_events)
def test_the_bytes_are_those_of_the_record(named):
    name, whole = named
    decision = judge(whole, topic_of(name))
    assert record.encode(record.decode(decision.value)) == decision.value


@given(named_events, st.integers(-(2**31), 2**31 - 1))
def test_the_bytes_are_those_of_the_record_with_extensions_too(named, number):
    name, whole = named
    decision = judge(whole | {"zebra": number, "alpha": "斑马", "flag": False}, topic_of(name))
    assert isinstance(decision, Accepted)
    evidence = record.decode(decision.value)
    assert list(evidence.ext.items()) == [("alpha", "斑马"), ("flag", False), ("zebra", number)]
    assert record.encode(evidence) == decision.value
