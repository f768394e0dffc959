"""What a life's accepted drafts add up to, pseudonym by pseudonym, at the end of the stream.

It works on drafts, before any byte is written, and follows docs/records.md by hand; it is small because it sees one
life at a time and knows the fates already.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

from megdt_stream.synth.draft import ACCEPTED, Draft
from megdt_stream.synth.wire import digest, record_digest

Record = tuple[str, str]
"""Source and id."""


class Missed(NamedTuple):
    """An expected form that had not come by its due time (ms); `key` is its item, else its instrument."""

    subject: str
    rotation: str
    key: str
    due: int
    expected: int
    arrived: int
    why: str


class _Candidate(NamedTuple):
    draft: Draft
    via: tuple[str, ...]


class Ledger:
    """The books of one life: a trainee's with all their pseudonyms, or the resources'."""

    def __init__(self, drafts: Iterable[Draft], closes: int) -> None:
        self._closes = closes
        everything = list(drafts)
        self.sent = [draft for draft in everything if draft.published < closes]
        self._unsent = [draft for draft in everything if draft.published >= closes]
        self.accepted = [draft for draft in self.sent if draft.fate == ACCEPTED]
        self.own = _standing(self.accepted)
        self.heads = {subject: head for subject, records in self.own.items() if (head := _head(records.values()))}
        self.names = sorted(self.own.keys() | set(self.heads.values()))
        self._stands = cache(self._candidates)

    def of(self, subject: str) -> list[Draft]:
        """Give what stands and counts at a pseudonym: its own records and those carried over to it."""
        return [found.draft for found in self._stands(subject).values() if not found.draft.retraction]

    def revised(self) -> Iterator[Draft]:
        """Give each pseudonym's own standing version of each record with an accepted revision above 0."""
        for records in self.own.values():
            yield from (draft for draft in records.values() if draft.revision)

    def exposures(self, subject: str) -> Counter[str]:
        """Count what was seen and done, by `kind|item`."""
        totals: Counter[str] = Counter()
        for draft in self.of(subject):
            if draft.topic == "exposures":
                totals[f"{draft.data['kind']}|{draft.data['item']}"] += draft.data.get("count", 1)
        return totals

    def outcomes(self, subject: str) -> dict[str, str]:
        """Give the standing result of each outcome."""
        found = (draft.data for draft in self.of(subject) if draft.kind == "outcome.recorded")
        return {data["outcome"]: data["result"] for data in found}

    def due_expectations(self) -> list[tuple[str, str, str, int, int]]:
        """Give (subject, rotation, key, count, due) of what uncancelled rotations expect by the stream's end.

        Nothing is expected of a pseudonym that has a head.
        """
        return [
            (subject, rotation, _key(expected), expected.get("count", 1), expected["due"])
            for subject in self.names
            if subject not in self.heads
            for rotation, story in self._rotations(subject).items()
            if not _cancelled(story)
            for expected in _last_plan(story)
            if expected["due"] < self._closes
        ]

    def undelivered(self) -> Iterator[Missed]:
        """Give the expectations due and not met."""
        arrived = {subject: Counter(map(_slot, self.of(subject))) for subject in self.names}
        for subject, rotation, key, count, due in self.due_expectations():
            came = arrived[subject][rotation, key]
            if came < count:
                yield Missed(subject, rotation, key, due, count, came, self._why(subject, (rotation, key)))

    # Persons and their pseudonyms

    def _candidates(self, subject: str) -> dict[Record, _Candidate]:
        """Give what stands at a pseudonym. Links make no circles here: nobody's main pseudonym is linked."""
        own = self.own.get(subject, {})
        best = {record: _Candidate(draft, ()) for record, draft in own.items() if not _is_register(draft)}
        for persona in (name for name, head in self.heads.items() if head == subject):
            for record, found in self._stands(persona).items():
                carried = _Candidate(found.draft, (*found.via, persona))
                best[record] = min(best[record], carried, key=_rank) if record in best else carried
        return best

    # Rotations

    def _rotations(self, subject: str) -> dict[str, list[Draft]]:
        """Give each rotation's valid records in the order in which they happened."""
        stories: defaultdict[str, list[Draft]] = defaultdict(list)
        for draft in self.of(subject):
            if draft.topic == "rotations":
                stories[draft.data["rotation"]].append(draft)
        return {code: sorted(story, key=_moment) for code, story in stories.items()}

    def _why(self, subject: str, slot: tuple[str, str]) -> str:
        accepted = [draft for draft in self.accepted if _slot(draft) == slot]
        standing = [self.own[draft.subject][draft.source, draft.id] for draft in accepted]
        if any(draft.retraction for draft in standing):
            return "retracted"
        here = self._stands(subject)
        if any((draft.source, draft.id) not in here for draft in standing):
            return "unlinked"
        if any(_slot(draft) == slot and draft.fate == ACCEPTED for draft in self._unsent):
            return "late"
        came = {(draft.source, draft.id) for draft in accepted}
        lost = any(_slot(draft) == slot and (draft.source, draft.id) not in came for draft in self.sent)
        return "rejected" if lost else "never-came"


def _standing(accepted: Iterable[Draft]) -> dict[str, dict[Record, Draft]]:
    highest: dict[str, dict[Record, Draft]] = {}
    for draft in accepted:
        records, record = highest.setdefault(draft.subject, {}), (draft.source, draft.id)
        if record not in records or draft.revision > records[record].revision:
            records[record] = draft
    return highest


def _is_register(draft: Draft) -> bool:
    """Tell whether this says who somebody is, which stays with the pseudonym."""
    return draft.kind in {"identity.linked", "identity.merged", "identity.unmerged"}


def _head(own: Iterable[Draft]) -> str | None:
    entries = sorted((draft for draft in own if _is_register(draft)), key=_moment)
    if not entries:
        return None
    data = entries[-1].data
    head: str | None = data.get("person") or data.get("into")
    return head


def _rank(candidate: _Candidate) -> tuple[int, str, int, tuple[str, ...]]:
    draft = candidate.draft
    return -draft.revision, digest(draft), len(candidate.via), candidate.via


def _moment(draft: Draft) -> tuple[int, int, str]:
    return draft.time, draft.revision, record_digest(draft.source, draft.id)


def _cancelled(story: list[Draft]) -> bool:
    steps = [draft.kind for draft in story if draft.kind not in {"rotation.changed", "rotation.supervisor-assigned"}]
    return steps[-1:] == ["rotation.cancelled"]


def _last_plan(story: list[Draft]) -> list[dict[str, Any]]:
    plans = [draft for draft in story if "expects" in draft.data]
    return list(plans[-1].data["expects"]) if plans else []


def _key(named: Any) -> str:
    return str(named.get("item") or named["instrument"])


def _slot(draft: Draft) -> tuple[str, str] | None:
    if draft.thing != "assessment" or draft.retraction:
        return None
    return draft.data["rotation"], _key(draft.data)
