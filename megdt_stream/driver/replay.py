"""One person's evidence played again: up to a past moment, or record by record.

What was known at a moment is the twin of the evidence that was available by then. Records carried from pseudonym to
person are not read but made anew, since those on the log carry what came later as well.
"""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final, NamedTuple

import msgspec

from megdt_stream.driver.partitions import Partitions, Step
from megdt_stream.evidence import topics
from megdt_stream.evidence.partition import partition_of
from megdt_stream.evidence.reasons import Reason
from megdt_stream.evidence.record import Activation, Fact, Retraction, Tick
from megdt_stream.governance.overdue import OverdueRule
from megdt_stream.mirror import Record
from megdt_stream.twin.state import Twin

RETRACTS: Final = "retracts"
_HEAD: Final = "head"
_PERSONA: Final = "persona|"


class Entry(NamedTuple):
    """A piece of evidence on the log: its partition, offset and bytes, and the fact that they say."""

    partition: int
    offset: int
    value: bytes
    fact: Fact


class Ticks(NamedTuple):
    """A partition's ticks in the log's order: offsets and times (ms). Arrays, for a year has half a million."""

    offsets: array[int]
    times: array[int]

    @classmethod
    def none(cls) -> Ticks:
        """Give ticks to fill."""
        return cls(array("q"), array("q"))


class Told(NamedTuple):
    """An activation in the trainee's partition, and the time that its ticks had reached there (ms)."""

    when: int
    said: Activation


@dataclass(frozen=True, slots=True)
class Chronicle:
    """All evidence of a trainee and of the pseudonyms that may carry to them, in any order.

    `partitions`: of the evidence topic. `latest`: the last moment that the log tells of (ms, 0 for an empty one).
    """

    trainee: str
    partitions: int
    entries: list[Entry] = field(default_factory=list)
    ticks: dict[int, Ticks] = field(default_factory=dict)
    latest: int = 0
    activations: list[Told] = field(default_factory=list)

    def active(self, kind: str, at: int) -> Activation | None:
        """Give the model of a kind that was in force at a moment (ms)."""
        known = (one.said for one in self.activations if one.when <= at and one.said.kind == kind)
        return max(known, key=lambda said: (said.at, said.version), default=None)

    @property
    def first(self) -> int | None:
        """Give when the first of this trainee's own evidence became available (ms)."""
        return min((one.fact.available for one in self.entries if one.fact.trainee == self.trainee), default=None)


class Change(NamedTuple):
    """A field of the twin (docs/records.md, section 3) before and after, None where absent.

    Beside the twin's fields: `head` (whom the pseudonym belongs to), `persona|<name>` (`on`: its records count here).
    """

    field: str
    before: str | None
    after: str | None


class Event(NamedTuple):
    """What one piece of evidence did: the verdict on it, why it was rejected, and what changed in the twin."""

    fact: Fact
    verdict: str
    reason: str | None
    changes: tuple[Change, ...]


def twin_at(chronicle: Chronicle, rule: OverdueRule, at: int) -> Twin:
    """Give the twin of what was available by `at` (ms), with the warnings that the ticks by then had opened.

    In the order of the log, so that open warnings name the notices that were sent, unless a record carried over
    opened them.
    """
    partitions = Partitions(chronicle.partitions, rule)
    for number, record in _without_idle_ticks(partitions, _in_order_of_the_log(chronicle, at)):
        _play(partitions, number, record)
    return partitions.twin(chronicle.trainee) or Twin()


def twins_at(chronicle: Chronicle, rule: OverdueRule, at: int) -> dict[str, Twin]:
    """Give everybody's twins as `twin_at` gives one: `chronicle` holds the evidence of all."""
    partitions = Partitions(chronicle.partitions, rule)
    for number, record in _without_idle_ticks(partitions, _in_order_of_the_log(chronicle, at)):
        _play(partitions, number, record)
    return {name: twin for shard in partitions.shards for name, twin in shard.state.twins.items()}


def events(chronicle: Chronicle, rule: OverdueRule) -> Iterator[Event]:
    """Give what each piece of evidence did to the twin, in the order in which they became available.

    All of the trainee's own evidence, and of other pseudonyms what changed this twin.
    """
    partitions = Partitions(chronicle.partitions, rule)
    known = _told(None)
    for number, record in _without_idle_ticks(partitions, _in_order_of_availability(chronicle)):
        if isinstance(record.fact, Tick):
            _play(partitions, number, record)
            known = _told(partitions.twin(chronicle.trainee))
            continue
        first, *_ = list(partitions.take(number, record))
        fact: Fact = record.fact  # type: ignore[assignment]  # a chronicle has facts and ticks only
        now = _told(partitions.twin(chronicle.trainee))
        changes = tuple(_changes(known, now))
        known = now
        if changes or fact.trainee == chronicle.trainee:
            yield Event(fact, *_verdict(first, fact), changes)


def _play(partitions: Partitions, number: int, record: Record) -> None:
    for _ in partitions.take(number, record):
        pass


def _without_idle_ticks(partitions: Partitions, ordered: Iterable[tuple[int, Record]]) -> Iterator[tuple[int, Record]]:
    """Leave out ticks that reach no deadline: of those in a row the latest does what all of them would.

    What is given has to be played before the next is asked for.
    """
    waiting: dict[int, Record] = {}
    for number, record in ordered:
        if isinstance(record.fact, Tick):
            earliest = partitions.shards[number].state.deadlines.earliest
            if earliest is None or earliest > record.fact.at:
                waiting[number] = record
                continue
        yield from sorted(waiting.items(), key=itemgetter(0))
        waiting.clear()
        yield number, record
    yield from sorted(waiting.items(), key=itemgetter(0))


# --- order ---


def _in_order_of_the_log(chronicle: Chronicle, at: int) -> Iterator[tuple[int, Record]]:
    """Merge the partitions. Their ticks say what stood beside what: each has all of them."""
    streams = [_stream(chronicle, number, at) for number in sorted(_numbers(chronicle))]
    for _, number, _, record in heapq.merge(*streams, key=itemgetter(0, 1, 2)):
        yield number, record


def _stream(chronicle: Chronicle, number: int, at: int) -> Iterator[tuple[int, int, int, Record]]:
    """Give what one partition tells up to a moment, with the time that its ticks had reached."""
    own = sorted(one for one in chronicle.entries if one.partition == number and one.fact.available <= at)
    evidence = (Record(one.offset, one.value, one.fact) for one in own)
    ticks = zip(*chronicle.ticks.get(number, Ticks.none()), strict=True)
    time = (Record(offset, b"", Tick(when, when)) for offset, when in ticks if when <= at)
    now = 0
    for record in heapq.merge(evidence, time, key=lambda record: record.offset):
        if isinstance(record.fact, Tick):
            now = max(now, record.fact.at)
        yield now, number, record.offset, record


def _in_order_of_availability(chronicle: Chronicle) -> Iterator[tuple[int, Record]]:
    """Give first deliveries by `available`, each before the ticks of that time, with offsets and origins of that order.

    So the mirror takes nothing for a re-delivery because an earlier one became available later.
    """
    seen: dict[tuple[int, str, int], int] = {}
    fresh = []
    for one in sorted(chronicle.entries):
        topic, number, offset = one.fact.origin
        if offset > seen.get((one.partition, topic, number), -1):
            seen[one.partition, topic, number] = offset
            fresh.append(one)
    fresh.sort(key=lambda one: one.fact.available)
    home = partition_of(chronicle.trainee, chronicle.partitions)
    ticks = chronicle.ticks.get(home, Ticks.none()).times
    evidence = ((one.fact.available, 0, one.partition, _placed(one, n)) for n, one in enumerate(fresh))
    time: Iterable[tuple[int, int, int, Fact | Tick]] = ((when, 1, home, Tick(when, when)) for when in sorted(ticks))
    merged = heapq.merge(evidence, time, key=itemgetter(0, 1))
    for offset, (_, _, number, fact) in enumerate(merged):
        yield number, Record(offset, b"", fact)


def _placed(one: Entry, n: int) -> Fact:
    return msgspec.structs.replace(one.fact, origin=(one.fact.origin[0], 0, n))


def _numbers(chronicle: Chronicle) -> set[int]:
    return {one.partition for one in chronicle.entries} | set(chronicle.ticks)


# --- telling ---


def _verdict(step: Step, fact: Fact) -> tuple[str, str | None]:
    ((_, verdict),) = [one for one in step.changes.outcomes if one[1] != "displaced"]
    if verdict == "rejected":
        (said,) = [m for m in step.changes.messages if m.topic == topics.REJECTS.name]
        return verdict, Reason(dict(said.headers)["megdt-reason"].decode()).value
    if verdict in ("applied", "late"):
        return RETRACTS if isinstance(fact, Retraction) else "applied", None
    return verdict, None


def _told(twin: Twin | None) -> Mapping[str, str]:
    """Give all that can change: the fields of a twin, its head and who is carried to it."""
    if twin is None:
        return {}
    told = {name: text if isinstance(text, str) else text.decode() for name, text in twin.fields().items()}
    if twin.head is not None:
        told[_HEAD] = twin.head
    return told | {f"{_PERSONA}{name}": "on" for name, register in (twin.personas or {}).items() if register.on}


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield Change(name, before.get(name), after.get(name))
