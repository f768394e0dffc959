"""A header whose name is no UTF-8 stops the Kafka clients themselves: nothing may be lost behind it, nor it."""

from __future__ import annotations

import pytest
from kafka import KafkaProducer

from megdt_stream.publisher import Publisher
from tests.faults.events import encoded, outcome, published
from tests.faults.system import System

pytestmark = pytest.mark.stack


class NotUtf8(str):
    """A name that a producer writes as other bytes than UTF-8."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return str.encode(self, "latin-1")


def test_a_header_name_that_is_not_utf8_is_read_and_the_stream_goes_on(system: System) -> None:
    binary = {"specversion": "1.0", "type": "megdt.outcome.recorded.v1", "source": "/faults", "id": "name-2"}
    binary |= {"subject": "k1.names", "time": "2025-01-10T08:00:00Z", "available": "2025-01-10T08:00:00Z"}
    headers = [(f"ce_{name}", text.encode()) for name, text in binary.items()]
    producer = KafkaProducer(bootstrap_servers=system.stack.kafka)
    of_no_matter = producer.send(
        "megdt.outcomes.v1", encoded(outcome("k1.names", "name-1")), b"k1.names", headers=[(NotUtf8("\xe9t\xe9"), b"1")]
    )
    refused = producer.send(
        "megdt.outcomes.v1",
        b'{"outcome": "annual", "result": "pass"}',
        b"k1.names",
        headers=[*headers, (NotUtf8("ce_\xff"), b"1")],
    ).get(30)
    of_no_matter.get(30)
    producer.close()
    with Publisher(system.stack.kafka) as publisher:
        publisher.publish(*published(outcome("k1.names", "name-3")))
    with system.working():
        system.drained()
        system.judge()
    key = f"{refused.topic}/{refused.partition}/{refused.offset}".encode()
    (reject,) = [record for record in system.read("megdt.rejects.v1") if record.key == key]
    told = {name: text.decode() for name, text in reject.headers}
    assert told["megdt-reason"] == "invalid"
    assert told["megdt-input-ce_\ufffd"] == "1"
    twin = system.query.find("k1.names")
    assert twin is not None
    assert len([name for name in twin.twin.fields() if name.startswith("o|annual|")]) == 2
