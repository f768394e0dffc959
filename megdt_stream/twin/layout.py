"""Where a twin's fields rest in the store: recent ones each by itself, those of closed periods in chunks.

Which is which follows from the fields alone, and the fields from the set of evidence: no order of arrival and no size
of a batch changes what is stored (docs/records.md, section 6, and decision 17).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from megdt_stream.evidence.record import PERIOD_MS, week_starts
from megdt_stream.twin.state import PERSON_KINDS, SLOT_KINDS, STANDING_KIND, Twin, group_of

OPEN: Final = 2
"""How many periods stay open, the newest among them: most late records find theirs still open."""

SEGMENT: Final = 56
"""Fewest fields of evidence in a segment of closed periods. Fewer: more writes and a larger archive; more: a larger hot
twin."""

_MERGED: Final = (16, 4, 1)
"""How many segments a chunk takes, from the oldest. A field is written anew three times at most, however long the
history, and a long one is in few chunks."""

_PERIOD_PART: Final = {"c": 2, "m": 2, "f": 2, "v": 2, "t": 3, "x": 4}
"""Kinds of sums that name their period, and in which part. A kind that is not here is never put away."""

_WEEK_KIND: Final = "u"
_TELLING: Final = frozenset((*_PERIOD_PART, _WEEK_KIND))
"""Kinds whose fields' names tell where they belong."""

_PROGRESS_KIND: Final = "a"
_MOVING: Final = frozenset((*SLOT_KINDS, STANDING_KIND, _PROGRESS_KIND))
"""Kinds whose fields' place follows from what the twin holds."""

_ROTATION_KIND: Final = "r"
_STATED_TIMES: Final = (0, 3, 4)
"""Where a rotation's slot has `happened`, `starts` and `ends`."""


@dataclass(slots=True)
class Moves:
    """What has to be written: fields and chunks (by their last period), None where there is none any more.

    `wide`: all wide fields, where one of them changed.
    """

    fields: dict[str, str | bytes | None] = field(default_factory=dict)
    chunks: dict[int, dict[str, str | bytes] | None] = field(default_factory=dict)
    wide: dict[str, str | bytes] | None = None


class Layout:
    """What the store holds of one twin, and where.

    `periods`: period -> fields placed there. `counts`: period -> how many of them are evidence that names its time;
    these alone decide what is put away. `moving`: place of each field whose name does not tell it. `cuts`: last period
    of each chunk, the oldest first. `newest`: the newest period that counts. `waiting`: fields of open periods that are
    not noted in these yet: most of what comes is, and is noted when a period closes.
    """

    __slots__ = ("counts", "cuts", "moving", "newest", "periods", "waiting")

    def __init__(self) -> None:
        self.periods: dict[int, set[str]] = {}
        self.counts: dict[int, int] = {}
        self.moving: dict[str, int | None] = {}
        self.cuts: tuple[int, ...] = ()
        self.newest: int | None = None
        self.waiting: set[str] = set()

    @classmethod
    def of(cls, twin: Twin) -> Layout:
        """Give the layout in which a twin rests."""
        layout = cls()
        layout._settle(twin, (name for name in names_of(twin) if name[0] not in PERSON_KINDS), {})
        layout._cut()
        return layout

    def update(self, twin: Twin, touched: Iterable[str]) -> Moves:
        """Follow a change of these fields; say what has to be written."""
        names = [name for name in touched if name[0] not in PERSON_KINDS]
        if self._is_quiet(twin, names):
            self.waiting.update(names)
            return Moves({name: twin.text(name) for name in names})
        moves, old = Moves(), self.cuts
        changed = self._settle(twin, self.waiting, {})
        changed |= self._settle(twin, self._affected(names), moves.fields)
        self.waiting.clear()
        self._cut()
        last = self.cuts[-1] if self.cuts else None
        for name, period in moves.fields.items():
            away = period is not None and _within(period, last)  # type: ignore[arg-type]
            moves.fields[name] = None if away else twin.text(name)
        if old != self.cuts or (old and min(changed, default=old[-1] + 1) <= old[-1]):
            self._rewrite(twin, old, changed, moves)
        return moves

    def _is_quiet(self, twin: Twin, names: Sequence[str]) -> bool:
        """Tell whether these fields came or changed in open periods only, and nothing is put away by that.

        A field that goes may take the newest period with it, a rotation moves what was assessed in it.
        """
        if self.newest is None:
            return False
        newest, last, sums = self.newest, self.newest - OPEN, twin.sums
        latest = newest
        for name in names:
            kind = name[0]
            if kind in _TELLING:
                period = _named_period(name)
                if name not in sums or (period is not None and period <= last):
                    return False
                if period is not None and period > latest:
                    latest = period
            elif kind in _MOVING and (kind == _ROTATION_KIND or not self._stays(twin, name, last, newest)):
                return False
        if latest > newest:
            if not self._has_room(latest, len(names)):
                return False
            self.newest = latest
        return True

    def _has_room(self, newest: int, more: int) -> bool:
        """Tell whether periods that close with a new newest one cannot fill a segment, whatever waits."""
        cut = self.cuts[-1] if self.cuts else None
        closed = sum([n for period, n in self.counts.items() if period <= newest - OPEN and not _within(period, cut)])
        return closed + len(self.waiting) + more < SEGMENT

    def _stays(self, twin: Twin, name: str, last: int, newest: int) -> bool:
        """Tell whether a moving field is where it was, or is new, and is not in a closed period."""
        before, after = self.moving.get(name), _place(twin, name)
        if after is None or (before is not None and before != after):
            return before is after and twin.text(name) is not None
        return last < after and (after <= newest or name[0] not in SLOT_KINDS)

    def _settle(self, twin: Twin, names: Iterable[str], found: dict[str, Any]) -> set[int]:
        """Note where fields belong now, in `found` too; give the periods that this changes."""
        changed: set[int] = set()
        for name in names:
            if name[0] in _TELLING:
                period = _named_period(name)
                before = period if period is not None and name in self.periods.get(period, ()) else None
                after = period if name in twin.sums else None
            elif name[0] in _MOVING:
                before, after = self.moving.get(name), _place(twin, name)
                if after is not None or name in twin.sums:
                    self.moving[name] = after
                else:
                    self.moving.pop(name, None)
            else:
                before = after = None
            found[name] = after
            if before != after:
                self._move(name, before, after)
                if before is not None:
                    changed.add(before)
            if after is not None:
                changed.add(after)
        return changed

    def _cut(self) -> None:
        self.newest = max(self.counts, default=None)
        self.cuts = cuts(self.counts)

    def _affected(self, touched: Iterable[str]) -> Iterator[str]:
        """Name the touched fields, and those that go where a touched rotation goes."""
        rotations: dict[str, None] = {}
        for name in touched:
            yield name
            if name[0] == _ROTATION_KIND:
                rotations[f"{_PROGRESS_KIND}|{name.split('|')[1]}|"] = None
        for prefix in rotations:
            yield from [name for name in self.moving if name.startswith(prefix)]

    def _move(self, name: str, before: int | None, after: int | None) -> None:
        """Note a field's new place."""
        counts = name[0] in _TELLING or name[0] in SLOT_KINDS
        if before is not None:
            names = self.periods[before]
            names.discard(name)
            if not names:
                del self.periods[before]
            if counts:
                self.counts[before] -= 1
                if not self.counts[before]:
                    del self.counts[before]
        if after is not None:
            self.periods.setdefault(after, set()).add(name)
            if counts:
                self.counts[after] = self.counts.get(after, 0) + 1

    def _rewrite(self, twin: Twin, old: tuple[int, ...], changed: set[int], moves: Moves) -> None:
        """Write the chunks that are new or changed, and move fields into them or out."""
        was, now = set(_ranges(old)), set(_ranges(self.cuts))
        for _, last in was - now:
            moves.chunks[last] = None
        for first, last in now:
            if (first, last) not in was or any(first < period <= last for period in changed):
                inside = [names for period, names in self.periods.items() if first < period <= last]
                texts = ((name, twin.text(name)) for names in inside for name in names)
                moves.chunks[last] = {name: text for name, text in texts if text is not None}
        before, after = (cut[-1] if cut else None for cut in (old, self.cuts))
        for period, names in self.periods.items():
            away, was_away = _within(period, after), _within(period, before)
            if away and not was_away:
                moves.fields.update(dict.fromkeys(names))
            elif was_away and not away:
                moves.fields.update((name, twin.text(name)) for name in names)


def cuts(counts: Mapping[int, int]) -> tuple[int, ...]:
    """Give the last period of each chunk: segments of closed periods in order, merged by sixteen and by four."""
    if not counts:
        return ()
    ends: list[int] = []
    newest, filled = max(counts), 0
    for period in sorted(counts):
        if period > newest - OPEN:
            break
        filled += counts[period]
        if filled >= SEGMENT:
            ends.append(period)
            filled = 0
    merged: list[int] = []
    done = 0
    for size in _MERGED:
        while len(ends) - done >= size:
            done += size
            merged.append(ends[done - 1])
    return tuple(merged)


def _place(twin: Twin, name: str) -> int | None:
    """Give the period that a moving field belongs to; None for one that is absent or has none."""
    kind = name[0]
    if kind == _PROGRESS_KIND:
        return _rotation_period(twin, name.split("|")[1]) if name in twin.sums else None
    value = twin.standing.get(name) if kind == STANDING_KIND else twin.slots.get(group_of(name), {}).get(name)
    return _period(value[0]) if value and type(value[0]) is int else None


def _named_period(name: str) -> int | None:
    at = _PERIOD_PART.get(name[0])
    try:
        if at is not None:
            return int(name.split("|", at + 1)[at])
        return _period(week_starts(int(name.split("|", 2)[1]))) if name[0] == _WEEK_KIND else None
    except (IndexError, ValueError):
        return None


def _rotation_period(twin: Twin, rotation: str) -> int | None:
    """Give the latest period that a rotation's slots name: forms go on arriving until it has ended."""
    slots = twin.slots.get(f"{_ROTATION_KIND}|{rotation}")
    if not slots:
        return None
    times = [slot[at] for slot in slots.values() for at in _STATED_TIMES if at < len(slot)]
    return max((_period(time) for time in times if type(time) is int), default=None)


def _period(ms: int) -> int:
    return ms // PERIOD_MS


def names_of(twin: Twin) -> Iterator[str]:
    """Name a twin's fields, in no order, and its links."""
    yield from twin.sums
    for group in twin.slots.values():
        yield from group
    yield from twin.standing


def _ranges(ends: tuple[int, ...]) -> Iterator[tuple[float, int]]:
    first = float("-inf")
    for last in ends:
        yield first, last
        first = last


def _within(period: int, last: int | None) -> bool:
    return last is not None and period <= last
