"""Intake and the independent checker judge any event alike: the same reason, or the same evidence."""

import json
import random
from dataclasses import replace

import pytest

from megdt_stream.evidence import topics
from megdt_stream.evidence.intake import Accepted, decide
from megdt_stream.seed_files import load_reference
from megdt_stream.synth import HospitalPlan, generate
from megdt_stream.verify.contract import Refusal
from megdt_stream.verify.contract import decide as checked
from megdt_stream.verify.log import Origin, Record
from megdt_stream.verify.reference import load_reference as load_checkers_reference

TRIES = 4_000
TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
VALUES = (
    *(None, True, False, 0, 1, -1, 1.5, 6.0, 2**53, 9999, 10000, -0.0, 5e-324, float("inf")),
    *("", "x", "  ", "a b", "x" * 200, "医", "%zz", "/a%20b", "\u0085", "\x7f", "\ufeff", "a|b"),
    *("patient-care", "k1.a", "13800138000", "k1.13800138000", "a@b.cn", "11010519491231002X"),
    *("2025-01-01T00:00:00Z", "2025-01-01T00:00:00", "2025-02-30T00:00:00Z", "2025-01-01T24:00:00Z"),
    *("1899-12-31T23:59:59Z", "2200-01-01T00:00:00.0001Z", "2024-06-30T23:59:60Z"),
    *("application/json; charset=utf-8", "text/plain", TRACE, TRACE.replace("a", "0")),
    *([], {}, [1], {"a": 1}),
)
ATTRIBUTES = (
    *("ext", "Ext", "ext_1", "e" * 33, "traceparent", "recorded", "available", "revision", "datacontenttype"),
    *("dataschema", "data_base64", "subject", "id", "source", "time", "specversion", "type"),
)
FIELDS = ("zusatz", "note", "text", "by", "item", "rotation", "expects", "scores", "value")
HEADERS = (
    *("ce_ext", "ce_Ext", "CE_ext", "ce_", "ce_data", "ce_revision", "traceparent", "ce_traceparent"),
    *("content-type", "Content-Type", "foo", "ce_datacontenttype"),
)
HEADER_VALUES = (
    *(None, b"", b"\xff", b"1", b"01", b"+1", b"x y", b"true", b"13800138000", b"a@b.cn", b"2025-01-01T00:00:00"),
    *("医".encode(), b"application/json", b"application/cloudevents+json", b"application/cloudevents-batch+json"),
    TRACE.encode(),
)


@pytest.fixture(scope="module")
def by_kind():
    """Give a messy hospital's events, by topic, mode and type."""
    plan = replace(HospitalPlan.small(seed=5), trainees=40, malformed_rate=0.0, binary_share=0.3)
    found = {}
    for event in generate(plan).events:
        type_ = dict(event.headers).get("ce_type") or json.loads(event.value)["type"]
        found.setdefault((event.topic, bool(event.headers), type_), []).append(event)
    return list(found.values())


def _places(document, path=()):
    items = document.items() if isinstance(document, dict) else enumerate(document)
    for name, value in items:
        yield (*path, name)
        if isinstance(value, dict | list):
            yield from _places(value, (*path, name))


def _spoilt(document, chance):
    """Change one or two things of a JSON document."""
    for _ in range(chance.choice((1, 1, 1, 2))):
        *path, last = chance.choice([*_places(document)])
        inner = document
        for name in path:
            inner = inner[name]
        what = chance.random()
        if what < 0.6:
            inner[last] = chance.choice(VALUES)
        elif what < 0.7 and isinstance(inner, dict):
            del inner[last]
        elif what < 0.9:
            document[chance.choice(ATTRIBUTES)] = chance.choice(VALUES)
        elif isinstance(document.get("data"), dict):
            document["data"][chance.choice(FIELDS)] = chance.choice(VALUES)
        if not document:
            break
    return document


def _spoilt_headers(headers, chance):
    headers, at, what = [*headers], chance.randrange(len(headers)), chance.random()
    if what < 0.4:
        headers[at] = (headers[at][0], chance.choice(HEADER_VALUES))
    elif what < 0.6:
        headers.append(headers[at])
    elif what < 0.7:
        del headers[at]
    else:
        headers.append((chance.choice(HEADERS), chance.choice(HEADER_VALUES)))
    return tuple(headers)


def _spoilt_event(event, chance):
    """Give bytes and headers like those of an event, with something about them changed."""
    if event.headers:
        headers = _spoilt_headers(event.headers, chance)
        document = _spoilt({"data": json.loads(event.value)}, chance).get("data")
    else:
        headers = chance.choice(((), (), ((chance.choice(HEADERS), chance.choice(HEADER_VALUES)),)))
        document = _spoilt(json.loads(event.value), chance)
    value = bytearray(json.dumps(document, ensure_ascii=chance.random() < 0.5).encode())
    if chance.random() < 0.05:
        value[chance.randrange(len(value))] = chance.randrange(256)
    return bytes(value), headers


@pytest.mark.parametrize("seed", range(4))
def test_intake_and_the_checker_agree(by_kind, seed):
    chance, ours, theirs = random.Random(seed), load_reference(), load_checkers_reference()
    verdicts = set()
    for _ in range(TRIES):
        event = chance.choice(chance.choice(by_kind))
        value, headers = _spoilt_event(event, chance)
        place, appended = (event.topic, 0, 7), event.available
        decided = decide(value, topics.BY_SHORT[event.topic], place, appended, ours, headers)
        again = checked(Origin(*place), Record(7, appended, b"k", value, headers), theirs)
        if isinstance(decided, Accepted):
            assert not isinstance(again, Refusal), (again, value, headers)
            stated = {"carried_over": bool(again["carried_over"])} if "carried_over" in again else {}
            assert json.loads(decided.value) == {**again, **stated}, (value, headers)
            verdicts.add("accepted")
        else:
            assert isinstance(again, Refusal), (decided, value, headers)
            assert again.reason == decided.reason, (decided, value, headers)
            verdicts.add(decided.reason.value)
    assert len(verdicts) > 9, verdicts
