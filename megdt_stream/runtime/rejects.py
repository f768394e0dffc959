"""Working with rejects: reading their topic, judging them by today's rules, publishing originals again.

Synchronous and outside any group, for commands. A reject that was sent more than once counts once.
"""

from __future__ import annotations

import base64
import binascii
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from megdt_stream.errors import MessageTooLarge, PublishError, TopicMissing, Unavailable
from megdt_stream.evidence import topics
from megdt_stream.evidence.intake import decide
from megdt_stream.evidence.reasons import Rejection
from megdt_stream.evidence.reference import Reference
from megdt_stream.evidence.topics import MAX_RECORD_BYTES
from megdt_stream.kafka_clients import connect
from megdt_stream.runtime.reject_record import INPUT_PREFIX, Headers

_CONNECT_MS: Final = 10_000
_POLL_SECONDS: Final = 0.5
_SILENT_POLLS: Final = 60
_TELL_EVERY: Final = 1_000
_WAITING: Final = 1_000
_WAITING_BYTES: Final = 32 * 1024 * 1024
_DELIVERY_SECONDS: Final = 60.0

Progress = Callable[[int, int], None]


class Place(NamedTuple):
    """Coordinates of a rejected input: the topic's short name, partition, offset."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def key(self) -> bytes:
        """Give the key of its reject."""
        return f"{topics.BY_SHORT[self.topic].name}/{self.partition}/{self.offset}".encode()


def place(text: str) -> Place:
    """Read `topic/partition/offset`, the topic by its short or full name. Raises ValueError saying what is wrong."""
    name, _, rest = text.partition("/")
    partition, _, offset = rest.partition("/")
    topic = topics.BY_SHORT.get(name) or topics.BY_NAME.get(name)
    if not (partition.isascii() and partition.isdigit() and offset.isascii() and offset.isdigit()):
        raise ValueError(f"{text!r} is not topic/partition/offset, such as outcomes/0/17")
    if topic is None:
        raise ValueError(f"there is no topic {name!r}; one of {', '.join(topics.BY_SHORT)}")
    return Place(topic.short, int(partition), int(offset))


@dataclass(frozen=True, slots=True)
class Reject:
    """A reject as it stands on its topic. `at`: coordinates of the input; `when` (ms): the record's time.

    `headers` has the project's own without their prefix, `input_headers` those that the input came with.
    """

    at: Place
    when: int
    value: bytes
    headers: Mapping[str, str]
    input_headers: Headers

    @property
    def reason(self) -> str:
        """Give the reason's code; not always one that this version knows."""
        return self.headers.get("reason", "")

    @property
    def source(self) -> str:
        """Give the event's source, "" where it could not be read."""
        return self.headers.get("source", "")

    @property
    def form(self) -> str:
        """Tell what the value is: `original`, `redacted`, `evidence`, `reference`."""
        return self.headers.get("form", "")

    @property
    def input_key(self) -> bytes | None:
        """Give the input's key; None where it had none, or the reject does not say."""
        try:
            return base64.b64decode(self.headers.get("key", ""), validate=True) or None
        except binascii.Error:
            return None


def parse(record: Any) -> Reject | None:
    """Read a consumed record; None for one that is no reject (somebody else's, or damaged)."""
    own: dict[str, str] = {}
    given: list[tuple[str, bytes]] = []
    for name, value in record.headers:
        if name.startswith(INPUT_PREFIX):
            given.append((name.removeprefix(INPUT_PREFIX), value or b""))
        elif name.startswith("megdt-"):
            own[name.removeprefix("megdt-")] = (value or b"").decode("utf-8", "replace")
    try:
        at = place((record.key or b"").decode())
    except ValueError:
        return None
    if "reason" not in own or at.key != record.key:
        return None
    return Reject(at, record.timestamp, record.value or b"", own, tuple(given))


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rejects are meant; what is None or empty leaves everything in. `since` in ms, of the record's time."""

    reasons: frozenset[str] = frozenset()
    source: str | None = None
    topic: str | None = None
    since: int | None = None

    def takes(self, reject: Reject) -> bool:
        """Tell whether a reject is meant."""
        return (
            (not self.reasons or reject.reason in self.reasons)
            and (self.source is None or reject.source == self.source)
            and (self.topic is None or reject.at.topic == self.topic)
            and (self.since is None or reject.when >= self.since)
        )


EVERYTHING: Final = Filter()


class RejectReader:
    """Reads the rejects topic up to where it ended when the reader was opened, so two readings see the same.

    A context manager. Raises Unavailable, TopicMissing. `copies` and `foreign` count what the last reading left out.
    """

    def __init__(self, kafka: str, security: Mapping[str, Any] | None = None) -> None:
        self._kafka = kafka
        self.copies = 0
        self.foreign = 0
        self._consumer = connect(
            KafkaConsumer,
            kafka,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            bootstrap_timeout_ms=_CONNECT_MS,
            **(security or {}),
        )
        try:
            self._ends = self._look()
        except BaseException:
            self._consumer.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def _look(self) -> dict[TopicPartition, int]:
        name = topics.REJECTS.name
        try:
            numbers = self._consumer.partitions_for_topic(name)
            if not numbers:
                raise TopicMissing(f"the broker has no topic {name}")
            found: dict[TopicPartition, int] = self._consumer.end_offsets([TopicPartition(name, n) for n in numbers])
        except KafkaError as error:
            raise Unavailable(f"Kafka at {self._kafka}: {error}") from error
        return dict(sorted(found.items()))

    def read(self, wanted: Filter = EVERYTHING, progress: Progress = lambda done, total: None) -> Iterator[Reject]:
        """Give the rejects that are meant, partition by partition, within one in the order of the inputs' offsets.

        `progress` is told now and then how many records of how many were read.
        """
        self.copies = self.foreign = 0
        seen: defaultdict[tuple[str, int], set[int]] = defaultdict(set)
        for reject in self._all(wanted.since, progress):
            offsets = seen[reject.at[:2]]
            if reject.at.offset in offsets:
                self.copies += 1
                continue
            offsets.add(reject.at.offset)
            if wanted.takes(reject):
                yield reject

    def find(self, at: Place, progress: Progress = lambda done, total: None) -> Reject | None:
        """Find the reject of one input; None where there is none (any more)."""
        return next((reject for reject in self._all(None, progress) if reject.at == at), None)

    def _all(self, since: int | None, progress: Progress) -> Iterator[Reject]:
        try:
            begins = self._begins(since)
            done, total = 0, sum(max(0, end - begins[place]) for place, end in self._ends.items())
            for partition, end in self._ends.items():
                for record in self._records(partition, begins[partition], end):
                    done += 1
                    if done % _TELL_EVERY == 0:
                        progress(done, total)
                    reject = parse(record)
                    if reject is None:
                        self.foreign += 1
                    else:
                        yield reject
        except KafkaError as error:
            raise Unavailable(f"Kafka at {self._kafka}: {error}") from error

    def _begins(self, since: int | None) -> dict[TopicPartition, int]:
        if since is None:
            begins: dict[TopicPartition, int] = self._consumer.beginning_offsets(list(self._ends))
            return begins
        # Every record before these is older: the broker looks for the first one that is not.
        found = self._consumer.offsets_for_times(dict.fromkeys(self._ends, since))
        return {place: found[place].offset if found.get(place) else end for place, end in self._ends.items()}

    def _records(self, partition: TopicPartition, begin: int, end: int) -> Iterator[Any]:
        if begin >= end:
            return
        self._consumer.assign([partition])
        self._consumer.seek(partition, begin)
        silent = 0
        while self._consumer.position(partition) < end:
            records = self._consumer.poll(timeout_ms=int(_POLL_SECONDS * 1000)).get(partition, [])
            silent = 0 if records else silent + 1
            if silent > _SILENT_POLLS:
                raise Unavailable(f"Kafka at {self._kafka} does not give the rejects it has")
            yield from (record for record in records if record.offset < end)


# --- judging and publishing again ---


def refusal(reject: Reject) -> str:
    """Say why a reject cannot be published again and where its original is; "" where it can."""
    until = f"on {topics.BY_SHORT[reject.at.topic].name} at {reject.at} until its retention ends"
    match reject.form:
        case "original":
            return ""
        case "redacted":
            source = f" ({reject.source})" if reject.source else ""
            return (
                "the payload was not kept since it holds a direct identifier: the original is with its "
                f"source{source}; publish it anew from there, with a pseudonym"
            )
        case "evidence" if reject.reason == "internal_error":
            return f"its evidence is on the log, and `megdt rebuild` takes it in after the fix; the original is {until}"
        case _:
            return f"only a reference was kept: the original is with its source, and {until}"


def judge(reject: Reject, reference: Reference, now: int) -> Rejection | None:
    """Decide an original again, as if it came at `now` (ms), by `reference`; None where it would be accepted.

    Says nothing of duplicates and conflicts, which only the mirror sees.
    """
    topic = topics.BY_SHORT[reject.at.topic]
    decision = decide(reject.value, topic, reject.at, now, reference, reject.input_headers)
    return decision if isinstance(decision, Rejection) else None


class Replayer:
    """Publishes originals again: same topic, key, headers and bytes. A context manager; its end waits for all.

    Raises Unavailable, PublishError, MessageTooLarge. `published` counts what the broker has acknowledged.
    """

    def __init__(self, kafka: str, security: Mapping[str, Any] | None = None) -> None:
        self.published = 0
        self._waiting: deque[tuple[Place, int, Any]] = deque()
        self._bytes = 0
        self._producer = connect(
            KafkaProducer,
            kafka,
            client_id="megdt-replay",
            acks="all",
            enable_idempotence=True,
            max_request_size=2 * MAX_RECORD_BYTES,
            allow_auto_create_topics=False,
            metrics_enabled=False,
            bootstrap_timeout_ms=_CONNECT_MS,
            delivery_timeout_ms=int(_DELIVERY_SECONDS * 1000),
            **(security or {}),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._settle(0, 0)
        finally:
            self._producer.close(_DELIVERY_SECONDS if kind is None else 0)

    def publish(self, reject: Reject) -> None:
        """Hand an original over; waits only where too many are on their way."""
        try:
            sent = self._producer.send(
                topics.BY_SHORT[reject.at.topic].name,
                value=reject.value,
                key=reject.input_key,
                headers=list(reject.input_headers),
            )
        except KafkaError as error:
            raise _failed(reject.at, error) from error
        self._waiting.append((reject.at, len(reject.value), sent))
        self._bytes += len(reject.value)
        self._settle(_WAITING, _WAITING_BYTES)

    def _settle(self, most: int, most_bytes: int) -> None:
        while len(self._waiting) > most or self._bytes > most_bytes:
            at, size, sent = self._waiting.popleft()
            self._bytes -= size
            try:
                sent.get(timeout=_DELIVERY_SECONDS)
            except KafkaError as error:
                raise _failed(at, error) from error
            self.published += 1


def _failed(at: Place, error: KafkaError) -> PublishError:
    if isinstance(error, (MessageSizeTooLargeError, RecordListTooLargeError)):
        return MessageTooLarge(f"{at} is larger than its topic takes")
    return PublishError(f"{at} was not acknowledged ({type(error).__name__}: {error})")
