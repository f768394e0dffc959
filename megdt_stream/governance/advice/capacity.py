"""What is free of each resource in the coming weeks, as resource twins tell: capacity less what trainees take."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

TWINS: Final = "resource-twins"
STATED: Final = "stated"
_FACULTY: Final = "faculty"

_RESOURCES: Final[Mapping[tuple[str, str], str]] = {
    ("faculty", "hours-per-week"): "faculty-hour",
    ("simulator", "slots-per-week"): "simulator-hour",
}
"""What a kind of capacity in a unit is to interventions; a slot of a simulator is an hour."""


class Capacity(NamedTuple):
    """What is free (resource -> amount) within `weeks`, None where it was stated without a time; `told_by` whom."""

    free: Mapping[str, float]
    weeks: int | None
    told_by: str


def free(documents: Iterable[Mapping[str, Any]], per_trainee: Mapping[str, float], weeks: int) -> Capacity:
    """Add up what stays free in the first `weeks` of resources' properties (`twin.entities.resource.properties`).

    `per_trainee`: what a trainee takes of a unit in a week. Of a teacher's hours the trainees under that teacher take,
    of all simulators of a base together its trainees; what is overdrawn in one place or week is no less elsewhere.
    Beds and places for trainees are nothing that interventions book.
    """
    places: defaultdict[tuple[str, ...], list[Sequence[Mapping[str, Any]]]] = defaultdict(list)
    for number, properties in enumerate(documents):
        for name, told in properties.items():
            _, kind, unit, base, _ = name.split("|")
            if (kind, unit) in _RESOURCES:
                own = (str(number), name) if kind == _FACULTY else ()
                places[kind, unit, base, *own].append(told["value"][:weeks])
    found: defaultdict[str, float] = defaultdict(float)
    for (kind, unit, *_), offered in places.items():
        found[_RESOURCES[kind, unit]] += _left(offered, per_trainee.get(unit, 0.0))
    return Capacity({name: round(amount, 6) for name, amount in sorted(found.items())}, weeks, TWINS)


def _left(offered: Sequence[Sequence[Mapping[str, Any]]], share: float) -> float:
    left = 0.0
    for together in zip(*offered, strict=True):
        capacity = sum(one["capacity"] or 0.0 for one in together)
        left += max(0.0, capacity - share * max(one["trainees"] for one in together))
    return left
