"""Publish events to the input topics, fast and without losing one silently.

    with Publisher("localhost:9092") as publisher:
        publisher.publish("assessments", trainee, event)

The block ends when the broker has acknowledged every record, or raises. Sending is idempotent: a retry inside
the client cannot double a record. Publishing an event again is harmless as well, since the receiving side
recognises it by source, id and revision; so after a failure the answer is always to publish again.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from kafka import KafkaProducer
from kafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    UnknownError,
)
from kafka.partitioner import DefaultPartitioner

from megdt_stream.errors import (
    ConfigError,
    MegdtError,
    MessageTooLarge,
    PublishError,
    PublishRefused,
    Unavailable,
)
from megdt_stream.evidence.partition import partition_of
from megdt_stream.evidence.topics import BY_NAME, BY_SHORT, MAX_RECORD_BYTES, Topic
from megdt_stream.kafka_clients import connect

# Events of 315 bytes in the shape of OULAD's, two cores, broker on the same machine, records a second: 9,800
# with kafka-python's defaults, 42,000 with these and 35,000 through `Publisher`. Compression pays although it
# costs, because kafka-python sums CRC-32C in Python: fewer bytes, less of it. (With the `crc32c` wheel:
# 67,000 plain, 46,000 gzip.) Batches above 64 KiB and longer lingering gave nothing.
_COMPRESSION: Final = "gzip"
_BATCH_BYTES: Final = 65_536
_LINGER_MS: Final = 5

# The client's own buffer has no bound; these are ours.
_MAX_WAITING: Final = 20_000
_MAX_WAITING_BYTES: Final = 64 * 1024 * 1024

_CONNECT_SECONDS: Final = 10.0
_STOP_SECONDS: Final = 5.0


class Position(NamedTuple):
    """Where a record landed."""

    topic: str
    partition: int
    offset: int


class Receipt:
    """A record on its way."""

    __slots__ = ("_future", "size", "topic")

    def __init__(self, topic: Topic, size: int, future: Any) -> None:
        self.topic = topic
        self.size = size
        self._future = future

    @property
    def done(self) -> bool:
        """Say whether the broker has acknowledged or refused it."""
        return bool(self._future.is_done)

    @property
    def acknowledged(self) -> bool:
        """Say whether it is in the log."""
        return bool(self._future.is_done and self._future.exception is None)

    @property
    def appended(self) -> int:
        """Give the broker's append time (ms) of an acknowledged record."""
        return int(self._future.value.timestamp)

    def wait(self, timeout: float) -> Position:
        """Wait up to `timeout` seconds and give the record's place. Raises PublishError."""
        try:
            metadata = self._future.get(timeout=timeout)
        except KafkaError as error:
            raise _translated(error, self.topic) from error
        return Position(metadata.topic, metadata.partition, metadata.offset)


class Publisher:
    """An idempotent producer for the input topics. A context manager; use one per thread.

    `kafka` is host:port[,host:port...]; `security` what KafkaSecurity.options() gives; `delivery_seconds` how
    long the client itself tries before a record counts as failed. Raises Unavailable when no broker answers.
    """

    def __init__(
        self,
        kafka: str,
        *,
        client_id: str = "megdt-publisher",
        security: Mapping[str, Any] | None = None,
        delivery_seconds: float = 60.0,
    ) -> None:
        self._kafka = kafka
        self._delivery_seconds = delivery_seconds
        self._options = {"client_id": client_id, **_timeouts(delivery_seconds), **(security or {})}
        self._waiting: deque[Receipt] = deque()
        self._waiting_bytes = 0
        self._acknowledged: Counter[str] = Counter()
        self._known: set[str] = set()
        self._refused = False
        self._producer = _connect(kafka, self._options)

    @property
    def acknowledged(self) -> Mapping[str, int]:
        """Give how many records were acknowledged, by short topic name; complete after `flush`."""
        return dict(self._acknowledged)

    @property
    def waiting(self) -> int:
        """Give how many records were handed over and not looked at again."""
        return len(self._waiting)

    def publish(self, topic: str, key: str, value: bytes, headers: Sequence[tuple[str, bytes]] = ()) -> Receipt:
        """Hand a record over; wait only when too many are on their way.

        `topic` is a short or a full name, `key` the trainee's pseudonym, `value` a CloudEvent in structured
        JSON. The same key lands in the same partition, in the order of the calls. Raises MessageTooLarge for
        this record and PublishError when an earlier one failed.
        """
        if self._refused:
            self._reconnect()
        target = self._target(topic)
        try:
            future = self._producer.send(target.name, value=value, key=key.encode(), headers=list(headers))
        except KafkaError as error:
            raise _translated(error, target) from error
        receipt = Receipt(target, len(value), future)
        self._waiting.append(receipt)
        self._waiting_bytes += receipt.size
        while len(self._waiting) > _MAX_WAITING or self._waiting_bytes > _MAX_WAITING_BYTES:
            self._settle_oldest()
        return receipt

    def flush(self, timeout: float = 60.0) -> None:
        """Wait until every record handed over is acknowledged.

        Raises PublishError when some are not within `timeout` seconds or were refused; the message tells how
        many.
        """
        deadline = time.monotonic() + timeout
        while True:
            try:
                self._producer.flush(max(deadline - time.monotonic(), 0.0))
                break
            except KafkaTimeoutError as error:
                missing = sum(not receipt.done for receipt in self._waiting)
                raise PublishError(
                    f"{missing} records were not acknowledged by {self._kafka} within {timeout:g} s"
                ) from error
            except UnknownError:
                continue  # a batch was too large and was split: its halves have to be waited for
        self._settle_all()

    def close(self, timeout: float = 10.0) -> None:
        """Close the connections; what was not acknowledged by then is given up. `flush` first to know."""
        try:
            self._producer.close(timeout)
        except KafkaError:
            # It gave up while flushing, before it stopped its thread.
            self._producer._sender.force_close()
            self._producer._sender.join(_STOP_SECONDS)
            self._producer.close(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.flush(self._delivery_seconds)
        finally:
            self.close()

    def _target(self, name: str) -> Topic:
        """Find the topic and, the first time, make sure that the broker has it."""
        topic = BY_SHORT.get(name) or BY_NAME.get(name)
        if topic is None:
            raise ConfigError(f"there is no topic {name!r}", remedy=f"one of {', '.join(BY_SHORT)}")
        if topic.name not in self._known:
            self._look_up(topic)
            self._known.add(topic.name)
        return topic

    def _look_up(self, topic: Topic) -> None:
        try:
            self._producer.partitions_for(topic.name)
        except KafkaTimeoutError as error:
            raise Unavailable(f"Kafka at {self._kafka} does not know {topic.name}", remedy=_NO_TOPIC) from error
        except KafkaError as error:
            raise _translated(error, topic) from error

    def _settle_oldest(self) -> None:
        """Wait for the oldest record on its way; when it failed, for all, so that none is left."""
        oldest = self._waiting[0]
        try:
            oldest.acknowledged or oldest.wait(self._delivery_seconds)
        except PublishError:
            self._settle_all()
        self._settle()

    def _settle(self) -> None:
        """Count the oldest record on its way, waiting for it if need be."""
        receipt = self._waiting.popleft()
        self._waiting_bytes -= receipt.size
        if not receipt.acknowledged:
            receipt.wait(self._delivery_seconds)
        self._acknowledged[receipt.topic.short] += 1

    def _settle_all(self) -> None:
        """Count every record on its way; raise the first failure once all were looked at."""
        total, failures = len(self._waiting), []
        while self._waiting:
            try:
                self._settle()
            except PublishError as error:
                failures.append(error)
        if failures:
            first = failures[0]
            self._refused = any(error.disposition != "retry" for error in failures)
            count = f"{len(failures)} of the last {total} records failed"
            raise type(first)(f"{count}; the first: {first.message}")

    def _reconnect(self) -> None:
        """Start anew: an idempotent producer that the broker has refused a record takes none any more."""
        self.close(0)
        self._producer = _connect(self._kafka, self._options)
        self._refused = False


_NO_TOPIC: Final = "check that the broker runs, and create the topics with `megdt topics create`"


class _CachingPartitioner(DefaultPartitioner):
    """Kafka's default partitioner, with a memory: the hash is a Python loop, and trainees come again."""

    def partition(
        self, topic: str, key: Any, serialized_key: Any, value: Any, serialized_value: Any, cluster: Any
    ) -> int:
        """Give the partition of a key among all partitions of the topic."""
        return partition_of(serialized_key.decode(), len(cluster.partitions_for_topic(topic)))


def _timeouts(delivery_seconds: float) -> dict[str, int]:
    return {
        "delivery_timeout_ms": int(delivery_seconds * 1000),
        "request_timeout_ms": int(min(30.0, delivery_seconds / 2) * 1000),
    }


def _connect(kafka: str, options: Mapping[str, Any]) -> KafkaProducer:
    return connect(
        KafkaProducer,
        kafka,
        acks="all",
        enable_idempotence=True,
        compression_type=_COMPRESSION,
        batch_size=_BATCH_BYTES,
        linger_ms=_LINGER_MS,
        max_request_size=MAX_RECORD_BYTES,
        partitioner=_CachingPartitioner(),
        allow_auto_create_topics=False,
        metrics_enabled=False,
        bootstrap_timeout_ms=int(_CONNECT_SECONDS * 1000),
        max_block_ms=int(_CONNECT_SECONDS * 1000),
        **options,
    )


def _translated(error: KafkaError, topic: Topic) -> MegdtError:
    """Say what a failed record means for the publisher."""
    if isinstance(error, (MessageSizeTooLargeError, RecordListTooLargeError)):
        limit = topic.settings.get("max.message.bytes", "the broker's message.max.bytes")
        return MessageTooLarge(f"a record for {topic.name} is larger than the topic takes ({limit})")
    said = f"{type(error).__name__}: {error}"
    if getattr(error, "retriable", False):
        return PublishError(f"a record for {topic.name} was not acknowledged ({said})")
    return PublishRefused(f"the broker refused a record for {topic.name} ({said})")
