"""What became of a warning: from what people decided on it, and from time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from megdt_stream.twin.state import Slot, Twin

OPEN: Final = "open"
ESCALATED: Final = "escalated"
CLOSED: Final = "closed"

STATES: Final[Mapping[str, str]] = {
    "acknowledged": "acknowledged",
    "accepted": "acknowledged",
    "modified": "acknowledged",
    "implemented": "acknowledged",
    "assigned": "assigned",
    "snoozed": "snoozed",
    "resolved": "resolved",
    "closed": "resolved",
    "overridden": "resolved",
    "flagged-incorrect": "flagged-incorrect",
}
"""Action of a decision -> the state it puts a warning in."""

CLOSING: Final = frozenset({"resolved", "flagged-incorrect"})
_HAPPENED, _REV, _ACTION, _BY, _REASON, _UNTIL, _ASSIGNEE = range(7)


class Decided(NamedTuple):
    """Where a warning stands by what was decided last; times in ms."""

    state: str
    action: str
    by: str
    at: int
    until: int | None = None
    assignee: str | None = None

    @property
    def closes(self) -> bool:
        """Tell whether nothing is left to be done."""
        return self.state in CLOSING

    def answers(self, now: int) -> bool:
        """Tell whether somebody has it in hand: a snooze lasts until its end."""
        return self.state != "snoozed" or self.until is None or self.until > now


def decided(twin: Twin, warning: str) -> Decided | None:
    """Give the last decision on a warning (the id of its opening notice) by (happened, revision, record hash)."""
    slots = twin.slots.get(f"d|{warning}")
    if not slots:
        return None
    _, last = max(slots.items(), key=lambda item: (item[1][_HAPPENED], item[1][_REV], item[0]))
    return _read(last)


def _read(slot: Slot) -> Decided | None:
    state = STATES.get(slot[_ACTION])
    if state is None:
        return None
    assignee = slot[_ASSIGNEE] if len(slot) > _ASSIGNEE else None
    return Decided(state, slot[_ACTION], slot[_BY], slot[_HAPPENED], slot[_UNTIL], assignee)


def state(twin: Twin, warning: str, standing: str, now: int) -> tuple[str, Decided | None]:
    """Give a warning's state for people: what was decided, unless a snooze is over; else what time made of it."""
    last = decided(twin, warning)
    if last is not None and last.answers(now):
        return last.state, last
    return standing, last
