"""Evidence partitions in memory: their logs' ends, what the mirror knows of them, and rows in dictionaries."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from megdt_stream import mirror
from megdt_stream.evidence import topics
from megdt_stream.evidence.partition import partition_of
from megdt_stream.governance.overdue import OverdueRule
from megdt_stream.mirror import Changes, HeldKey, Message, Needs, Partition, Record, RowKey, Rows
from megdt_stream.twin.journal import Row
from megdt_stream.twin.person import Held
from megdt_stream.twin.state import Twin


class Shard:
    """One evidence partition. `end` is the offset after the last record."""

    def __init__(self, number: int) -> None:
        self.state = Partition(number)
        self.end = 0
        self._own: dict[str, dict[RowKey, Row]] = {}
        self._carried: dict[str, dict[HeldKey, Held]] = {}
        self._sent: dict[str, dict[str, bytes]] = {}

    def take(self, record: Record, rule: OverdueRule) -> Changes:
        """Fold one record and keep what changed. Raises FoldFailed; nothing here is to be used after that."""
        changes = mirror.step(self.state, [record], self._load(record), rule)
        for key, row in changes.rows.items():
            self._own.setdefault(key[0], {})[key] = row
        for held_key, held in changes.carried.items():
            theirs = self._carried.setdefault(held_key[0], {})
            if held is None:
                theirs.pop(held_key, None)
            else:
                theirs[held_key] = held
        return changes

    def contribute(self) -> list[Message]:
        """Make the images of all who were touched."""
        sent = {trainee: self._sent.get(trainee, {}) for trainee in self.state.touched}
        changes = mirror.contribute(self.state, list(sent), sent, self.end)
        for trainee, told in changes.contributed.items():
            known = self._sent.get(trainee, {}) | told
            self._sent[trainee] = {name: digest for name, digest in known.items() if digest is not None}
        return changes.messages

    def journal(self, trainee: str) -> dict[str, Row]:
        """Give the rows of a trainee's own records by record hash."""
        return {h: row for (_, h), row in self._own.get(trainee, {}).items()}

    def _load(self, record: Record) -> Rows:
        """Answer what the mirror asks before a step, as a store would: only what it asks for."""
        needs = mirror.needs(self.state, [record])
        for trainee in needs.trainees:
            self.state.twins[trainee] = Twin()
        rows = self._rows(needs)
        whole = mirror.needs_whole(needs, rows)
        if whole:
            more = self._rows(Needs([], [], whole))
            rows = Rows(rows.own | more.own, rows.carried | more.carried)
        for key in mirror.needs_carried(self.state, needs._replace(whole=needs.whole + whole)):
            held = self._carried.get(key[0], {}).get(key)
            if held is not None:
                rows.carried[key] = held
        return rows

    def _rows(self, needs: Needs) -> Rows:
        rows = Rows()
        for key in needs.rows:
            row = self._own.get(key[0], {}).get(key)
            if row is not None:
                rows.own[key] = row
        for trainee in needs.whole:
            rows.own |= self._own.get(trainee, {})
            rows.carried |= self._carried.get(trainee, {})
        return rows


class Step(NamedTuple):
    """What one record changed in one partition."""

    number: int
    record: Record
    changes: Changes


class Partitions:
    """All evidence partitions. What one carries to another is delivered at once, until nothing is under way."""

    def __init__(self, count: int, rule: OverdueRule) -> None:
        """Start empty. Raises ValueError unless there is at least one partition."""
        if count < 1:
            raise ValueError("there is at least one partition")
        self.count = count
        self.shards = [Shard(number) for number in range(count)]
        self._rule = rule

    def append(self, number: int, value: bytes) -> Iterator[Step]:
        """Put a record at the end of a partition's log; give what it and all that follows from it change.

        Lazy: nothing happens but as the steps are taken. The first is that of the record itself.
        """
        return self._settle(number, mirror.read([(self.shards[number].end, value)])[0], appending=True)

    def take(self, number: int, record: Record) -> Iterator[Step]:
        """Play a record of a log that has its offset already, records carried over left out of the numbering.

        Lazy as `append`. Offsets grow within a partition.
        """
        return self._settle(number, record, appending=False)

    def _settle(self, number: int, record: Record, *, appending: bool) -> Iterator[Step]:
        waiting = deque([(number, record)])
        while waiting:
            number, record = waiting.popleft()
            shard = self.shards[number]
            shard.end = max(shard.end, record.offset + 1)
            changes = shard.take(record, self._rule)
            for message in changes.messages:
                if message.topic == topics.EVIDENCE.name:
                    waiting.append(self._deliver(message.key.decode(), message.value, appending=appending))
            yield Step(number, record, changes)

    def _deliver(self, key: str, value: bytes, *, appending: bool) -> tuple[int, Record]:
        number = partition_of(key, self.count)
        shard = self.shards[number]
        # In a replay it stands beside the latest record: a number of its own could be that of a record to come.
        offset = shard.end if appending else max(shard.end - 1, 0)
        if appending:
            shard.end += 1
        return number, mirror.read([(offset, value)])[0]

    def twin(self, trainee: str) -> Twin | None:
        """Give a twin as it stands, None where nothing was ever heard of it."""
        return self.shards[partition_of(trainee, self.count)].state.twins.get(trainee)
