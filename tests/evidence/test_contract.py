"""Every rule of docs/records.md, section 1, and the order in which they are checked."""

import json
from hashlib import blake2b
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.data_files import schemas_dir
from megdt_stream.evidence import topics
from megdt_stream.evidence.record import decode, record_hash
from tests.evidence.samples import (
    DATA,
    DROP,
    NEEDS_REVISION,
    REFERENCE,
    SCORES,
    event,
    extensions,
    fact,
    judge,
    named_events,
    reason,
    topic_of,
    with_data,
)

CODES = sorted(REFERENCE.competencies)
BAD_CODES = [
    "",
    "x" * 65,
    "a b",
    "a|b",
    "a\n",
    "\ta",
    "a\u3000b",
    "a\x7f",
    "\x00",
    "a\u00a0",
    "a\u0085",
    "a\ufeff",
    5,
    True,
    None,
    [],
    {},
]
GOOD_CODES = ["x", "x" * 64, "临床思维", "𠮷" * 64, "a.b/c@1", '"\\', "-"]
BAD_PSEUDONYMS = [
    "",
    "a",
    "a.",
    ".b",
    "A.b",
    "1a.b",
    "a" * 17 + ".b",
    "a." + "b" * 49,
    "a.b c",
    "a.张",
    "a.b\n",
    "a.b.c",
    7,
]
GOOD_PSEUDONYMS = ["a.b", "a" + "9" * 15 + ".-", "k1." + "_" * 48]
REQUIRED_CODES = {
    "assessment.recorded": ["instrument"],
    "assessment.amended": ["instrument"],
    "rotation.planned": ["rotation", "base"],
    "rotation.started": ["rotation", "base"],
    "rotation.changed": ["rotation"],
    "rotation.supervisor-assigned": ["rotation"],
    "rotation.ended": ["rotation"],
    "rotation.cancelled": ["rotation"],
    "exposure.recorded": ["item"],
    "teaching.attended": ["session"],
    "learning-case.recorded": ["item"],
    "outcome.recorded": ["outcome", "result"],
    "remediation.started": ["plan"],
    "remediation.ended": ["plan"],
    "leave.recorded": ["kind"],
    "credits.recorded": ["category"],
    "resource.recorded": ["base"],
    "identity.enrolled": ["base"],
    "decision.made": ["on"],
}
OPTIONAL_CODES = {
    "assessment.recorded": ["rotation", "item"],
    "feedback.recorded": ["rotation"],
    "rotation.planned": ["department"],
    "rotation.changed": ["base", "department"],
    "exposure.recorded": ["rotation"],
    "teaching.attended": ["rotation"],
    "duty.recorded": ["rotation"],
    "self-assessment.recorded": ["rotation"],
    "learning-case.recorded": ["rotation"],
    "outcome.recorded": ["rotation"],
    "remediation.started": ["result", "rotation"],
    "remediation.ended": ["result", "rotation"],
    "resource.recorded": ["department"],
    "identity.enrolled": ["programme", "cohort"],
    "identity.linked": ["system"],
    "decision.made": ["reason"],
}
OPTIONAL = {
    **OPTIONAL_CODES,
    "assessment.recorded": ["rotation", "item", "assessor", "carried_over"],
    "feedback.recorded": ["rotation", "assessor", "observed", "specific"],
    "rotation.planned": ["department", "supervisor", "expects"],
    "rotation.changed": ["base", "department", "starts", "ends", "supervisor", "expects"],
    "exposure.recorded": ["rotation", "role", "count"],
    "teaching.attended": ["rotation", "minutes", "attended"],
    "duty.recorded": ["rotation", "on_call"],
    "learning-case.recorded": ["rotation", "minutes"],
    "outcome.recorded": ["rotation", "value"],
    "resource.recorded": ["department", "ends"],
    "identity.unmerged": ["from"],
    "decision.made": ["reason", "note", "until"],
    "assessment.retracted": ["reason"],
}
REQUIRED_OTHERS = {
    "assessment.recorded": ["scale", "scores"],
    "feedback.recorded": ["text"],
    "rotation.planned": ["starts", "ends"],
    "rotation.supervisor-assigned": ["supervisor"],
    "exposure.recorded": ["kind"],
    "duty.recorded": ["starts", "ends"],
    "self-assessment.recorded": ["scale", "scores"],
    "leave.recorded": ["starts", "ends"],
    "credits.recorded": ["credits"],
    "resource.recorded": ["kind", "capacity", "unit", "starts"],
    "identity.enrolled": ["stage"],
    "identity.linked": ["person"],
    "identity.merged": ["into"],
    "decision.made": ["action", "by"],
}
PSEUDONYMS = {
    "assessment.recorded": ["assessor"],
    "feedback.recorded": ["assessor"],
    "rotation.planned": ["supervisor"],
    "rotation.supervisor-assigned": ["supervisor"],
    "identity.linked": ["person"],
    "identity.merged": ["into"],
    "identity.unmerged": ["from"],
    "decision.made": ["by"],
}


def flat(table):
    return [(name, field) for name, fields in table.items() for field in fields]


@pytest.mark.parametrize("name", DATA)
def test_a_plain_event_of_every_type_is_taken(name):
    assert reason(event(name), topic_of(name)) == ""


@pytest.mark.parametrize("name", DATA)
def test_every_type_belongs_to_one_topic(name):
    for topic in topics.INPUTS:
        assert (reason(event(name), topic) == "wrong_topic") == (topic is not topic_of(name))


@pytest.mark.parametrize(
    "type_", ["", "x", "megdt.assessment.recorded.v2", "megdt.assessment.recorded.v1\n", "MEGDT", "x" * 9999]
)
def test_other_types_are_unknown(type_):
    assert reason(event(type=type_)) == "unknown_type"


@pytest.mark.parametrize("type_", [None, 5, [], {}, True, DROP])
def test_a_type_that_is_no_text_is_invalid(type_):
    assert reason(event(type=type_)) == "invalid"


@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("attribute", ["specversion", "source", "id", "subject", "time", "data"])
def test_required_attributes(name, attribute):
    decision = judge(event(name, **{attribute: DROP}), topic_of(name))
    assert (decision.reason, decision.path) == ("invalid", f"/{attribute}")
    assert reason(event(name, **{attribute: None}), topic_of(name)) == "invalid"


@pytest.mark.parametrize(
    ("attribute", "good", "bad"),
    [
        ("specversion", ["1.0"], ["1", "0.3", 1.0, ""]),
        (
            "source",
            ["x", "s" * 128, "/a?b=c#d", "urn:hospital:1", "https://a@b:8080/c", "//[::1]/", "%E5%8C%BB", "#", "a:"],
            [
                "",
                "s" * 129,
                "a b",
                "张",
                "\ufeff",
                "a\n",
                "\x01",
                "/a|b",
                "1:a",
                "a%",
                "//[1:2]/",
                "http://a b",
                "[",
                5,
            ],
        ),
        (
            "id",
            ["x", "i" * 128, " a b ", "|", "出科", "\u200b", "\u00a0"],
            ["", "i" * 129, "a\n", "\x7f", "\x00", "\x85", "\ufdd0", "\uffff", "\U0010fffe", 1001],
        ),
        ("subject", GOOD_PSEUDONYMS, BAD_PSEUDONYMS),
        ("revision", [0, 9999, None, DROP], [-1, 10_000, 1.0, 6.0, "1", True]),
        ("recorded", ["2025-11-03T00:00:00Z", None, DROP], ["", "yesterday", 0]),
        ("available", ["2025-11-03T00:00:00Z", None, DROP], ["", 1_700_000_000_000]),
        (
            "datacontenttype",
            ["application/json", "Application/JSON", 'application/json ; charset="utf-8"', None, DROP],
            ["text/json", "application/json+x", "application/json; charset", "", 0],
        ),
        ("data", [], [[], "x", 5, None]),
        ("data_base64", [None], ["e30=", "", 5]),
        (
            "anything",
            [None, 1, True, "x" * 1024, -(2**31)],
            ["x" * 1025, "a\n", "\x80", 2**31, 1.5, 1.0, {"a": []}, []],
        ),
        ("x" * 32, [None, 1], []),
        ("x" * 33, [None], [1]),
        ("Anything", [None], [1]),
        ("any_thing", [None], ["x"]),
        ("", [None], ["x"]),
        ("dataschema", ["https://a.b/c", None], ["", "/relative", "https://a/b#c"]),
    ],
)
def test_attributes(attribute, good, bad):
    assert [value for value in good if reason(event(**{attribute: value})) != ""] == []
    assert [value for value in bad if reason(event(**{attribute: value})) != "invalid"] == []


@pytest.mark.parametrize("name", NEEDS_REVISION)
def test_amending_and_retracting_need_a_revision(name):
    for revision in (0, None, DROP, "1", 1.0):
        assert reason(event(name, revision=revision), topic_of(name)) == "invalid"
    assert reason(event(name, revision=9999), topic_of(name)) == ""


@pytest.mark.parametrize(("name", "field"), flat(REQUIRED_CODES) + flat(OPTIONAL_CODES))
def test_codes(name, field):
    optional = (name, field) in flat(OPTIONAL_CODES)
    taken = [code for code in GOOD_CODES if reason(with_data(name, **{field: code}), topic_of(name)) == ""]
    assert taken == GOOD_CODES
    for code in BAD_CODES:
        expected = "" if optional and code is None else "invalid"
        assert reason(with_data(name, **{field: code}), topic_of(name)) == expected, code


@pytest.mark.parametrize(("name", "field"), flat(REQUIRED_CODES) + flat(REQUIRED_OTHERS))
def test_required_fields(name, field):
    decision = judge(with_data(name, **{field: DROP}), topic_of(name))
    assert (decision.reason, decision.path) == ("invalid", f"/data/{field}")


@pytest.mark.parametrize(("name", "field"), flat(OPTIONAL))
def test_null_is_the_same_as_absent(name, field):
    topic = topic_of(name)
    absent, null = (fact(with_data(name, **{field: value}), topic) for value in (DROP, None))
    # The digest is over `data` as it came; nothing else may tell the two apart.
    assert {**_fields(absent), "d": ""} == {**_fields(null), "d": ""}


def _fields(evidence):
    return {name: getattr(evidence, name) for name in evidence.__struct_fields__}


@pytest.mark.parametrize(("name", "field"), flat(PSEUDONYMS))
def test_pseudonyms(name, field):
    topic = topic_of(name)
    assert [text for text in GOOD_PSEUDONYMS if reason(with_data(name, **{field: text}), topic) != ""] == []
    assert [text for text in BAD_PSEUDONYMS if reason(with_data(name, **{field: text}), topic) != "invalid"] == []


@pytest.mark.parametrize(
    ("name", "field", "good", "bad"),
    [
        ("assessment.recorded", "carried_over", [True, False], [0, 1, "true", "false"]),
        ("assessment.recorded", "scale", [], [None, 5, [], DROP]),
        ("feedback.recorded", "text", ["x", "文" * 8000, " \n"], ["", "x" * 8001, 5, None, DROP]),
        ("feedback.recorded", "specific", [True, False], [0, "yes"]),
        ("rotation.started", "expects", [[], None], [{}, "x", 1, [None], [{}]]),
        ("exposure.recorded", "kind", ["case", "procedure", "simulation"], ["Case", "", None, DROP, 1]),
        ("exposure.recorded", "role", ["observed", "assisted", "performed"], ["did", "", 1]),
        ("exposure.recorded", "count", [1, 999], [0, 1000, -1, 1.5, 2.0, "3", True]),
        ("teaching.attended", "minutes", [1, 1440], [0, 1441, 1.0, "60", True]),
        ("teaching.attended", "attended", [True, False], [0, 1, "true"]),
        ("learning-case.recorded", "minutes", [1, 1440], [0, 1441]),
        ("duty.recorded", "on_call", [True, False], [0, "no"]),
        ("outcome.recorded", "value", [0, -1e6, 1e6, 3.25, -0.0], [1000000.1, -1000000.1, "1", True, []]),
        ("credits.recorded", "credits", [0, 1000, 0.5], [-0.1, 1000.1, None, DROP, "1", True]),
        ("resource.recorded", "kind", ["beds", "simulator", "faculty"], ["bed", None, DROP]),
        ("resource.recorded", "capacity", [0, 100_000, 0.5], [-1, 100_001, None, "1", True]),
        ("resource.recorded", "unit", ["beds", "slots-per-week", "hours-per-week", "trainees"], ["hours", None]),
        (
            "identity.enrolled",
            "stage",
            ["medical-school", "postgraduate", "continuing"],
            ["", "Postgraduate", None, DROP, 2],
        ),
        (
            "decision.made",
            "action",
            [
                *("acknowledged", "accepted", "overridden", "modified"),
                *("implemented", "closed", "snoozed", "flagged-incorrect"),
            ],
            ["", "Accepted", "done", None, DROP],
        ),
        ("decision.made", "note", ["", "文" * 2000, None, DROP], ["x" * 2001, 5]),
        ("outcome.retracted", "reason", ["", "因" * 500, None, DROP, "a\0b"], ["x" * 501, 5, []]),
    ],
)
def test_fields(name, field, good, bad):
    topic = topic_of(name)
    assert [value for value in good if reason(with_data(name, **{field: value}), topic) != ""] == []
    assert [value for value in bad if reason(with_data(name, **{field: value}), topic) != "invalid"] == []


@pytest.mark.parametrize("action", ["overridden", "flagged-incorrect"])
def test_some_decisions_need_a_reason(action):
    assert reason(with_data("decision.made", action=action), topics.DECISIONS) == ""
    for none in (None, DROP):
        assert reason(with_data("decision.made", action=action, reason=none), topics.DECISIONS) == "invalid"
    assert reason(with_data("decision.made", action="accepted", reason=DROP), topics.DECISIONS) == ""


@pytest.mark.parametrize(("name", "field"), [("identity.linked", "person"), ("identity.merged", "into")])
def test_nobody_is_their_own_head(name, field):
    decision = judge(with_data(name, **{field: "k1.7Qm2xW9dTz"}), topics.IDENTITIES)
    assert (decision.reason, decision.path) == ("invalid", "/data")
    # Said of the mistake before it, the reason is that one's.
    assert reason(event(name, subject="K1", data={field: "K1"}), topics.IDENTITIES) == "invalid"


@pytest.mark.parametrize("field", ["base", "department", "starts", "ends", "supervisor", "expects"])
def test_a_change_changes_something(field):
    data = {"rotation": "R", field: DATA["rotation.changed"][1][field]}
    assert reason(event("rotation.changed", data=data), topics.ROTATIONS) == ""
    for nothing in ({"rotation": "R"}, {"rotation": "R", field: None}):
        assert reason(event("rotation.changed", data=nothing), topics.ROTATIONS) == "invalid"


def score(**fields):
    return {"competency": "patient-care"} | fields


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([], "invalid"),
        (DROP, "invalid"),
        (None, "invalid"),
        ({}, "invalid"),
        ([score(value=1)], ""),
        ([score(value=9.0)], ""),
        ([score(value=1, missing=None)], ""),
        ([score(missing="not-applicable", value=None)], ""),
        ([score()], "invalid"),
        ([score(value=None, missing=None)], "invalid"),
        ([score(value=1, missing="not-recorded")], "invalid"),
        ([score(missing="lost")], "invalid"),
        ([score(value="6")], "invalid"),
        ([score(value=True)], "invalid"),
        ([score(value=1, weight=7)], ""),
        ([{"value": 1}], "invalid"),
        ([{"competency": "a b", "value": 1}], "invalid"),
        ([score(value=1), score(value=2)], "invalid"),
        ([score(value=1), score(missing="not-recorded")], "invalid"),
        ([{"competency": code, "value": 1} for code in CODES[:32]], ""),
        ([{"competency": f"C{i}", "value": 1} for i in range(32)], "unknown_competency"),
        ([{"competency": f"C{i}", "value": 1} for i in range(33)], "invalid"),
        ([{"competency": "C1", "value": 10}, score(value=10)], "unknown_competency"),
        ([score(value=10), {"competency": "C1", "value": 1}], "out_of_scale"),
        ([{"competency": "C1", "missing": "not-observed"}], "unknown_competency"),
        ([{"competency": "C1", "value": 10}, score(value="six")], "invalid"),
        ([{"competency": "C1", "value": 10}, score(value=1), score(value=1)], "invalid"),
        ([score(value=0.999)], "out_of_scale"),
        ([score(value=9.000001)], "out_of_scale"),
        ([{"competency": "communication", "value": 5}, score(value=-1e300)], "out_of_scale"),
    ],
)
@pytest.mark.parametrize("name", ["assessment.recorded", "self-assessment.recorded"])
def test_scores(name, scores, expected):
    assert reason(with_data(name, scores=scores), topic_of(name)) == expected


def test_who_gets_it_wrong_is_told_what_exists():
    unknown = judge(with_data(scale="mini-cex@99"))
    assert (unknown.path, "mini-cex@1" in unknown.detail) == ("/data/scale", True)
    stranger = judge(with_data(scores=[score(value=1), {"competency": "x" * 64, "value": 1}]))
    assert stranger.path == "/data/scores/1/competency"
    assert all(name in stranger.detail for name in ("patient-care", "acgme@1"))
    beyond = judge(with_data(scores=[score(value=9.5)]))
    assert (beyond.path, "9.5" in beyond.detail, "1 to 9" in beyond.detail) == ("/data/scores/0/value", True, True)
    assert all(len(decision.detail) < 800 for decision in (unknown, stranger, beyond))


@pytest.mark.parametrize("scale", ["", "x", "mini-cex@2", "MINI-CEX@1", "x" * 5000, " mini-cex@1", "a\nb"])
def test_scales_must_be_known(scale):
    assert reason(with_data(scale=scale)) == "unknown_scale"
    # Order: an unknown scale has no bounds to be out of.
    assert reason(with_data(scale=scale, scores=[score(value=1e9)])) == "unknown_scale"


def pair(**fields):
    return {"instrument": "I", "due": "2025-11-20T00:00:00Z"} | fields


@pytest.mark.parametrize(
    ("expects", "expected"),
    [
        ([pair()], ""),
        ([pair(item=None, count=None)], ""),
        ([pair(count=99)], ""),
        ([pair(count=0)], "invalid"),
        ([pair(count=100)], "invalid"),
        ([pair(count=1.0)], "invalid"),
        ([pair(due=None)], "invalid"),
        ([pair(due="2025-11-20")], "invalid"),
        ([pair(due="2025-11-20T00:00:00")], "naive_timestamp"),
        ([pair(due="1899-12-31T23:59:59Z")], "invalid"),
        ([pair(due="2199-12-31T23:59:59Z")], ""),
        ([pair(), pair()], "invalid"),
        ([pair(item="x"), pair(item="y")], ""),
        ([pair(item="x"), pair(instrument="J", item="x")], "invalid"),
        ([pair(), pair(instrument="J", item="I")], "invalid"),
        ([pair(instrument=f"I{i}") for i in range(64)], ""),
        ([pair(instrument=f"I{i}") for i in range(65)], "invalid"),
    ],
)
@pytest.mark.parametrize("name", ["rotation.planned", "rotation.started", "rotation.changed"])
def test_expectations(name, expects, expected):
    assert reason(with_data(name, expects=expects), topics.ROTATIONS) == expected


@pytest.mark.parametrize(
    ("expects", "stated"), [(DROP, None), (None, None), ([], ()), ([pair()], (("I", 1, 1763596800000),))]
)
def test_stating_that_nothing_is_expected_is_not_the_same_as_stating_nothing(expects, stated):
    assert fact(with_data("rotation.started", expects=expects), topics.ROTATIONS).expects == stated


@pytest.mark.parametrize(
    ("name", "instant", "backwards"),
    [
        ("rotation.planned", "", "invalid"),
        ("rotation.started", "", "invalid"),
        ("rotation.changed", "", "invalid"),
        ("leave.recorded", "", "invalid"),
        ("resource.recorded", "", "invalid"),
        ("duty.recorded", "invalid", "invalid"),
    ],
)
def test_spans(name, instant, backwards):
    topic, at = topic_of(name), "2025-11-01T00:00:00Z"
    assert reason(with_data(name, starts=at, ends="2025-11-01T08:00:00.001+08:00"), topic) == ""
    assert reason(with_data(name, starts=at, ends=at), topic) == instant
    decision = judge(with_data(name, starts=at, ends="2025-11-01T07:59:59+08:00"), topic)
    assert (decision.reason, decision.path) == (backwards, "/data/ends")
    assert (
        reason(with_data(name, starts="2025-11-01T00:00:00", ends="2025-10-01T00:00:00Z"), topic) == "naive_timestamp"
    )


def test_a_duty_lasts_three_days_at_most():
    at = "2025-11-01T00:00:00Z"
    assert reason(with_data("duty.recorded", starts=at, ends="2025-11-04T00:00:00Z"), topics.ACTIVITIES) == ""
    late = with_data("duty.recorded", starts=at, ends="2025-11-04T00:00:00.001Z")
    assert reason(late, topics.ACTIVITIES) == "invalid"


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("feedback.recorded", "observed"),
        ("rotation.planned", "starts"),
        ("rotation.changed", "ends"),
        ("duty.recorded", "starts"),
        ("leave.recorded", "ends"),
        ("resource.recorded", "starts"),
        ("resource.recorded", "ends"),
        ("decision.made", "until"),
    ],
)
def test_times_in_data(name, field):
    topic = topic_of(name)
    for text, expected in (
        ("2025-02-30T00:00:00Z", "invalid"),
        ("yesterday", "invalid"),
        (5, "invalid"),
        ("2025-11-03T00:00:00", "naive_timestamp"),
        ("1899-12-31T23:59:59Z", "invalid"),
    ):
        decision = judge(with_data(name, **{field: text}), topic)
        assert (decision.reason, decision.path) == (expected, f"/data/{field}"), text
    # A plan may lie ahead, whatever the clock says.
    ahead = {"starts": "2199-01-01T00:00:00Z", "ends": "2199-01-01T12:00:00Z"} | {field: "2199-01-01T06:00:00Z"}
    stated = {at: text for at, text in ahead.items() if at in DATA[name][1]}
    assert reason(with_data(name, **stated), topic) == ""


def test_a_time_that_is_no_field_of_the_type_is_nobodys_business():
    assert reason(with_data("duty.recorded", until="yesterday", observed=5, expects=[1]), topics.ACTIVITIES) == ""


def test_without_a_topic_the_type_says_where_it_belongs():
    for name in DATA:
        assert reason(event(name), None) == ""
    assert reason(event(type="megdt.other.v1"), None) == "unknown_type"


# --- extension attributes ----------------------------------------------------------------------------------------

TRACE = f"00-{'0af7651916cd43dd8448eb211c80319c'}-{'b7ad6b7169203331'}-01"


@given(named_events, extensions)
def test_extension_attributes_are_kept_and_change_nothing_else(named, ext):
    name, whole = named
    topic = topic_of(name)
    plain, extended = fact(whole, topic), fact(whole | ext, topic)
    stated = {attribute: value for attribute, value in ext.items() if value is not None}
    assert (extended.ext or {}) == stated
    assert [type(value) for value in (extended.ext or {}).values()] == [type(stated[name]) for name in sorted(stated)]
    assert {**_fields(plain), "ext": None} == {**_fields(extended), "ext": None}


def test_extension_attributes_are_counted():
    many = {f"x{i}": i for i in range(24)}
    assert len(fact(event(**many)).ext) == 24
    assert reason(event(**many, y=None)) == ""
    assert reason(event(**many, y=1)) == "invalid"
    # Tracing is never a reason to lose evidence.
    assert len(fact(event(**many, traceparent=TRACE)).ext) == 25


@pytest.mark.parametrize(
    "unusable",
    [
        *("", "x", TRACE.upper(), TRACE + "\n", "01" + TRACE[2:], TRACE[:-1], 5, [], {}, True),
        f"00-{'0' * 32}-{'1' * 16}-00",
        f"00-{'1' * 32}-{'0' * 16}-00",
    ],
)
def test_an_unusable_traceparent_is_dropped(unusable):
    assert fact(event(traceparent=unusable)).ext is None
    assert fact(event(traceparent=TRACE)).ext == {"traceparent": TRACE}


# --- order -----------------------------------------------------------------------------------------------------

IN_ORDER = [
    ("direct_identifier", lambda e, at: e.update(by="13812345678")),
    ("unknown_type", lambda e, at: e.update(type="megdt.assessment.recorded.v9")),
    ("invalid", lambda e, at: e.pop("specversion")),
    ("invalid", lambda e, at: e.update({at: "2025-02-30T00:00:00Z"})),
    ("naive_timestamp", lambda e, at: e.update({at: "2025-02-28T00:00:00"})),
    ("invalid", lambda e, at: e.update({at: "1899-12-31T00:00:00Z"})),
    ("unknown_scale", lambda e, at: e["data"].update(scale="other@1")),
    ("unknown_competency", lambda e, at: e["data"]["scores"][0].update(competency="other")),
    ("out_of_scale", lambda e, at: e["data"]["scores"][0].update(value=99)),
    ("future_event", lambda e, at: e.update({at: "2199-01-01T00:00:00Z"})),
]


@pytest.mark.parametrize("ahead", [("time", "recorded"), ("available", "time"), ("recorded", "available")])
@pytest.mark.parametrize(("first", "second"), list(combinations(range(len(IN_ORDER)), 2)))
def test_the_first_failure_is_the_reason(first, second, ahead):
    damaged = event()
    IN_ORDER[first][1](damaged, ahead[0])
    IN_ORDER[second][1](damaged, ahead[1])
    assert reason(damaged) == IN_ORDER[first][0]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"\xff" * 262_145, "too_large"),
        (b'[{"type":"x"} NaN', "undecodable"),
        (b"[" + b"9" * 17 + b"]", "undecodable"),
        (b'[{"type":"x"}]', "not_an_object"),
        (b'{"subject":"a@b.cn","type":"x"}', "direct_identifier"),
        (b'{"type":"x"}', "unknown_type"),
        (b'{"type":"megdt.rotation.ended.v1"}', "wrong_topic"),
        (b'{"type":"megdt.assessment.recorded.v1"}', "invalid"),
    ],
)
def test_the_outermost_failure_is_the_reason(value, expected):
    assert reason(value) == expected


# --- what becomes of an accepted event ---------------------------------------------------------------------------


@given(named_events)
def test_every_event_that_the_rules_allow_is_taken_and_read_back(named):
    name, whole = named
    topic = topic_of(name)
    decision = judge(whole, topic)
    evidence = decode(decision.value)
    assert decision.trainee == evidence.trainee == whole["subject"]
    assert decision.available == evidence.available
    assert (evidence.source, evidence.id, evidence.rev) == (whole["source"], whole["id"], whole.get("revision") or 0)
    assert evidence.h == record_hash(whole["source"], whole["id"])
    assert evidence.origin == (topic.short, 0, 7)
    assert len(evidence.d) == len(bytes.fromhex(evidence.d)) * 2 == 16


@given(named_events, st.randoms(use_true_random=False))
def test_key_order_whitespace_and_escapes_do_not_matter(named, chance):
    name, whole = named
    topic = topic_of(name)
    plain = json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()
    other = json.dumps(_shuffled(whole, chance), ensure_ascii=True, indent=chance.choice([None, 0, 3])).encode()
    assert judge(plain, topic) == judge(b"\r\n " + other + b"\t", topic)


def _shuffled(value, chance):
    if isinstance(value, dict):
        names = list(value)
        chance.shuffle(names)
        return {name: _shuffled(value[name], chance) for name in names}
    return [_shuffled(item, chance) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    "other",
    [
        event(time="2025-11-03T09:30:00.001+08:00"),
        event(subject="k1.other"),
        event(revision=1),
        event("assessment.amended"),
        with_data(note=1),
        with_data(item=None),
        with_data(scores=[{"competency": "patient-care", "value": 6.0}, SCORES[1]]),
        with_data(scores=SCORES[::-1]),
    ],
)
def test_the_digest_covers_the_body(other):
    assert fact(other).d != fact(event()).d


@pytest.mark.parametrize(
    "same",
    [
        event(revision=0),
        event(revision=None, available=None, x="y"),
        event(time="2025-11-03T01:30:00Z"),
        event(time="2025-11-03t01:30:00.0009z"),
        event(recorded="2025-11-04T00:00:00Z", available="2025-11-04T00:00:00Z", note="x", y=None),
        event(source="elsewhere", id="B-2"),
    ],
)
def test_the_digest_covers_nothing_else(same):
    assert fact(same).d == fact(event()).d


def test_the_digest_is_as_documented():
    evidence = fact(with_data(note={"b": [1.0, 1e2, True], "a": "张"}))
    data = with_data(note={"b": [1.0, 100.0, True], "a": "张"})["data"]
    body = ["megdt.assessment.recorded.v1", "k1.7Qm2xW9dTz", 1_762_133_400_000, 0, data]
    text = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert evidence.d == blake2b(text.encode(), digest_size=8).hexdigest()
    assert evidence.h == blake2b(b"/hospital-a/ehr\0A-1", digest_size=8).hexdigest()


# --- the shipped examples ----------------------------------------------------------------------------------------

EXAMPLES = [
    (topic, path)
    for topic in topics.INPUTS
    for path in sorted((schemas_dir() / "examples" / topic.name).glob("*valid/*.json"))
]


def test_there_are_examples_of_every_topic():
    found = {(topic.short, path.parent.name) for topic, path in EXAMPLES}
    assert found == {(topic.short, kind) for topic in topics.INPUTS for kind in ("valid", "invalid")}


@pytest.mark.parametrize(("topic", "path"), EXAMPLES, ids=lambda x: x.name if isinstance(x, Path) else x.short)
def test_examples(topic, path):
    expected = "" if path.parent.name == "valid" else path.name.split("--")[0]
    assert reason(path.read_bytes(), topic) == expected
