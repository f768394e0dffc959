"""The rule `expected-assessment-overdue`, decided again from the log (docs/records.md, sections 3 and 4)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from megdt_stream.verify.contract import digest
from megdt_stream.verify.contributions import Standing
from megdt_stream.verify.persons import Change
from megdt_stream.verify.reference import RULE, Rule


class RotationSlot(NamedTuple):
    """What one record says of a rotation; ordered as its state is read."""

    happened: int
    rev: int
    h: str
    status: str | None
    base: str | None
    expects: tuple[tuple[str, int, int], ...] | None


class Expected(NamedTuple):
    """An expected assessment: how many, and when due (ms)."""

    number: int
    due: int


class Open(NamedTuple):
    """A warning that is open: since when, by which notice, and what was expected then."""

    since: int
    notice: str
    due: int
    number: int


@dataclass(frozen=True, slots=True)
class Cause:
    """The evidence record or tick at which something is decided. `ids`: the records that changed there."""

    partition: int
    offset: int
    now: int
    ids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Notice:
    """An alert that must exist.

    `terms`: the (expected, due) pairs that it may state: those of the opening and, at a recovery, of now.
    `slots`: the records the rotation's state rests on after the decision; `linked`: recovered since the pseudonym
    has a head.
    """

    id: str
    what: str
    trainee: str
    rotation: str
    key: str
    base: str | None
    arrived: int
    since: int
    opened_by: str
    terms: frozenset[Expected]
    slots: frozenset[str]
    cause: Cause
    linked: bool = False


@dataclass(slots=True)
class Watch:
    """One pseudonym's rotations, arrivals and open warnings, as far as the log was read.

    `muted`: it has a head, which is watched in its place.
    """

    trainee: str
    rotations: dict[str, dict[str, RotationSlot]] = field(default_factory=dict)
    arrivals: Counter[tuple[str, str]] = field(default_factory=Counter)
    open: dict[tuple[str, str], Open] = field(default_factory=dict)
    muted: bool = False
    _expectations: dict[str, dict[str, Expected]] = field(default_factory=dict)

    def replace(self, changes: Iterable[Change]) -> set[tuple[str, str]]:
        """Let what stands now take the place of what stood; give the (rotation, key) this touches."""
        touched = set()
        for change in changes:
            touched |= self._count(change.before, -1) | self._place(change.before, -1)
            touched |= self._count(change.after, 1) | self._place(change.after, 1)
        return touched

    def mute(self, muted: bool) -> set[tuple[str, str]]:
        """Begin or cease to be quiet; give the (rotation, key) this touches: all of them, where it changes."""
        if muted == self.muted:
            return set()
        self.muted = muted
        return set(self.open).union(*(self._watched(rotation) for rotation in self.rotations))

    def _count(self, stands: Standing | None, step: int) -> set[tuple[str, str]]:
        touched = set()
        for name, numbers in stands.sums if stands else ():
            if name.startswith("a|"):
                _, rotation, key = name.split("|")
                self.arrivals[rotation, key] += step * numbers[0]
                touched.add((rotation, key))
        return touched

    def _place(self, stands: Standing | None, step: int) -> set[tuple[str, str]]:
        touched = set()
        for name, text in stands.slots if stands else ():
            if name.startswith("r|"):
                _, rotation, h = name.split("|")
                touched |= self._watched(rotation)
                self._expectations.pop(rotation, None)
                slots = self.rotations.setdefault(rotation, {})
                slots.pop(h, None)
                if step > 0:
                    slots[h] = _read_slot(h, text)
                touched |= self._watched(rotation)
        return touched

    def _watched(self, rotation: str) -> set[tuple[str, str]]:
        return {(rotation, key) for key in self.expectations(rotation)} | {w for w in self.open if w[0] == rotation}

    def base(self, rotation: str) -> str | None:
        """Give the base of the rotation, from the last slot that names one."""
        named = [slot.base for slot in self._ordered(rotation) if slot.base is not None]
        return named[-1] if named else None

    def expectations(self, rotation: str) -> dict[str, Expected]:
        """Give what the rotation expects now: nothing when it is cancelled or unknown."""
        if rotation not in self._expectations:
            self._expectations[rotation] = self._read_expectations(rotation)
        return self._expectations[rotation]

    def _read_expectations(self, rotation: str) -> dict[str, Expected]:
        slots = self._ordered(rotation)
        if [slot.status for slot in slots if slot.status is not None][-1:] == ["cancelled"]:
            return {}
        placed = [slot.expects for slot in slots if slot.expects is not None]
        return {key: Expected(number, due) for key, number, due in placed[-1]} if placed else {}

    def _ordered(self, rotation: str) -> list[RotationSlot]:
        return sorted(self.rotations.get(rotation, {}).values(), key=lambda slot: slot[:3])

    def evaluate(self, rotation: str, key: str, cause: Cause, rule: Rule) -> Notice | None:
        """Open or close the warning of one expectation as of now."""
        expected, opened = self.expectations(rotation).get(key), self.open.get((rotation, key))
        overdue = (
            not self.muted
            and expected is not None
            and cause.now >= expected.due + rule.grace
            and self.arrivals[rotation, key] < expected.number
        )
        if opened is None and expected is not None and overdue:
            return self._open(rotation, key, expected, cause, rule)
        if opened is not None and not overdue:
            return self._recover(rotation, key, opened, expected, cause, rule)
        return None

    def _open(self, rotation: str, key: str, expected: Expected, cause: Cause, rule: Rule) -> Notice:
        notice = self._id(rotation, key, "opened", cause, rule)
        self.open[rotation, key] = Open(cause.now, notice, expected.due, expected.number)
        return self._notice(rotation, key, "opened", notice, self.open[rotation, key], {expected}, cause)

    def _recover(
        self, rotation: str, key: str, opened: Open, expected: Expected | None, cause: Cause, rule: Rule
    ) -> Notice:
        del self.open[rotation, key]
        terms = {Expected(opened.number, opened.due)} | ({expected} if expected else set())
        notice = self._id(rotation, key, "recovered", cause, rule)
        return self._notice(rotation, key, "recovered", notice, opened, terms, cause)

    def _notice(
        self,
        rotation: str,
        key: str,
        what: str,
        notice: str,
        opened: Open,
        terms: set[Expected],
        cause: Cause,
    ) -> Notice:
        return Notice(
            notice,
            what,
            self.trainee,
            rotation,
            key,
            self.base(rotation),
            self.arrivals[rotation, key],
            opened.since,
            opened.notice,
            frozenset(terms),
            frozenset(self.rotations.get(rotation, {})),
            cause,
            linked=what == "recovered" and self.muted,
        )

    def _id(self, rotation: str, key: str, what: str, cause: Cause, rule: Rule) -> str:
        place = (str(cause.partition), str(cause.offset))
        return digest(RULE, str(rule.version), self.trainee, rotation, key, what, *place)


def is_readable(stands: Standing) -> bool:
    """Say whether what a carried row contributes has the form that the rule reads."""
    try:
        Watch("").replace([Change(None, stands)])
    except (TypeError, ValueError):
        return False
    return True


def _read_slot(h: str, text: str) -> RotationSlot:
    happened, rev, status, _, _, base, _, _, expects = json.loads(text)
    listed = None if expects is None else tuple((key, count, due) for key, count, due in expects)
    return RotationSlot(happened, rev, h, status, base, listed)
