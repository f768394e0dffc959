"""What a rotation is, read off the slots that its steps left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from megdt_stream.evidence.record import Expectation
from megdt_stream.twin.state import Slot

CANCELLED: Final = "cancelled"
_STARTS: Final = 3
_EXPECTS: Final = 8


class RotationState(NamedTuple):
    """A rotation as its latest step leaves it; dates and expectations from the latest steps that state them."""

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
        (latest,) = slots.values()
        plan = stated = latest
    else:
        ordered = [slot for _, slot in sorted(slots.items(), key=_order)]
        latest = ordered[-1]
        plan = next((slot for slot in reversed(ordered) if slot[_STARTS] is not None), latest)
        stated = next((slot for slot in reversed(ordered) if slot[_EXPECTS] is not None), latest)
    expects = tuple((key, count, due) for key, count, due in stated[_EXPECTS] or ())
    return RotationState(latest[2], plan[3], plan[4], plan[5], plan[6], plan[7], expects)


def _order(item: tuple[str, Slot]) -> tuple[Any, ...]:
    field, slot = item
    return slot[0], slot[1], field[field.rindex("|") + 1 :]
