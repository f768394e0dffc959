"""What is read off the rotation process of a base: where rotations stand, and how long what waits has waited."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from megdt_stream.evidence.times import DAY_MS
from megdt_stream.twin.entities.document import Properties, share, told, untold
from megdt_stream.twin.entities.state import EntityTwin
from megdt_stream.twin.entities.suppression import LEAST, hidden, suppressed

STATES: Final = ("planned", "started", "ended", "cancelled")


class Rotation(NamedTuple):
    """A trainee's rotation in a department; times in ms; `forms` are `[due, expected, arrived]`."""

    trainee: str
    code: str
    status: str
    starts: int | None
    ends: int | None
    forms: list[list[int]]

    def there(self, starts: int, ends: int) -> bool:
        """Tell whether the trainee is to be in the department at some time between two moments (ms)."""
        if self.status not in {"planned", "started"} or self.starts is None:
            return False
        return self.starts < ends and (self.ends is None or self.ends > starts)


@dataclass(slots=True)
class Waiting:
    """How many of a thing wait, and for how long (ms)."""

    count: int = 0
    total: int = 0
    longest: int = 0

    def add(self, since: int, now: int, count: int = 1) -> None:
        """Count things that wait since a moment."""
        self.count += count
        self.total += count * (now - since)
        self.longest = max(self.longest, now - since)

    def told(self, **provenance: Any) -> dict[str, Any]:
        """Give the property: how many, with mean and longest days."""
        if not self.count:
            return told(0, **provenance)
        days: dict[str, Any] = {"mean_days": self.total / self.count / DAY_MS, "longest_days": self.longest / DAY_MS}
        return told(self.count, **days, **provenance)


@dataclass(slots=True)
class Standing:
    """Where a group of rotations stands at a moment. `due` and `came` count the expected forms due by then."""

    trainees: set[str] = field(default_factory=set)
    states: Counter[str] = field(default_factory=Counter)
    due: int = 0
    came: int = 0
    forms: Waiting = field(default_factory=Waiting)
    to_start: Waiting = field(default_factory=Waiting)
    to_end: Waiting = field(default_factory=Waiting)


def rotations(twin: EntityTwin) -> Iterator[Rotation]:
    """Give the rotations of a department's process twin."""
    for trainee, (code,), (status, starts, ends, forms) in twin.slots("r"):
        yield Rotation(trainee, code, status, starts, ends, forms)


def standing(found: Iterable[Rotation], as_of: int) -> Standing:
    """Sum up rotations at a moment (ms)."""
    stand = Standing()
    for one in found:
        stand.trainees.add(one.trainee)
        stand.states[one.status] += 1
        if one.status == "planned" and one.starts is not None and one.starts <= as_of:
            stand.to_start.add(one.starts, as_of)
        if one.status == "started" and one.ends is not None and one.ends <= as_of:
            stand.to_end.add(one.ends, as_of)
        for due, expected, arrived in one.forms:
            if due <= as_of:
                stand.due += expected
                stand.came += arrived
                if arrived < expected:
                    stand.forms.add(due, as_of, expected - arrived)
    return stand


def properties(departments: Mapping[str, EntityTwin], as_of: int, z: float) -> Properties:
    """Read the process of a base at a moment (ms), whole (`overdue`) and by department (`overdue|<department>`).

    What is of fewer than `LEAST` trainees is suppressed, with as many departments more as it takes that it does not
    follow by subtraction.
    """
    found = {name: list(rotations(twin)) for name, twin in sorted(departments.items())}
    whole = standing((one for rotations_ in found.values() for one in rotations_), as_of)
    kept_back = hidden({name: {one.trainee for one in rotations_} for name, rotations_ in found.items()})
    props = _told(whole, "", z)
    for name, rotations_ in found.items():
        props |= _told(None if name in kept_back else standing(rotations_, as_of), f"|{name}", z)
    return props


def completion(departments: Iterable[EntityTwin], as_of: int, z: float) -> dict[str, Any]:
    """Give the share of the expected forms due by a moment (ms) that came, over a base's departments."""
    whole = standing((one for twin in departments for one in rotations(twin)), as_of)
    return _completion(whole, z) if len(whole.trainees) >= LEAST else suppressed()


def _told(stand: Standing | None, name: str, z: float) -> Properties:
    """Give the properties of a group of rotations, all suppressed where it is of too few trainees."""
    names = [f"{what}{name}" for what in (*STATES, "trainees", "completion", "overdue", "late-start", "late-end")]
    if stand is None or len(stand.trainees) < LEAST:
        return {one: suppressed() for one in names}
    trainees = len(stand.trainees)
    values = [
        *(told(stand.states[state], counted="rotations") for state in STATES),
        told(trainees, counted="with a rotation there, whatever its state"),
        _completion(stand, z),
        stand.forms.told(meaning="expected forms past their date"),
        stand.to_start.told(meaning="planned rotations past their first day that have not started"),
        stand.to_end.told(meaning="started rotations past their last day that have not ended"),
    ]
    return dict(zip(names, values, strict=True))


def _completion(stand: Standing, z: float) -> dict[str, Any]:
    if not stand.due:
        return untold("nothing-due")
    return share(stand.came, stand.due, z, arrived=stand.came, due=stand.due)
