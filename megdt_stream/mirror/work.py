"""A step under way: the partition, the rows that were loaded and the changes so far, as one thing to ask and tell."""

from __future__ import annotations

from collections.abc import Iterable

from megdt_stream.evidence.record import Activation
from megdt_stream.governance.overdue import OverdueRule
from megdt_stream.mirror.state import Changes, HeldKey, Message, Partition, Rows
from megdt_stream.twin import person
from megdt_stream.twin.journal import Row
from megdt_stream.twin.person import Candidate, Held


class Work:
    """What the parts of a step share. Rows are read through it, so that those this batch changed are seen."""

    __slots__ = ("changes", "partition", "rows", "rule")

    def __init__(self, partition: Partition, rows: Rows, rule: OverdueRule) -> None:
        self.partition = partition
        self.rows = rows
        self.rule = rule
        self.changes = Changes(partition.now)

    # --- asking ---

    def row(self, trainee: str, h: str) -> Row:
        """Give the journal row of a trainee's own record; empty where there is none."""
        key = trainee, h
        return self.changes.rows.get(key) or self.rows.own.get(key, ())

    def held(self, key: HeldKey) -> Held | None:
        """Give a carried row."""
        return self.changes.carried[key] if key in self.changes.carried else self.rows.carried.get(key)

    def carried(self, trainee: str, h: str) -> dict[str, Held]:
        """Give what is carried under a record hash: persona -> row."""
        found = {}
        for persona in self.partition.twins[trainee].personas or ():
            held = self.held((trainee, h, persona))
            if held is not None:
                found[persona] = held
        return found

    def carried_by(self, trainee: str, persona: str) -> list[str]:
        """Name the record hashes that a pseudonym carries here."""
        names = {*self.rows.carried, *self.changes.carried}
        return sorted(h for name, h, by in names if name == trainee and by == persona)

    def stands(self, trainee: str, h: str) -> Candidate | None:
        """Give what stands under a record hash, own or carried."""
        twin = self.partition.twins[trainee]
        return person.best(trainee, twin, person.own_candidate(twin, self.row(trainee, h)), self.carried(trainee, h))

    def standing_hashes(self, trainee: str) -> list[str]:
        """Name the record hashes under which something stands."""
        own = {h for name, h in (*self.rows.own, *self.changes.rows) if name == trainee}
        carried = {h for name, h, _ in (*self.rows.carried, *self.changes.carried) if name == trainee}
        return sorted(h for h in own | carried if self.stands(trainee, h) is not None)

    # --- telling ---

    def changed(self, trainee: str, fields: Iterable[str]) -> None:
        """Say which fields of a twin are to be written."""
        changed = self.changes.fields.get(trainee)
        if changed is None:
            self.changes.fields[trainee] = set(fields)
        else:
            changed.update(fields)

    def activate(self, said: Activation) -> None:
        """Put a model in force, unless a later one is."""
        active, new = self.partition.active, (said.at, said.version)
        if said.kind not in active or new > active[said.kind]:
            active[said.kind] = self.changes.active[said.kind] = new

    def touch(self) -> None:
        """Note whose twins changed: they have to tell entities."""
        touched = self.partition.touched
        self.changes.touched = [trainee for trainee in self.changes.fields if trainee not in touched]
        touched.update(dict.fromkeys(self.changes.touched))

    def message(
        self, offset: int, topic: str, key: bytes, value: bytes, headers: tuple[tuple[str, bytes], ...]
    ) -> None:
        """Send a message, in the same commit."""
        messages = self.changes.messages
        index = messages[-1].index + 1 if messages and messages[-1].offset == offset else 0
        messages.append(Message(offset, index, topic, key, value, headers))
