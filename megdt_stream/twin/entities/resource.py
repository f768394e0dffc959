"""What is read off a resource's twin: capacity, what is committed and what is free, week by week.

Who is planned where is a roster, not an assessment of a group: nothing is suppressed here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from megdt_stream.evidence.record import WEEK_MS, week_of
from megdt_stream.twin.entities.document import Properties, Property, told
from megdt_stream.twin.entities.state import EntityTwin, Slot
from megdt_stream.twin.view.times import date_of, week_start

WEEKS: Final = 12
_FACULTY: Final = "faculty"

PER_TRAINEE: Final[Mapping[str, float]] = {"trainees": 1.0}
"""How much of a unit one trainee takes in a week. What a site does not state for its other units is not known."""


class Place(NamedTuple):
    """What kind of capacity a resource offers, in which unit and where."""

    kind: str
    unit: str
    base: str
    department: str | None


Present: TypeAlias = Callable[[Place, int, int], int]
"""Tells how many trainees are planned or present at a place between two moments (ms)."""


def places(found: Iterable[tuple[list[str], Slot]]) -> dict[Place, list[Slot]]:
    """Sort the `q` slots (parts of the field after its kind, value) by what they offer where."""
    sorted_: defaultdict[Place, list[Slot]] = defaultdict(list)
    for (kind, h), (happened, rev, base, department, capacity, unit, starts, ends) in found:
        sorted_[Place(kind, unit, base, department)].append([starts, happened, rev, h, capacity, ends])
    return {place: sorted(sorted_[place]) for place in sorted(sorted_, key=str)}


def capacity(steps: Iterable[Slot], starts: int, ends: int) -> float | None:
    """Give the capacity between two moments (ms): of the statements that hold then the one that begins last.

    Of equal ones that which happened last, then the higher revision. None where none holds.
    """
    held = [step for step in steps if step[0] < ends and (step[5] is None or step[5] > starts)]
    return None if not held else float(held[-1][4])


def properties(
    twin: EntityTwin, as_of: int, present: Present, per_trainee: Mapping[str, float] = PER_TRAINEE
) -> Properties:
    """Read a resource's twin at a moment (ms): the week of that moment and those that follow, `WEEKS` in all."""
    offered = places((rest, slot) for _, rest, slot in twin.slots("q"))
    return {
        "|".join(("weeks", place.kind, place.unit, place.base, place.department or "-")): _weeks(
            place, steps, as_of, present, per_trainee.get(place.unit)
        )
        for place, steps in offered.items()
    }


def _weeks(place: Place, steps: list[Slot], as_of: int, present: Present, share: float | None) -> Property:
    first = week_of(as_of)
    weeks = [_week(place, steps, week, present, share) for week in range(first, first + WEEKS)]
    counted = (
        "trainees in rotations under this teacher" if place.kind == _FACULTY else "trainees in rotations planned there"
    )
    provenance: dict[str, Any] = {"unit": place.unit, "trainees": counted, "statements": len(steps)}
    if share is None:
        provenance["free"] = f"not known: no event tells how many {place.unit} a trainee takes"
    return told(weeks, **provenance)


def _week(place: Place, steps: list[Slot], week: int, present: Present, share: float | None) -> dict[str, Any]:
    starts = week_start(week)
    offered = capacity(steps, starts, starts + WEEK_MS)
    trainees = present(place, starts, starts + WEEK_MS)
    committed = None if share is None else trainees * share
    return {
        "from": date_of(starts),
        "capacity": offered,
        "trainees": trainees,
        "committed": committed,
        "free": None if offered is None or committed is None else offered - committed,
    }
