"""CloudEvents 1.0.2, whatever the type: attribute by attribute, in the JSON format and over Kafka."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.evidence import cloudevents
from megdt_stream.evidence.intake import Accepted
from tests.evidence.samples import event, extensions, in_binary_mode, judge, named_events, topic_of

PLAIN = {"specversion": "1.0", "id": "A-1", "source": "/a", "type": "com.example.made"}
FULL = PLAIN | {
    "subject": "a/b c",
    "time": "2018-04-05T17:31:00Z",
    "datacontenttype": "text/xml; charset=utf-8",
    "dataschema": "https://example.org/schema?v=1",
    "data": "<a/>",
    "ext1": "x",
    "ext2": 5,
    "ext3": True,
}


def without(name):
    return {attribute: value for attribute, value in PLAIN.items() if attribute != name}


@pytest.mark.parametrize(
    "good",
    [
        PLAIN,
        FULL,
        PLAIN | {"data": None},
        PLAIN | {"data": [1, {"a": None}], "datacontenttype": "application/vnd.x+json"},
        PLAIN | {"data_base64": "AAEC/w=="},
        PLAIN | {"data_base64": ""},
        PLAIN | {"data_base64": None, "data": 1},
        PLAIN | {"subject": None, "time": None, "datacontenttype": None, "dataschema": None, "ext": None},
        PLAIN | {"comexampleotherextension": "𠮷 x", "a": -(2**31), "b": 2**31 - 1, "0": False, "empty": ""},
        PLAIN | {"x" * 40: "names should be short, but may be long"},
    ],
)
def test_what_is_an_event(good):
    assert cloudevents.check(good) is None


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type"])
def test_what_is_required(name):
    for missing in (without(name), without(name) | {name: None}):
        problem = cloudevents.check(missing)
        assert problem.path == f"/{name}"
        assert "required" in problem.message


ATTRIBUTES = {
    "specversion": (["1.0"], ["", "1", "1.0.2", "0.3", "1.1", 1.0, 1, True, ["1.0"], {}]),
    "id": (["a", " ", "文", "a\u200bb", "x" * 5000], ["", "a\n", "\x00", "\x7f", "\x85", "\x9f", 1, True, [], {}]),
    "type": (["a", "com.github.pull_request.opened"], ["", "a\tb", 5, False, []]),
    "subject": (["a", "mynewfile.jpg"], ["", "\x1f", 5, {}]),
    "source": (
        [
            *(
                "https://github.com/cloudevents",
                "mailto:cncf-wg-serverless@lists.cncf.io",
                "/sensors/tn-1234567/alerts",
            ),
            *("urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66", "1-555-123-4567", "?a", "#", "//h:80/p", "a", "./a:b"),
            *("ftp://[::ffff:1.2.3.4]/", "http://[v1.x:y]/", "file:///etc", "%41", "x:", "/a//b", "a:?b", "a;b=c"),
        ],
        [
            *(
                "",
                " ",
                "a b",
                "http://a b",
                "文",
                "%",
                "%4",
                "%zz",
                "1:a",
                ":a",
                "a\\b",
                "<a>",
                '"',
                "a^",
                "{a}",
                "a|b",
            ),
            *("http://[::1", "http://[1::2::3]/", "http://[1:2]/", "a[b]", "a\n", "//a:b:c:d/", "http://a:80x/", 5, []),
        ],
    ),
    "time": (
        [
            *("2018-04-05T17:31:00Z", "2018-04-05t17:31:00z", "2018-04-05T17:31:00.123456789012+08:00"),
            *("2000-02-29T00:00:00-23:59", "0000-02-29T00:00:00Z", "9999-12-31T23:59:59Z", "2018-04-05T17:31:00-00:00"),
            *("2016-12-31T23:59:60Z", "1990-12-31T15:59:60.5-08:00", "2017-01-01T07:59:60+08:00"),
        ],
        [
            *("", "2018-04-05", "2018-04-05T17:31:00", "2018-04-05 17:31:00Z", "2018-04-05T17:31Z", "17:31:00Z"),
            *("2018-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2018-13-01T00:00:00Z", "2018-00-01T00:00:00Z"),
            *("2018-04-31T00:00:00Z", "2018-04-00T00:00:00Z", "2018-04-05T24:00:00Z", "2018-04-05T23:60:00Z"),
            *("2018-04-05T23:59:61Z", "2018-04-05T17:31:60Z", "2018-04-05T23:59:60+01:00", "2018-04-05T17:31:00.Z"),
            *(
                "2018-04-05T17:31:00+24:00",
                "2018-04-05T17:31:00+08:60",
                "2018-04-05T17:31:00+0800",
                "+2018-04-05T17:31:00Z",
            ),
            *(
                "2018-4-5T17:31:00Z",
                "18-04-05T17:31:00Z",
                "2018-04-05T17:31:00Z\n",
                "２018-04-05T17:31:00Z",
                1522949460,
                [],
            ),
        ],
    ),
    "datacontenttype": (
        [
            *("application/json", "text/xml", "application/vnd.x+json; charset=utf-8", 'a/b;c="d;\\" e"', "A/B ; c=d"),
            *("image/png", "application/cloudevents+json", "a/b;c=d;e=f"),
        ],
        [
            *(
                "",
                "json",
                "application",
                "application/",
                "/json",
                "a/b/c",
                "a b/c",
                "application/json;",
                "a/b; charset",
            ),
            *("a/b; c=", "a/b; =d", 'a/b; c="d', "application/json, text/xml", "文/json", "a/b; c=d e", 5, True, {}),
        ],
    ),
    "dataschema": (
        ["https://example.org/a", "urn:x:y", "a:b", "http://[::1]/x?y", "file:///a"],
        ["", "/a", "a", "//h/a", "?a", "https://a/b#c", "http://a b", "1:a", 5, []],
    ),
    "ext": (
        ["", "x", True, False, 0, -(2**31), 2**31 - 1, "\u200b", "\U00010000"],
        [
            *("a\n", "\x80", "\ufdd0", "\ufdef", "\ufffe", "\U0001ffff", "\U0010fffe", "\ud800", "\udc00\ud800"),
            *(2**31, -(2**31) - 1, 1.0, 1.5, 1e300, [], {}, {"a": 1}),
        ],
    ),
}


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_attributes(name):
    good, bad = ATTRIBUTES[name]
    assert [value for value in good if cloudevents.check(PLAIN | {name: value}) is not None] == []
    assert [value for value in bad if cloudevents.check(PLAIN | {name: value}) is None] == []
    for value in bad:
        problem = cloudevents.check(PLAIN | {name: value})
        assert problem.path == f"/{name}"
        assert problem.message
        assert problem.hint


@pytest.mark.parametrize(
    "name", ["", "A", "aB", "a-b", "a_b", "a.b", "a b", "é", "文", "a\n", "data_", "x" * 5000 + "X"]
)
def test_names(name):
    problem = cloudevents.check(PLAIN | {name: "x"})
    assert problem is not None
    assert len(problem.message + problem.path) < 300
    assert cloudevents.check(PLAIN | {name: None}) is None


@pytest.mark.parametrize(
    "bad",
    [
        {"data": 1, "data_base64": "AA=="},
        {"data": None, "data_base64": "AA=="},
        *(
            {"data_base64": value}
            for value in ("A", "AA", "AA=", "A===", "AA==AA==", "A-_=", "AA ==", "文", 5, True, [], {})
        ),
    ],
)
def test_data_in_base64(bad):
    assert cloudevents.check(PLAIN | bad).path == "/data_base64"


def test_a_long_value_is_not_repeated():
    for bad in ({"x" * 9000: 1.5}, {"specversion": "9" * 9000}, {"subject": "\n" * 9000}, {"source": "文" * 9000}):
        problem = cloudevents.check(PLAIN | bad)
        assert len(problem.message) + len(problem.path) + len(problem.hint) < 500


# --- over Kafka --------------------------------------------------------------------------------------------------


@given(extensions)
def test_both_modes_say_the_same(ext):
    whole = {name: value for name, value in (FULL | ext).items() if value is not None}
    value, headers = in_binary_mode(whole)
    assert cloudevents.check_record(value, headers) is None
    assert cloudevents.check_record(json.dumps(whole).encode(), ()) is None


@pytest.mark.parametrize("name", ["id", "type", "subject", "source", "time", "datacontenttype", "dataschema", "ext"])
def test_attributes_in_headers(name):
    good, bad = ATTRIBUTES[name]
    for values, right in ((good, True), (bad, False)):
        for value in values:
            if value == "application/cloudevents+json":
                continue  # this says that the mode is another
            if isinstance(value, str) and not any("\ud800" <= character < "\ue000" for character in value):
                record = in_binary_mode(FULL | {name: value})
                assert (cloudevents.check_record(*record) is None) == right, value


@pytest.mark.parametrize("name", ["id", "source", "type"])
def test_what_headers_have_to_hold(name):
    value, headers = in_binary_mode(without(name))
    assert cloudevents.check_record(value, headers).path == f"/{name}"


def test_data_in_binary_mode_is_anything():
    headers = in_binary_mode(PLAIN)[1]
    for value in (None, b"", b"\xff\x00", b"{"):
        assert cloudevents.check_record(value, headers) is None


@pytest.mark.parametrize(
    "more",
    [
        [("ce_id", b"A-1")],
        [("ce_ext", b"\xff")],
        [("ce_Ext", b"x")],
        [("ce_", b"x")],
        [("ce_data", b"x")],
        [("ce_data_base64", b"AA==")],
        [("content-type", b"x")],
        [("content-type", b"a/b"), ("content-type", b"a/b")],
        [("ce_specversion", b"1.0")],
    ],
)
def test_headers_that_are_wrong(more):
    assert cloudevents.check_record(b"{}", [*in_binary_mode(PLAIN)[1], *more]) is not None


@pytest.mark.parametrize(
    "more",
    [
        [("other", b"\xff"), ("other", b"\xff"), ("Content-Type", b"?"), ("CE_id", b"?")],
        [("ce_ext", None)],
        [("content-type", b"application/json")],
        [("traceparent", b"\xff"), ("traceparent", b"?")],
    ],
)
def test_headers_that_are_nobodys_business(more):
    assert cloudevents.check_record(b"{}", [*in_binary_mode(PLAIN)[1], *more]) is None


def test_a_structured_record_may_repeat_its_attributes_in_headers():
    headers = [("content-type", b"application/cloudevents+json; charset=UTF-8"), *in_binary_mode(PLAIN)[1]]
    assert cloudevents.check_record(json.dumps(FULL).encode(), headers) is None
    assert cloudevents.check_record(json.dumps(without("id")).encode(), headers).path == "/id"


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b"5", b"\xff", b"[" * 100])
def test_a_structured_record_is_one_object(value):
    assert cloudevents.check_record(value, ()) is not None


def test_a_batch_is_not_one_event():
    headers = [("content-type", b"application/cloudevents-batch+json")]
    assert cloudevents.check_record(json.dumps([PLAIN]).encode(), headers) is not None
    assert cloudevents.check_record(json.dumps(PLAIN).encode(), headers) is not None


# --- and our own events ------------------------------------------------------------------------------------------


@given(named_events, extensions)
def test_whatever_intake_takes_is_a_cloudevent(named, ext):
    name, whole = named
    assert isinstance(judge(whole | ext, topic_of(name)), Accepted)
    assert cloudevents.check(whole | ext) is None


@given(
    st.sampled_from(sorted(ATTRIBUTES)).flatmap(
        lambda name: st.tuples(st.just(name), st.sampled_from(ATTRIBUTES[name][1]))
    )
)
def test_whatever_is_no_cloudevent_is_not_taken(damage):
    name, value = damage
    assert not isinstance(judge(event(**{name: value})), Accepted)


@given(
    st.dictionaries(
        st.text(max_size=9), st.recursive(st.one_of(st.none(), st.text(), st.integers(), st.floats()), st.lists)
    )
)
def test_any_object_gets_a_verdict(document):
    for whole in (document, PLAIN | document):
        problem = cloudevents.check(whole)
        assert problem is None or (problem.message and problem.hint)
