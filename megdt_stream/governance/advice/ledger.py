"""What became of recommendations: a fold over the events of the advisor and over people's decisions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from megdt_stream.governance.advice.recommendation import MADE, SUPERSEDED, WITHDRAWN, Standing

OPEN, ACCEPTED, MODIFIED, IMPLEMENTED = "open", "accepted", "modified", "implemented"
CLOSED, OVERRIDDEN, TAKEN_BACK, LAPSED = "closed", "overridden", "taken-back", "lapsed"

_AFTER: Final[Mapping[str, Mapping[str, str]]] = {
    "accepted": {OPEN: ACCEPTED, LAPSED: ACCEPTED},
    "modified": {OPEN: MODIFIED, ACCEPTED: MODIFIED, MODIFIED: MODIFIED, LAPSED: MODIFIED},
    "overridden": {OPEN: OVERRIDDEN, ACCEPTED: OVERRIDDEN, MODIFIED: OVERRIDDEN, LAPSED: OVERRIDDEN},
    "implemented": {ACCEPTED: IMPLEMENTED, MODIFIED: IMPLEMENTED},
    "closed": dict.fromkeys((OPEN, ACCEPTED, MODIFIED, IMPLEMENTED, LAPSED), CLOSED),
}
"""What an action makes of a state; what is not here is refused, and passed over where somebody else published it."""

_BOOKING: Final = frozenset({ACCEPTED, MODIFIED, IMPLEMENTED})


class Decided(NamedTuple):
    """A decision from the evidence: on which recommendation, what, by whom, why, when (ms), and its record.

    `at` is the domain time that it concerns, `recorded` (ms) when it was written down where that was stated apart.
    """

    on: str
    action: str
    by: str
    reason: str | None
    at: int
    h: str
    partition: int
    offset: int
    recorded: int | None = None


@dataclass(frozen=True)
class Entry:
    """A recommendation with what became of it, in the order it happened."""

    event: Mapping[str, Any]
    state: str = OPEN
    decisions: tuple[Decided, ...] = ()
    refused: tuple[Decided, ...] = ()
    ended_by: Mapping[str, Any] | None = None

    @property
    def id(self) -> str:
        """Give its id."""
        return str(self.event["id"])

    @property
    def data(self) -> Mapping[str, Any]:
        """Give what it says."""
        data: Mapping[str, Any] = self.event["data"]
        return data

    def allows(self, action: str) -> bool:
        """Tell whether an action can follow."""
        return self.state in _AFTER.get(action, {})

    def after(self, decided: Decided) -> Entry:
        """Give the entry after a decision; one that cannot follow is kept apart."""
        state = _AFTER.get(decided.action, {}).get(self.state)
        if state is None:
            return replace(self, refused=(*self.refused, decided))
        return replace(self, state=state, decisions=(*self.decisions, decided))


@dataclass
class Ledger:
    """All recommendations by id. Events and decisions are taken once each, however often they come."""

    entries: dict[str, Entry] = field(default_factory=dict)

    def at(self, now: int) -> dict[str, Entry]:
        """Give the entries as of a moment (ms): open ones that lapsed are said to have."""
        return {
            id_: replace(one, state=LAPSED) if one.state == OPEN and one.data["expires"] <= now else one
            for id_, one in self.entries.items()
        }

    def standing(self) -> list[Standing]:
        """Give those that nobody answered, for the next round."""
        return [Standing(id_, one.data) for id_, one in sorted(self.entries.items()) if one.state == OPEN]

    def open_at(self, now: int) -> list[Entry]:
        """Give those that wait for an answer at a moment (ms) and have not lapsed."""
        return [one for one in self.at(now).values() if one.state == OPEN]

    def booked(self, now: int, until: int | None = None) -> dict[str, float]:
        """Give what accepted ones use that have not run out (resource -> amount).

        Over their whole duration; with `until` (ms) what falls between `now` and then, spread evenly.
        """
        return used((one.data for one in self.entries.values() if one.state in _BOOKING), now, until)


def used(advice: Iterable[Mapping[str, Any]], now: int, until: int | None = None) -> dict[str, float]:
    """Add up what recommendations (their data) use, as `Ledger.booked` does."""
    found: dict[str, float] = {}
    for data in advice:
        starts = data["starts"]
        ends = starts + data["weeks"] * 7 * 86_400_000
        if ends <= now:
            continue
        share = 1.0 if until is None else max(0, min(ends, until) - max(starts, now)) / (ends - starts)
        for name, amount in data["uses"].items():
            found[name] = found.get(name, 0.0) + amount * share
    return found


def fold(events: Iterable[Mapping[str, Any]], decisions: Iterable[Decided]) -> Ledger:
    """Make a ledger from the alerts topic's events, in any order, and decisions, ordered here by time and place."""
    ledger = Ledger()
    ends = []
    for event in events:
        if event["type"] == MADE:
            ledger.entries.setdefault(str(event["id"]), Entry(event))
        elif event["type"] in (WITHDRAWN, SUPERSEDED):
            ends.append(event)
    for decided in sorted(set(decisions), key=lambda one: (one.at, one.partition, one.offset)):
        if decided.on in ledger.entries:
            ledger.entries[decided.on] = ledger.entries[decided.on].after(decided)
    for event in ends:
        entry = ledger.entries.get(event["data"]["on"])
        # Whoever has accepted keeps what was accepted: only what nobody answered can be taken back.
        if entry is not None and entry.state == OPEN:
            ledger.entries[entry.id] = replace(entry, state=TAKEN_BACK, ended_by=event)
    return ledger
