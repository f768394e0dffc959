"""What was expected by now and has not come: missing data as a fact of its own."""

from __future__ import annotations

from typing import NamedTuple

from megdt_stream.twin.rotation import CANCELLED
from megdt_stream.twin.view.facts import Expected, Rotation
from megdt_stream.twin.view.reading import TwinView


class Overdue(NamedTuple):
    """An expectation that is due and not met, and the rotation that it belongs to."""

    rotation: Rotation
    expected: Expected


class Awaited(NamedTuple):
    """How many assessments were due by now, how many of those came, and which did not (the oldest first).

    What came beyond an expectation does not make up for another one.
    """

    expected: int
    came: int
    items: tuple[Overdue, ...]

    @property
    def missing(self) -> int:
        """Give how many have not come."""
        return self.expected - self.came


def awaited(view: TwinView, as_of: int) -> Awaited | None:
    """Find what was due by `as_of` (ms); None where the time is not known (0), or nothing is on record at all."""
    if not as_of or not view.evidence:
        return None
    due = [
        Overdue(rotation, expected)
        for rotation in view.rotations
        if rotation.status != CANCELLED
        for expected in rotation.expected
        if expected.due <= as_of
    ]
    came = sum(min(one.expected.arrived, one.expected.needed) for one in due)
    short = [one for one in due if one.expected.arrived < one.expected.needed]
    short.sort(key=lambda one: (one.expected.due, one.rotation.code, one.expected.key))
    return Awaited(sum(one.expected.needed for one in due), came, tuple(short))
