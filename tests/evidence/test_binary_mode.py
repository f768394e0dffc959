"""The same event, its attributes in headers: the same evidence, and rules of its own (docs/records.md, section 1)."""

import json

import pytest
from hypothesis import given

from megdt_stream.evidence import topics
from megdt_stream.evidence.intake import Accepted
from tests.evidence.samples import DATA, DROP, event, fact, in_binary_mode, judge, named_events, reason, topic_of

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@given(named_events)
def test_both_modes_become_the_same_evidence(named):
    name, whole = named
    value, headers = in_binary_mode(whole | {"zebra": "x", "alpha": "斑马"})
    structured = judge(whole | {"zebra": "x", "alpha": "斑马"}, topic_of(name))
    assert isinstance(structured, Accepted)
    assert judge(value, topic_of(name), headers=headers) == structured


@pytest.mark.parametrize("name", DATA)
def test_the_order_of_headers_does_not_matter(name):
    value, headers = in_binary_mode(event(name, recorded="2025-11-03T09:31:00Z", x="1", a="2"))
    topic = topic_of(name)
    assert judge(value, topic, headers=headers[::-1]) == judge(value, topic, headers=headers)


@pytest.mark.parametrize("attribute", ["source", "id", "type", "subject", "time", "data"])
def test_what_is_required(attribute):
    value, headers = in_binary_mode(event(**{attribute: DROP}))
    decision = judge(value, headers=headers)
    assert (decision.reason, decision.path) == ("invalid", f"/{attribute}")


def test_without_a_specversion_it_is_not_binary():
    value, headers = in_binary_mode(event(specversion=DROP))
    decision = judge(value, headers=headers)
    assert (decision.reason, decision.path) == ("invalid", "/type")
    assert reason(None, headers=headers) == "empty"
    assert reason(b"[]", headers=headers) == "not_an_object"
    # Attributes in headers are nothing there, right or wrong.
    assert reason(event(), headers=[*headers, *headers, ("ce_x", b"\xff"), ("ce_data", b"")]) == ""


def varied(value=None, drop=(), **more):
    whole_value, headers = in_binary_mode(event())
    kept = [(name, text) for name, text in headers if name not in drop]
    more = [(name.replace("content_type", "content-type"), text) for name, text in more.items()]
    return reason(whole_value if value is None else value, headers=[*kept, *more])


@pytest.mark.parametrize(
    ("revision", "expected"),
    [
        *((text, "") for text in (b"0", b"1", b"9999")),
        *(
            (text, "invalid")
            for text in (b"", b"01", b"+1", b" 1", b"1.0", b"-1", b"10000", b"1e3", b"\xd9\xa1", b"true")
        ),
    ],
)
def test_a_revision_is_written_in_decimal(revision, expected):
    assert varied(ce_revision=revision) == expected


def test_a_revision_counts():
    value, headers = in_binary_mode(event("assessment.amended", revision=7))
    assert fact(value, headers=headers).rev == 7


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"", "invalid"),
        (b" ", "undecodable"),
        (b"{", "undecodable"),
        (b"\xff", "undecodable"),
        (b"[]", "invalid"),
        (b"5", "invalid"),
        (b"null", "invalid"),
        (b'"x"', "invalid"),
        (b"NaN", "undecodable"),
        (b"{}" * 2, "undecodable"),
        (b'{"a":9007199254740992}', "undecodable"),
        (b"x" * 262_145, "too_large"),
    ],
)
def test_the_value_is_the_data(value, expected):
    assert varied(value) == expected
    assert varied(value, drop=["ce_subject"]) == expected


@pytest.mark.parametrize(("levels", "expected"), [(62, ""), (63, "undecodable")])
def test_data_begin_at_the_second_level(levels, expected):
    data = dict(DATA["assessment.recorded"][1])
    value = json.dumps(data | {"x": "@"}).encode().replace(b'"@"', b"[" * levels + b"]" * levels)
    assert varied(value) == expected


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        (b"application/json", ""),
        (b"APPLICATION/JSON; charset=utf-8", ""),
        (b"", "invalid"),
        (b"text/plain", "invalid"),
        (b"application/cloudevents+json", "invalid"),
        (b"application/cloudevents-batch+json", "invalid"),
        (b"\xff", "invalid"),
    ],
)
def test_content_types(content_type, expected):
    assert varied(content_type=content_type) == expected


def test_a_content_type_beside_an_attribute_of_that_meaning():
    assert varied(ce_datacontenttype=b"application/json") == ""
    assert varied(ce_datacontenttype=b"text/plain") == "invalid"
    assert varied(ce_datacontenttype=b"text/plain", content_type=b"application/json") == ""


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        (b"application/cloudevents+json; charset=UTF-8", ""),
        (b"text/plain", ""),
        (b"application/cloudevents-batch+json", "invalid"),
        (b"Application/CloudEvents-Batch+JSON; charset=utf-8", "invalid"),
        (b"\xff", "invalid"),
        (None, ""),
    ],
)
def test_content_types_of_structured_records(content_type, expected):
    headers = [("content-type", content_type)]
    assert reason(event(), headers=headers) == expected
    assert reason([event()], headers=headers) == (expected or "not_an_object")
    if content_type is not None:
        assert reason(event(), headers=headers * 2) == "invalid"


@pytest.mark.parametrize(
    "wrong",
    [
        {"ce_x": b"\xff"},
        {"ce_time": b"\xff"},
        {"ce_X": b"x"},
        {"ce_": b"x"},
        {"ce_a-b": b"x"},
        {"ce_x": b"a\n"},
        {"ce_x": b"x" * 1025},
        {"ce_" + "x" * 33: b"x"},
        {"ce_data": b"{}"},
        {"ce_data_base64": b"e30="},
        {f"ce_x{i}": b"" for i in range(25)},
    ],
)
def test_headers_that_are_wrong(wrong):
    assert varied(**wrong) == "invalid"


@pytest.mark.parametrize("name", ["ce_id", "ce_specversion", "ce_type", "content-type"])
def test_a_header_twice(name):
    value, headers = in_binary_mode(event(datacontenttype="application/json"))
    text = dict(headers)[name]
    assert reason(value, headers=[*headers, (name, text)]) == "invalid"
    assert reason(value, headers=[*headers, (name, None)]) == ""


def test_other_headers_are_ignored():
    value, headers = in_binary_mode(event())
    others = [("other", b"\xff"), ("other", b"\xff"), ("Content-Type", b"?"), ("CE_x", b"\xff"), ("", b""), ("x", None)]
    assert judge(value, headers=[*headers, *others]) == judge(value, headers=headers)
    assert judge(event(), headers=others) == judge(event())


@pytest.mark.parametrize("binary", [True, False])
def test_headers_have_a_size(binary):
    value, headers = in_binary_mode(event()) if binary else (event(), ())
    size = sum(len(name) + len(text) for name, text in headers)
    filler = ("文", b"x" * (16_384 - size - 3))
    assert reason(value, headers=[*headers, filler]) == ""
    assert reason(value, headers=[*headers, filler, ("", b"x")]) == "too_large"
    assert reason(b"", headers=[("aa", b"x" * 16_383)]) == "too_large"


# --- traceparent -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("binary", [True, False])
def test_the_trace_beside_an_event(binary):
    value, headers = in_binary_mode(event()) if binary else (event(), ())
    trace = ("traceparent", TRACE.encode())
    assert fact(value, headers=[*headers, trace]).ext == {"traceparent": TRACE}
    for unusable in ([trace, trace], [("traceparent", b"\xff")], [("traceparent", b"x")], [("traceparent", None)]):
        assert fact(value, headers=[*headers, *unusable]).ext is None


def test_the_events_own_trace_goes_before():
    other = TRACE.replace("0af", "fff").encode()
    value, headers = in_binary_mode(event(traceparent=TRACE))
    for record in ((value, headers), (event(traceparent=TRACE), ())):
        assert fact(record[0], headers=[*record[1], ("traceparent", other)]).ext == {"traceparent": TRACE}
    # An unusable one of its own is dropped, and no other takes its place.
    assert fact(event(traceparent="x"), headers=[("traceparent", other)]).ext is None
    assert fact(event(traceparent=None), headers=[("traceparent", other)]).ext == {"traceparent": other.decode()}


def test_a_trace_does_not_count_among_the_extensions():
    many = {f"x{i}": i for i in range(24)}
    assert len(fact(event(**many), headers=[("traceparent", TRACE.encode())]).ext) == 25


# --- order -------------------------------------------------------------------------------------------------------

IN_ORDER = {
    "too_large": (b"x" * 262_145, {}),
    "undecodable": (b"{", {}),
    "direct_identifier": (None, {"ce_by": b"a@b.cn"}),
    "unknown_type": (None, {"ce_type": b"x"}),
    "wrong_topic": (None, {"ce_type": b"megdt.rotation.ended.v1"}),
    "invalid": (None, {"ce_id": b""}),
    "naive_timestamp": (None, {"ce_recorded": b"2025-11-03T00:00:00"}),
    "future_event": (None, {"ce_available": b"2199-01-01T00:00:00Z"}),
}


@pytest.mark.parametrize("first", IN_ORDER)
@pytest.mark.parametrize("second", IN_ORDER)
def test_the_first_failure_is_the_reason(first, second):
    order = list(IN_ORDER)
    if order.index(first) > order.index(second):
        first, second = second, first
    whole_value, headers = in_binary_mode(event())
    values = [value for value, _ in (IN_ORDER[second], IN_ORDER[first]) if value is not None]
    texts = dict(headers) | IN_ORDER[second][1] | IN_ORDER[first][1]
    assert reason(values[-1] if values else whole_value, topics.ASSESSMENTS, headers=tuple(texts.items())) == first
