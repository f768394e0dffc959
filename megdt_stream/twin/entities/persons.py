"""Assessors and their pseudonyms: contributions name the pseudonym under which somebody rated; here they are joined."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from megdt_stream.twin.entities.contribution import Contributions, faculty
from megdt_stream.twin.entities.state import Entity, EntityTwin, Part, Slot, Sum

Persons: TypeAlias = Mapping[str, str]
"""Pseudonym -> the person that it belongs to, for those that belong to another."""


def persons(heads: Mapping[str, str]) -> dict[str, str]:
    """Follow each pseudonym's head, and the head's head, to the end; a circle ends before it closes."""
    found = {}
    for name in heads:
        end, seen = name, {name}
        while (head := heads.get(end)) is not None and head not in seen:
            end = head
            seen.add(head)
        found[name] = end
    return {name: end for name, end in found.items() if end != name}


def entities(given: Iterable[tuple[str, Contributions]], known: Persons) -> dict[Entity, EntityTwin]:
    """Build all entity twins from (contributor, contributions), with assessors under their persons' names."""
    parts: defaultdict[Entity, dict[str, Part]] = defaultdict(dict)
    for contributor, contributions in given:
        for entity, part in contributions.items():
            theirs = _as_person(entity, known)
            before = parts[theirs].get(contributor)
            renamed = _renamed(part, known) if entity.kind == "base" and known else part
            parts[theirs][contributor] = renamed if before is None else _joined(before, renamed)
    return {
        entity: EntityTwin.of((contributor, 0, part) for contributor, part in theirs.items())
        for entity, theirs in sorted(parts.items())
    }


def _as_person(entity: Entity, known: Persons) -> Entity:
    return faculty(known.get(entity.id, entity.id)) if entity.kind == "faculty" else entity


def _renamed(part: Part, known: Persons) -> Part:
    """Name assessors in a base's fields (`y`, `t`) by their persons."""
    if not any(_field(field, known) != field for fields in (part.sums, part.slots) for field in fields):
        return part
    found = Part({}, {})
    for field, given in part.sums.items():
        found = _joined(found, Part({_field(field, known): given}, {}))
    for field, slot in part.slots.items():
        found = _joined(found, Part({}, {_field(field, known): slot}))
    return found


def _field(field: str, known: Persons) -> str:
    kind, *rest = field.split("|")
    if kind in {"y", "t"}:
        rest[-1] = known.get(rest[-1], rest[-1])
    return "|".join((kind, *rest))


def _joined(one: Part, other: Part) -> Part:
    """Put together what one contributor gives under two names of an entity."""
    sums: dict[str, Sum] = dict(one.sums)
    for field, given in other.sums.items():
        old = sums.get(field, (0,) * len(given))
        sums[field] = tuple(a + b for a, b in zip(old, given, strict=True))
    slots: dict[str, Slot] = dict(one.slots)
    for field, slot in other.slots.items():
        # Only `t` (the newest period) can stand under both names; the others are named by what they tell of.
        slots[field] = max(slots.get(field, slot), slot)
    return Part(sums, slots)
