"""What a step reads and writes: a partition's state, records, rows, and the changes to commit."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

import msgspec

from megdt_stream.evidence.record import Evidence
from megdt_stream.mirror.deadlines import Deadlines
from megdt_stream.twin.journal import Row
from megdt_stream.twin.person import Held
from megdt_stream.twin.state import Twin

RowKey: TypeAlias = tuple[str, str]
"""A journal row's name: trainee and record hash."""

HeldKey: TypeAlias = tuple[str, str, str]
"""A carried row's name: trainee, record hash and the pseudonym that carries it."""

InputPartition: TypeAlias = tuple[str, int]
"""An input partition: short topic and number."""


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


@dataclass(slots=True)
class Partition:
    """What the mirror knows of one evidence partition while it owns it. Dies with the ownership."""

    number: int
    now: int = 0
    seen: dict[InputPartition, int] = field(default_factory=dict)
    deadlines: Deadlines = field(default_factory=Deadlines)
    twins: dict[str, Twin] = field(default_factory=dict)
    touched: dict[str, None] = field(default_factory=dict)
    """Trainees whose twins changed since they last told entities of it, longest ago first."""
    active: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Models in force, by kind: (domain time up to which it was learnt, version)."""
    to_tell: int = 0
    """How many trainees may still tell entities before the next tick."""
    hour: int = -1
    """The last hour of domain time that entities were told of."""


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
    touched: list[str] = field(default_factory=list)
    active: dict[str, tuple[int, str]] = field(default_factory=dict)
    contributed: dict[str, dict[str, bytes | None]] = field(default_factory=dict)
    """What trainees told entities: digest by the entity's name, None where they contribute no more."""

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
