"""The judge itself must be able to refuse."""

import json

import pytest

from tests.synth.event_format import read, reason

NOW = 1_750_000_000_000
GOOD = {
    "specversion": "1.0",
    "source": "/tms",
    "id": "1",
    "type": "megdt.assessment.recorded.v1",
    "subject": "syn.t1",
    "time": "2025-06-01T08:00:00+08:00",
    "data": {
        "instrument": "dops",
        "scale": "dops@1",
        "item": "腰椎穿刺术",
        "scores": [{"competency": "patient-care", "value": 6}],
    },
}


def judged(topic="assessments", **changes):
    event = {key: value for key, value in {**GOOD, **changes}.items() if value is not ...}
    return reason(topic, json.dumps(event).encode(), NOW)


def scored(**score):
    return {**GOOD["data"], "scores": [{"competency": "patient-care", **score}]}


def test_a_good_event_is_not_refused():
    assert judged() == ""


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"type": "megdt.assessment.recorded.v2"}, "unknown_type"),
        ({"topic": "outcomes"}, "wrong_topic"),
        ({"subject": "Somebody"}, "invalid"),
        ({"id": ...}, "invalid"),
        ({"revision": True}, "invalid"),
        ({"type": "megdt.assessment.amended.v1"}, "invalid"),
        ({"data": scored()}, "invalid"),
        ({"data": scored(value=True)}, "invalid"),
        ({"data": scored(value=3, missing="not-observed")}, "invalid"),
        ({"time": "2025-06-01T08:00:00"}, "naive_timestamp"),
        ({"data": {**GOOD["data"], "scale": "dops@2"}}, "unknown_scale"),
        ({"data": scored(value=6.5)}, "out_of_scale"),
        ({"data": scored(value=float("nan"))}, "undecodable"),
        ({"data": scored(competency="surgery", value=6.5)}, "unknown_competency"),
        ({"time": "2031-06-01T08:00:00Z"}, "future_event"),
        ({"source": "/病案室"}, "invalid"),
        ({"source": "tms office"}, "invalid"),
        ({"Site": "east"}, "invalid"),
        ({"subject": "syn.13800000000"}, "direct_identifier"),
        ({"id": "11010519491231002X"}, "direct_identifier"),
        ({"id": "110105194912310021"}, ""),
        ({"source": "/tms/somebody@hospital.example"}, "direct_identifier"),
        ({"data": {**GOOD["data"], "assessor": "13800000000"}}, "direct_identifier"),
    ],
)
def test_one_fault_is_one_reason(changes, expected):
    assert judged(**changes) == expected


FEEDBACK = {"text": "病史采集完整", "observed": "2025-06-01T07:00:00+08:00", "specific": True}
CHANGE = {"rotation": "R-1", "ends": "2025-07-01T00:00:00Z"}
DUTY = {"starts": "2025-06-01T08:00:00Z", "ends": "2025-06-02T08:00:00Z", "on_call": True}
BEDS = {"kind": "beds", "base": "B-1", "capacity": 20, "unit": "beds", "starts": "2025-06-01T08:00:00Z"}
SELF = {"scale": "dops@1", "scores": [{"competency": "patient-care", "value": 6}]}
SPAN = {"starts": DUTY["starts"], "ends": DUTY["ends"]}
DECISION = {"on": "a1", "action": "snoozed", "by": "syn.o1", "until": "2025-07-01T00:00:00Z"}
OF_EACH_TYPE = [
    ("assessments", "feedback.recorded", FEEDBACK, {"text": ""}),
    ("assessments", "feedback.recorded", FEEDBACK, {"observed": "yesterday"}),
    ("rotations", "rotation.changed", CHANGE, {"ends": ...}),
    ("rotations", "rotation.supervisor-assigned", {"rotation": "R-1", "supervisor": "syn.a1"}, {"supervisor": ...}),
    ("exposures", "exposure.recorded", {"kind": "simulation", "item": "x"}, {"kind": "video"}),
    ("activities", "teaching.attended", {"session": "s-1", "minutes": 45}, {"minutes": 0}),
    ("activities", "duty.recorded", DUTY, {"ends": DUTY["starts"]}),
    ("activities", "duty.recorded", DUTY, {"ends": "2025-06-04T08:00:01Z"}),
    ("activities", "self-assessment.recorded", SELF, {"scores": []}),
    ("activities", "learning-case.recorded", {"item": "x"}, {"item": "x y"}),
    ("outcomes", "remediation.started", {"plan": "p-1"}, {"plan": ...}),
    ("outcomes", "leave.recorded", {"kind": "病假", **SPAN}, {"starts": "2025-06-03T08:00:00Z"}),
    ("outcomes", "credits.recorded", {"category": "I", "credits": 2.5}, {"credits": -1}),
    ("resources", "resource.recorded", BEDS, {"unit": "rooms"}),
    ("identities", "identity.linked", {"person": "syn.t2", "system": "tms"}, {"person": ...}),
    ("identities", "identity.merged", {"into": "syn.t2"}, {"into": "t2"}),
    ("identities", "identity.unmerged", {"from": "syn.t2"}, {"from": 2}),
    ("decisions", "decision.made", DECISION, {"action": "overridden"}),
]


@pytest.mark.parametrize(("topic", "kind", "data", "wrong"), OF_EACH_TYPE)
def test_each_type_has_its_rules(topic, kind, data, wrong):
    changed = {name: value for name, value in {**data, **wrong}.items() if value is not ...}
    assert judged(topic, type=f"megdt.{kind}.v1", data=data) == ""
    assert judged(topic, type=f"megdt.{kind}.v1", data=changed) == "invalid"


def test_binary_mode_is_the_same_event():
    event = {key: value for key, value in GOOD.items() if key != "data"}
    headers = [(f"ce_{name}", value.encode()) for name, value in event.items()]
    headers += [("content-type", b"application/json"), ("ce_revision", b"3")]
    value = json.dumps(GOOD["data"]).encode()
    assert read(value, headers) == {**GOOD, "revision": 3, "datacontenttype": "application/json"}
    assert reason("assessments", value, NOW, headers) == ""
    assert reason("assessments", value, NOW, [*headers, headers[0]]) == "invalid"


def test_bytes_that_are_no_event():
    assert reason("assessments", "腰椎".encode("gbk"), NOW) == "undecodable"
    assert reason("assessments", b"[]", NOW) == "not_an_object"
    assert reason("assessments", b"", NOW) == "empty"
