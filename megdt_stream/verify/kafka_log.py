"""Reading topics whole, from the first record to a given end."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from megdt_stream.errors import TopicMissing, Unavailable
from megdt_stream.verify import header_names
from megdt_stream.verify.log import Ends, Log, PartitionLog, Record
from megdt_stream.verify.names import full_name, short_name

_SILENCE_SECONDS: Final = 60.0
_CONNECT_SECONDS: Final = 5.0
_FETCH_BYTES: Final = 8 * 1024 * 1024  # above the largest record a topic takes


class KafkaLog:
    """A reader of topics, without a group: it leaves no trace on the broker."""

    def __init__(self, servers: str, options: Mapping[str, Any] = MappingProxyType({})) -> None:
        _check_reachable(servers)
        header_names.install()
        try:
            self._consumer = KafkaConsumer(
                bootstrap_servers=servers.split(","),
                group_id=None,
                enable_auto_commit=False,
                isolation_level="read_committed",
                max_partition_fetch_bytes=_FETCH_BYTES,
                max_poll_records=10_000,
                # In plain Python the sums cost more than all the rest; a flipped bit shows as a difference.
                check_crcs=False,
                **options,
            )
        except KafkaError as error:
            raise Unavailable(f"Kafka at {servers} does not answer: {error}") from error

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()

    def ends(self, topics: Iterable[str]) -> dict[tuple[str, int], int]:
        """Give where each partition of these topics (short names) ends now. Raises TopicMissing."""
        return self._offsets(self._consumer.end_offsets, self._partitions(topics))

    def read(self, until: Ends, start: Ends, progress: Callable[[str], None]) -> Log:
        """Read every partition named in `until` from its beginning; `start` becomes its log's end."""
        places = [TopicPartition(full_name(short), number) for short, number in until]
        begins = self._offsets(self._consumer.beginning_offsets, places)
        log = Log()
        for (short, number), end in until.items():
            partition = PartitionLog([], begins[short, number], min(start.get((short, number), end), end))
            log.topics.setdefault(short, {})[number] = partition
        self._consumer.assign(places)
        self._consumer.seek_to_beginning()
        self._drain(log, {place for place in places if self._left(place, until) > 0}, until, progress)
        return log

    def _partitions(self, topics: Iterable[str]) -> list[TopicPartition]:
        places = []
        for short in topics:
            numbers = self._consumer.partitions_for_topic(full_name(short))
            if not numbers:
                raise TopicMissing(f"topic {full_name(short)} is not on the broker")
            places += [TopicPartition(full_name(short), number) for number in sorted(numbers)]
        return places

    def _offsets(self, ask: Callable[..., Any], places: list[TopicPartition]) -> dict[tuple[str, int], int]:
        try:
            offsets = ask(places)
        except KafkaError as error:
            raise Unavailable(f"Kafka does not say where its topics begin and end: {error}") from error
        return {(short_name(place.topic), place.partition): offset for place, offset in offsets.items()}

    def _left(self, place: TopicPartition, until: Ends) -> int:
        """Give how many offsets of a partition are still to be read; markers move the position too."""
        left: int = until[short_name(place.topic), place.partition] - self._consumer.position(place)
        return left

    def _drain(self, log: Log, open_places: set[TopicPartition], until: Ends, progress: Callable[[str], None]) -> None:
        count, heard = 0, time.monotonic()
        while open_places:
            batches = self._consumer.poll(timeout_ms=500)
            for place, records in batches.items():
                key = short_name(place.topic), place.partition
                kept = [_record(record) for record in records if record.offset < until[key]]
                log.topics[key[0]][key[1]].records += kept
                count += len(kept)
            done = {place for place in open_places if self._left(place, until) <= 0}
            if done:
                open_places -= done
                self._consumer.pause(*done)
            if batches or done:
                heard = time.monotonic()
                progress(f"read {count:,} records")
            elif time.monotonic() - heard > _SILENCE_SECONDS:
                raise Unavailable(
                    f"Kafka sent nothing for {_SILENCE_SECONDS:.0f} s, {len(open_places)} partitions unread"
                )


def _check_reachable(servers: str) -> None:
    """Fail at once when nobody listens: the client itself tries for half a minute and leaves sockets open."""
    problems = []
    for server in servers.split(","):
        host, _, port = server.strip().rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()
        except (OSError, ValueError) as error:
            problems.append(f"{server.strip()}: {error}")
        else:
            return
    raise Unavailable(f"Kafka does not answer ({'; '.join(problems)})")


def _record(record: Any) -> Record:
    headers = tuple(record.headers or ())
    return Record(record.offset, record.timestamp, record.key, record.value, headers)
