"""How one item becomes one result: what an adapter raises inside, and what comes of it outside."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from megdt_stream.evidence.adapters import (
    AdapterReason,
    Entry,
    Evidence,
    Item,
    NotRelevant,
    Outgoing,
    Refused,
    Result,
)
from megdt_stream.evidence.reasons import Reason

Converted: TypeAlias = tuple[list[Outgoing], tuple[str, ...]]
"""Events, and what was left out of them."""


class Unusable(Exception):
    """The item cannot be evidence. Control flow inside the adapters, never seen outside."""

    def __init__(self, reason: Reason | AdapterReason, path: str, hint: str) -> None:
        super().__init__(hint)
        self.reason = reason
        self.path = path
        self.hint = hint


class Beside(Exception):
    """The item says nothing a twin is made of. Control flow inside the adapters, never seen outside."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def settle(entry: Entry, convert: Callable[[Item], Converted]) -> Result:
    """Convert one entry; a reader's refusal passes as it is."""
    if isinstance(entry, Refused):
        return entry
    if entry.value == []:
        return NotRelevant("an empty list", entry.at)
    try:
        events, left_out = convert(entry)
    except Unusable as found:
        return Refused(found.reason, found.path, found.hint, entry.at)
    except Beside as found:
        return NotRelevant(found.why, entry.at)
    return Evidence(tuple(events), entry.at, left_out)
