"""Where a twin's fields rest in the store: recent ones each by itself, those of closed periods in chunks.

Which is which follows from the fields alone, and the fields from the set of evidence: no order of arrival and no size
of a batch changes what is stored (docs/records.md, section 6, and decision 17).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from megdt_stream.evidence.record import PERIOD_MS, week_starts
from megdt_stream.twin.chunk import Value
from megdt_stream.twin.state import PERSON_KINDS, SLOT_KINDS, STANDING_KIND, Twin, group_of

OPEN: Final = 2
"""How many periods stay open, the newest among them: most late records find theirs still open."""

SEGMENT: Final = 40
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
_ROTATION_KIND: Final = "r"
_STATED_TIMES: Final = (0, 3, 4)
"""Where a rotation's slot has `happened`, `starts` and `ends`."""


@dataclass(slots=True)
class Moves:
    """What has to be written: fields and chunks (by their last period), None where there is none any more.

    `wide`: all wide fields, where one of them changed.
    """

    fields: dict[str, str | bytes | None] = field(default_factory=dict)
    chunks: dict[int, dict[str, Value] | None] = field(default_factory=dict)
    wide: dict[str, str | bytes] | None = None


class Layout:
    """What the store holds of one twin, and where.

    `periods`: period -> fields placed there. `counts`: period -> how many of them are evidence that names its time;
    these alone decide what is put away. `moving`: place of each field whose name does not tell it. `cuts`: last period
    of each chunk, the oldest first.
    """

    __slots__ = ("counts", "cuts", "moving", "periods")

    def __init__(self) -> None:
        self.periods: dict[int, set[str]] = {}
        self.counts: dict[int, int] = {}
        self.moving: dict[str, int | None] = {}
        self.cuts: tuple[int, ...] = ()

    @classmethod
    def of(cls, twin: Twin) -> Layout:
        """Give the layout in which a twin rests."""
        layout = cls()
        layout._settle(twin, names_of(twin))
        return layout

    def update(self, twin: Twin, touched: Iterable[str]) -> Moves:
        """Follow a change of these fields; say what has to be written."""
        moves = Moves()
        names = list(self._affected(twin, touched))
        old = self.cuts
        changed = self._settle(twin, names)
        last = self.cuts[-1] if self.cuts else None
        for name in names:
            period = self._place(name)
            away = period is not None and _within(period, last)
            moves.fields[name] = None if away else twin.text(name)
        if old != self.cuts or (old and min(changed, default=old[-1] + 1) <= old[-1]):
            self._rewrite(twin, old, changed, moves)
        return moves

    def _settle(self, twin: Twin, names: Iterable[str]) -> set[int]:
        """Note where fields belong now; give the periods that this changes."""
        changed: set[int] = set()
        counted = False
        for name in names:
            before, after = self._place(name), place(twin, name)
            if before != after:
                counted |= self._move(name, before, after)
            changed.update(period for period in (before, after) if period is not None)
            if name[0] not in _TELLING:
                self._remember(twin, name, after)
        if counted:
            self.cuts = cuts(self.counts)
        return changed

    def _remember(self, twin: Twin, name: str, period: int | None) -> None:
        if period is not None or name in twin.sums:
            self.moving[name] = period
        else:
            self.moving.pop(name, None)

    def _affected(self, twin: Twin, touched: Iterable[str]) -> Iterator[str]:
        """Name the touched fields of the twin proper, and those that go where a touched rotation goes."""
        rotations: dict[str, None] = {}
        for name in touched:
            if name[0] in PERSON_KINDS:
                continue
            yield name
            if name[0] == _ROTATION_KIND:
                rotations[f"{_PROGRESS_KIND}|{name.split('|')[1]}|"] = None
        for prefix in rotations:
            yield from [name for name in self.moving if name.startswith(prefix)]

    def _place(self, name: str) -> int | None:
        """Give where a field has been so far, None where it had no period."""
        if name[0] in _TELLING:
            period = _named_period(name)
            return period if period is not None and name in self.periods.get(period, ()) else None
        return self.moving.get(name)

    def _move(self, name: str, before: int | None, after: int | None) -> bool:
        """Note a field's new place; tell whether that changes what is put away."""
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
        return counts

    def _rewrite(self, twin: Twin, old: tuple[int, ...], changed: set[int], moves: Moves) -> None:
        """Write the chunks that are new or changed, and move fields into them or out."""
        was, now = set(_ranges(old)), set(_ranges(self.cuts))
        for _, last in was - now:
            moves.chunks[last] = None
        for first, last in now:
            if (first, last) not in was or any(first < period <= last for period in changed):
                inside = [names for period, names in self.periods.items() if first < period <= last]
                moves.chunks[last] = {name: _value(twin, name) for names in inside for name in names}
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


def place(twin: Twin, name: str) -> int | None:
    """Give the period that a field belongs to; None for one that is absent or never put away."""
    kind = name[0]
    if kind in SLOT_KINDS:
        slot = twin.slots.get(group_of(name), {}).get(name)
        return _period(slot[0]) if slot and type(slot[0]) is int else None
    if kind == STANDING_KIND:
        value = twin.standing.get(name)
        return _period(value[0]) if value and type(value[0]) is int else None
    if name not in twin.sums:
        return None
    return _rotation_period(twin, name.split("|")[1]) if kind == _PROGRESS_KIND else _named_period(name)


def _named_period(name: str) -> int | None:
    parts = name.split("|")
    try:
        if name[0] == _WEEK_KIND:
            return _period(week_starts(int(parts[1])))
        at = _PERIOD_PART.get(name[0])
        return None if at is None else int(parts[at])
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


def _value(twin: Twin, name: str) -> Value:
    if name[0] in SLOT_KINDS:
        return twin.slots[group_of(name)][name]
    return twin.standing[name] if name[0] == STANDING_KIND else twin.sums[name]


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
