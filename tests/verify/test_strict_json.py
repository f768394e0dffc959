"""The parser takes RFC 8259 and no more; the writer is one to one."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.verify.strict_json import NotJson, canonical, parse

_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(1 - 2**53, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=20,
)


@given(_values)
def test_what_is_written_reads_back(value):
    assert parse(canonical(value).encode()) == value


@given(_values)
def test_writing_does_not_depend_on_the_order_of_names(value):
    shuffled = json.loads(json.dumps(value), object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    assert canonical(shuffled) == canonical(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (
            {"b": 1, "a": [None, True, 'é/\\"\n\x7f'], "中": {}},
            '{"a":[null,true,"é/\\\\\\"\\n\x7f"],"b":1,"中":{}}',
        ),
        (6.0, "6.0"),
        (6, "6"),
        (0.1, "0.1"),
        (-0.0, "-0.0"),
        (1e-5, "0.00001"),
        (-1.5e-5, "-0.000015"),
        (1.5e-7, "1.5e-7"),
        (1e16, "1e+16"),
        (9007199254740991, "9007199254740991"),
        ({"b": 1e-7, "a": [2e16]}, '{"a":[2e+16],"b":1e-7}'),
        ({"text": "1e+5"}, '{"text":"1e+5"}'),
    ],
)
def test_writes(value, text):
    assert canonical(value) == text


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{", b"{}{}", b"[1,]", b"'a'", b"nul", b"01", b"+1", b"1.", b".5", b"0x10", b"NaN",
        b"-Infinity", b"[Infinity]", b"1e999", b"-1e309", b"9" * 5000, b"9007199254740992", b"-9007199254740992",
        b'"a\tb"', b'"\\x41"', b'"\\u12"',
        b'"\\ud800"', b'"\\udc00"', b'"\\ud800a\\udc00"', b'"\\ud800\\ud800\\udc00"', b'"\\ud83d\\n\\ude00"',
        b'{"\\udfff":1}', b'{"a":"\\ud800","a":1}', b'"\xff"', b'"\xed\xa0\x80"', b'"\xc0\x80"',
        b"\xef\xbb\xbf{}", b"[" * 65 + b"]" * 65, b"[" * 100_000, b'{"a":' * 65 + b"1" + b"}" * 65,
        "{}\u00a0".encode(),
    ],
)  # fmt: skip
def test_refuses(raw):
    with pytest.raises(NotJson):
        parse(raw)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b' {"a": 1, "a": 2}\r\n\t', {"a": 2}),
        (b'"\\ud83d\\ude00\\u0000"', "\U0001f600\0"),
        (b'"\\\\ud800"', "\\ud800"),
        (b"1e-999", 0.0),
        (b"-9007199254740991", 1 - 2**53),
        (b"-0", 0),
        (b'"' + b"[" * 200 + b'\\"{"', "[" * 200 + '"{'),
    ],
)
def test_takes(raw, value):
    assert parse(raw) == value


def test_64_levels_are_taken():
    assert parse(b"[" * 64 + b"]" * 64)


@pytest.mark.parametrize(
    "raw",
    [b'"\\"' * 65_000 + b"[" * 100, b"[" * 262_144, b'{"' * 131_000, b'"\\ud83d' * 30_000],
    ids=["quotes", "brackets", "braces", "surrogates"],
)
def test_hostile_bytes_cost_little(raw):
    started = time.process_time()
    with pytest.raises(NotJson):
        parse(raw)
    assert time.process_time() - started < 1
