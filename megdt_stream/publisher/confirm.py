"""Is my event in the twin? Read off what workers leave behind: cursors and journal in the store, and the rejects topic.

Four facts of docs/records.md decide. Intake writes an input's reject, or its evidence, before its cursor passes the
input. Evidence of one input partition lies in its evidence partition in the order of the inputs. The mirror commits
a record's journal row together with the highest input offset it has seen. What the mirror rejects is on the rejects
topic, too, if a little later.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any, ClassVar, Final, NamedTuple, TypeAlias

import msgspec
import redis
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from megdt_stream import store_keys as keys
from megdt_stream.errors import TopicMissing, Unavailable
from megdt_stream.evidence import topics
from megdt_stream.evidence.partition import partition_of
from megdt_stream.evidence.reasons import REMEDY, Reason
from megdt_stream.kafka_clients import connect
from megdt_stream.publisher.errors import NotApplied
from megdt_stream.publisher.producer import Position
from megdt_stream.twin.journal import COMMON

_REDIS_SECONDS: Final = 10.0
_POLL_MS: Final = 200
_PAUSE_SECONDS: Final = (0.01, 0.02, 0.05, 0.1, 0.2)
# The mirror's rejects carry its worker's clock, intake's the broker's: clocks may differ by this much.
_SKEW_MS: Final = 600_000
_FETCH_BYTES: Final = topics.MAX_RECORD_BYTES + 65_536

_versions: Final = msgspec.msgpack.Decoder(list[int | bytes]).decode
_PIECE: Final = 64


@dataclass(frozen=True, slots=True)
class Applied:
    """An event is in the twin.

    `duplicate`: an equal one was there before. `standing`: it is the version that counts; otherwise a later revision
    does. Where its pseudonym belongs to a person, it is carried over to the person's twin right after.
    """

    duplicate: bool
    standing: bool
    applied: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Rejected:
    """An event was rejected, and why: what stands in the headers of its copy on the rejects topic."""

    reason: str
    path: str
    detail: str
    applied: ClassVar[bool] = False

    @property
    def hint(self) -> str:
        """Say what to do about it."""
        return REMEDY[Reason(self.reason)] if self.reason in set(Reason) else ""


Fate: TypeAlias = Applied | Rejected


class Ticket(NamedTuple):
    """What to look for: the trainee, the record's hash, its revision and the digest of its body."""

    trainee: str
    h: str
    rev: int
    d: str


class Confirmer:
    """Looks for events by their place. Threads may share it. Raises Unavailable when Kafka or Redis does not answer."""

    def __init__(
        self, kafka: str, security: Mapping[str, Any], redis_url: str, redis_options: Mapping[str, Any]
    ) -> None:
        self._lock = Lock()
        self._store = redis.Redis.from_url(
            redis_url, socket_timeout=_REDIS_SECONDS, socket_connect_timeout=_REDIS_SECONDS, **redis_options
        )
        self._log = connect(
            KafkaConsumer,
            kafka,
            group_id=None,
            enable_auto_commit=False,
            max_partition_fetch_bytes=_FETCH_BYTES,
            fetch_max_wait_ms=50,
            metrics_enabled=False,
            **security,
        )
        self._partitions = self._count()

    def close(self) -> None:
        """Close the connections."""
        self._log.close()
        self._store.close()

    def wait(self, ticket: Ticket, position: Position, appended: int, timeout: float) -> Fate:
        """Wait until the event at a position is applied or rejected.

        `appended` is the broker's append time (ms). Raises NotApplied after `timeout` seconds, and Unavailable.
        """
        deadline = time.monotonic() + timeout
        for pause in self._pauses():
            with self._lock:
                fate = self._look(ticket, position, appended)
            if fate is not None:
                return fate
            if time.monotonic() + pause > deadline:
                break
            time.sleep(pause)
        place = f"{position.topic}/{position.partition}/{position.offset}"
        raise NotApplied(f"the event at {place} was neither applied nor rejected in time")

    @staticmethod
    def _pauses() -> Iterator[float]:
        yield from _PAUSE_SECONDS
        while True:
            yield _PAUSE_SECONDS[-1]

    def _look(self, ticket: Ticket, position: Position, appended: int) -> Fate | None:
        number = partition_of(ticket.trainee, self._partitions)
        settled, letter = self._ask(
            ("HGET", keys.own(position.topic, position.partition), "offset"),
            ("HGET", keys.own(topics.EVIDENCE.name, number), "view"),
        )
        if int(settled or 0) <= position.offset:
            return None
        view = (letter or b"a").decode()
        short = topics.BY_NAME[position.topic].short
        seen, shard = self._ask(
            ("HGET", keys.seen(number, view), f"{short}:{position.partition}"),
            ("HGETALL", keys.journal(number, view, ticket.trainee, ticket.h)),
        )
        if int(-1 if seen is None else seen) < position.offset:
            return self._rejected(position, position.partition % self._partitions, appended)
        found = _found(_row(shard, bytes.fromhex(ticket.h)), ticket, (short, position.partition, position.offset))
        if found is not None:
            return found
        name = _name(position)
        # The mirror's reject lies by its key; an input that intake rejected may have been passed by later ones.
        return self._rejected(position, partition_of(name, self._partitions), appended - _SKEW_MS) or self._rejected(
            position, position.partition % self._partitions, appended
        )

    def _rejected(self, position: Position, partition: int, since: int) -> Rejected | None:
        """Find a reject by the coordinates of its input."""
        name = _name(position).encode()
        for record in self._read(partition, since):
            if record.key == name:
                headers = {key: value.decode("utf-8", "replace") for key, value in record.headers}
                return Rejected(*(headers.get(f"megdt-{field}", "") for field in ("reason", "path", "detail")))
        return None

    def _read(self, partition: int, since: int) -> Iterator[Any]:
        """Read the rejects of a partition, from a moment (ms) to the end it has now."""
        place = TopicPartition(topics.REJECTS.name, partition)
        try:
            end = self._log.end_offsets([place])[place]
            begin = self._log.offsets_for_times({place: max(since, 0)})[place]
            if begin is None:
                return
            self._log.assign([place])
            self._log.seek(place, begin.offset)
            while self._log.position(place) < end:
                yield from self._log.poll(_POLL_MS).get(place, [])
        except KafkaError as error:
            raise Unavailable(f"Kafka does not answer ({type(error).__name__})") from error

    def _count(self) -> int:
        try:
            numbers = self._log.partitions_for_topic(topics.EVIDENCE.name)
        except KafkaError as error:
            raise Unavailable(f"Kafka does not answer ({type(error).__name__})") from error
        if not numbers:
            raise TopicMissing(f"the broker does not show the topic {topics.EVIDENCE.name}")
        return len(numbers)

    def _ask(self, *commands: tuple[Any, ...]) -> list[Any]:
        try:
            pipeline = self._store.pipeline(transaction=False)
            for command in commands:
                pipeline.execute_command(*command)
            return list(pipeline.execute())
        except (redis.RedisError, OSError) as error:
            raise Unavailable(f"Redis does not answer: {error}") from error


def _row(shard: dict[bytes, bytes], h: bytes) -> bytes:
    """Put a row's pieces together (docs/records.md, section 6): a full one is followed by another."""
    pieces = [shard.get(h, b"")]
    while len(pieces[-1]) == _PIECE:
        pieces.append(shard.get(h + bytes([ord("0") + len(pieces)]), b""))
    return b"".join(pieces)


def _found(row: bytes, ticket: Ticket, origin: tuple[str, int, int]) -> Applied | None:
    """Find a version in a journal row."""
    coded: list[Any] = _versions(row) if row else []
    versions = []
    while coded:
        rev, digest, topic, partition, offset, length = coded[:6]
        versions.append((rev, digest, (COMMON[topic], partition, offset)))
        coded = coded[6 + length :]
    for rev, digest, came in versions:
        if rev == ticket.rev and digest == bytes.fromhex(ticket.d):
            return Applied(duplicate=came != origin, standing=rev == max(version[0] for version in versions))
    return None


def _name(position: Position) -> str:
    return f"{position.topic}/{position.partition}/{position.offset}"
