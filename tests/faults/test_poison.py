"""Events that no system should swallow: each is on the rejects topic once, as it came, and the stream goes on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from megdt_stream.publisher import Publisher
from megdt_stream.publisher.client import Position
from tests.faults.events import encoded, outcome, published
from tests.faults.system import System

pytestmark = pytest.mark.stack


def _poison() -> Iterator[tuple[str, str, bytes]]:
    """Give what it is, the reason it earns, its bytes."""
    deep = b'{"specversion":"1.0","data":' + b"[" * 20_000 + b"]" * 20_000 + b"}"
    next_year = (datetime.now(UTC) + timedelta(days=365)).isoformat()
    yield "bytes that are no text", "undecodable", b"\xff\xfe\x00\x9f" * 20
    yield "half an event", "undecodable", encoded(outcome())[:60]
    yield "nothing", "empty", b""
    yield "NaN", "undecodable", encoded(outcome()).replace(b"81.5", b"NaN")
    yield "deep nesting", "undecodable", deep
    yield "a lone surrogate", "undecodable", encoded(outcome()).replace(b'"annual"', b'"\\ud800"')
    yield "a list", "not_an_object", b"[1, 2]"
    yield "an unknown type", "unknown_type", encoded(outcome(type="megdt.outcome.recorded.v9"))
    yield "a naive timestamp", "naive_timestamp", encoded(outcome(time="2025-01-10T08:00:00"))
    yield "next year's event", "future_event", encoded(outcome(time=next_year))
    yield "a real name", "invalid", encoded(outcome(subject="张三"))
    yield "two megabytes", "too_large", encoded(outcome(note="大" * 700_000))


def test_poison_is_rejected_once_as_it_came_and_the_stream_goes_on(system: System) -> None:
    expected: dict[bytes, tuple[str, bytes, Position]] = {}
    with Publisher(system.stack.kafka) as publisher:
        for _, reason, value in _poison():
            place = publisher.publish("outcomes", "k1.poison", value).wait(30)
            key = f"{place.topic}/{place.partition}/{place.offset}".encode()
            expected[key] = reason, value, place
        follower = published(outcome("k1.poison", id_="after-the-poison"))
        publisher.publish(*follower)
    with system.working():
        system.drained()
        system.judge()
    rejects = [record for record in system.read("megdt.rejects.v1") if record.key in expected]
    assert sorted(record.key for record in rejects) == sorted(expected), "each once"
    for record in rejects:
        reason, value, place = expected[record.key]
        headers = {name: text.decode() for name, text in record.headers}
        assert headers["megdt-reason"] == reason, value[:80]
        assert record.value == value
        coordinates = headers["megdt-topic"], int(headers["megdt-partition"]), int(headers["megdt-offset"])
        assert coordinates == place
    twin = system.query.find("k1.poison")
    assert twin is not None, "the good event after them has arrived"
    assert any(name.startswith("o|annual|") for name in twin.twin.fields())
