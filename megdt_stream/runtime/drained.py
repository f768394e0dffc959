"""Waiting until everything published so far is applied and sent.

The deadline is on progress, not on the whole: a large import takes as long as it takes, a stuck worker is
noticed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType, TracebackType
from typing import Any, Final, NamedTuple, Self

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from megdt_stream.errors import Stalled, TopicMissing, Unavailable
from megdt_stream.evidence import topics
from megdt_stream.runtime.query import Cursor, Query

_POLL_SECONDS: Final = 0.1
_ADDRESSED: Final = (*topics.INPUTS, topics.EVIDENCE, topics.CONTRIBUTIONS)

Ends = Mapping[tuple[str, int], int]
"""(topic, partition) -> the offset after its last record."""


class LogEnds:
    """Asks a broker where the input and evidence topics end; reads no record. A context manager."""

    def __init__(self, kafka: str, security: Mapping[str, Any] | None = None) -> None:
        try:
            self._consumer = KafkaConsumer(
                bootstrap_servers=kafka.split(","),
                group_id=None,
                enable_auto_commit=False,
                **(security or {}),
            )
        except (KafkaError, OSError) as error:
            raise Unavailable(f"no Kafka broker answers at {kafka} ({type(error).__name__})") from error
        self._places: list[TopicPartition] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def ask(self) -> dict[tuple[str, int], int]:
        """Give the ends now. Raises TopicMissing, Unavailable."""
        try:
            self._places = self._places or self._find()
            ends = self._consumer.end_offsets(self._places)
        except KafkaError as error:
            raise Unavailable(f"Kafka does not say where its topics end: {error}") from error
        return {(place.topic, place.partition): offset for place, offset in ends.items()}

    def _find(self) -> list[TopicPartition]:
        places = []
        for topic in _ADDRESSED:
            numbers = self._consumer.partitions_for_topic(topic.name)
            if not numbers:
                raise TopicMissing(f"the broker has no topic {topic.name}")
            places += [TopicPartition(topic.name, number) for number in sorted(numbers)]
        return places


class Standing(NamedTuple):
    """Input records not taken by intake yet, evidence not applied yet, contributions to entity twins not applied or
    not made yet, and the cursors behind the figures."""

    unread: int
    unapplied: int
    inputs: Mapping[tuple[str, int], Cursor]
    evidence: Mapping[int, Cursor]
    untold: int = 0
    touched: int = 0
    entities: Mapping[int, Cursor] = MappingProxyType({})

    @property
    def at_rest(self) -> bool:
        """Tell whether nothing of what was asked about is left to do."""
        return not self.unread and not self.unapplied and not self.untold

    @property
    def position(self) -> int:
        """Give a number that grows whenever something is done."""
        return sum(
            cursor.offset for cursor in (*self.inputs.values(), *self.evidence.values(), *self.entities.values())
        )

    @property
    def time_has_come(self) -> bool:
        """Tell whether the last tick of played history is applied: every partition knows the latest time, and every
        trainee has told entities."""
        latest = max((cursor.time for cursor in self.inputs.values()), default=0)
        return all(cursor.time >= latest for cursor in self.evidence.values()) and not self.touched


def standing(query: Query, ends: Ends) -> Standing:
    """Compare the store's cursors with where the logs end."""
    counts = {topic: 1 + max(n for name, n in ends if name == topic) for topic, _ in ends}
    partitions = counts[topics.EVIDENCE.name]
    inputs = query.input_cursors(max(counts.values()))
    evidence = query.evidence_cursors(partitions)
    unread = sum(max(0, end - inputs[place].offset) for place, end in ends.items() if place in inputs)
    unapplied = sum(max(0, ends[topics.EVIDENCE.name, n] - cursor.offset) for n, cursor in evidence.items())
    entities = query.entity_cursors(partitions)
    untold = sum(max(0, ends.get((topics.CONTRIBUTIONS.name, n), 0) - cursor.offset) for n, cursor in entities.items())
    return Standing(unread, unapplied, inputs, evidence, untold, query.touched(partitions), entities)


_ROUNDS: Final = 4
"""How often evidence may cause evidence: once by intake, then as often as pseudonyms are linked in a chain."""


def drain(
    query: Query,
    log: LogEnds,
    *,
    event_clock: bool,
    patience: float = 60.0,
    alive: Callable[[], None] = lambda: None,
    progress: Callable[[Standing], None] = lambda _: None,
) -> Standing:
    """Wait until everything that is in the logs now is applied, and its messages are sent.

    With `event_clock` also until the last tick is applied, so that warnings are those of the history's end.
    `alive` is called between looks and may raise. Raises Stalled after `patience` seconds without progress.
    """
    ends = log.ask()
    moved, position = time.monotonic(), -1
    rounds = _ROUNDS
    while True:
        alive()
        now = standing(query, ends)
        progress(now)
        if now.at_rest and (now.time_has_come or not event_clock) and query.outboxes_empty(len(now.evidence)):
            if not rounds:
                return now
            # What came of the last records, evidence of inputs and what was carried on, is on the log by now.
            rounds, ends = rounds - 1, {**ends, **_evidence(log.ask())}
            continue
        if now.position != position:
            moved, position = time.monotonic(), now.position
        elif time.monotonic() - moved > patience:
            raise Stalled(
                f"nothing was applied for {patience:g} s; {now.unread} inputs and {now.unapplied} records of "
                "evidence wait",
                remedy="see whether a worker runs, and its log",
            )
        time.sleep(_POLL_SECONDS)


def _evidence(ends: Ends) -> Ends:
    made = (topics.EVIDENCE.name, topics.CONTRIBUTIONS.name)
    return {place: end for place, end in ends.items() if place[0] in made}
