"""Reject records: what is kept, what is not, and that every one of them fits its topic."""

import base64
import hashlib
import json
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.evidence import topics
from megdt_stream.evidence.reasons import Reason, Rejection
from megdt_stream.runtime import rejects
from megdt_stream.runtime.reject_record import reject

PHONE = "13812345678"
LIMIT = int(topics.REJECTS.settings["max.message.bytes"])


@dataclass
class Record:
    value: bytes | None = b"{}"
    key: bytes | None = b"k1.a"
    headers: tuple[tuple[str, bytes | None], ...] = ()
    offset: int = 17
    timestamp: int = 1_750_000_000_000


def worded(rejection, record):
    entry, short = reject(rejection, topics.OUTCOMES, 3, record, 8)
    consumed = SimpleNamespace(key=entry.key, value=entry.value, headers=entry.headers, timestamp=entry.timestamp)
    return entry, short, rejects.parse(consumed)


def source_of(rejection, record):
    return worded(rejection, record)[2].source


texts = st.text(st.characters(exclude_categories=("Cs",)))
headers = st.lists(st.tuples(texts, st.none() | st.binary(max_size=50)), max_size=5).map(tuple)
records = st.builds(Record, st.none() | st.binary(), st.none() | st.binary(min_size=1), headers)
rejections = st.builds(
    Rejection, st.sampled_from([reason for reason in Reason if reason is not Reason.DIRECT_IDENTIFIER]), texts, texts
)


@given(rejections, records)
def test_an_original_reads_back_with_key_headers_and_bytes(rejection, record):
    entry, short, found = worded(rejection, record)
    assert (entry.topic, entry.key, entry.timestamp) == (
        "megdt.rejects.v1",
        b"megdt.outcomes.v1/3/17",
        record.timestamp,
    )
    assert (str(found.at), found.reason, found.form, found.when) == (
        "outcomes/3/17",
        rejection.reason,
        "original",
        record.timestamp,
    )
    assert found.value == (record.value or b"")
    assert found.input_key == record.key
    assert found.input_headers == tuple((name, value or b"") for name, value in record.headers)
    assert found.headers["timestamp"] == str(record.timestamp)
    assert "sha256" not in found.headers
    assert short == (rejection.reason.value, found.source, "megdt.outcomes.v1/3/17")


@given(records, st.none() | st.binary())
def test_of_an_identifier_only_a_hash_and_the_redacted_payload_are_kept(record, redacted):
    rejection = Rejection(Reason.DIRECT_IDENTIFIER, "a phone number", "/subject", redacted)
    _, _, found = worded(rejection, record)
    assert (found.form, found.value) == ("redacted", redacted or b"")
    assert found.headers["sha256"] == hashlib.sha256(record.value or b"").hexdigest()
    assert found.input_headers == ()
    assert found.headers["key"] == ""
    assert rejects.refusal(found)


# --- the source ---


def event(**attributes):
    return Record(json.dumps({"data": {"source": "/inner"}, **attributes}).encode())


INVALID = Rejection(Reason.INVALID, "wrong", "/data")


def test_the_source_is_that_of_the_event():
    assert source_of(INVALID, event(source="/tms/轮转")) == "/tms/轮转"
    binary = Record(b"\xff", headers=(("ce_specversion", b"1.0"), ("ce_source", b"/lms")))
    assert source_of(INVALID, binary) == "/lms"
    assert source_of(Rejection(Reason.UNDECODABLE, "not JSON"), binary) == "/lms"


@pytest.mark.parametrize("source", [None, 5, ["/a"], {"source": "/a"}])
def test_what_is_no_text_is_no_source(source):
    assert source_of(INVALID, event(source=source)) == ""


@pytest.mark.parametrize("value", [None, b"", b"\xff", b"[]", b'{"source": "/a"', b'{"source":' + b"[" * 100_000])
def test_what_cannot_be_read_has_no_source(value):
    assert source_of(INVALID, Record(value)) == ""


@pytest.mark.parametrize("source", ["mailto:zhang@hospital.cn", f"/phones/{PHONE}", "/11010519491231002X"])
@pytest.mark.parametrize("reason", [Reason.INVALID, Reason.DIRECT_IDENTIFIER, Reason.UNKNOWN_TYPE])
def test_a_source_that_holds_an_identifier_is_not_told(source, reason):
    rejection = Rejection(reason, "wrong", "/source", b"{}")
    assert source_of(rejection, event(source=source)) == ""
    binary = (("ce_specversion", b"1.0"), ("ce_source", source.encode()))
    assert source_of(rejection, Record(b"{}", headers=binary)) == ""


def test_a_source_twice_or_in_other_bytes_is_none_and_a_long_one_is_cut():
    mark = ("ce_specversion", b"1.0")
    assert source_of(INVALID, Record(headers=(mark, ("ce_source", b"/a"), ("ce_source", b"/b")))) == ""
    assert source_of(INVALID, Record(headers=(mark, ("ce_source", b"\xff")))) == ""
    assert source_of(INVALID, event(source="/" + "长" * 500)) == "/" + "长" * 127


# --- every reject fits ---


def size(entry):
    builder = DefaultRecordBatchBuilder(2, 0, 1, 0, 0, 0, 2**30)
    builder.append(0, entry.timestamp, entry.key, entry.value, list(entry.headers))
    return len(builder.build())


@pytest.mark.parametrize(
    "found",
    [
        tuple((f"{n:03d}", b"") for n in range(256)),
        tuple(("h", b"x" * 63) for _ in range(256)),
        (("h", b"x" * 16_383),),
        tuple(("", b"") for _ in range(16_000)),
        (("h", b"x" * 16_384),),
        (("h", b"x" * 3_000_000),),
    ],
)
@pytest.mark.parametrize("value", [4 * 1024 * 1024, 4 * 1024 * 1024 + 1, 40_000_000])
def test_the_largest_reject_is_smaller_than_what_its_topic_takes(found, value):
    record = Record(b"x" * value, b"k" * 100_000, found)
    entry, _, read = worded(Rejection(Reason.TOO_LARGE, "长" * 10_000, "/" + "长" * 10_000), record)
    assert size(entry) < LIMIT
    kept = sum(len(name) + len(text) for name, text in found) <= 16_384 and len(found) <= 256
    assert read.input_headers == (found if kept else ())
    if value <= 4 * 1024 * 1024:
        assert (read.form, len(read.value)) == ("original", value)
    else:
        assert (read.form, read.value) == ("reference", b"")
        assert read.headers["sha256"] == hashlib.sha256(record.value).hexdigest()


def test_a_long_key_is_cut_and_a_pointer_never_within_an_escape():
    record = Record(key=b"k" * 5_000)
    entry, _, _ = worded(Rejection(Reason.INVALID, "", "/" + "~1" * 1_500), record)
    told = dict(entry.headers)
    assert base64.b64decode(told["megdt-key"]) == b"k" * 2_000
    assert told["megdt-path"] == b"/" + b"~1" * 999
