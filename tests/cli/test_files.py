"""Files of events: whatever is written is read back to the byte, and what cannot be published says where."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.cli import files
from megdt_stream.cli.files import BadFile, Outgoing, pieces, read, write
from megdt_stream.evidence.topics import INPUTS

EVENT = {"specversion": "1.0", "type": "megdt.exposure.recorded.v1", "subject": "syn.t1", "data": {"item": "腰穿"}}


def reading(text, topic=None):
    return list(read(io.BytesIO(text if isinstance(text, bytes) else text.encode()), topic))


@given(
    st.lists(
        st.builds(
            Outgoing,
            st.sampled_from([topic.short for topic in INPUTS]),
            st.text(st.characters(exclude_categories=["Cs"])),
            st.binary() | st.text(st.characters(exclude_categories=["Cs"])).map(str.encode),
        )
    )
)
def test_any_bytes_come_back_as_they_were(records):
    text = "".join(write(*record) + "\n" for record in records)
    assert reading(text) == records


def test_lines_of_events_go_to_their_types_topic_byte_by_byte():
    odd = b'{"subject":"syn.t1",   "type":"megdt.exposure.recorded.v1","n":1.50}'
    found = reading(json.dumps(EVENT).encode() + b"\r\n\n" + odd + b"\n")
    assert found == [
        ("exposures", "syn.t1", json.dumps(EVENT).encode()),
        ("exposures", "syn.t1", odd),
    ]


@pytest.mark.parametrize("indent", [None, 2])
def test_a_list_and_a_single_document_are_taken_too(indent):
    as_list = reading(json.dumps([EVENT, EVENT], indent=indent, ensure_ascii=False))
    assert [(one.topic, json.loads(one.value)) for one in as_list] == [("exposures", EVENT)] * 2
    (single,) = reading(json.dumps(EVENT, indent=indent))
    assert json.loads(single.value) == EVENT


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (json.dumps(EVENT) + '\n{"type": "megdt.exposure.recorded.v2"}', "line 2 has the unknown type"),
        (json.dumps(EVENT) + "\nnot json", "line 2 is not JSON"),
        ('{"subject": "syn.t1"}', "line 1 has no type"),
        ('[{"type": 5}]', "element 1 has the unknown type 5"),
        (f"[{json.dumps(EVENT)},", "a broken JSON list: the list does not end"),
        ('{"topic": "exposures", "key": "k"}', "line 1 is an envelope without a usable value"),
        ('{"topic": "alerts", "key": "k", "value": ""}', "'alerts' is no input topic"),
        ('{"topic": "exposures", "key": "k", "value_base64": "***"}', "line 1 is an envelope without"),
    ],
)
def test_what_cannot_be_published_is_refused_with_its_place(text, where):
    with pytest.raises(BadFile, match=where) as caught:
        reading(text)
    assert caught.value.exit_code == 65


def test_a_chosen_topic_takes_anything_as_it_is():
    text = b'{"type": "nobody.knows"}\n\xff\xfe broken\n[]\n'
    assert [one.value for one in reading(text, "assessments")] == [*text.splitlines()]
    assert {one.topic for one in reading(text, "megdt.assessments.v1")} == {"assessments"}


def test_an_empty_file_is_no_event():
    assert reading(b"\n \n") == []


# --- cutting a file into its events ---


def cut(data, max_bytes=1_000, chunk=None):
    stream = io.BytesIO(data) if chunk is None else Trickle(data, chunk)
    return [piece.fault or piece.value for piece in pieces(stream, max_bytes)]


class Trickle(io.RawIOBase):
    """A pipe: gives a few bytes at a time, whatever is asked for."""

    def __init__(self, data, chunk):
        self._data = io.BytesIO(data)
        self._chunk = chunk

    def read(self, size=-1):
        return self._data.read(min(size, self._chunk))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)
SPACES = st.text(" \t\r\n", max_size=3)


@given(st.lists(st.tuples(SPACES, JSON, SPACES)), SPACES, st.integers(1, 7))
def test_a_list_is_cut_at_its_commas_whatever_the_chunks(elements, space, chunk):
    written = [json.dumps(value, ensure_ascii=value != "x") for _, value, _ in elements]
    inside = ",".join(before + text + after for (before, _, after), text in zip(elements, written, strict=True))
    text = f"{space}[{inside or space}]{space}".encode()
    assert cut(text, 10_000) == [one.encode() for one in written]
    scan = files._Scan(10_000)
    chunks = [text[n : n + chunk] for n in range(0, len(text), chunk)]
    assert [value for part in chunks for value, _ in scan.feed(part)] == [one.encode() for one in written]
    assert scan.fault is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"[]", []),
        (b"[1,]", [b"1", "an element is missing"]),
        (b"[,1]", ["an element is missing", b"1"]),
        (b"[1", ["the list does not end"]),
        (b'[1,"a]', [b"1", "the list does not end"]),
        (b"[1}", [b"1", "the list ends with another bracket than it began"]),
        (b"[1] 2", [b"1", "something follows the list"]),
        (b'[{"a":"\\\\"},"]\\"["]', [b'{"a":"\\\\"}', b'"]\\"["']),
    ],
)
def test_a_broken_list_says_where(text, found):
    assert cut(text) == found


@given(st.binary(max_size=300), st.integers(1, 40))
def test_any_bytes_are_cut_the_same_way_from_a_pipe_and_lose_nothing(data, max_bytes):
    whole = list(pieces(io.BytesIO(data), max_bytes))
    assert list(pieces(Trickle(data, 3), max_bytes)) == whole
    assert whole or not data.lstrip(b" \t\r\n").strip(b"[] \t\r\n")
    assert all(len(piece.value) <= max_bytes for piece in whole if piece.value is not None)


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([b'{"a":1}', b"", b"broken", b'{"b":2}\r'], [b'{"a":1}', b"broken", b'{"b":2}']),
        ([b'{"a":NaN}', b'{"b":2}'], [b'{"a":NaN}', b'{"b":2}']),
        ([b'{"a":', b'{"b":2}', b"x"], [b'{"a":', b'{"b":2}', b"x"]),
        ([b"{", b'  "a": {"b": 1}', b"}", b""], [b'{\n  "a": {"b": 1}\n}']),
        ([b"{", b'  "a": [', b'  {"b": 1}', b"]"], [b'{\n  "a": [\n  {"b": 1}\n]']),
        ([b""], [b""]),
    ],
)
def test_lines_and_documents_are_told_apart(lines, found):
    assert cut(b"\n".join(lines)) == found


def test_what_is_too_long_is_passed_over_and_measured():
    line = b'{"a":"' + b"x" * files._HEAD + b'"}'
    found = list(pieces(io.BytesIO(b'{"n":1}\n' + line + b'\n{"n":2}\n'), 100))
    assert [(piece.value, piece.size) for piece in found] == [(b'{"n":1}', 7), (None, len(line)), (b'{"n":2}', 7)]
    found = list(pieces(io.BytesIO(b'[{"n":1},' + line + b',{"n":2}]'), 100))
    assert [(piece.value, piece.size) for piece in found] == [(b'{"n":1}', 7), (None, len(line)), (b'{"n":2}', 7)]
    document = b"{\n" + line + b"\n}"
    (found,) = pieces(io.BytesIO(document), 100)
    assert (found.value, found.size) == (None, len(document))
    (found,) = pieces(io.BytesIO(line), 100)
    assert (found.value, found.size) == (None, len(line))
