"""Plain data: what was read from Kafka and Redis, and nothing about how."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

Ends = Mapping[tuple[str, int], int]
"""(short topic, partition) -> the offset after its last record."""


class Origin(NamedTuple):
    """The coordinates of an input record: short topic, partition, offset."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


class Record(NamedTuple):
    """One record of a log. `appended` is the broker's append time in ms; `value` is None when absent."""

    offset: int
    appended: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()

    @property
    def stated(self) -> list[tuple[str, bytes]]:
        """Give the headers that state something: null is the same as absent."""
        return [(name, value) for name, value in self.headers if value is not None]


@dataclass(slots=True)
class PartitionLog:
    """A partition's records in offset order.

    `begin` is the first offset the broker still has; `end` the end when the check began. Records appended
    while the check was running may lie beyond `end`: they explain what the store has already done.
    """

    records: list[Record] = field(default_factory=list)
    begin: int = 0
    end: int = 0

    def at(self, offset: int) -> Record | None:
        """Give the record at an offset, None when the log does not have it."""
        index = bisect_left(self.records, offset, key=lambda record: record.offset)
        found = self.records[index] if index < len(self.records) else None
        return found if found is not None and found.offset == offset else None

    def waiting(self, cursor: int) -> int:
        """Count the records from `cursor` to the end: what was to be done when the check began.

        Records, not offsets: transaction markers take offsets and hold no work.
        """
        return sum(cursor <= record.offset < self.end for record in self.records)


@dataclass(slots=True)
class Log:
    """All topics by short name: partition -> its log."""

    topics: dict[str, dict[int, PartitionLog]] = field(default_factory=dict)

    def partitions(self, short: str) -> dict[int, PartitionLog]:
        """Give the partitions of a topic, none when it was not read."""
        return self.topics.get(short, {})

    def input_record(self, origin: Origin) -> Record | None:
        """Give the input record at these coordinates, None when the log does not have it (any more)."""
        partition = self.partitions(origin.topic).get(origin.partition)
        return partition.at(origin.offset) if partition else None


class Message(NamedTuple):
    """A message that waits in an outbox. `topic` is the short name."""

    topic: str
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(slots=True)
class IntakeState:
    """What Redis says about the intake of one input partition. `offset` is the next to apply."""

    offset: int = 0
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class MirrorState:
    """What Redis says about one evidence partition, in its active view.

    `twins`: trainee -> field -> text; `persons`: the same of what is not twin; `journal`: trainee -> nibble ->
    digest -> packed versions; `carried`: trainee -> nibble -> digest and persona -> packed row; `due`: member -> score;
    `active`: kind of model -> time and version of the one in force; `touched`: trainees who have not told entities yet;
    `archives`: trainee -> last period -> chunk; `words`: trainee -> number -> word of the journal.
    """

    offset: int = 0
    now: int = 0
    twins: dict[str, dict[str, str]] = field(default_factory=dict)
    persons: dict[str, dict[str, str]] = field(default_factory=dict)
    journal: dict[str, dict[str, dict[bytes, bytes]]] = field(default_factory=dict)
    carried: dict[str, dict[str, dict[bytes, bytes]]] = field(default_factory=dict)
    due: dict[str, int] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    outbox: list[Message] = field(default_factory=list)
    active: dict[str, str] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    archives: dict[str, dict[bytes, bytes]] = field(default_factory=dict)
    words: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(slots=True)
class State:
    """Everything read from Redis.

    `entities`: entity's name -> contributor -> stored image, in the active view; `entity_offsets`: cursors of those.
    `damaged`: keys of ours that hold another type, or lie where none belongs; `moving`: cursors moved
    while the state was read.
    """

    intake: dict[tuple[str, int], IntakeState] = field(default_factory=dict)
    mirror: dict[int, MirrorState] = field(default_factory=dict)
    entities: dict[str, dict[str, bytes]] = field(default_factory=dict)
    entity_offsets: dict[int, int] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)
    moving: bool = False
