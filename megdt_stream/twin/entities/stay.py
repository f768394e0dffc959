"""When a trainee was in a rotation's department, read off the steps of the rotation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from megdt_stream.twin.rotation import RotationState
from megdt_stream.twin.state import Slot

_OVER: Final = frozenset({"ended", "cancelled"})


class Stay(NamedTuple):
    """From when, and until when where it is over (ms); `until` is not before `since`."""

    since: int
    until: int | None


def stay(slots: Mapping[str, Slot], state: RotationState) -> Stay | None:
    """Give the stay in a rotation's department; None where the trainee never got there, or no start is stated.

    A rotation that ended or was cancelled was left then, and at its planned end at the latest. One that was cancelled
    without having been started, as far as events tell, was no stay.
    """
    steps = sorted(
        (slot[0], slot[1], field[field.rindex("|") + 1 :], slot[2]) for field, slot in slots.items() if slot[2]
    )
    stated = [step[3] for step in steps]
    if state.starts is None or not {"started", "ended"} & set(stated):
        return None
    if state.status not in _OVER:
        return Stay(state.starts, None)
    left = steps[-1][0] if state.ends is None else min(steps[-1][0], state.ends)
    return Stay(state.starts, max(state.starts, left))
