"""The judge itself must be able to refuse."""

import json

import pytest

from tests.synth.event_format import reason

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
        ({"time": "2031-06-01T08:00:00Z"}, "future_event"),
    ],
)
def test_one_fault_is_one_reason(changes, expected):
    assert judged(**changes) == expected


def test_bytes_that_are_no_event():
    assert reason("assessments", "腰椎".encode("gbk"), NOW) == "undecodable"
    assert reason("assessments", b"[]", NOW) == "not_an_object"
    assert reason("assessments", b"", NOW) == "empty"
