"""The publisher on a real broker: everything arrives, in order and unchanged, or somebody is told."""

import os
import threading
from collections.abc import Iterator

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType

from megdt_stream.errors import ConfigError, MessageTooLarge, PublishError, PublishRefused, Unavailable
from megdt_stream.evidence import topics
from megdt_stream.evidence.partition import partition_of
from megdt_stream.local import Stack, open_stack
from megdt_stream.publisher import Publisher, producer
from megdt_stream.runtime import admin

pytestmark = pytest.mark.stack
PARTITIONS = 3
Record = tuple[int, int, bytes, bytes]


@pytest.fixture(scope="module")
def broker(stack: Stack) -> Iterator[str]:
    """A broker of our own, with few partitions."""
    with open_stack(redis=stack.redis) as own:
        admin.create_topics(own.kafka, PARTITIONS)
        yield own.kafka


@pytest.fixture
def publisher(broker: str) -> Iterator[Publisher]:
    publisher = Publisher(broker)
    yield publisher
    publisher.close()


def ends(broker: str, topic: str) -> dict[TopicPartition, int]:
    consumer = KafkaConsumer(bootstrap_servers=broker)
    try:
        return dict(consumer.end_offsets([TopicPartition(topic, p) for p in range(PARTITIONS)]))
    finally:
        consumer.close()


def read(broker: str, begin: dict[TopicPartition, int]) -> list[Record]:
    """Read what was published since `begin`."""
    (topic,) = {tp.topic for tp in begin}
    end = ends(broker, topic)
    consumer = KafkaConsumer(bootstrap_servers=broker)
    try:
        consumer.assign(list(begin))
        for tp, offset in begin.items():
            consumer.seek(tp, offset)
        found: list[Record] = []
        while any(consumer.position(tp) < end[tp] for tp in begin):
            for records in consumer.poll(1_000).values():
                found += [(r.partition, r.offset, r.key, r.value) for r in records]
        return found
    finally:
        consumer.close()


def test_records_arrive_once_unchanged_in_order_and_where_the_key_belongs(broker: str) -> None:
    begin = ends(broker, "megdt.assessments.v1")
    sent = [(f"学员.{n % 50:03d}", f'{{"n":{n},"评语":"良好"}}'.encode()) for n in range(20_500)]
    with Publisher(broker) as publisher:
        for key, value in sent:
            publisher.publish("assessments", key, value)
    assert publisher.acknowledged == {"assessments": len(sent)}
    assert publisher.waiting == 0
    found = read(broker, begin)
    for partition in range(PARTITIONS):
        expected = [(k.encode(), v) for k, v in sent if partition_of(k, PARTITIONS) == partition]
        assert [(key, value) for p, _, key, value in found if p == partition] == expected


def test_a_receipt_tells_where_the_record_landed(publisher: Publisher, broker: str) -> None:
    begin = ends(broker, "megdt.rotations.v1")
    position = publisher.publish("megdt.rotations.v1", "oulad.1", b"{}").wait(10)
    partition = partition_of("oulad.1", PARTITIONS)
    assert position == ("megdt.rotations.v1", partition, begin[TopicPartition(position.topic, partition)])


def test_headers_travel_along(publisher: Publisher, broker: str) -> None:
    receipt = publisher.publish("outcomes", "oulad.1", b"{}", [("traceparent", b"00-ab-cd-01")])
    topic, partition, offset = receipt.wait(10)
    consumer = KafkaConsumer(bootstrap_servers=broker)
    try:
        consumer.assign([TopicPartition(topic, partition)])
        consumer.seek(TopicPartition(topic, partition), offset)
        (records,) = consumer.poll(10_000).values()
        assert records[0].headers == [("traceparent", b"00-ab-cd-01")]
    finally:
        consumer.close()


def test_a_record_beyond_the_limit_is_refused_and_the_others_go_on(publisher: Publisher) -> None:
    with pytest.raises(MessageTooLarge, match=str(topics.MAX_RECORD_BYTES)):
        publisher.publish("assessments", "oulad.1", bytes(topics.MAX_RECORD_BYTES))
    publisher.publish("assessments", "oulad.1", b"{}")
    publisher.flush(10)
    assert publisher.acknowledged == {"assessments": 1}


def test_an_oversized_event_still_reaches_us_so_that_it_can_be_rejected(publisher: Publisher) -> None:
    incompressible = os.urandom(topics.MAX_RECORD_BYTES - 1_024)
    assert publisher.publish("assessments", "oulad.1", incompressible).wait(30).offset >= 0


@pytest.fixture
def narrow(broker: str) -> str:
    """A topic that takes less than the publisher sends."""
    own = KafkaAdminClient(bootstrap_servers=broker)
    setting = {"max.message.bytes": "1048576"}
    own.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topics.ALERTS.name, setting)])
    own.close()
    return topics.ALERTS.short


def test_what_the_broker_refuses_is_raised_at_the_receipt_and_at_flush(publisher: Publisher, narrow: str) -> None:
    refused = publisher.publish(narrow, "oulad.1", os.urandom(3 * 1024 * 1024))
    with pytest.raises(MessageTooLarge, match=r"megdt\.alerts\.v1"):
        refused.wait(30)
    with pytest.raises(MessageTooLarge, match="1 of the last 1 records failed"):
        publisher.flush(10)


def test_small_records_beside_one_that_is_refused_arrive(publisher: Publisher, narrow: str, broker: str) -> None:
    """The client library splits their batch, and says nothing of it."""
    begin = ends(broker, topics.ALERTS.name)
    small = [publisher.publish(narrow, "oulad.1", b"{}") for _ in range(3)]
    refused = publisher.publish(narrow, "oulad.1", os.urandom(3 * 1024 * 1024))
    with pytest.raises(MessageTooLarge, match="1 of the last 4 records failed"):
        publisher.flush(30)
    assert all(receipt.acknowledged for receipt in small)
    assert not refused.acknowledged
    assert [value for *_, value in read(broker, begin)] == [b"{}"] * 3


def test_closing_at_once_gives_up_what_is_on_its_way_and_leaves_no_thread(broker: str) -> None:
    before = set(threading.enumerate())
    publisher = Publisher(broker)
    receipts = [publisher.publish("assessments", "oulad.1", bytes(1_000)) for _ in range(2_000)]
    publisher.close(0)
    assert set(threading.enumerate()) <= before
    assert all(receipt.done for receipt in receipts)


def test_after_a_refusal_publishing_goes_on_with_a_new_connection(publisher: Publisher, narrow: str) -> None:
    """kafka-python's idempotent producer takes nothing any more once the broker has refused a record."""
    publisher.publish(narrow, "oulad.1", os.urandom(3 * 1024 * 1024))
    with pytest.raises(MessageTooLarge):
        publisher.flush(10)
    publisher.publish(narrow, "oulad.1", b"{}")
    publisher.flush(10)
    assert publisher.acknowledged == {narrow: 1}


def test_a_refusal_is_told_at_the_latest_when_the_buffer_is_full(
    publisher: Publisher, narrow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(producer, "_MAX_WAITING", 5)
    publisher.publish(narrow, "oulad.1", os.urandom(3 * 1024 * 1024))
    for _ in range(4):
        publisher.publish("assessments", "oulad.1", b"{}")
    with pytest.raises(MessageTooLarge):
        publisher.publish("assessments", "oulad.1", b"{}")
    assert publisher.waiting == 0
    publisher.publish("assessments", "oulad.1", b"{}")
    publisher.flush(10)
    assert publisher.acknowledged["assessments"] >= 1


def test_the_block_raises_when_a_record_was_refused(broker: str, narrow: str) -> None:
    def publish_block() -> None:
        with Publisher(broker) as publisher:
            publisher.publish(narrow, "oulad.1", os.urandom(3 * 1024 * 1024))

    with pytest.raises(MessageTooLarge):
        publish_block()


def test_an_error_in_the_block_is_not_hidden(broker: str) -> None:
    def publish_block() -> None:
        with Publisher(broker) as publisher:
            publisher.publish("assessments", "oulad.1", b"{}")
            raise LookupError

    with pytest.raises(LookupError):
        publish_block()


@pytest.mark.parametrize("name", ["assessment", "megdt.assessments.v2", ""])
def test_an_unknown_topic_is_told_with_those_there_are(publisher: Publisher, name: str) -> None:
    with pytest.raises(ConfigError, match="one of assessments, rotations"):
        publisher.publish(name, "oulad.1", b"{}")


def test_memory_is_bounded_by_waiting_for_the_oldest(publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(producer, "_MAX_WAITING", 10)
    for _ in range(100):
        publisher.publish("assessments", "oulad.1", b"{}")
        assert publisher.waiting <= 10
    publisher.flush(10)
    assert publisher.acknowledged == {"assessments": 100}


@pytest.mark.usefixtures("refused_connections")
def test_no_broker_is_told_with_its_address_and_leaves_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(producer, "_CONNECT_SECONDS", 0.5)
    before = threading.active_count()
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1 "):
        Publisher("127.0.0.1:1")
    assert threading.active_count() == before


def test_a_topic_that_is_not_there_is_told_with_its_remedy(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(producer, "_CONNECT_SECONDS", 1.0)
    with open_stack(redis=stack.redis) as bare:
        publisher = Publisher(bare.kafka)
        with pytest.raises((Unavailable, PublishRefused), match=r"megdt\.assessments\.v1"):
            publisher.publish("assessments", "oulad.1", b"{}")
        publisher.close()


@pytest.mark.usefixtures("refused_connections")
def test_a_broker_that_dies_is_told_and_never_silent(stack: Stack) -> None:
    with open_stack(redis=stack.redis) as own:
        admin.create_topics(own.kafka, 1)
        publisher = Publisher(own.kafka, delivery_seconds=4)
        publisher.publish("assessments", "oulad.1", b"{}")
        publisher.flush(10)
        assert own.broker is not None
        own.broker.close()
        publisher.publish("assessments", "oulad.1", b"{}")
        with pytest.raises(PublishError, match="publish it again"):
            publisher.flush(10)
        assert publisher.acknowledged == {"assessments": 1}
        publisher.close(1)
