"""What a rotation is, read off the slots that its steps left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from megdt_stream.evidence.record import Expectation
from megdt_stream.twin.state import Slot

PLANNED: Final = "planned"
CANCELLED: Final = "cancelled"
_STATUS, _STARTS, _ENDS, _BASE, _DEPARTMENT, _SUPERVISOR, _EXPECTS = range(2, 9)


class RotationState(NamedTuple):
    """A rotation as its steps leave it: each property from the latest step that states it."""

    status: str
    starts: int | None
    ends: int | None
    base: str | None
    department: str | None
    supervisor: str | None
    expects: tuple[Expectation, ...]

    def expectation(self, key: str) -> Expectation | None:
        """Find what is expected under a key; a cancelled rotation expects nothing."""
        if self.status == CANCELLED:
            return None
        return next((expected for expected in self.expects if expected[0] == key), None)


def rotation_state(slots: Mapping[str, Slot]) -> RotationState:
    """Read a rotation's state from its slot group (at least one slot)."""
    if len(slots) == 1:
        (merged,) = slots.values()
    else:
        merged = [None] * (_EXPECTS + 1)
        for _, slot in sorted(slots.items(), key=_order):
            merged = [old if new is None else new for old, new in zip(merged, slot, strict=True)]
    return RotationState(
        merged[_STATUS] or PLANNED,
        merged[_STARTS],
        merged[_ENDS],
        merged[_BASE],
        merged[_DEPARTMENT],
        merged[_SUPERVISOR],
        tuple((key, count, due) for key, count, due in merged[_EXPECTS] or ()),
    )


def _order(item: tuple[str, Slot]) -> tuple[Any, ...]:
    field, slot = item
    return slot[0], slot[1], field[field.rindex("|") + 1 :]
