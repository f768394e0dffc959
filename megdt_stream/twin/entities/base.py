"""What is read off a specialty base: its trainees' levels against their peers, cases, supervision, results, capacity.

Everything about its trainees is told of at least ten (`suppression`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from megdt_stream.evidence.record import PERIOD_MS
from megdt_stream.evidence.reference.outcomes import Outcome
from megdt_stream.twin.entities import comparison, process, resource, supply
from megdt_stream.twin.entities.document import Properties, Property, share, told
from megdt_stream.twin.entities.levels import Severities, trainee_levels
from megdt_stream.twin.entities.state import EntityTwin, Part
from megdt_stream.twin.entities.suppression import LEAST, suppressed
from megdt_stream.twin.view.norms import Norms

ACTIVE_PERIODS: Final = 3
"""An assessor is active who scored or gave feedback in this or one of so many periods (of four weeks) before."""

_LEAVING: Final = "withdrawal"
_PASS, _ABSENT = "pass", "absent"


class Member(NamedTuple):
    """An enrolled trainee: where in the training, and what they contribute to the base."""

    stage: str
    programme: str | None
    cohort: str | None
    part: Part


@dataclass(frozen=True, slots=True)
class Terms:
    """What a reading rests on beside the twins: the moment (ms), half width of intervals (SD), and what is declared."""

    as_of: int
    z: float
    severities: Severities
    norms: Norms
    outcomes: Mapping[str, Outcome]


def members(twin: EntityTwin) -> dict[str, Member]:
    """Give the enrolled trainees of a base's twin."""
    found = {}
    for trainee, part in twin.parts.items():
        if "e" in part.slots:
            stage, programme, cohort = part.slots["e"]
            found[trainee] = Member(stage, programme, cohort, part)
    return found


def properties(
    name: str, bases: Mapping[str, EntityTwin], departments: Collection[EntityTwin], terms: Terms
) -> Properties:
    """Read a base's twin; `bases` are all bases with this one, `departments` the process twins of this one."""
    twin = bases[name]
    enrolled = members(twin)
    staying = {trainee: one for trainee, one in enrolled.items() if not _left(one.part, terms.outcomes)}
    levels = {base: _levels(found, terms.severities) for base, found in bases.items()}
    return (
        {
            "trainees": _count(enrolled, "enrolled here by their latest enrolment"),
            "trainees|staying": _count(staying, "enrolled without a withdrawal on record"),
            "supervision": _supervision(staying, terms.as_of),
            "completion": process.completion(departments, terms.as_of, terms.z),
        }
        | comparison.properties(name, levels, terms.severities, terms.z)
        | _results(enrolled, terms)
        | supply.properties(
            ((one.stage, one.programme, one.part) for one in enrolled.values()), terms.norms, terms.as_of
        )
        | _capacity(twin, terms.as_of)
    )


def _count(found: Collection[str], counted: str) -> Property:
    return told(len(found), counted=counted) if len(found) >= LEAST else suppressed()


def _levels(twin: EntityTwin, severities: Severities) -> list[comparison.Trainee]:
    return [
        comparison.Trainee(f"{one.stage}|{one.cohort or '-'}", trainee_levels(one.part, severities))
        for one in members(twin).values()
    ]


# --- supervision ---


def _supervision(staying: Mapping[str, Member], as_of: int) -> Property:
    if len(staying) < LEAST:
        return suppressed()
    since = as_of // PERIOD_MS - ACTIVE_PERIODS
    assessors = {
        field[2:]
        for one in staying.values()
        for field, slot in one.part.slots.items()
        if field.startswith("t|") and slot[0] >= since
    }
    return told(
        len(assessors) / len(staying),
        meaning="active assessors per trainee",
        assessors=len(assessors),
        trainees=len(staying),
        active="scored or gave feedback in the last 12 to 16 weeks",
    )


# --- results ---


def canonical(code: str, outcomes: Mapping[str, Outcome]) -> str:
    """Give the code of the table that speaks for an outcome; an outcome without one speaks for itself."""
    return next((name for name, table in outcomes.items() if code == name or code in table.aliases), code)


def latest_results(part: Part, outcomes: Mapping[str, Outcome]) -> dict[str, str]:
    """Give a trainee's latest result of each outcome, aliases taken together."""
    found: dict[str, tuple[int, str]] = {}
    for field, slot in part.slots.items():
        if field.startswith("o|"):
            code, latest = canonical(field[2:], outcomes), (slot[0], slot[1])
            found[code] = max(found.get(code, latest), latest)
    return {code: result for code, (_, result) in found.items()}


def _left(part: Part, outcomes: Mapping[str, Outcome]) -> bool:
    return _LEAVING in latest_results(part, outcomes)


def _results(enrolled: Mapping[str, Member], terms: Terms) -> Properties:
    """Give the pass rate of each outcome that can be passed; who was absent is not among those who sat it."""
    tallies = {code: Counter[str]() for code, table in terms.outcomes.items() if _PASS in table.results}
    for one in enrolled.values():
        for code, result in latest_results(one.part, terms.outcomes).items():
            if code in tallies:
                tallies[code][result] += 1
    return {
        f"pass|{code}": _pass_rate(tally, terms.outcomes[code].adverse, terms.z)
        for code, tally in tallies.items()
        if tally
    }


def _pass_rate(tally: Counter[str], adverse: Iterable[str], z: float) -> Property:
    sat = sum(tally.values()) - tally[_ABSENT]
    if sat < LEAST:
        return suppressed()
    passed = sat - sum(tally[result] for result in adverse)
    return share(passed, sat, z, passed=passed, of=sat, counted="the latest result of each trainee who sat it")


# --- capacity ---


def _capacity(twin: EntityTwin, as_of: int) -> Properties:
    found: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for part in twin.parts.values():
        offered = resource.places(
            (field.split("|")[1:], part.slots[field]) for field in part.slots if field[:2] == "q|"
        )
        for place, steps in offered.items():
            held = resource.capacity(steps, as_of, as_of + 1)
            if held is not None:
                found[place.kind, place.unit].append(held)
    return {
        f"capacity|{kind}|{unit}": told(sum(held), unit=unit, resources=len(held))
        for (kind, unit), held in sorted(found.items())
    }
