"""What was expected of a trainee, and what of it arrived: read off a twin's rotation slots and progress sums."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from megdt_stream.twin.contribution import progress_field, rotation_group
from megdt_stream.twin.rotation import CANCELLED, RotationState, rotation_state
from megdt_stream.twin.state import Sum, Twin

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
_BARE: Final = 1
"""Numbers in a progress sum of format 1."""


class Work(NamedTuple):
    """Something expected by `due` (ms): how often it came (`asked` for), mean level, mean time (ms)."""

    due: int
    asked: int
    came: int
    level: float | None
    at: float

    @property
    def missed(self) -> bool:
        """Tell whether less came than was asked for."""
        return self.came < self.asked


class Schedule(NamedTuple):
    """A rotation's works by due date, and its dates (ms)."""

    code: str
    starts: int
    ends: int
    works: list[Work]


def schedule(twin: Twin, rotation: str) -> Schedule | None:
    """Read a rotation's schedule; None where it is unknown, cancelled or without a beginning."""
    slots = twin.slots.get(rotation_group(rotation))
    if not slots:
        return None
    state = rotation_state(slots)
    if state.status == CANCELLED or state.starts is None:
        return None
    return _of(twin, rotation, state, state.starts)


def running(twin: Twin, now: int) -> Iterator[str]:
    """Give the codes of the rotations that have begun, are not over or cancelled, and expect something."""
    for group, slots in twin.slots.items():
        if group.startswith("r|"):
            state = rotation_state(slots)
            if state.status == CANCELLED or state.starts is None or not state.expects:
                continue
            if state.starts <= now and (state.ends is None or now <= state.ends):
                yield group[2:]


def group_of(twin: Twin, rotation: str) -> str:
    """Name the programme whose level is taken in: that of the enrolment at the rotation's base, else of the latest."""
    base = rotation_state(twin.slots[rotation_group(rotation)]).base
    found = [slot for group, slots in twin.slots.items() if group.startswith("e|") for slot in slots.values()]
    latest = max(found, key=lambda slot: (slot[3] == base, slot[0], slot[1], str(slot[4])), default=None)
    return "" if latest is None else latest[4] or ""


def _of(twin: Twin, rotation: str, state: RotationState, starts: int) -> Schedule:
    sums = twin.sums
    works = []
    for key, count, due in state.expects:
        total = sums.get(progress_field(rotation, key))
        if total is None:
            works.append(Work(due, count, 0, None, 0.0))
        else:
            works.append(arrived(due, count, total))
    works.sort(key=_due)
    ends = state.ends if state.ends is not None else works[-1].due if works else starts
    return Schedule(rotation, starts, ends, works)


def arrived(due: int, count: int, total: Sum) -> Work:
    """Read a progress sum. Without levels (none was marked, or format 1) there is only the count."""
    came = total[0]
    if len(total) == _BARE:
        return Work(due, count, came, None, float(due))
    level = total[1] / came / 1000
    return Work(due, count, came, level if total[1] else None, total[2] / came * HOUR_MS)


def _due(work: Work) -> int:
    return work.due
