"""The rule `expected-assessment-overdue`, decided again from the log (docs/records.md, sections 3 and 4)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from megdt_stream.verify.contract import digest
from megdt_stream.verify.contributions import RotationSlot, Version
from megdt_stream.verify.reference import RULE, Rule


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
    """The evidence record or tick at which something is decided. `h` is None for a tick."""

    partition: int
    offset: int
    now: int
    h: str | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """An alert that must exist.

    `terms`: the (expected, due) pairs that it may state: those of the opening and, at a recovery, of now.
    `slots`: the records the rotation's state rests on after the decision.
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


@dataclass(slots=True)
class Watch:
    """One trainee's rotations, arrivals and open warnings, as far as the log was read."""

    trainee: str
    rotations: dict[str, dict[str, RotationSlot]] = field(default_factory=dict)
    arrivals: Counter[tuple[str, str]] = field(default_factory=Counter)
    open: dict[tuple[str, str], Open] = field(default_factory=dict)
    _expectations: dict[str, dict[str, Expected]] = field(default_factory=dict)

    def replace(self, before: Version | None, after: Version | None) -> set[tuple[str, str]]:
        """Let one standing version take another's place; give the (rotation, key) this touches."""
        touched = set()
        for version, step in ((before, -1), (after, 1)):
            if version and version.arrival:
                self.arrivals[version.arrival] += step
                touched.add(version.arrival)
            if version and version.rotation:
                touched |= self._watched(version.rotation[0])
                self._place(version.rotation[0], version, step)
                touched |= self._watched(version.rotation[0])
        return touched

    def _watched(self, rotation: str) -> set[tuple[str, str]]:
        return {(rotation, key) for key in self.expectations(rotation)} | {w for w in self.open if w[0] == rotation}

    def _place(self, rotation: str, version: Version, step: int) -> None:
        self._expectations.pop(rotation, None)
        slots = self.rotations.setdefault(rotation, {})
        slots.pop(version.h, None)
        if step > 0 and version.rotation:
            slots[version.h] = version.rotation[1]

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
        if not slots or slots[-1].status == "cancelled":
            return {}
        placed = [slot.expects for slot in slots if slot.expects is not None]
        return {key: Expected(number, due) for key, number, due in placed[-1]} if placed else {}

    def _ordered(self, rotation: str) -> list[RotationSlot]:
        return sorted(self.rotations.get(rotation, {}).values(), key=lambda slot: slot[:3])

    def evaluate(self, rotation: str, key: str, cause: Cause, rule: Rule) -> Notice | None:
        """Open or close the warning of one expectation as of now."""
        expected, opened = self.expectations(rotation).get(key), self.open.get((rotation, key))
        overdue = (
            expected is not None
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
        )

    def _id(self, rotation: str, key: str, what: str, cause: Cause, rule: Rule) -> str:
        place = (str(cause.partition), str(cause.offset))
        return digest(RULE, str(rule.version), self.trainee, rotation, key, what, *place)
