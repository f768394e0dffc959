"""The partitioner is Kafka's own, and the topics are what the broker needs."""

import aiokafka.partitioner
import kafka.partitioner
import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.evidence import topics
from megdt_stream.evidence.partition import murmur2, partition_of
from megdt_stream.evidence.topics import Role

keys = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=40)


@given(st.binary(max_size=70))
def test_murmur2_is_that_of_the_clients(data):
    assert murmur2(data) == aiokafka.partitioner.murmur2(data) & 0xFFFFFFFF
    assert murmur2(data) == kafka.partitioner.murmur2(data) & 0xFFFFFFFF


@given(keys, st.integers(1, 200))
def test_partitions_are_those_of_the_clients(key, n):
    every = list(range(n))
    expected = aiokafka.partitioner.DefaultPartitioner()(key.encode(), every, every)
    assert partition_of(key, n) == expected
    assert partition_of(key, n) == (kafka.partitioner.murmur2(key.encode()) & 0x7FFFFFFF) % n


# Java: Utils.toPositive(Utils.murmur2(bytes)) % n, values of Apache Kafka's UtilsTest.
@pytest.mark.parametrize(
    ("text", "hashed"),
    [("21", -973932308), ("foobar", -790332482), ("a-little-bit-long-string", -985981536), ("abc", 479470107)],
)
def test_murmur2_is_that_of_the_broker(text, hashed):
    assert murmur2(text.encode()) == hashed & 0xFFFFFFFF


def test_topics_have_distinct_names():
    assert len(topics.BY_NAME) == len(topics.BY_SHORT) == len(topics.ALL) == 15
    assert [topic.name for topic in topics.INPUTS] == [
        f"megdt.{short}.v1" for short in ("assessments", "rotations", "exposures", "activities")
    ] + [f"megdt.{short}.v1" for short in ("outcomes", "resources", "identities", "decisions")]


def test_inputs_are_stamped_by_the_broker_and_kept_for_days():
    for topic in topics.INPUTS:
        assert topic.role is Role.INPUT
        assert topic.settings["message.timestamp.type"] == "LogAppendTime"
        assert int(topic.settings["retention.ms"]) > 0


def test_evidence_is_kept_for_ever_and_never_compacted():
    assert dict(topics.EVIDENCE.settings) | {
        "cleanup.policy": "delete",
        "retention.ms": "-1",
        "retention.bytes": "-1",
    } == dict(topics.EVIDENCE.settings)


def test_a_reject_has_room_for_the_largest_input_and_its_headers():
    largest = int(topics.ASSESSMENTS.settings["max.message.bytes"])
    assert int(topics.REJECTS.settings["max.message.bytes"]) >= largest + 10 * 2_000 + 1_000
    assert largest > topics.MAX_EVENT_BYTES
