"""Any bytes whatever end as evidence or as one typed rejection, and soon."""

import gc
import json
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.evidence import topics
from megdt_stream.evidence.intake import Accepted
from megdt_stream.evidence.reasons import REMEDY, Reason, Rejection
from megdt_stream.evidence.record import decode
from tests.evidence.samples import DATA, event, in_binary_mode, judge, named_events, reason, topic_of, with_data

LIMIT = topics.MAX_EVENT_BYTES


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def noted(text, name="remark"):
    """A valid event that carries any JSON text in a field nobody knows."""
    return compact(with_data(**{name: "@"})).replace(b'"@"', text)


DIGITS = b"1234567890123456,"

HOSTILE = {
    "nothing": (None, "empty"),
    "no bytes": (b"", "empty"),
    "spaces": (b"  ", "undecodable"),
    "byte order mark": (b"\xef\xbb\xbf{}", "undecodable"),
    "utf-16": ("{}".encode("utf-16"), "undecodable"),
    "not utf-8": (noted(b'"\xff"'), "undecodable"),
    "surrogate in utf-8": (noted(b'"\xed\xa0\x80"'), "undecodable"),
    "100,000 nested lists": (b"[" * 100_000, "undecodable"),
    "100,000 nested lists, closed": (b"[" * 100_000 + b"]" * 100_000, "undecodable"),
    "100,000 nested objects": (b'{"a":' * 40_000, "undecodable"),
    "65 deep": (noted(b"[" * 63 + b"]" * 63), "undecodable"),
    "64 deep": (noted(b"[" * 62 + b"]" * 62), ""),
    "65 deep, mixed": (noted(b'[{"a":' * 31 + b"[0]" + b"}]" * 31), "undecodable"),
    "64 deep, mixed": (noted(b'[{"a":' * 31 + b"0" + b"}]" * 31), ""),
    "65 deep, last of many": (noted(b"[" + b"[]," * 99 + b"[" * 62 + b"]" * 62 + b"]"), "undecodable"),
    "deep and wide": (noted(b"[" + b",".join([b"[" * 61 + b"]" * 61] * 1000) + b"]"), ""),
    "deep, wide and a number": (noted(b"[" + DIGITS + b",".join([b"[" * 61 + b"]" * 61] * 1000) + b"]"), ""),
    "65 deep under a name that comes again": (
        compact(event())[:-1] + b',"x":' + b"[" * 64 + b"]" * 64 + b',"x":1}',
        "undecodable",
    ),
    "a wide integer under a name that comes again": (
        compact(event())[:-1] + b',"x":' + b"9" * 17 + b',"x":1}',
        "undecodable",
    ),
    "61,000 lists": (noted(b"[" + b",".join([b"[]"] * 61_000) + b"]"), ""),
    "61,000 lists and an address": (
        noted(b'["a@b.cn",' + b",".join([b"[]"] * 61_000) + b"]", "note"),
        "direct_identifier",
    ),
    "brackets in strings": (noted(b'"' + b"[{" * 50_000 + b'"'), ""),
    "brackets and escaped quotes": (noted(b'"' + rb"\"[" * 50_000 + b'"'), ""),
    "backslashes": (noted(b'"' + b"\\\\" * 50_000 + b'[{"'), ""),
    "NaN": (noted(b"NaN"), "undecodable"),
    "Infinity": (noted(b"-Infinity"), "undecodable"),
    "1e999": (noted(b"1e999"), "undecodable"),
    "2^53 - 1": (noted(b"9007199254740991"), ""),
    "-(2^53 - 1)": (noted(b"[-9007199254740991]"), ""),
    "2^53": (noted(b"9007199254740992"), "undecodable"),
    "-2^53": (noted(b"[0,-9007199254740992]"), "undecodable"),
    "2^64": (noted(b" 18446744073709551616"), "undecodable"),
    "wide integer alone": (b"18446744073709551616", "undecodable"),
    "long fraction": (noted(b"[1.12345678901234567890,0.1234567890123456e-1,9007199254740993.0,1e-17]"), ""),
    "long exponent": (noted(b"[0e1234567890123456,1E-9999999999999999]"), ""),
    "digits in a string": (noted(rb'"\",18446744073709551616"'), ""),
    "digits in a name": (noted(b'{"18446744073709551616":1}'), ""),
    "5,000 digits": (noted(b"9" * 5_000), "undecodable"),
    "250,000 digits": (b"9" * 250_000, "undecodable"),
    "lone surrogate": (noted(rb'"\ud800"'), "undecodable"),
    "NUL escape in a free field": (noted(rb'"\u0000"'), ""),
    "NUL escape in an id": (compact(event(id="a\0")), "invalid"),
    "200,000 keys": (compact(event(data={f"k{i}": 0 for i in range(200_000)})), "too_large"),
    "20,000 keys": (noted(compact({f"k{i}": 0 for i in range(20_000)})), ""),
    "20,000 attributes": (compact(event(**{f"k{i}": 0 for i in range(20_000)})), "invalid"),
    "unfinished": (compact(event())[:-1], "undecodable"),
    "unfinished string": (b"[" * 65 + b'"' + rb"\"" * 120_000, "undecodable"),
    "ends in a backslash": (b"[" * 65 + b'"' + b"\\" * 120_001, "undecodable"),
    "many small strings": (b'"[[[' * 60_000, "undecodable"),
    "many documents": (b"{}" * 130_000, "undecodable"),
    "17 digits, and again": (noted(b'"' + b"11111111111111111 " * 14_000 + b'"', "note"), ""),
    "nearly identity numbers": (noted(b'"' + b"110105194912310021 " * 13_000 + b'"', "note"), ""),
    "many addresses, nearly": (noted(b'"' + b"a@b." * 60_000 + b'"', "note"), ""),
    "a long address, nearly": (noted(b'"a@' + b"b" * 250_000 + b'"', "note"), ""),
    "a long name, nearly an address": (noted(b'"' + b"a" * 250_000 + b'@"', "note"), ""),
    "short strings under a searched key": (noted(b'["@bcdefg' + b'","@bcdefg' * 24_000 + b'"]', "session"), ""),
    "escapes": (noted(b'"' + rb"\u0041" * 40_000 + b'"', "note"), ""),
    "a long source": (compact(event(source="a/" * 120_000)), "invalid"),
    "a long id": (compact(event(id="i" * 250_000)), "invalid"),
    "a long extension": (compact(event(x="x" * 250_000)), "invalid"),
    "a long time": (compact(event(time="2025-11-03T00:00:00." + "1" * 250_000)), "invalid"),
    "a long text": (compact(event("feedback.recorded", data={"text": "文" * 80_000})), "invalid"),
    "many lists": (noted(b"[" + b",".join([b"[]"] * 80_000) + b"]"), ""),
    "130,000 scores": (
        compact(event(data={"scores": [1] * 120_000, "x": 1234567890123456})),
        "invalid",
    ),
    "60,000 integers": (noted(b"[1234567890123456" + b",1" * 60_000 + b"]"), ""),
    "one byte too many": (compact(event(note="x")).ljust(LIMIT + 1), "too_large"),
    "just fits": (compact(event(note="x")).ljust(LIMIT), ""),
    "4 MiB of brackets": (b"[" * topics.MAX_RECORD_BYTES, "too_large"),
    "null": (b"null", "not_an_object"),
    "list": (b"[]", "not_an_object"),
    "text": (b'"megdt"', "not_an_object"),
    "true": (b"true", "not_an_object"),
    "number": (b"-1.5", "not_an_object"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bytes_end_as_one_reason(name):
    value, expected = HOSTILE[name]
    for topic in (topics.ASSESSMENTS, None):
        decision = judge(value, topic)
        check_typed(decision)
        assert (decision.reason.value if isinstance(decision, Rejection) else "") == expected


@pytest.mark.parametrize("name", [name for name, (value, _) in HOSTILE.items() if value and len(value) > 10_000])
def test_no_bytes_take_long(name):
    value, _ = HOSTILE[name]
    gc.collect()
    gc.freeze()  # the tests' own objects are not the contract's cost
    try:
        best = min(_seconds(value) for _ in range(5))
    finally:
        gc.unfreeze()
    # Some 2 to 12 ms per 64 KiB at worst; room for a busy machine, none for quadratic work, which takes seconds.
    assert best < 0.1 * max(1, min(len(value), LIMIT) / 65_536)


def _seconds(value):
    begun = time.thread_time()
    judge(value)
    return time.thread_time() - begun


def check_typed(decision):
    if isinstance(decision, Accepted):
        assert decode(decision.value).trainee == decision.trainee
    else:
        assert isinstance(decision, Rejection)
        assert 0 < len(decision.detail) < 1_000
        assert len(decision.path) < 500
        assert REMEDY[decision.reason]
        f"{decision.detail}{decision.path}".encode()
        assert (decision.redacted is None) == (decision.reason is not Reason.DIRECT_IDENTIFIER)


@given(st.binary(max_size=200))
def test_any_bytes(value):
    check_typed(judge(value))


json_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(st.characters(exclude_categories=())),
        st.sampled_from(["1.0", "megdt.rotation.planned.v1", "2025-11-03T09:30:00", "k1.a"]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=8,
)


@given(st.sampled_from(sorted(DATA)), st.data())
def test_any_json_in_any_place(name, data):
    damaged = event(name)
    place = damaged if data.draw(st.booleans()) else damaged["data"]
    for field in data.draw(st.lists(st.sampled_from(sorted(place)), max_size=2)):
        place[field] = data.draw(json_values)
    check_typed(judge(json.dumps(damaged).encode(), topic_of(name)))


@given(named_events, st.data())
def test_any_flip_of_bytes(named, data):
    name, whole = named
    raw = bytearray(compact(whole))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    check_typed(judge(bytes(raw), topic_of(name)))


header_names = st.one_of(
    st.sampled_from(["ce_specversion", "ce_id", "ce_type", "ce_revision", "ce_x", "content-type", "traceparent"]),
    st.text(max_size=5),
)
some_headers = st.lists(
    st.tuples(header_names, st.one_of(st.none(), st.binary(max_size=9), st.sampled_from([b"1.0", b"a@b.cn", b"7"]))),
    max_size=4,
)


@given(st.binary(max_size=40), some_headers)
def test_any_headers(value, headers):
    check_typed(judge(value, headers=headers))


@given(named_events, some_headers, st.sampled_from([None, b"", b"{}", b"[]", b"{", b"\xff"]))
def test_any_headers_of_a_binary_record(named, headers, other):
    name, whole = named
    value, own = in_binary_mode(whole)
    check_typed(judge(value, topic_of(name), headers=[*own, *headers]))
    check_typed(judge(other, topic_of(name), headers=[*headers, *own]))


def test_no_bytes_take_much_memory():
    largest = [value for value, _ in HOSTILE.values() if value and 100_000 < len(value) <= LIMIT]
    judge(event())
    for value in largest:
        tracemalloc.start()
        judge(value)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 200 * LIMIT, value[:40]


def test_repeated_names_last_one_wins_everywhere():
    once = event()
    head = b'{"subject":"k1.other","type":"megdt.rotation.ended.v1","data":{"instrument":7},'
    twice = head + compact(once)[1:]
    scored = compact(once).replace(b'"value":6', b'"value":"six","value":6')
    assert judge(twice) == judge(once) == judge(scored)
    assert reason(compact(once).replace(b'"value":6', b'"value":6,"value":"six"')) == Reason.INVALID
