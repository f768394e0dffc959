"""Case supply against demand: what trainees of a base see in a department's month, and what their standard asks for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from megdt_stream.evidence.reference.quotas import QuotaItem, QuotaRotation
from megdt_stream.evidence.times import DAY_MS
from megdt_stream.twin.entities.document import Properties, Property, told
from megdt_stream.twin.entities.state import Part
from megdt_stream.twin.entities.suppression import LEAST, suppressed
from megdt_stream.twin.view.norms import Norms
from megdt_stream.twin.view.times import MONTH_MS

_LEAST_ROLE: Final = {None: 0, "observed": 1, "assisted": 2, "performed": 3}
"""Where in an `x` sum (not told, observed, assisted, performed) the roles begin that count."""


def properties(trainees: Iterable[tuple[str, str | None, Part]], norms: Norms, as_of: int) -> Properties:
    """Give the supply of each item of the standards that hold for trainees (stage, programme, contribution).

    Only departments that some of them have been in; `as_of` in ms.
    """
    by_standard: defaultdict[str, list[Part]] = defaultdict(list)
    for stage, programme, part in trainees:
        standard = norms.standard(stage, programme)
        if standard is not None:
            by_standard[standard[0]].append(part)
    found: Properties = {}
    for name, parts in sorted(by_standard.items()):
        short: list[str] = []
        items = 0
        for rotation in norms.quotas[name].rotations:
            for item, one in _department(rotation, parts, as_of).items():
                found["|".join(("supply", name, rotation.department, *item))] = one
                items += one["value"] is not None
                if one["value"] is not None and one["provenance"]["ratio"] < 1:
                    short.extend(item)
        found[f"short|{name}"] = told(short, meaning="items whose supply is below the demand", of=items)
    return found


def _department(rotation: QuotaRotation, parts: Sequence[Part], as_of: int) -> dict[tuple[str, ...], Property]:
    """Give the supply by item; all of a department in one where too few have been there."""
    there = [(part, days) for part in parts if (days := days_in(part, rotation.department, as_of)) > 0]
    if not there:
        return {}
    if len(there) < LEAST:
        return {(): suppressed()}
    months = sum(days for _, days in there) * DAY_MS / MONTH_MS
    return {(item.code,): _supply(item, rotation, [part for part, _ in there], months) for item in rotation.items}


def _supply(item: QuotaItem, rotation: QuotaRotation, parts: Sequence[Part], months: float) -> Property:
    seen = sum(counting(part, item) for part in parts)
    demand = item.minimum / rotation.months
    return told(
        seen / months,
        meaning="so many per trainee and month in the department",
        demand=demand,
        ratio=seen / months / demand,
        seen=seen,
        trainee_months=months,
        trainees=len(parts),
        department=rotation.department,
    )


def counting(part: Part, item: QuotaItem) -> int:
    """Count what a trainee did of an item in the least role that counts, or a higher one."""
    return sum(part.sums.get(f"x|{item.kind}|{item.code}", ())[_LEAST_ROLE[item.role] :])


def days_in(part: Part, department: str, as_of: int) -> float:
    """Give the days that a trainee has been in a department until a moment (ms)."""
    (over,) = part.sums.get(f"m|{department}", (0,))
    running = 0.0
    for field, slot in part.slots.items():
        if field.startswith("s|") and slot[0] == department:
            _, since, ends = slot
            until = as_of if ends is None else min(as_of, ends)
            running += max(0.0, (until - since) / DAY_MS)
    return over + running
