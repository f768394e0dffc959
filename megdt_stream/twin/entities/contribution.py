"""What one pseudonym's twin contributes to which entity.

A function of the twin alone: no clock, nothing learned. What depends on the moment (overdue, free, active) is left to
the reader, so contributions carry the times that it takes. docs/entities.md lists the fields.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from megdt_stream.evidence.times import DAY_MS
from megdt_stream.twin.contribution import progress_field
from megdt_stream.twin.entities.state import NOTHING, Entity, Part, Slot, Sum
from megdt_stream.twin.entities.stay import stay
from megdt_stream.twin.rotation import CANCELLED, RotationState, rotation_state
from megdt_stream.twin.state import Twin

Contributions: TypeAlias = Mapping[Entity, Part]

WINDOW_PERIODS: Final = 6
"""A base is told of each competency's newest so many periods (of four weeks): half a year, as often as milestones are
usually reported."""

UNNAMED: Final = "-"
_ROLES: Final = (UNNAMED, "observed", "assisted", "performed")


def contributions(trainee: str, twin: Twin) -> Contributions:
    """Give what the twin of a pseudonym contributes, by entity; nothing while the pseudonym has a head.

    `trainee` is any subject: a resource or a teacher contributes its capacity.
    """
    if twin.head is not None:
        return {}
    found = _Collector()
    base = _enrolled(twin, found)
    _ratings(twin, found, base)
    _feedback(twin, found, base)
    _rotations(twin, found, base)
    _resources(trainee, twin, found)
    if base is not None:
        _exposures(twin, found, base)
        _outcomes(twin, found, base)
    return found.parts()


def differences(before: Contributions, after: Contributions) -> Contributions:
    """Give what has to be sent when a twin changed: new and changed parts, and `NOTHING` to whom it gives no more."""
    gone = dict.fromkeys(sorted(before.keys() - after.keys()), NOTHING)
    return gone | {entity: part for entity, part in after.items() if before.get(entity) != part}


class _Collector:
    """Fields by entity, while they are found."""

    def __init__(self) -> None:
        self._sums: defaultdict[Entity, dict[str, Sum]] = defaultdict(dict)
        self._slots: defaultdict[Entity, dict[str, Slot]] = defaultdict(dict)

    def add(self, entity: Entity, field: str, given: Sum) -> None:
        sums = self._sums[entity]
        old = sums.get(field)
        sums[field] = given if old is None else tuple(a + b for a, b in zip(old, given, strict=True))

    def put(self, entity: Entity, field: str, slot: Slot) -> None:
        self._slots[entity][field] = slot

    def newest(self, entity: Entity, field: str, period: int) -> None:
        """Keep the largest period."""
        (old,) = self._slots[entity].get(field, [period])
        self._slots[entity][field] = [max(old, period)]

    def parts(self) -> dict[Entity, Part]:
        found = sorted({*self._sums, *self._slots})
        return {one: Part(self._sums.get(one, {}), self._slots.get(one, {})) for one in found}


def _sums(twin: Twin, kind: str) -> Iterator[tuple[list[str], Sum]]:
    """Give the sums of a kind, with what follows the kind in their field split into its parts."""
    start = f"{kind}|"
    for field, value in twin.sums.items():
        if field.startswith(start):
            yield field[len(start) :].split("|"), value


def faculty(assessor: str) -> Entity:
    """Name a teacher's entity."""
    return Entity("faculty", assessor)


def place(base: str | None, department: str | None) -> Entity:
    """Name the process of a base's department; `-` stands for what no event stated."""
    return Entity("process", f"{base or UNNAMED}|{department or UNNAMED}")


# --- who belongs where ---


def _enrolled(twin: Twin, found: _Collector) -> Entity | None:
    slots = twin.slots.get("e")
    if not slots:
        return None
    _, latest = max(slots.items(), key=lambda item: (item[1][0], item[1][1], item[0]))
    _happened, _rev, stage, base, programme, cohort = latest
    entity = Entity("base", base)
    found.put(entity, "e", [stage, programme, cohort])
    return entity


# --- ratings and feedback ---


def _ratings(twin: Twin, found: _Collector, base: Entity | None) -> None:
    cells = [(c, int(period), rater, value) for (c, period, rater), value in _sums(twin, "c")]
    newest: dict[str, int] = {}
    most: dict[tuple[str, int], int] = {}
    for competency, period, rater, (n, w, wy) in cells:
        newest[competency] = max(newest.get(competency, period), period)
        if rater == UNNAMED:
            continue
        # A form marks a competency once at most, so there were at least as many forms as marks of any competency.
        most[rater, period] = max(most.get((rater, period), 0), n)
        found.add(faculty(rater), f"n|{period}", (0, n))
        if n == 1:
            y = wy // w
            found.add(faculty(rater), "v", (1, y, y * y))
    for (rater, period), forms in most.items():
        found.add(faculty(rater), f"n|{period}", (forms, 0))
    if base is None:
        return
    for competency, period, rater, value in cells:
        if period > newest[competency] - WINDOW_PERIODS:
            found.add(base, f"y|{competency}|{rater}", value)
            _seen(found, base, rater, period)


def _seen(found: _Collector, base: Entity, rater: str, period: int) -> None:
    if rater != UNNAMED:
        found.newest(base, f"t|{rater}", period)


def _feedback(twin: Twin, found: _Collector, base: Entity | None) -> None:
    cells = [(rater, int(period), what, value) for (rater, period, what), value in _sums(twin, "f")]
    newest = max((period for _, period, _, _ in cells), default=0)
    for rater, period, what, value in cells:
        if rater != UNNAMED:
            found.add(faculty(rater), f"f|{period}|{what}", value)
        if base is not None and period > newest - WINDOW_PERIODS:
            _seen(found, base, rater, period)


# --- rotations ---


def _rotations(twin: Twin, found: _Collector, base: Entity | None) -> None:
    for group, slots in twin.slots.items():
        if not group.startswith("r|"):
            continue
        code = group[2:]
        state = rotation_state(slots)
        there = stay(slots, state)
        forms = _forms(twin, code, state)
        found.put(
            place(state.base, state.department),
            f"r|{code}",
            [state.status, state.starts, state.ends, forms],
        )
        if state.supervisor is not None and state.status != CANCELLED:
            slot: Slot = [state.status, state.starts, state.ends]
            found.put(faculty(state.supervisor), f"s|{code}", slot)
        if base is None or there is None:
            continue
        department = state.department or UNNAMED
        if there.until is None:
            found.put(base, f"s|{code}", [department, there.since, state.ends])
        elif days := (there.until - there.since) // DAY_MS:
            found.add(base, f"m|{department}", (days,))


def _forms(twin: Twin, code: str, state: RotationState) -> list[list[int]]:
    """Give `[due, expected, arrived]` of each expected form; arrived at most as many as expected."""
    if state.status == CANCELLED:
        return []
    counted = ((due, count, twin.sums.get(progress_field(code, key), (0,))[0]) for key, count, due in state.expects)
    return sorted([due, count, min(count, arrived)] for due, count, arrived in counted)


# --- what is seen, done and decided ---


def _exposures(twin: Twin, found: _Collector, base: Entity) -> None:
    for (kind, item, role, _period), (count,) in _sums(twin, "x"):
        found.add(base, f"x|{kind}|{item}", tuple(count * (role == name) for name in _ROLES))


def _outcomes(twin: Twin, found: _Collector, base: Entity) -> None:
    for group, slots in twin.slots.items():
        kind, _, outcome = group.partition("|")
        # Codes with a slash are courses of events (leave, credits, remediation), not results.
        if kind == "o" and "/" not in outcome:
            _, latest = max(slots.items(), key=lambda item: (item[1][0], item[1][1], item[0]))
            found.put(base, f"o|{outcome}", [latest[0], latest[2]])


def _resources(subject: str, twin: Twin, found: _Collector) -> None:
    for group, slots in twin.slots.items():
        if not group.startswith("q|"):
            continue
        for field, slot in slots.items():
            found.put(Entity("resource", subject), field, slot)
            found.put(Entity("base", slot[2]), field, slot)
