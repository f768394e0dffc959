"""One input record: envelope, order of the checks, and what each type becomes, worked out by hand."""

import json

import pytest

from megdt_stream.verify.contract import TOPIC_OF, Refusal, decide
from megdt_stream.verify.log import Origin, Record
from megdt_stream.verify.names import EVIDENCE

APPENDED = 1_767_225_600_000  # 2026-01-01T00:00:00Z
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
WOMAN = "11010519491231002X"


@pytest.fixture
def judge(reference):
    """Decide a value with headers."""

    def decide_(value, short="assessments", headers=()):
        raw = json.dumps(value, ensure_ascii=False).encode() if isinstance(value, dict) else value
        return decide(Origin(short, 0, 0), Record(0, APPENDED, None, raw, tuple(headers)), reference)

    return decide_


@pytest.fixture
def becomes(judge, event, reference):
    """Give the fields that an event of a type becomes beside the common ones."""

    def fields(kind: str, data: dict, **attributes):
        topic = TOPIC_OF[f"megdt.{kind}.v1"]
        evidence = judge(event(kind, data, **attributes), topic)
        assert not isinstance(evidence, Refusal), evidence
        assert reference.satisfies(EVIDENCE, evidence)
        common = ("trainee", "source", "id", "rev", "h", "d", "happened", "recorded", "available", "origin")
        return {name: value for name, value in evidence.items() if name not in common}

    return fields


@pytest.fixture
def reason(judge, event):
    """Give why an event of a type is refused, None where it is not."""

    def why(kind: str, data: dict, **attributes):
        decision = judge(event(kind, data, **attributes), TOPIC_OF[f"megdt.{kind}.v1"])
        return decision.reason if isinstance(decision, Refusal) else None

    return why


def _binary(event: dict, **changes) -> tuple[bytes, list[tuple[str, bytes]]]:
    attributes = {name: value for name, value in event.items() if name != "data"}
    headers = {f"ce_{name}": str(value) for name, value in attributes.items()} | {"content-type": "application/json"}
    stated = {name: value for name, value in (headers | changes).items() if value is not None}
    return json.dumps(event["data"]).encode(), [(name, value.encode()) for name, value in stated.items()]


def test_binary_mode_is_the_same_event(judge, assessment):
    event = assessment(kind="assessment.amended", revision=12, ward="7B")
    value, headers = _binary(event, **{"other": "x", "user-agent": "y"})
    assert judge(value, headers=headers) == judge(event)
    assert judge(event)["ext"] == {"ward": "7B"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ce_specversion": "0.3"}, "invalid"),
        ({"ce_id": None}, "invalid"),
        ({"ce_revision": "01"}, "invalid"),
        ({"ce_revision": "1.0"}, "invalid"),
        ({"ce_revision": "+1"}, "invalid"),
        ({"ce_revision": ""}, "invalid"),
        ({"ce_revision": "10000"}, "invalid"),
        ({"content-type": "application/xml"}, "invalid"),
        ({"content-type": "application/cloudevents-batch+json"}, "invalid"),
        ({"ce_data": "{}"}, "invalid"),
        ({"ce_": "x"}, "invalid"),
        ({"ce_My": "x"}, "invalid"),
        ({"ce_data_base64": "x"}, "invalid"),
        ({"ce_x": "y" * 1025}, "invalid"),
        ({"ce_type": "megdt.x.v1"}, "unknown_type"),
        ({"ce_type": "megdt.exposure.recorded.v1"}, "wrong_topic"),
        ({"ce_id": WOMAN}, "direct_identifier"),
        ({"ce_time": "2025-01-01T00:00:00"}, "naive_timestamp"),
    ],
)
def test_binary_mode_is_checked_like_any(judge, assessment, changes, reason):
    value, headers = _binary(assessment(), **changes)
    assert judge(value, headers=headers) == Refusal(reason)


def test_binary_mode_without_data(judge, assessment):
    _, headers = _binary(assessment())
    assert [judge(value, headers=headers) for value in (None, b"", b"[]", b"null")] == [Refusal("invalid")] * 4
    assert judge(b"{", headers=headers) == Refusal("undecodable")


def test_in_binary_mode_the_value_is_the_second_level(judge, assessment):
    _, headers = _binary(assessment(), ce_type="megdt.assessment.retracted.v1", ce_revision="1")
    nested = [b'{"x":' + b"[" * depth + b"]" * depth + b"}" for depth in (62, 63)]
    assert judge(nested[0], headers=headers)["k"] == "retraction"
    assert judge(nested[1], headers=headers) == Refusal("undecodable")


@pytest.mark.parametrize("name", ["ce_id", "ce_ward", "content-type"])
def test_a_header_twice_or_not_utf8(judge, assessment, name):
    value, headers = _binary(assessment(ward="7B"))
    first = dict(headers)[name]
    assert judge(value, headers=[*headers, (name, first)]) == Refusal("invalid")
    assert judge(value, headers=[(n, b"\xff" if n == name else v) for n, v in headers]) == Refusal("invalid")
    assert judge(value, headers=[*headers, ("other", b"\xff"), ("other", b"")])["ext"] == {"ward": "7B"}


def test_the_content_type_of_structured_mode(judge, assessment):
    kinds = [b"application/cloudevents+json", b"text/plain", b"", b"application/json"]
    assert all(judge(assessment(), headers=[("content-type", kind)])["k"] == "assessment" for kind in kinds)
    batch = [("content-type", b"application/cloudevents-batch+json; charset=utf-8")]
    assert judge(b"[]", headers=batch) == judge(assessment(), headers=batch) == Refusal("invalid")
    assert judge(b"", headers=batch) == Refusal("empty")
    assert judge(b"[]") == Refusal("not_an_object")


def test_sizes(judge, assessment):
    raw = json.dumps(assessment()).encode()
    assert judge(raw + b" " * (262_144 - len(raw)))["k"] == "assessment"
    assert judge(raw + b" " * (262_145 - len(raw))) == Refusal("too_large")
    assert judge(raw, headers=[("n" * 6_384, b"v" * 10_000)])["k"] == "assessment"
    assert judge(raw, headers=[("n" * 6_385, b"v" * 10_000)]) == Refusal("too_large")
    assert judge(None, headers=[("医" * 5_462, b"")]) == Refusal("too_large")
    assert judge(None) == judge(b"") == Refusal("empty")


def test_extension_attributes_are_kept(judge, assessment):
    extra = {
        "a": "",
        "b2": True,
        "c": -(2**31),
        "d": 2**31 - 1,
        "e": None,
        "f" * 32: "x" * 1024,
        "dataschema": "https://a.b/s",
    }
    kept = {name: value for name, value in extra.items() if value is not None}
    assert judge(assessment(**extra))["ext"] == kept
    assert "ext" not in judge(assessment(e=None))
    assert "ext" not in judge(assessment(datacontenttype="application/json; charset=utf-8", recorded=None))


@pytest.mark.parametrize(
    "extra",
    [
        {"A": "x"},
        {"a_b": "x"},
        {"": "x"},
        {"a" * 33: "x"},
        {"data_base64": "e30="},
        {"a": 1.5},
        {"a": 1.0},
        {"a": 2**31},
        {"a": -(2**31) - 1},
        {"a": {}},
        {"a": []},
        {"a": "x" * 1025},
        {"é": "x"},
        {f"a{n}": n for n in range(25)},
    ],
)
def test_no_extension_attributes(judge, assessment, extra):
    assert judge(assessment(**extra)) == Refusal("invalid")


def test_24_extension_attributes_and_a_trace(judge, assessment):
    extra = {f"a{n}": n for n in range(24)}
    assert judge(assessment(**extra, absent=None))["ext"] == extra
    assert judge(assessment(**extra), headers=[("traceparent", TRACE.encode())])["ext"] == extra | {
        "traceparent": TRACE
    }


@pytest.mark.parametrize(
    "bad",
    [
        TRACE[:-1],
        TRACE.upper(),
        "01" + TRACE[2:],
        TRACE + "-00",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-4bf92f3577b34da6a3ce929d0e0e4736-{'0' * 16}-01",
        "",
        7,
        {},
        [TRACE],
    ],
)
def test_a_malformed_trace_is_dropped(judge, assessment, bad):
    assert "ext" not in judge(assessment(traceparent=bad))


def test_the_trace_of_the_headers_counts_where_the_event_has_none(judge, assessment):
    header = [("traceparent", TRACE.encode())]
    other = TRACE.replace("4bf9", "0000")
    value, headers = _binary(assessment())
    assert judge(value, headers=headers + header)["ext"] == {"traceparent": TRACE}
    assert judge(assessment(), headers=header)["ext"] == {"traceparent": TRACE}
    assert judge(assessment(traceparent=other), headers=header)["ext"] == {"traceparent": other}
    assert "ext" not in judge(assessment(), headers=[("traceparent", b"\xff")])
    assert "ext" not in judge(assessment(), headers=header + header)


def test_the_order_of_the_checks(judge, assessment):
    """Put every fault into one event and take away what is found first."""
    scores = [{"competency": "no-such", "value": 99}, {"competency": "patient-care", "value": 99}]
    bad = assessment(id=WOMAN, type="megdt.none.v1", specversion=1, time="2027-01-01T00:00:00")
    bad["data"] |= {"scale": "none@1", "scores": scores}
    repairs = [
        ("direct_identifier", lambda: bad.update(id="A-1")),
        ("unknown_type", lambda: bad.update(type="megdt.rotation.ended.v1")),
        ("wrong_topic", lambda: bad.update(type="megdt.assessment.recorded.v1")),
        ("invalid", lambda: bad.update(specversion="1.0")),
        ("naive_timestamp", lambda: bad.update(time="2500-01-01T00:00:00Z")),
        ("invalid", lambda: bad.update(time="2027-01-01T00:00:00Z")),
        ("unknown_scale", lambda: bad["data"].update(scale="mini-cex@1")),
        ("unknown_competency", lambda: scores[0].update(competency="professionalism")),
        ("out_of_scale", lambda: [score.update(value=5) for score in scores]),
        ("future_event", lambda: bad.update(time="2026-01-02T00:00:00Z")),
    ]
    for expected, repair in repairs:
        assert judge(bad) == Refusal(expected)
        repair()
    assert judge(bad)["k"] == "assessment"


def test_scores_are_checked_one_by_one(reason):
    def why(*scores):
        data = {"instrument": "m", "scale": "mini-cex@1", "scores": [{"competency": c, "value": v} for c, v in scores]}
        return reason("assessment.recorded", data), reason("self-assessment.recorded", data)

    assert why(("patient-care", 99), ("no-such", 5)) == ("out_of_scale",) * 2
    assert why(("no-such", 99), ("patient-care", 5)) == ("unknown_competency",) * 2
    assert why(("patient-care", 5), ("patient-care", 5)) == ("invalid",) * 2
    assert why(("no-such", True)) == ("invalid",) * 2
    assert why(("professionalism", 9), ("patient-care", 1)) == (None, None)


def test_a_direct_identifier_comes_before_an_unknown_type(judge, event):
    assert judge(event("none", {"deep": [{"note": "1@x.yz"}]})) == Refusal("direct_identifier")
    assert judge(event("none", {"deep": [{"remark": "1@x.yz"}]})) == Refusal("unknown_type")
    assert judge(event("assessment.recorded", {}, subject="k1.13812345678")) == Refusal("direct_identifier")


def test_feedback(becomes):
    data = {
        "text": "洗手👍",
        "assessor": "k1.s",
        "rotation": "R",
        "observed": "1970-01-01T00:00:01Z",
        "specific": False,
    }
    told = {"k": "feedback", "assessor": "k1.s", "rotation": "R", "observed": 1000, "characters": 3, "specific": False}
    assert becomes("feedback.recorded", data) == told
    least = {"k": "feedback", "assessor": None, "rotation": None, "observed": None, "characters": 1, "specific": None}
    assert becomes("feedback.recorded", {"text": " "}) == least


def test_what_a_rotation_may_state(becomes):
    nothing = dict.fromkeys(("base", "department", "supervisor", "starts", "ends", "expects"))
    everything = {
        "rotation": "R",
        "base": "b",
        "department": "d",
        "supervisor": "k1.s",
        "starts": "1970-01-01T00:00:01Z",
        "ends": "1970-01-01T00:00:01Z",
        "expects": [
            {"instrument": "m", "due": "1970-01-01T00:00:02Z"},
            {"instrument": "m", "item": "i", "count": 2, "due": "1970-01-01T00:00:03Z"},
        ],
    }
    stated = {
        "k": "rotation",
        "rotation": "R",
        "base": "b",
        "department": "d",
        "supervisor": "k1.s",
        "starts": 1000,
        "ends": 1000,
        "expects": [["m", 1, 2000], ["i", 2, 3000]],
    }
    of_status = {"k": "rotation", "rotation": "R"} | nothing
    assert becomes("rotation.planned", everything) == stated | {"status": "planned"}
    assert becomes("rotation.started", everything) == stated | {"status": "started"}
    assert becomes("rotation.changed", everything) == stated | {"status": None}
    changed = of_status | {"status": None, "ends": 1000}
    assert becomes("rotation.changed", {"rotation": "R", "ends": "1970-01-01T00:00:01Z", "base": None}) == changed
    emptied = of_status | {"status": None, "expects": []}
    assert becomes("rotation.changed", {"rotation": "R", "expects": []}) == emptied
    assigned = of_status | {"status": None, "supervisor": "k1.s"}
    assert becomes("rotation.supervisor-assigned", everything) == assigned
    assert becomes("rotation.ended", everything) == of_status | {"status": "ended"}
    assert becomes("rotation.cancelled", everything) == of_status | {"status": "cancelled"}


def test_activities(becomes):
    least = {
        "k": "activity",
        "starts": None,
        "ends": None,
        "minutes": 0,
        "attended": True,
        "on_call": False,
        "rotation": None,
    }
    assert becomes("teaching.attended", {"session": "S"}) == least | {"kind": "teaching", "item": "S"}
    missed = least | {"kind": "teaching", "item": "S", "minutes": 45, "attended": False, "rotation": "R"}
    assert becomes("teaching.attended", {"session": "S", "minutes": 45, "attended": False, "rotation": "R"}) == missed
    case = {"item": "I21", "minutes": 5, "attended": False, "on_call": True}
    assert becomes("learning-case.recorded", case) == least | {"kind": "learning-case", "item": "I21", "minutes": 5}
    duty = {"starts": "1970-01-01T00:00:00.5Z", "ends": "1970-01-01T00:02:00.4Z", "on_call": True}
    lasted = {"kind": "duty", "item": None, "starts": 500, "ends": 120_400, "minutes": 1, "on_call": True}
    assert becomes("duty.recorded", duty) == least | lasted


def test_self_assessments(becomes):
    data = {
        "scale": "mini-cex@1",
        "scores": [
            {"competency": "patient-care", "value": 6},
            {"competency": "professionalism", "missing": "not-observed"},
        ],
    }
    assert becomes("self-assessment.recorded", data) == {
        "k": "self-assessment",
        "rotation": None,
        "scale": "mini-cex@1",
        "marks": [["patient-care", 6, 3500, 1250]],
        "missing": [["professionalism", "not-observed"]],
    }


def test_outcomes(becomes):
    least = {"k": "outcome", "value": None, "rotation": None, "starts": None, "ends": None}
    exam = {"outcome": "exam", "result": "pass", "value": 0, "rotation": "R"}
    assert becomes("outcome.recorded", exam) == least | exam
    plan = least | {"outcome": "remediation/P", "result": "started", "rotation": "R"}
    assert becomes("remediation.started", {"plan": "P", "result": "x", "rotation": "R"}) == plan
    assert becomes("remediation.ended", {"plan": "P", "rotation": "R"}) == plan | {"result": "ended"}
    assert becomes("remediation.ended", {"plan": "P", "rotation": "R", "result": "x"}) == plan | {"result": "x"}
    leave = {"kind": "病假", "starts": "1970-01-01T00:00:01Z", "ends": "1970-01-01T00:00:01Z", "rotation": "R"}
    away = least | {"outcome": "leave/病假", "result": "recorded", "starts": 1000, "ends": 1000}
    assert becomes("leave.recorded", leave) == away
    earned = least | {"outcome": "credits/I", "result": "recorded", "value": 2.5}
    assert becomes("credits.recorded", {"category": "I", "credits": 2.5}) == earned


def test_resources_and_decisions(becomes):
    beds = {"kind": "beds", "base": "b", "capacity": 40, "unit": "beds", "starts": "1970-01-01T00:00:01Z"}
    had = {
        "k": "resource",
        "kind": "beds",
        "base": "b",
        "department": None,
        "capacity": 40,
        "unit": "beds",
        "starts": 1000,
    }
    assert becomes("resource.recorded", beds) == had | {"ends": None}
    made = {"on": "W-1", "action": "snoozed", "by": "k1.c", "until": "1970-01-01T00:00:01Z", "note": "下周再看"}
    kept = {
        "k": "decision",
        "on": "W-1",
        "action": "snoozed",
        "by": "k1.c",
        "reason": None,
        "characters": 4,
        "until": 1000,
    }
    assert becomes("decision.made", made) == kept


def test_identities(becomes):
    enrolled = {"stage": "continuing", "base": "b", "programme": None, "cohort": "2025"}
    assert becomes("identity.enrolled", enrolled) == {"k": "enrolment", **enrolled}
    linked = {"k": "identity", "event": "linked", "head": "k1.p", "system": "his"}
    assert becomes("identity.linked", {"person": "k1.p", "system": "his"}) == linked
    merged = {"k": "identity", "event": "merged", "head": "k1.p", "system": None}
    assert becomes("identity.merged", {"into": "k1.p", "system": "his"}) == merged
    unmerged = {"k": "identity", "event": "unmerged", "head": None, "system": None}
    assert becomes("identity.unmerged", {"from": "k1.p"}) == becomes("identity.unmerged", {}) == unmerged


@pytest.mark.parametrize("kind", sorted(name for name in TOPIC_OF if name.endswith(".retracted.v1")))
def test_retractions(becomes, reason, kind):
    name = kind.removeprefix("megdt.").removesuffix(".v1")
    assert becomes(name, {"reason": None}, revision=1) == {"k": "retraction"}
    assert (
        reason(name, {}, revision=0) == reason(name, {}) == reason(name, {"reason": "x" * 501}, revision=1) == "invalid"
    )


TIME = "2025-11-03T00:00:00Z"
LATER = "2025-11-06T00:00:00Z"  # 72 h after


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        ("feedback.recorded", {"text": ""}, "invalid"),
        ("feedback.recorded", {"text": "x" * 8001}, "invalid"),
        ("feedback.recorded", {"text": "x", "observed": "2025-11-03T00:00:00"}, "naive_timestamp"),
        ("rotation.changed", {"rotation": "R", "base": None}, "invalid"),
        ("rotation.changed", {"rotation": "R", "starts": LATER, "ends": TIME}, "invalid"),
        ("rotation.changed", {"rotation": "R", "starts": LATER}, None),
        ("rotation.supervisor-assigned", {"rotation": "R"}, "invalid"),
        ("exposure.recorded", {"kind": "simulation", "item": "x"}, None),
        ("exposure.recorded", {"kind": "case", "item": "x", "count": 1.0}, "invalid"),
        ("teaching.attended", {"session": "S", "minutes": 1441}, "invalid"),
        ("teaching.attended", {"session": "S", "minutes": 6.0}, "invalid"),
        ("learning-case.recorded", {"item": "S", "minutes": 60.0}, "invalid"),
        ("teaching.attended", {"session": "S", "attended": 1}, "invalid"),
        ("duty.recorded", {"starts": TIME, "ends": TIME}, "invalid"),
        ("duty.recorded", {"starts": LATER, "ends": TIME}, "invalid"),
        ("duty.recorded", {"starts": TIME, "ends": LATER}, None),
        ("duty.recorded", {"starts": TIME, "ends": "2025-11-06T00:00:00.001Z"}, "invalid"),
        ("leave.recorded", {"kind": "x", "starts": LATER, "ends": TIME}, "invalid"),
        ("leave.recorded", {"kind": "x", "starts": TIME}, "invalid"),
        ("credits.recorded", {"category": "x", "credits": 1000.5}, "invalid"),
        ("credits.recorded", {"category": "x", "credits": -0.5}, "invalid"),
        ("credits.recorded", {"category": "x", "credits": "1"}, "invalid"),
        ("remediation.started", {}, "invalid"),
        ("identity.linked", {"person": "k1.trainee-1"}, "invalid"),
        ("identity.merged", {"into": "k1.trainee-1"}, "invalid"),
        ("identity.merged", {"person": "k1.p"}, "invalid"),
        ("identity.unmerged", {"from": "nobody"}, "invalid"),
        ("decision.made", {"on": "W", "action": "overridden", "by": "k1.c"}, "invalid"),
        ("decision.made", {"on": "W", "action": "flagged-incorrect", "by": "k1.c", "reason": None}, "invalid"),
        ("decision.made", {"on": "W", "action": "overridden", "by": "k1.c", "reason": "x"}, None),
        ("decision.made", {"on": "W", "action": "closed", "by": "k1.c", "note": "x" * 2001}, "invalid"),
        ("decision.made", {"on": "W", "action": "closed", "by": "k1.c", "until": "2025-02-30T00:00:00Z"}, "invalid"),
    ],
)
def test_the_rules_of_the_types(reason, kind, data, expected):
    assert reason(kind, data) == expected


def test_resources_end_after_they_start(reason):
    beds = {"kind": "simulator", "base": "b", "capacity": 0.5, "unit": "slots-per-week", "starts": LATER}
    assert reason("resource.recorded", beds | {"ends": TIME}) == "invalid"
    assert reason("resource.recorded", beds | {"ends": LATER}) is None
    assert reason("resource.recorded", beds | {"capacity": 100_001}) == "invalid"


@pytest.mark.parametrize("source", ["医院", "a b", "1a:b", "//[zz]/", ""])
def test_a_source_is_a_uri_reference(judge, assessment, source):
    assert judge(assessment(source=source)) == Refusal("invalid")
    assert judge(assessment(source="//[::1]/%E5%8C%BB#x"))["source"] == "//[::1]/%E5%8C%BB#x"
