"""Entity twins, made again from the twins of the log (docs/entities.md, "What is contributed"; docs/records.md, 7)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from megdt_stream.verify.log import Log, State
from megdt_stream.verify.mirror import Mirror
from megdt_stream.verify.names import CONTRIBUTIONS
from megdt_stream.verify.persons import Person
from megdt_stream.verify.report import Report
from megdt_stream.verify.times import DAY_MS

Part = dict[str, Any]
"""Field -> numbers of a sum (a tuple) or the value of a slot (a list)."""

_REVISION_BYTES: Final = 8
_WINDOW: Final = 6
_ROLES: Final = ("-", "observed", "assisted", "performed")


class Place(NamedTuple):
    """An entity's name, such as `base/B-1`, and who contributes to it."""

    entity: str
    contributor: str


class _Rotation(NamedTuple):
    """A rotation as its steps state it; `steps`: (happened, rev, h, status), in order."""

    status: str
    starts: int | None
    ends: int | None
    base: str | None
    department: str | None
    supervisor: str | None
    expects: list[list[Any]]
    steps: list[tuple[int, int, str, str | None]]


def expected_parts(mirrors: Iterable[Mirror]) -> dict[Place, Part]:
    """Give what must stand once everyone has told: place -> part, without empty ones."""
    found = {}
    for mirror in mirrors:
        twins = mirror.twins()
        for name, person in mirror.people.items():
            for entity, part in contributed(name, person, twins.get(name, {})).items():
                if part:
                    found[Place(entity, name)] = part
    return found


def check_entities(log: Log, state: State, mirrors: list[Mirror], report: Report) -> None:
    """Compare the entity twins of the store with what the twins of the log contribute.

    Who was touched and has not told yet may stand as before. Nothing is compared while contributions are under way.
    """
    untold = {name for mirror in state.mirror.values() for name in mirror.touched}
    report.untold = len(untold)
    if not _at_rest(log, state):
        return
    expected = expected_parts(mirrors)
    report.entities = len({place.entity for place in expected})
    found = {place: part for place, part in _found(state, report) if part}
    for place in sorted(expected.keys() | found.keys()):
        want, have = expected.get(place), found.get(place)
        if want != have and place.contributor not in untold:
            fields = sorted(
                name for name in {*(want or ()), *(have or ())} if (want or {}).get(name) != (have or {}).get(name)
            )
            report.differ("entity", place.entity, contributor=place.contributor, fields=fields[:5])


def _at_rest(log: Log, state: State) -> bool:
    ends = {
        number: partition.records[-1].offset + 1
        for number, partition in log.partitions(CONTRIBUTIONS).items()
        if partition.records
    }
    applied = all(state.entity_offsets.get(number, 0) >= end for number, end in ends.items())
    waiting = any(message.topic == CONTRIBUTIONS for mirror in state.mirror.values() for message in mirror.outbox)
    return applied and not waiting and not state.moving


def _found(state: State, report: Report) -> Iterable[tuple[Place, Part]]:
    for entity, fields in state.entities.items():
        for contributor, value in fields.items():
            try:
                sums, slots = msgspec.msgpack.decode(
                    value[_REVISION_BYTES:], type=tuple[dict[str, list[int]], dict[str, Any]]
                )
            except (msgspec.DecodeError, ValueError):
                report.differ("entity", entity, contributor=contributor, problem="not an image")
                continue
            yield Place(entity, contributor), {name: tuple(value) for name, value in sums.items()} | slots


# --- what a pseudonym contributes ---


def contributed(name: str, person: Person, twin: Mapping[str, str]) -> dict[str, Part]:
    """Give the parts of a pseudonym by the entity's name, read off its twin's fields."""
    if person.head is not None:
        return {f"person/{person.head}": {"h": [person.head]}}
    given: dict[str, Part] = {}
    sums = {field: tuple(map(int, text.split())) for field, text in twin.items() if field[0] in "acxf"}
    slots = {field: json.loads(text) for field, text in twin.items() if field[0] in "roeq"}
    enrolled = _latest(slots, "e|")
    base = f"base/{enrolled[3]}" if enrolled else None
    if enrolled and base:
        given[base] = {"e": [enrolled[2], enrolled[4], enrolled[5]]}
    _ratings(sums, base, given)
    _feedback(sums, base, given)
    _rotations(sums, slots, base, given)
    for field, slot in slots.items():
        if field[0] == "q":
            given.setdefault(f"resource/{name}", {})[field] = slot
            given.setdefault(f"base/{slot[2]}", {})[field] = slot
    if base:
        _done(sums, slots, given[base])
    return given


def _latest(slots: Mapping[str, Any], start: str) -> list[Any] | None:
    """Give the slot of a group that is last by what happened, revision and hash."""
    group = [(slot[0], slot[1], field, slot) for field, slot in slots.items() if field.startswith(start)]
    return max(group, key=lambda one: one[:3])[3] if group else None


def _add(part: Part, field: str, numbers: tuple[int, ...]) -> None:
    known = part.get(field, (0,) * len(numbers))
    part[field] = tuple(a + b for a, b in zip(known, numbers, strict=True))


def _cells(sums: Mapping[str, tuple[int, ...]], kind: str) -> Iterator[tuple[str, str, str, tuple[int, ...]]]:
    """Give the three parts of each field of a kind, and its numbers."""
    for field, numbers in sums.items():
        if field[0] == kind:
            _, first, second, third = field.split("|")
            yield first, second, third, numbers


def _ratings(sums: Mapping[str, tuple[int, ...]], base: str | None, given: dict[str, Part]) -> None:
    cells = list(_cells(sums, "c"))
    forms: dict[tuple[str, str], int] = {}
    newest: dict[str, int] = {}
    for competency, period, rater, numbers in cells:
        newest[competency] = max(newest.get(competency, int(period)), int(period))
        if rater == "-":
            continue
        part = given.setdefault(f"faculty/{rater}", {})
        _add(part, f"n|{period}", (0, numbers[0]))
        forms[rater, period] = max(forms.get((rater, period), 0), numbers[0])
        if numbers[0] == 1:
            level = numbers[2] // numbers[1]
            _add(part, "v", (1, level, level * level))
    for (rater, period), most in forms.items():
        _add(given[f"faculty/{rater}"], f"n|{period}", (most, 0))
    for competency, period, rater, numbers in cells:
        if base and int(period) > newest[competency] - _WINDOW:
            _add(given[base], f"y|{competency}|{rater}", numbers)
            _see(given[base], rater, int(period))


def _see(part: Part, rater: str, period: int) -> None:
    if rater != "-":
        part[f"t|{rater}"] = [max(period, *part.get(f"t|{rater}", [period]))]


def _feedback(sums: Mapping[str, tuple[int, ...]], base: str | None, given: dict[str, Part]) -> None:
    cells = list(_cells(sums, "f"))
    newest = max((int(cell[1]) for cell in cells), default=0)
    for rater, period, what, numbers in cells:
        if rater != "-":
            _add(given.setdefault(f"faculty/{rater}", {}), f"f|{period}|{what}", numbers)
        if base and int(period) > newest - _WINDOW:
            _see(given[base], rater, int(period))


def _rotations(
    sums: Mapping[str, tuple[int, ...]], slots: Mapping[str, Any], base: str | None, given: dict[str, Part]
) -> None:
    for code in sorted({field.split("|")[1] for field in slots if field[0] == "r"}):
        one = _rotation(slots, code)
        forms = sorted(
            [due, count, min(count, sums.get(f"a|{code}|{key}", (0,))[0])] for key, count, due in one.expects
        )
        cancelled = one.status == "cancelled"
        place = f"process/{one.base or '-'}|{one.department or '-'}"
        slot = [one.status, one.starts, one.ends, [] if cancelled else forms]
        given.setdefault(place, {})[f"r|{code}"] = slot
        if one.supervisor and not cancelled:
            given.setdefault(f"faculty/{one.supervisor}", {})[f"s|{code}"] = slot[:3]
        if base:
            _stay(code, one, given[base])


def _rotation(slots: Mapping[str, Any], code: str) -> _Rotation:
    steps = sorted(
        (slot[0], slot[1], field.rsplit("|", 1)[1], slot)
        for field, slot in slots.items()
        if field.startswith(f"r|{code}|")
    )
    stated: list[Any] = [None] * 7
    for *_, slot in steps:
        stated = [new if new is not None else old for old, new in zip(stated, slot[2:], strict=True)]
    status, starts, ends, base, department, supervisor, expects = stated
    order = [(happened, rev, h, slot[2]) for happened, rev, h, slot in steps]
    return _Rotation(status or "planned", starts, ends, base, department, supervisor, expects or [], order)


def _stay(code: str, one: _Rotation, part: Part) -> None:
    """Tell of the stay in the department: days when it is over, else since when."""
    stated = [step for step in one.steps if step[3]]
    if one.starts is None or not {step[3] for step in stated} & {"started", "ended"}:
        return
    department = one.department or "-"
    if one.status not in ("ended", "cancelled"):
        part[f"s|{code}"] = [department, one.starts, one.ends]
        return
    left = stated[-1][0] if one.ends is None else min(stated[-1][0], one.ends)
    days = (max(one.starts, left) - one.starts) // DAY_MS
    if days:
        _add(part, f"m|{department}", (days,))


def _done(sums: Mapping[str, tuple[int, ...]], slots: Mapping[str, Any], part: Part) -> None:
    for field, numbers in sums.items():
        if field[0] == "x":
            _, kind, item, role, _ = field.split("|")
            _add(part, f"x|{kind}|{item}", tuple(numbers[0] * (role == known) for known in _ROLES))
    for outcome in {field.split("|")[1] for field in slots if field[0] == "o"}:
        latest = _latest(slots, f"o|{outcome}|")
        if latest and "/" not in outcome:
            part[f"o|{outcome}"] = [latest[0], latest[2]]
