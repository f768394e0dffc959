"""The store in a dictionary: the same calls and answers as `Store`, without Redis.

A test driver, so that stages and the transport run without a server; nothing survives the process. Twins and rows
are kept as the bytes Redis would hold, so whatever does not survive being stored does not survive here either.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from megdt_stream.errors import TopicRecreated, TwinFormat
from megdt_stream.mirror import Changes, Deadlines, HeldKey, InputPartition, Needs, Partition, RowKey, Rows
from megdt_stream.runtime import stored as stores
from megdt_stream.runtime.store import (
    Commit,
    Outgoing,
    Pending,
    Refused,
    Taken,
    format_of,
    other_format,
    pack_message,
    unpack_message,
)
from megdt_stream.twin import journal, person
from megdt_stream.twin.person import Held
from megdt_stream.twin.state import Twin


@dataclass(slots=True)
class Own:
    """Who owns a partition and where work resumes; `offset` is None before the first take."""

    generation: int | None = None
    token: str = ""
    offset: int | None = None
    topic_id: str | None = None
    view: str = "a"
    now: int = 0
    watermark: int = -1
    replay_until: int = 0
    format: str = ""


@dataclass(slots=True)
class View:
    """One generation of an evidence partition's twins."""

    twins: dict[str, dict[str, bytes]] = field(default_factory=lambda: defaultdict(dict))
    persons: dict[str, dict[str, bytes]] = field(default_factory=lambda: defaultdict(dict))
    archives: dict[str, dict[str, bytes]] = field(default_factory=lambda: defaultdict(dict))
    words: dict[str, dict[str, bytes]] = field(default_factory=lambda: defaultdict(dict))
    rows: dict[RowKey, bytes] = field(default_factory=dict)
    carried: dict[HeldKey, bytes] = field(default_factory=dict)
    due: dict[str, int] = field(default_factory=dict)
    seen: dict[InputPartition, int] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    touched: set[str] = field(default_factory=set)
    active: dict[str, tuple[int, str]] = field(default_factory=dict)
    sent: dict[str, dict[str, bytes]] = field(default_factory=lambda: defaultdict(dict))


class MemoryLedger:
    """Cursors, twins, pending batches and outboxes in dictionaries."""

    def __init__(self) -> None:
        """Start with nothing stored."""
        self._own: dict[tuple[str, int], Own] = defaultdict(Own)
        self._pending: dict[tuple[str, int], Pending] = {}
        self._views: dict[tuple[int, str], View] = defaultdict(View)
        self._outbox: dict[int, dict[bytes, int]] = defaultdict(dict)
        self.counts: dict[tuple[str, int], Counter[str]] = defaultdict(Counter)
        """Intake's counters, by topic and partition."""

    def view(self, partition: int, letter: str = "a") -> View:
        """Give what is stored of an evidence partition's twins."""
        return self._views[partition, letter]

    async def close(self) -> None:
        """Nothing is open."""

    # --- taking ---

    async def take(
        self, topic: str, partition: int, generation: int, log: tuple[int, int], topic_id: str, over: str = ""
    ) -> Taken | Refused:
        """Take a partition under a new token. Raises TopicRecreated, TwinFormat."""
        own = self._own[topic, partition]
        if own.topic_id is not None and own.topic_id != topic_id:
            raise TopicRecreated(f"{topic} has id {topic_id}, the cursor was written for {own.topic_id}")
        format_ = format_of(topic)
        if own.format and own.format != format_:
            raise TwinFormat(other_format(partition, int(own.format)))
        held = own.generation
        if held is not None and generation < held and str(held) != over:
            return Refused(held, own.offset or 0)
        own.generation, own.token, own.topic_id = generation, f"{generation}.{uuid4().hex}", topic_id
        own.format = format_
        created = own.offset is None
        if own.offset is None:
            own.offset, own.replay_until = log
        return Taken(own.token, own.offset, created, own.view, own.now, own.replay_until)

    async def partition(self, number: int, taken: Taken) -> Partition:
        """Load what the mirror holds of a partition in memory, twins apart."""
        view = self._views[number, taken.view]
        touched = dict.fromkeys(sorted(view.touched))
        due, seen, active = Deadlines(view.due.items()), dict(view.seen), dict(view.active)
        return Partition(number, taken.now, seen, due, touched=touched, active=active)

    async def load_sent(self, number: int, view: str, trainees: Sequence[str]) -> dict[str, dict[str, bytes]]:
        """Load what trainees have told entities: digest by the entity's name."""
        return {trainee: dict(self._views[number, view].sent.get(trainee, {})) for trainee in trainees}

    def _fence(self, topic: str, partition: int, token: str, base: int, end: int | None = None) -> Commit:
        own = self._own[topic, partition]
        if own.token != token or not token:
            return Commit.OTHER_TOKEN
        if own.offset == base:
            return Commit.DONE
        return Commit.DONE_BEFORE if end is not None and own.offset == end else Commit.OTHER_OFFSET

    # --- the mirror's batch ---

    async def load(self, number: int, view: str, needs: Needs) -> tuple[dict[str, Twin], Rows]:
        """Load the twins and the known journal rows a batch needs."""
        stored = self._views[number, view]
        twins = {
            trainee: stores.read_twin(
                (*_pairs(stored.twins.get(trainee)), *_pairs(stored.persons.get(trainee))),
                _pairs(stored.archives.get(trainee)),
                _pairs(stored.words.get(trainee)),
            )
            for trainee in needs.trainees
        }
        wanted = {*needs.rows, *(key for key in stored.rows if key[0] in needs.whole)} & stored.rows.keys()
        words = {name: stores.read_words(_pairs(stored.words.get(name))) for name in {key[0] for key in wanted}}
        rows = Rows()
        rows.own = {key: journal.unpack(stored.rows[key], key[1], words[key[0]]) for key in wanted}
        rows.carried = {key: person.unpack(row) for key, row in stored.carried.items() if key[0] in needs.whole}
        return twins, rows

    async def load_carried(self, number: int, view: str, needed: Sequence[HeldKey]) -> dict[HeldKey, Held]:
        """Load the carried rows a batch needs."""
        stored = self._views[number, view].carried
        return {key: person.unpack(stored[key]) for key in needed if key in stored}

    async def commit(
        self,
        topic: str,
        partition: Partition,
        taken: Taken,
        base: int,
        end: int,
        changes: Changes,
        caused: Mapping[int, int],
    ) -> Commit:
        """Write everything a batch changed, if the partition is still ours and stands at `base`."""
        verdict = self._fence(topic, partition.number, taken.token, base, end)
        if verdict is not Commit.DONE:
            return verdict
        view = self._views[partition.number, taken.view]
        _write_twins(view, partition, changes)
        _write_rows(view, partition, changes)
        for key, held in changes.carried.items():
            if held is None:
                view.carried.pop(key, None)
            else:
                view.carried[key] = person.pack(held)
        _write_deadlines(view, changes)
        _write_contributed(view, changes)
        view.seen.update(changes.seen)
        for name, n in changes.counts.items():
            view.counts[name] += n
        for message in changes.messages:
            member = pack_message(message, caused.get(message.offset, 0))
            self._outbox[partition.number][member] = message.offset
        own = self._own[topic, partition.number]
        own.offset, own.now = end, changes.now
        return verdict

    # --- intake's batch ---

    async def pending(self, topic: str, partition: int) -> Pending | None:
        """Give the batch that an earlier owner decided and did not settle."""
        return self._pending.get((topic, partition))

    async def propose(self, topic: str, partition: int, token: str, batch: Pending) -> Commit:
        """Keep a decided batch before it is produced."""
        verdict = self._fence(topic, partition, token, batch.base)
        if verdict is Commit.DONE:
            self._pending[topic, partition] = batch
        return verdict

    async def settle(
        self,
        topic: str,
        partition: int,
        token: str,
        base: int,
        end: int,
        watermark: int,
        counts: Mapping[str, int],
    ) -> Commit:
        """Step over a produced batch."""
        verdict = self._fence(topic, partition, token, base, end)
        if verdict is Commit.DONE:
            own = self._own[topic, partition]
            own.offset, own.watermark = end, max(own.watermark, watermark)
            self.counts[topic, partition].update(counts)
            self._pending.pop((topic, partition), None)
        return verdict

    async def cursor(self, topic: str, partition: int) -> tuple[int, int]:
        """Give (offset, watermark) of a partition, -1 where there is none."""
        own = self._own[topic, partition]
        return -1 if own.offset is None else own.offset, own.watermark

    async def restore(
        self,
        topic: str,
        partition: int,
        topic_id: str,
        offset: int,
        watermark: int,
        counts: Mapping[str, int],
    ) -> bool:
        """Set a lost cursor and its counters; nothing happens, and False is given, where one is in use."""
        own = self._own[topic, partition]
        if own.offset is not None and (self.counts[topic, partition] or (topic, partition) in self._pending):
            return False
        own.token, own.offset, own.topic_id, own.watermark = "", offset, topic_id, watermark
        self.counts[topic, partition] = Counter(dict(counts))
        return True

    # --- outbox ---

    async def outgoing(self, partition: int, limit: int) -> list[Outgoing]:
        """Give the oldest outgoing messages of a partition."""
        ordered = sorted((offset, member) for member, offset in self._outbox[partition].items())
        return [Outgoing(member, *unpack_message(member, offset)) for offset, member in ordered[:limit]]

    async def clear(self, partition: int, members: Sequence[bytes]) -> None:
        """Remove exactly these messages."""
        for member in members:
            self._outbox[partition].pop(member, None)

    async def outbox_size(self, partition: int) -> int:
        """Count the messages that wait."""
        return len(self._outbox[partition])

    # --- rebuild ---

    async def switch(self, topic: str, partition: int, old: str, new: str, offset: int, now: int) -> bool:
        """Make a rebuilt view the live one, if the live cursor stands where the rebuild does."""
        own = self._own[topic, partition]
        if (own.view, own.offset, own.now) != (old, offset, now):
            return False
        own.view, own.token, own.format = new, f"switch.{uuid4().hex}", format_of(topic)
        return True


def _write_twins(view: View, partition: Partition, changes: Changes) -> None:
    for trainee, names in changes.fields.items():
        hashes = (view.twins, view.persons, view.archives)
        for kept, writing in zip(hashes, stores.changed(partition.twins[trainee], names), strict=True):
            for name, value in writing.items():
                if value is None:
                    kept[trainee].pop(name, None)
                else:
                    kept[trainee][name] = value if isinstance(value, bytes) else value.encode()
            if not kept[trainee]:
                del kept[trainee]


def _write_contributed(view: View, changes: Changes) -> None:
    view.active.update(changes.active)
    view.touched = (view.touched | set(changes.touched)) - changes.contributed.keys()
    for trainee, told in changes.contributed.items():
        known = view.sent[trainee] | told
        view.sent[trainee] = {name: digest for name, digest in known.items() if digest is not None}


def _write_rows(view: View, partition: Partition, changes: Changes) -> None:
    for (trainee, h), row in changes.rows.items():
        words = stores.words_of(partition.twins[trainee])
        view.rows[trainee, h] = journal.pack(row, h, words)
        view.words[trainee].update((str(n), word.encode()) for n, word in words.added().items())


def _pairs(fields: Mapping[str, bytes] | None) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value) for name, value in (fields or {}).items()]


def _write_deadlines(view: View, changes: Changes) -> None:
    for member, due in changes.deadlines.items():
        if due is None:
            view.due.pop(member, None)
        else:
            view.due[member] = due
