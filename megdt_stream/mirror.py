"""The mirror's step: a batch of evidence records becomes one commit.

Pure: a partition's state, the records and what the store holds of them go in, the changes to commit come out. The
driver around it (`runtime.agents`) does the I/O and throws the state away whenever a commit is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Final, NamedTuple, TypeAlias

import msgspec

from megdt_stream.evidence import record, topics
from megdt_stream.evidence.reasons import Reason
from megdt_stream.evidence.record import Evidence, Fact, Tick
from megdt_stream.governance import notice, overdue
from megdt_stream.governance.notice import Cause
from megdt_stream.governance.overdue import Finding, OverdueRule
from megdt_stream.twin.fold import Verdict, fold
from megdt_stream.twin.journal import Row
from megdt_stream.twin.state import Twin

RowKey: TypeAlias = tuple[str, str]
"""A journal row's name: trainee and record hash."""

InputPartition: TypeAlias = tuple[str, int]
"""An input partition: short topic and number."""

LATE_MS: Final = 7 * 24 * 3600 * 1000
"""Evidence available over a week after it happened is labelled late. A label and a metric, never a reason to leave
it out."""


class Record(msgspec.Struct, frozen=True, gc=False):
    """One evidence record off the log; `fact` is None where the bytes are not evidence."""

    offset: int
    value: bytes
    fact: Evidence | None


class Message(msgspec.Struct, frozen=True, gc=False):
    """An outgoing message: the evidence offset that caused it and its index there order it."""

    offset: int
    index: int
    topic: str
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


class FoldFailed(Exception):
    """The step failed on one record. The state is spoilt; drop it, and condemn the record if it fails again."""

    def __init__(self, offset: int) -> None:
        """Name the record."""
        super().__init__(f"the step failed on the evidence at offset {offset}")
        self.offset = offset


class Deadlines:
    """When to look again at what: the partition's index of pending expectations, in memory and in due order."""

    def __init__(self, due: Iterable[tuple[str, int]] = ()) -> None:
        """Take (member, due) pairs as the store holds them."""
        self._due = dict(due)
        self._heap = [(due, member) for member, due in self._due.items()]
        self._heap.sort()

    def set(self, member: str, due: int | None) -> bool:
        """Set or clear a deadline; tell whether that changed anything."""
        if self._due.get(member) == due:
            return False
        if due is None:
            del self._due[member]
        else:
            self._due[member] = due
            heappush(self._heap, (due, member))
        return True

    def reached(self, now: int) -> list[str]:
        """Name the members due at or before `now`, earliest first, without taking them."""
        return [member for due, member in sorted((due, m) for m, due in self._due.items() if due <= now)]

    def pop(self, now: int) -> list[str]:
        """Take the members due at or before `now`, earliest first."""
        taken: list[str] = []
        heap = self._heap
        while heap and heap[0][0] <= now:
            due, member = heappop(heap)
            # Entries whose deadline moved since stay behind in the heap; the dict has the truth.
            if self._due.get(member) == due:
                del self._due[member]
                taken.append(member)
        return taken

    @property
    def earliest(self) -> int | None:
        """Give the earliest entry's time, a lower bound of the next deadline."""
        return self._heap[0][0] if self._heap else None


@dataclass(slots=True)
class Partition:
    """What the mirror knows of one evidence partition while it owns it. Dies with the ownership."""

    number: int
    now: int = 0
    seen: dict[InputPartition, int] = field(default_factory=dict)
    deadlines: Deadlines = field(default_factory=Deadlines)
    twins: dict[str, Twin] = field(default_factory=dict)


class Needs(NamedTuple):
    """What the store must be asked before a step."""

    trainees: list[str]
    rows: list[RowKey]


@dataclass(slots=True)
class Changes:
    """What a step changes, ready to be committed in one piece."""

    now: int
    fields: dict[str, set[str]] = field(default_factory=dict)
    rows: dict[RowKey, Row] = field(default_factory=dict)
    deadlines: dict[str, int | None] = field(default_factory=dict)
    seen: dict[InputPartition, int] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    outcomes: dict[tuple[str, str], int] = field(default_factory=dict)

    def count(self, topic: str, outcome: str) -> None:
        """Count one event of an input topic under an outcome."""
        key = topic, outcome
        self.outcomes[key] = self.outcomes.get(key, 0) + 1

    @property
    def counts(self) -> dict[str, int]:
        """Give the counters of docs/records.md, section 6: `<short topic>:<accepted|duplicate|rejected>`."""
        counts: Counter[str] = Counter()
        for (topic, outcome), n in self.outcomes.items():
            for name, sign in _COUNTED.get(outcome, ()):
                counts[f"{topic}:{name}"] += sign * n
        return {name: n for name, n in counts.items() if n}


_COUNTED: Final = {
    "applied": (("accepted", 1),),
    "late": (("accepted", 1),),
    "superseded": (("accepted", 1),),
    "duplicate": (("duplicate", 1),),
    "rejected": (("rejected", 1),),
    # A version that lost its place to a smaller digest was counted accepted: the unit moves.
    "displaced": (("accepted", -1), ("rejected", 1)),
}


def read(records: Iterable[tuple[int, bytes | None]]) -> list[Record]:
    """Decode a batch; what does not decode is kept and rejected by the step."""
    decode = record.decode
    batch = []
    for offset, value in records:
        try:
            fact: Evidence | None = decode(value or b"")
        except (ValueError, RecursionError):
            fact = None
        batch.append(Record(offset, value or b"", fact))
    return batch


def needs(partition: Partition, batch: Sequence[Record]) -> Needs:
    """Say which twins and journal rows a batch needs from the store."""
    trainees: dict[str, None] = {}
    rows: dict[RowKey, None] = {}
    seen, twins = partition.seen, partition.twins
    latest = 0
    for entry in batch:
        fact = entry.fact
        if isinstance(fact, Tick):
            latest = max(latest, fact.at)
        elif fact is not None:
            topic, number, offset = fact.origin
            if offset <= seen.get((topic, number), -1):
                continue
            trainee = fact.trainee
            if trainee not in twins:
                trainees[trainee] = None
            rows[trainee, fact.h] = None
    if latest and (earliest := partition.deadlines.earliest) is not None and earliest <= latest:
        for member in partition.deadlines.reached(latest):
            trainee = member.split("|", 1)[0]
            if trainee not in twins:
                trainees[trainee] = None
    return Needs(list(trainees), list(rows))


def step(
    partition: Partition,
    batch: Sequence[Record],
    rows: Mapping[RowKey, Row],
    rule: OverdueRule,
    condemned: frozenset[int] = frozenset(),
) -> Changes:
    """Fold a batch into a partition's twins and let the rules speak, in record order.

    All of `needs(partition, batch)` must have been loaded: twins into `partition.twins`, rows as `rows` (absent: new).
    Raises FoldFailed; the partition must then be thrown away.
    """
    run = _Step(partition, rows, rule)
    for entry in batch:
        try:
            run.take(entry, entry.offset in condemned)
        except Exception as error:
            raise FoldFailed(entry.offset) from error
    return run.changes


class _Step:
    __slots__ = ("changes", "partition", "rows", "rule")

    def __init__(self, partition: Partition, rows: Mapping[RowKey, Row], rule: OverdueRule) -> None:
        self.partition = partition
        self.rows = rows
        self.rule = rule
        self.changes = Changes(partition.now)

    def take(self, entry: Record, condemned: bool) -> None:
        fact = entry.fact
        if fact is None:
            # No origin can be read from it, so it is in no input's count.
            place = topics.EVIDENCE.short, self.partition.number, entry.offset
            self._message(entry.offset, topics.REJECTS.name, *_reject(entry, None, Reason.UNDECODABLE, place))
        elif isinstance(fact, Tick):
            self._tick(entry.offset, fact)
        elif self._first_delivery(fact):
            if condemned:
                self._rejected(entry, fact, Reason.INTERNAL_ERROR)
            else:
                self._fold(entry, fact)

    def _first_delivery(self, fact: Fact) -> bool:
        topic, number, offset = fact.origin
        source = topic, number
        seen = self.partition.seen
        if offset <= seen.get(source, -1):
            self.changes.count(topic, "redelivered")
            return False
        seen[source] = self.changes.seen[source] = offset
        return True

    # --- evidence ---

    def _fold(self, entry: Record, fact: Fact) -> None:
        changes, trainee = self.changes, fact.trainee
        key = trainee, fact.h
        known = changes.rows.get(key) or self.rows.get(key, ())
        folded = fold(self.partition.twins[trainee], known, fact)
        verdict = folded.verdict
        if verdict is Verdict.APPLIED or verdict is Verdict.SUPERSEDED:
            changes.rows[key] = folded.row
            if folded.displaced is not None:
                self._displaced(entry, fact, folded.displaced)
            if folded.touched:
                self._changed(trainee, folded.touched)
                self._examine(entry.offset, fact, folded.touched)
            late = verdict is Verdict.APPLIED and fact.available - fact.happened > LATE_MS
            changes.count(fact.origin[0], "late" if late else verdict.value)
        elif verdict is Verdict.DUPLICATE:
            changes.count(fact.origin[0], "duplicate")
        else:
            self._rejected(entry, fact, Reason(verdict.value))

    def _changed(self, trainee: str, fields: Iterable[str]) -> None:
        changed = self.changes.fields.get(trainee)
        if changed is None:
            self.changes.fields[trainee] = set(fields)
        else:
            changed.update(fields)

    def _rejected(self, entry: Record, fact: Fact, reason: Reason) -> None:
        self.changes.count(fact.origin[0], "rejected")
        self._message(entry.offset, topics.REJECTS.name, *_reject(entry, fact, reason, fact.origin))

    def _displaced(self, entry: Record, fact: Fact, loser: record.Origin) -> None:
        """Reject the version that lost its place; the newcomer is accepted instead."""
        self.changes.count(loser[0], "displaced")
        self._message(entry.offset, topics.REJECTS.name, *_reject(None, fact, Reason.ID_CONFLICT, loser))

    # --- time ---

    def _tick(self, offset: int, tick: Tick) -> None:
        partition = self.partition
        if tick.at <= partition.now:
            return
        partition.now = self.changes.now = tick.at
        for member in partition.deadlines.pop(tick.at):
            self.changes.deadlines[member] = None
            trainee, rotation, key = member.split("|")
            twin = partition.twins[trainee]
            finding = overdue.examine(twin, rotation, key, partition.now, self.rule.grace_ms)
            self._act(offset, trainee, twin, finding, None)

    # --- rules ---

    def _examine(self, offset: int, fact: Fact, touched: Iterable[str]) -> None:
        trainee, now, grace = fact.trainee, self.partition.now, self.rule.grace_ms
        twin = self.partition.twins[trainee]
        for name in touched:
            kind = name[0]
            if kind == "a":
                _, rotation, key = name.split("|")
                if f"r|{rotation}" in twin.slots:
                    self._act(offset, trainee, twin, overdue.examine(twin, rotation, key, now, grace), fact)
            elif kind == "r":
                rotation = name.split("|")[1]
                for finding in overdue.examine_rotation(twin, rotation, now, grace):
                    self._act(offset, trainee, twin, finding, fact)

    def _act(self, offset: int, trainee: str, twin: Twin, finding: Finding, fact: Fact | None) -> None:
        member = f"{trainee}|{finding.rotation}|{finding.key}"
        if self.partition.deadlines.set(member, finding.deadline):
            self.changes.deadlines[member] = finding.deadline
        if finding.transition is None:
            return
        now = self.partition.now
        said = notice.warning(
            self.rule,
            trainee,
            finding,
            now,
            Cause(self.partition.number, offset),
            _evidence(twin, finding.rotation, fact),
        )
        name = overdue.standing_field(finding.rotation, finding.key)
        if finding.transition == "opened":
            due, count = finding.expected[2], finding.expected[1]  # type: ignore[index]
            twin.standing[name] = [now, said.id, due, count]
        else:
            del twin.standing[name]
        self._changed(trainee, (name,))
        self._message(offset, topics.ALERTS.name, trainee.encode(), said.value, ())

    def _message(
        self, offset: int, topic: str, key: bytes, value: bytes, headers: tuple[tuple[str, bytes], ...]
    ) -> None:
        messages = self.changes.messages
        index = messages[-1].index + 1 if messages and messages[-1].offset == offset else 0
        messages.append(Message(offset, index, topic, key, value, headers))


def _evidence(twin: Twin, rotation: str, fact: Fact | None) -> list[dict[str, str]]:
    steps = twin.slots.get(f"r|{rotation}", {})
    said = [{"h": name[name.rindex("|") + 1 :]} for name in sorted(steps)]
    if fact is not None:
        said = [item for item in said if item["h"] != fact.h]
        said.append({"source": fact.source, "id": fact.id, "h": fact.h})
    return said


def _reject(
    entry: Record | None, fact: Fact | None, reason: Reason, origin: record.Origin
) -> tuple[bytes, bytes, tuple[tuple[str, bytes], ...]]:
    """Word a rejection found by the mirror: the evidence itself, or a reference where another version displaced it."""
    topic, partition, offset = topics.BY_SHORT[origin[0]].name, origin[1], origin[2]
    headers = {
        "megdt-reason": reason.value,
        "megdt-detail": _DETAIL.get(reason, ""),
        "megdt-path": "",
        "megdt-stage": "mirror",
        "megdt-topic": topic,
        "megdt-partition": str(partition),
        "megdt-offset": str(offset),
        "megdt-timestamp": str(fact.available if fact else 0),
        "megdt-key": "",
        "megdt-form": "evidence" if entry else "reference",
    }
    key = f"{topic}/{partition}/{offset}".encode()
    return key, entry.value if entry else b"", tuple((name, text.encode()) for name, text in headers.items())


_DETAIL: Final = {
    Reason.ID_CONFLICT: "the same (source, id, revision) stands with other content",
    Reason.TOO_MANY_REVISIONS: "the record has 64 versions already",
    Reason.INTERNAL_ERROR: "the fold failed on this record",
    Reason.UNDECODABLE: "not canonical evidence",
}
