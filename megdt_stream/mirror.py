"""The mirror's step: a batch of evidence records becomes one commit.

Pure: a partition's state, the records and what the store holds of them go in, the changes to commit come out. The
driver around it (`runtime.agents`) does the I/O and throws the state away whenever a commit is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Final, NamedTuple, TypeAlias

import msgspec

from megdt_stream.evidence import record, topics
from megdt_stream.evidence.reasons import Reason
from megdt_stream.evidence.record import Carried, Evidence, Fact, Identity, Retraction, Tick
from megdt_stream.governance import notice, overdue
from megdt_stream.governance.notice import Cause
from megdt_stream.governance.overdue import Finding, OverdueRule
from megdt_stream.twin import person
from megdt_stream.twin.fold import Folded, Verdict, admit, apply, fold, withdraw
from megdt_stream.twin.journal import Row
from megdt_stream.twin.person import NOBODY, Candidate, Held
from megdt_stream.twin.state import Register, Twin

RowKey: TypeAlias = tuple[str, str]
"""A journal row's name: trainee and record hash."""

HeldKey: TypeAlias = tuple[str, str, str]
"""A carried row's name: trainee, record hash and the pseudonym that carries it."""

InputPartition: TypeAlias = tuple[str, int]
"""An input partition: short topic and number."""

ROWS_A_RECORD: Final = 400
"""Most rows in one record that carries them, so that it stays well below what the topic takes."""

_IDENTITIES: Final = topics.IDENTITIES.short

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
    """What the store must be asked before a step.

    `whole` names pseudonyms whose every row, own and carried, is needed: a link changes what becomes of all.
    """

    trainees: list[str]
    rows: list[RowKey]
    whole: tuple[str, ...] = ()


@dataclass(slots=True)
class Rows:
    """Journal rows and carried rows, as the store holds them."""

    own: dict[RowKey, Row] = field(default_factory=dict)
    carried: dict[HeldKey, Held] = field(default_factory=dict)


@dataclass(slots=True)
class Changes:
    """What a step changes, ready to be committed in one piece."""

    now: int
    fields: dict[str, set[str]] = field(default_factory=dict)
    rows: dict[RowKey, Row] = field(default_factory=dict)
    carried: dict[HeldKey, Held | None] = field(default_factory=dict)
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
    whole: dict[str, None] = {}
    seen, twins = partition.seen, partition.twins
    latest = 0
    for entry in batch:
        fact = entry.fact
        if isinstance(fact, Tick):
            latest = max(latest, fact.at)
            continue
        if fact is None:
            continue
        trainee = fact.trainee
        if isinstance(fact, Carried):
            for carried in fact.rows:
                rows[trainee, carried.h] = None
            if fact.state != "some":
                whole[trainee] = None
        else:
            topic, number, offset = fact.origin
            if offset <= seen.get((topic, number), -1):
                continue
            rows[trainee, fact.h] = None
            if topic == _IDENTITIES and isinstance(fact, (Identity, Retraction)):
                whole[trainee] = None
        if trainee not in twins:
            trainees[trainee] = None
    if latest and (earliest := partition.deadlines.earliest) is not None and earliest <= latest:
        for member in partition.deadlines.reached(latest):
            trainee = member.split("|", 1)[0]
            if trainee not in twins:
                trainees[trainee] = None
    return Needs(list(trainees), list(rows), tuple(whole))


def needs_whole(needed: Needs, rows: Rows) -> tuple[str, ...]:
    """Say who else is needed whole, now that the rows are known: whose link a batch may replace by something else."""
    links = (key[0] for key, row in rows.own.items() if any(slot[:2] == "i|" for v in row for slot in v.slots))
    return tuple(trainee for trainee in dict.fromkeys(links) if trainee not in needed.whole)


def needs_carried(partition: Partition, needed: Needs) -> list[HeldKey]:
    """Say which carried rows a batch needs, once the twins of `needed` are in the partition."""
    twins = partition.twins
    return [
        (trainee, h, persona)
        for trainee, h in needed.rows
        for persona in twins[trainee].personas or ()
        if trainee not in needed.whole
    ]


def step(
    partition: Partition,
    batch: Sequence[Record],
    rows: Rows,
    rule: OverdueRule,
    condemned: frozenset[int] = frozenset(),
) -> Changes:
    """Fold a batch into a partition's twins and let the rules speak, in record order.

    All of `needs`, `needs_whole` and `needs_carried` must have been loaded: twins into `partition.twins`, rows as
    `rows` (absent: new).
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

    def __init__(self, partition: Partition, rows: Rows, rule: OverdueRule) -> None:
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
        elif isinstance(fact, Carried):
            self._receive(entry, fact, condemned)
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
        changes, trainee, h = self.changes, fact.trainee, fact.h
        known = self._row(trainee, h)
        twin = self.partition.twins[trainee]
        head = twin.head
        before = self._stands(trainee, h) if head is not None else None
        # Hardly any pseudonym has others carried to it: only then may something else stand in front of its own.
        folded = self._fold_among(twin, known, fact) if twin.personas else fold(twin, known, fact)
        verdict = folded.verdict
        if verdict is Verdict.APPLIED or verdict is Verdict.SUPERSEDED:
            changes.rows[trainee, h] = folded.row
            if folded.displaced is not None:
                self._displaced(entry, fact, folded.displaced)
            if folded.touched:
                self._changed(trainee, folded.touched)
            moved = [h] if head is not None and self._stands(trainee, h) != before else []
            self._spread(entry.offset, trainee, head, moved, folded.touched, fact)
            late = verdict is Verdict.APPLIED and fact.available - fact.happened > LATE_MS
            changes.count(fact.origin[0], "late" if late else verdict.value)
        elif verdict is Verdict.DUPLICATE:
            changes.count(fact.origin[0], "duplicate")
        else:
            self._rejected(entry, fact, Reason(verdict.value))

    def _row(self, trainee: str, h: str) -> Row:
        key = trainee, h
        return self.changes.rows.get(key) or self.rows.own.get(key, ())

    # --- persons ---

    def _fold_among(self, twin: Twin, row: Row, fact: Fact) -> Folded:
        """Fold a fact where carried rows may stand in front of it."""
        admitted = admit(row, fact)
        if not admitted.stands:
            return Folded(admitted.verdict, admitted.row, [], admitted.displaced)
        trainee, carried = fact.trainee, self._carried(fact.trainee, fact.h)
        was = person.own_candidate(twin, row)
        before = person.best(trainee, twin, was, carried)
        touched = []
        if admitted.before is not None and was is None:  # a link: it stands in its own right
            touched += withdraw(twin, (), admitted.before.slots)
        own: Candidate | None = None
        if isinstance(fact, Identity):
            touched += apply(twin, admitted.given)
        else:
            own = Candidate(fact.rev, bytes.fromhex(fact.d), (), admitted.given.sums, admitted.given.slots)
        stands = person.best(trainee, twin, own, carried)
        touched += person.replace(twin, before, stands)
        touched += person.shade(twin, was, own, stands)
        return Folded(admitted.verdict, admitted.row, touched, admitted.displaced)

    def _carried(self, trainee: str, h: str) -> dict[str, Held]:
        """Give what is carried under a record hash: persona -> row."""
        found = {}
        for persona in self.partition.twins[trainee].personas or ():
            held = self._held((trainee, h, persona))
            if held is not None:
                found[persona] = held
        return found

    def _held(self, key: HeldKey) -> Held | None:
        return self.changes.carried[key] if key in self.changes.carried else self.rows.carried.get(key)

    def _stands(self, trainee: str, h: str) -> Candidate | None:
        twin = self.partition.twins[trainee]
        return person.best(trainee, twin, person.own_candidate(twin, self._row(trainee, h)), self._carried(trainee, h))

    def _receive(self, entry: Record, carried: Carried, condemned: bool) -> None:
        """Take what a pseudonym carries over to its head."""
        if condemned:
            place = topics.EVIDENCE.short, self.partition.number, entry.offset
            self._message(entry.offset, topics.REJECTS.name, *_reject(entry, None, Reason.INTERNAL_ERROR, place))
            return
        trainee, persona, seq = carried.trainee, carried.persona, carried.seq
        twin = self.partition.twins[trainee]
        head = twin.head
        register = (twin.personas or {}).get(persona, NOBODY)
        turned = person.turned(register, carried.state, seq)
        known = self._carried_by(trainee, persona) if turned else []
        hashes = dict.fromkeys((*known, *(row.h for row in carried.rows)))
        owns = {h: person.own_candidate(twin, self._row(trainee, h)) for h in hashes}
        before = {h: person.best(trainee, twin, owns[h], self._carried(trainee, h)) for h in hashes}
        if turned or persona not in (twin.personas or ()):
            twin.register(persona, turned or register)
            self._changed(trainee, (f"p|{persona}",))
        self._keep(carried, turned or register, known if turned else [])
        touched: list[str] = []
        moved: list[str] = []
        for h in hashes:
            stands = person.best(trainee, twin, owns[h], self._carried(trainee, h))
            touched += person.replace(twin, before[h], stands)
            touched += person.shade(twin, owns[h], owns[h], stands)
            if stands != before[h]:
                moved.append(h)
        if touched:
            self._changed(trainee, touched)
        self._spread(entry.offset, trainee, head, moved, touched, None)

    def _keep(self, carried: Carried, register: Register, known: Iterable[str]) -> None:
        """Forget the rows that a register has overtaken and keep those that are news."""
        trainee, persona, seq = carried.trainee, carried.persona, carried.seq
        for h in known:
            held = self._held((trainee, h, persona))
            if held is not None and held.seq < register.base:
                self.changes.carried[trainee, h, persona] = None
        for row in carried.rows:
            key = trainee, row.h, persona
            if person.takes(register, self._held(key), seq):
                self.changes.carried[key] = person.held(seq, row)

    def _carried_by(self, trainee: str, persona: str) -> list[str]:
        """Name the record hashes that a pseudonym carries here."""
        names = {*self.rows.carried, *self.changes.carried}
        return sorted(h for name, h, by in names if name == trainee and by == persona)

    def _spread(
        self, offset: int, trainee: str, head: str | None, moved: list[str], touched: Iterable[str], fact: Fact | None
    ) -> None:
        """Carry on what changed at a pseudonym, and let the rules look at it; `head` is the one it had before."""
        twin = self.partition.twins[trainee]
        now = twin.head
        if now == head:
            if now is not None and moved:
                self._carry(offset, trainee, now, "some", moved)
            self._examine(offset, trainee, touched, fact)
            return
        if head is not None:
            self._carry(offset, trainee, head, "none", [])
        if now is not None:
            self._carry(offset, trainee, now, "all", self._standing_hashes(trainee))
        self._examine_all(offset, trainee, fact)

    def _standing_hashes(self, trainee: str) -> list[str]:
        own = {h for name, h in (*self.rows.own, *self.changes.rows) if name == trainee}
        carried = {h for name, h, _ in (*self.rows.carried, *self.changes.carried) if name == trainee}
        return sorted(h for h in own | carried if self._stands(trainee, h) is not None)

    def _carry(self, offset: int, trainee: str, head: str, state: str, hashes: list[str]) -> None:
        """Send rows over to the head: as they stand now, or that nothing stands any more."""
        rows = [person.carried_row(trainee, h, self._stands(trainee, h)) for h in hashes]
        for at in range(0, max(1, len(rows)), ROWS_A_RECORD):
            piece = tuple(rows[at : at + ROWS_A_RECORD])
            said = Carried(head, trainee, offset, state if at == 0 else "some", piece)  # type: ignore[arg-type]
            self._message(offset, topics.EVIDENCE.name, head.encode(), record.encode(said), ())

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

    def _examine(self, offset: int, trainee: str, touched: Iterable[str], fact: Fact | None) -> None:
        now, grace = self.partition.now, self.rule.grace_ms
        twin = self.partition.twins[trainee]
        for name in touched:
            kind = name[0]
            if kind == "a":
                _, rotation, key = name.split("|")
                if f"r|{rotation}" in twin.slots:
                    self._act(offset, trainee, twin, overdue.examine(twin, rotation, key, now, grace), fact)
            elif kind == "r":
                self._examine_rotation(offset, trainee, name.split("|")[1], fact)

    def _examine_rotation(self, offset: int, trainee: str, rotation: str, fact: Fact | None) -> None:
        twin = self.partition.twins[trainee]
        for finding in overdue.examine_rotation(twin, rotation, self.partition.now, self.rule.grace_ms):
            self._act(offset, trainee, twin, finding, fact)

    def _examine_all(self, offset: int, trainee: str, fact: Fact | None) -> None:
        """Look at every rotation: a pseudonym began or ceased to stand for itself."""
        twin = self.partition.twins[trainee]
        rotations = {group[2:] for group in twin.slots if group.startswith("r|")}
        rotations |= {name.split("|")[2] for name in twin.standing}
        for rotation in sorted(rotations):
            self._examine_rotation(offset, trainee, rotation, fact)

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
        "megdt-source": fact.source if fact else "",
    }
    key = f"{topic}/{partition}/{offset}".encode()
    return key, entry.value if entry else b"", tuple((name, text.encode()) for name, text in headers.items())


_DETAIL: Final = {
    Reason.ID_CONFLICT: "the same (source, id, revision) stands with other content",
    Reason.TOO_MANY_REVISIONS: "the record has 64 versions already",
    Reason.INTERNAL_ERROR: "the fold failed on this record",
    Reason.UNDECODABLE: "not canonical evidence",
}
