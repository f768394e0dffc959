"""What one evidence record adds to its pseudonym's twin (docs/records.md, section 3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import Any, Final, NamedTuple

from megdt_stream.verify.bodies import MINUTE_MS
from megdt_stream.verify.log import Origin
from megdt_stream.verify.strict_json import canonical
from megdt_stream.verify.times import DAY_MS

PERIOD_MS: Final = 28 * DAY_MS
WEEK_MS: Final = 7 * DAY_MS
_HOUR_MS: Final = 60 * MINUTE_MS
_MONDAY_MS: Final = 3 * DAY_MS  # 1970-01-01 was a Thursday

Sums = tuple[tuple[str, tuple[int, ...]], ...]
"""(field, numbers to add), each field once, by field."""
Slots = tuple[tuple[str, str], ...]
"""(field, text), by field."""


class Standing(NamedTuple):
    """What may stand under an id at a pseudonym, and what it contributes there.

    `via`: the pseudonyms it was carried through, none for an own record.
    """

    rev: int
    d: str
    via: tuple[str, ...]
    sums: Sums
    slots: Slots


class Link(NamedTuple):
    """What one identity record says of its pseudonym's head; ordered as the head is read."""

    happened: int
    rev: int
    h: str
    head: str | None


class Version(NamedTuple):
    """One version of a record and what it contributes while it stands. `link`: of an identity record."""

    rev: int
    d: str
    h: str
    origin: Origin
    sums: Sums
    slots: Slots
    link: Link | None = None

    @property
    def candidate(self) -> Standing | None:
        """Give what may stand in the twin: who somebody is stays with the pseudonym."""
        return Standing(self.rev, self.d, (), self.sums, self.slots) if self.link is None else None


def version_of(evidence: dict[str, Any]) -> Version:
    """Read an evidence record. Raises KeyError, TypeError or ValueError when it is not one."""
    kind = evidence["k"]
    sums, slots = _CONTRIBUTIONS[kind](evidence)
    if kind not in ("retraction", "identity"):
        sums.append((f"k|{kind}", (1,)))
    return Version(
        evidence["rev"],
        evidence["d"],
        evidence["h"],
        Origin(*evidence["origin"]),
        total(sums),
        tuple(sorted((field, canonical(values)) for field, values in slots)),
        _link(evidence) if kind == "identity" else None,
    )


def total(sums: Iterable[tuple[str, Sequence[int]]]) -> Sums:
    """Add up (field, numbers) by field."""
    added: dict[str, list[int]] = {}
    for field, numbers in sums:
        added[field] = [a + b for a, b in zip_longest(added.get(field, ()), numbers, fillvalue=0)]
    return tuple((field, tuple(numbers)) for field, numbers in sorted(added.items()))


_Sums = list[tuple[str, tuple[int, ...]]]
_Slots = list[tuple[str, list[Any]]]


def _period(evidence: dict[str, Any]) -> int:
    period: int = evidence["happened"] // PERIOD_MS
    return period


def _or_dash(value: str | None) -> str:
    return "-" if value is None else value


def _link(evidence: dict[str, Any]) -> Link:
    return Link(evidence["happened"], evidence["rev"], evidence["h"], evidence["head"])


def _stamp(evidence: dict[str, Any], *names: str) -> list[Any]:
    return [evidence["happened"], evidence["rev"], *(evidence.get(name) for name in names)]


def _assessment(evidence: dict[str, Any]) -> tuple[_Sums, _Slots]:
    period, assessor = _period(evidence), _or_dash(evidence.get("assessor"))
    key = evidence["instrument"] if evidence.get("item") is None else evidence["item"]
    levels = [y for _, _, y, _ in evidence["marks"]]
    mean = sum(levels) // len(levels) if levels else 0
    progress = f"a|{_or_dash(evidence.get('rotation'))}|{key}"
    arrived: _Sums = [(progress, (1, mean, evidence["happened"] // _HOUR_MS))]
    marks = [(f"c|{c}|{period}|{assessor}", (1, w, w * y)) for c, _, y, w in evidence["marks"]]
    missing = [(f"m|{competency}|{period}", (1,)) for competency, _ in evidence["missing"]]
    return arrived + marks + missing, []


def _self_assessment(evidence: dict[str, Any]) -> tuple[_Sums, _Slots]:
    period = _period(evidence)
    return [(f"v|{competency}|{period}", (1, w, w * y)) for competency, _, y, w in evidence["marks"]], []


def _feedback(evidence: dict[str, Any]) -> tuple[_Sums, _Slots]:
    about = f"f|{_or_dash(evidence.get('assessor'))}|{_period(evidence)}"
    specific = {True: "specific", False: "general", None: "-"}[evidence.get("specific")]
    observed = evidence.get("observed")
    delay = 0 if observed is None else max(0, (evidence["happened"] - observed) // MINUTE_MS)
    sums: _Sums = [(f"{about}|{specific}", (1, evidence["characters"], delay))]
    return sums + ([] if observed is None else [(f"{about}|timed", (1,))]), []


def _rotation(evidence: dict[str, Any]) -> tuple[_Sums, _Slots]:
    values = _stamp(evidence, "status", "starts", "ends", "base", "department", "supervisor", "expects")
    return [], [(f"r|{evidence['rotation']}|{evidence['h']}", values)]


def _exposure(evidence: dict[str, Any]) -> tuple[_Sums, _Slots]:
    role = _or_dash(evidence.get("role"))
    field = f"x|{evidence['kind']}|{evidence['item']}|{role}|{_period(evidence)}"
    return [(field, (evidence["count"],))], []


def _activity(evidence: dict[str, Any]) -> tuple[_Sums, _Slots]:
    if evidence["kind"] == "duty":
        week = (evidence["starts"] + _MONDAY_MS) // WEEK_MS
        return [(f"u|{week}|{'on-call' if evidence['on_call'] else 'duty'}", (1, evidence["minutes"], 0))], []
    field = f"t|{evidence['kind']}|{evidence['item']}|{_period(evidence)}"
    return [(field, (1, evidence["minutes"], int(evidence["attended"])))], []


def _outcome(evidence: dict[str, Any]) -> tuple[_Sums, _Slots]:
    values = _stamp(evidence, "result", "value", "rotation", "starts", "ends")
    return [], [(f"o|{evidence['outcome']}|{evidence['h']}", values)]


def _resource(evidence: dict[str, Any]) -> tuple[_Sums, _Slots]:
    values = _stamp(evidence, "base", "department", "capacity", "unit", "starts", "ends")
    return [], [(f"q|{evidence['kind']}|{evidence['h']}", values)]


def _decision(evidence: dict[str, Any]) -> tuple[_Sums, _Slots]:
    assignee = [evidence["assignee"]] if evidence.get("assignee") is not None else []
    values = _stamp(evidence, "action", "by", "reason", "until") + assignee
    return [], [(f"d|{evidence['on']}|{evidence['h']}", values)]


def _identity(evidence: dict[str, Any]) -> tuple[_Sums, _Slots]:
    return [], [(f"i|{evidence['h']}", _stamp(evidence, "head", "event", "system"))]


def _enrolment(evidence: dict[str, Any]) -> tuple[_Sums, _Slots]:
    return [], [(f"e|{evidence['h']}", _stamp(evidence, "stage", "base", "programme", "cohort"))]


def _retraction(evidence: dict[str, Any]) -> tuple[_Sums, _Slots]:
    return [], []


_CONTRIBUTIONS: Final = {
    "assessment": _assessment,
    "self-assessment": _self_assessment,
    "feedback": _feedback,
    "rotation": _rotation,
    "exposure": _exposure,
    "activity": _activity,
    "outcome": _outcome,
    "resource": _resource,
    "decision": _decision,
    "identity": _identity,
    "enrolment": _enrolment,
    "retraction": _retraction,
}
