"""What was told of a trainee: enrolments, rotations, exposures, outcomes, open warnings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from megdt_stream.twin.contribution import progress_field
from megdt_stream.twin.rotation import rotation_state
from megdt_stream.twin.state import Slot, Twin
from megdt_stream.twin.view.fields import slots_of, sums_of


class Enrolment(NamedTuple):
    """An enrolment (`happened` in ms) and which record says so."""

    stage: str
    base: str
    programme: str | None
    cohort: str | None
    happened: int
    record: str


class Expected(NamedTuple):
    """An assessment that a rotation expects: how many, how many came, and when they were due (ms)."""

    key: str
    needed: int
    arrived: int
    due: int


class Rotation(NamedTuple):
    """A rotation; `others` counts assessments that came without being expected, `records` say what it is."""

    code: str
    status: str
    base: str | None
    department: str | None
    starts: int | None
    ends: int | None
    expected: tuple[Expected, ...]
    others: tuple[tuple[str, int], ...]
    records: tuple[str, ...] = ()
    supervisor: str | None = None


class Counted(NamedTuple):
    """How often in a role (`-`: not told) and a period of four weeks."""

    role: str
    period: int
    times: int


class Exposure(NamedTuple):
    """How often something was seen or done, in all, by role (`-`: not told), and by role and period."""

    kind: str
    item: str
    total: int
    roles: tuple[tuple[str, int], ...]
    cells: tuple[Counted, ...] = ()


class Outcome(NamedTuple):
    """A result that was decided outside and recorded here; times in ms, `starts` and `ends` of a leave."""

    outcome: str
    result: str
    value: float | None
    rotation: str | None
    starts: int | None
    ends: int | None
    happened: int
    record: str


class OpenWarning(NamedTuple):
    """An open warning: since when, which notice opened it, when it was due (times in ms)."""

    rule: str
    rotation: str
    key: str
    opened: int
    notice: str
    due: int
    expected: int
    arrived: int


def enrolments(twin: Twin) -> Iterator[Enrolment]:
    """Give all enrolments, the oldest first."""
    for (_, record), (happened, _rev, stage, base, programme, cohort) in slots_of(twin, "e"):
        yield Enrolment(stage, base, programme, cohort, happened, record)


def rotations(twin: Twin) -> Iterator[Rotation]:
    """Give rotations by their beginning, then assessments of rotations that nobody planned, or of none at all."""
    came: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for (_, code, key), total in sums_of(twin, "a"):
        came[code][key] = total[0]
    known = [
        _rotation(group.split("|")[1], slots, came.pop(group.split("|")[1], {}))
        for group, slots in twin.slots.items()
        if group.startswith("r|")
    ]
    yield from sorted(known, key=lambda rotation: (rotation.starts or 0, rotation.code))
    for code, keys in sorted(came.items()):
        yield Rotation(code, "unplanned", None, None, None, None, (), tuple(sorted(keys.items())))


def _rotation(code: str, slots: Mapping[str, Slot], came: Mapping[str, int]) -> Rotation:
    state = rotation_state(slots)
    expected = tuple(Expected(key, count, came.get(key, 0), due) for key, count, due in state.expects)
    named = {one.key for one in expected}
    others = tuple(sorted((key, count) for key, count in came.items() if key not in named))
    records = tuple(sorted(field.split("|")[2] for field in slots))
    dates = (state.starts, state.ends)
    return Rotation(
        code, state.status, state.base, state.department, *dates, expected, others, records, state.supervisor
    )


def exposures(twin: Twin) -> Iterator[Exposure]:
    """Give exposures by kind and item."""
    found: defaultdict[tuple[str, str], list[Counted]] = defaultdict(list)
    for (_, kind, item, role, period), total in sums_of(twin, "x"):
        found[kind, item].append(Counted(role, int(period), total[0]))
    for (kind, item), cells in found.items():
        roles: defaultdict[str, int] = defaultdict(int)
        for cell in cells:
            roles[cell.role] += cell.times
        yield Exposure(kind, item, sum(roles.values()), tuple(sorted(roles.items())), tuple(sorted(cells)))


def outcomes(twin: Twin) -> Iterator[Outcome]:
    """Give outcomes, the oldest first."""
    for (_, outcome, record), (happened, _rev, result, value, rotation, starts, ends) in slots_of(twin, "o"):
        yield Outcome(outcome, result, value, rotation, starts, ends, happened, record)


def warnings(twin: Twin) -> Iterator[OpenWarning]:
    """Give open warnings, in the order of their fields."""
    for field, value in sorted(twin.standing.items()):
        _, rule, *where = field.split("|")
        if len(where) < 2:
            continue
        (rotation, key), (opened, notice, due, count) = where, value
        arrived = twin.sums.get(progress_field(rotation, key), (0,))[0]
        yield OpenWarning(rule, rotation, key, opened, notice, due, count, arrived)


class Concern(NamedTuple):
    """A warning of a rule that reviews the twin: since when (ms), which notice raised it, where it stands.

    `standing`: `open`, `escalated` or `closed` as the rule left it; `decision` is the slot of the last decision on it.
    """

    rule: str
    horizon_days: int
    since: int
    notice: str
    standing: str
    decision: Slot | None


def concerns(twin: Twin) -> Iterator[Concern]:
    """Give the warnings of rules that review the twin, in the order of their fields."""
    for field, value in sorted(twin.standing.items()):
        _, rule, *where = field.split("|")
        if len(where) == 1:
            since, notice, standing = value
            decisions = twin.slots.get(f"d|{notice}", {})
            last = max(decisions.items(), key=lambda item: (item[1][0], item[1][1], item[0]), default=(None, None))[1]
            yield Concern(rule, int(where[0]), since, notice, standing, last)
