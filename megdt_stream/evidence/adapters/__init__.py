"""Adapters: rows or messages of foreign formats in, input events out.

Here lives one pure module per foreign format. An adapter takes *items* (rows, statements, resources; not files), knows
the format of docs/records.md and gives exactly one `Result` for each item, in any order, each with the item's place:

- `Evidence`: one or more events;
- `Refused`: the item should be evidence and cannot be; a typed reason, the path inside the item and a hint;
- `NotRelevant`: the item says nothing that a twin is made of, and why.

So `read = evidence + refused + not relevant` by construction, and nothing is dropped silently. The same items give the
same events with the same ids, so a second import is all duplicates. Persons never pass: an adapter takes a
`Pseudonymiser` and puts pseudonyms in their place, in ids too. An adapter does not judge what it makes: a score beyond
its scale goes out as it is, and intake refuses it with a reason. Reading files and publishing belong to
`megdt_stream.publisher.importing`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

from megdt_stream.evidence.reasons import Reason


class Outgoing(NamedTuple):
    """One event ready to publish: short topic name, key, CloudEvent as JSON, `available` in ms."""

    topic: str
    key: str
    value: bytes
    available: int


class AdapterReason(StrEnum):
    """Why an item of a foreign format cannot become evidence, where no reason of the contract says it."""

    MALFORMED = "malformed"
    UNSUPPORTED = "unsupported"
    MISSING_PERSON = "missing_person"
    NOT_ONE_PERSON = "not_one_person"
    MISSING_TIME = "missing_time"
    IMPRECISE_TIME = "imprecise_time"
    AMBIGUOUS_TIME = "ambiguous_time"
    NONEXISTENT_TIME = "nonexistent_time"
    MISSING_VALUE = "missing_value"
    UNMAPPED_VALUE = "unmapped_value"
    UNUSABLE_SCORE = "unusable_score"
    UNKNOWN_TARGET = "unknown_target"


MEANING: Final[Mapping[AdapterReason, str]] = MappingProxyType(
    {
        AdapterReason.MALFORMED: "The item is not what its own format says it is.",
        AdapterReason.UNSUPPORTED: "The item holds something that changes its meaning and is not understood here.",
        AdapterReason.MISSING_PERSON: "The item does not say whom it is about, in a form that names one person.",
        AdapterReason.NOT_ONE_PERSON: "The item is about a group; evidence is about one trainee.",
        AdapterReason.MISSING_TIME: "The item does not say when it happened.",
        AdapterReason.IMPRECISE_TIME: "The item names a month or a year only, not a day.",
        AdapterReason.AMBIGUOUS_TIME: "The local time occurs twice that day, as summer time ends.",
        AdapterReason.NONEXISTENT_TIME: "The local time does not occur that day, as summer time begins.",
        AdapterReason.MISSING_VALUE: "A field that the event needs is empty.",
        AdapterReason.UNMAPPED_VALUE: "A value the mapping does not know, or that is no number, date or yes and no.",
        AdapterReason.UNUSABLE_SCORE: "There is no score, or none with a place on a scale (its maximum is missing).",
        AdapterReason.UNKNOWN_TARGET: "It refers to a record that is not in this import.",
    }
)
"""What each reason says; docs/import.md has the remedies."""


class Item(NamedTuple):
    """One source item and its place, such as `statements.ndjson:12`."""

    value: Any
    at: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """Events made of one item. `left_out` names what it held beyond them, such as `attachments`."""

    events: tuple[Outgoing, ...]
    at: str
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """An item that should be evidence and cannot be.

    `path` is a JSON pointer into the item, a column's name, or `event` and a pointer into what was made of it.
    """

    reason: Reason | AdapterReason
    path: str
    hint: str
    at: str


@dataclass(frozen=True, slots=True)
class NotRelevant:
    """An item that says nothing a twin is made of. `why` is one of few texts, fit for counting."""

    why: str
    at: str


Result: TypeAlias = Evidence | Refused | NotRelevant
Entry: TypeAlias = Item | Refused
"""What a reader gives: an item, or the refusal of something that could not be read as one."""
