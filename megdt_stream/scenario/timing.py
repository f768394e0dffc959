"""When the interventions of a scheme run: dates and orders become weeks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from megdt_stream.evidence import times
from megdt_stream.scenario.errors import BadScheme
from megdt_stream.scenario.interventions import Interventions
from megdt_stream.scenario.scheme import Act

WEEK_MS: Final = 7 * times.DAY_MS


def duration(act: Act, known: Interventions) -> int:
    """Give for how many weeks an intervention runs; a rotation change as many as it moves."""
    one = known.kinds[act.kind]
    if act.kind == "rotation-change":
        return max(1, round(act.dose or one.dose.default))
    return act.weeks or one.weeks


def starts(acts: Sequence[Act], known: Interventions, begins: int, weeks: int) -> list[int]:
    """Give the first week of each. `begins` (ms) is the start of week 0, `weeks` how many there are.

    Raises BadScheme for dates that are none or lie outside, unknown ids, and orders that go in a circle.
    """
    ids = {act.id: number for number, act in enumerate(acts) if act.id is not None}
    if len(ids) != sum(act.id is not None for act in acts):
        raise BadScheme("interventions", "an id stands twice", "give each its own")
    found: dict[int, int] = {}
    for number in range(len(acts)):
        _settle(number, acts, ids, known, begins, found, ())
    for number, week in sorted(found.items()):
        if not 0 <= week < weeks:
            where = f"interventions.{number}.{'after' if acts[number].after else 'start'}"
            raise BadScheme(
                where, f"week {week} lies outside the {weeks} weeks", "start within them, or ask for more --weeks"
            )
    return [found[number] for number in range(len(acts))]


def _settle(
    number: int,
    acts: Sequence[Act],
    ids: dict[str, int],
    known: Interventions,
    begins: int,
    found: dict[int, int],
    path: tuple[int, ...],
) -> int:
    if number in found:
        return found[number]
    act, where = acts[number], f"interventions.{number}"
    if number in path:
        circle = " -> ".join(str(acts[one].id) for one in (*path[path.index(number) :], number))
        raise BadScheme(f"{where}.after", f"the dates are cyclic: {circle}", "give one of them a start of its own")
    if act.after is None:
        found[number] = _week(f"{where}.start", act.start, begins)
    elif act.after.id not in ids:
        named = ", ".join(ids) or "none has one"
        raise BadScheme(f"{where}.after.id", f"{act.after.id!r} is no id here", f"the ids are: {named}")
    else:
        other = ids[act.after.id]
        first = _settle(other, acts, ids, known, begins, found, (*path, number))
        found[number] = first + duration(acts[other], known) + act.after.weeks
    return found[number]


def _week(where: str, start: int | str | None, begins: int) -> int:
    if start is None or isinstance(start, int):
        return start or 0
    try:
        moment = times.milliseconds(f"{start}T00:00:00Z" if len(start) == len("2025-03-04") else start)
    except times.NotATime:
        raise BadScheme(where, f"{start!r} is no date", "write 2025-03-04, or a week such as 0") from None
    return (moment - begins) // WEEK_MS
