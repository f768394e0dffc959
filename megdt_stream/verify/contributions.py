"""What one evidence record adds to its trainee's twin (docs/records.md, section 3)."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from megdt_stream.verify.log import Origin
from megdt_stream.verify.strict_json import canonical

PERIOD_MS: Final = 28 * 86_400_000


class RotationSlot(NamedTuple):
    """What one record says of a rotation; ordered as its state is read."""

    happened: int
    rev: int
    h: str
    status: str
    base: str | None
    expects: tuple[tuple[str, int, int], ...] | None


class Version(NamedTuple):
    """One version of a record and what it contributes while it stands.

    `sums`: (field, numbers); `slots`: (field, text); `arrival`: (rotation, key) of an assessment; `rotation`:
    the rotation it speaks of and what it says.
    """

    rev: int
    d: str
    h: str
    origin: Origin
    sums: tuple[tuple[str, tuple[int, ...]], ...]
    slots: tuple[tuple[str, str], ...]
    arrival: tuple[str, str] | None = None
    rotation: tuple[str, RotationSlot] | None = None


def version_of(evidence: dict[str, Any]) -> Version:
    """Read an evidence record. Raises KeyError, TypeError or ValueError when it is not one."""
    kind = evidence["k"]
    sums, slots = _CONTRIBUTIONS[kind](evidence)
    if kind != "retraction":
        sums.append((f"k|{kind}", (1,)))
    return Version(
        evidence["rev"],
        evidence["d"],
        evidence["h"],
        Origin(*evidence["origin"]),
        tuple(sums),
        tuple((field, canonical(values)) for field, values in slots),
        _arrival(evidence) if kind == "assessment" else None,
        (evidence["rotation"], _slot(evidence)) if kind == "rotation" else None,
    )


_Sums = list[tuple[str, tuple[int, ...]]]
_Slots = list[tuple[str, list[Any]]]


def _period(evidence: dict[str, Any]) -> int:
    period: int = evidence["happened"] // PERIOD_MS
    return period


def _or_dash(value: str | None) -> str:
    return "-" if value is None else value


def _arrival(evidence: dict[str, Any]) -> tuple[str, str]:
    item = evidence.get("item")
    return _or_dash(evidence.get("rotation")), evidence["instrument"] if item is None else item


def _assessment(evidence: dict[str, Any]) -> tuple[_Sums, _Slots]:
    period, assessor = _period(evidence), _or_dash(evidence.get("assessor"))
    arrived: _Sums = [("a|" + "|".join(_arrival(evidence)), (1,))]
    marks = [(f"c|{c}|{period}|{assessor}", (1, w, w * y)) for c, _, y, w in evidence["marks"]]
    missing = [(f"m|{competency}|{period}", (1,)) for competency, _ in evidence["missing"]]
    return arrived + marks + missing, []


def _slot(evidence: dict[str, Any]) -> RotationSlot:
    expects = evidence.get("expects")
    return RotationSlot(
        evidence["happened"],
        evidence["rev"],
        evidence["h"],
        evidence["status"],
        evidence.get("base"),
        None if expects is None else tuple((key, count, due) for key, count, due in expects),
    )


def _stamp(evidence: dict[str, Any], *names: str) -> list[Any]:
    return [evidence["happened"], evidence["rev"], *(evidence.get(name) for name in names)]


def _rotation(evidence: dict[str, Any]) -> tuple[_Sums, _Slots]:
    values = _stamp(evidence, "status", "starts", "ends", "base", "department", "supervisor", "expects")
    return [], [(f"r|{evidence['rotation']}|{evidence['h']}", values)]


def _exposure(evidence: dict[str, Any]) -> tuple[_Sums, _Slots]:
    role = _or_dash(evidence.get("role"))
    field = f"x|{evidence['kind']}|{evidence['item']}|{role}|{_period(evidence)}"
    return [(field, (evidence["count"],))], []


def _outcome(evidence: dict[str, Any]) -> tuple[_Sums, _Slots]:
    return [], [(f"o|{evidence['outcome']}|{evidence['h']}", _stamp(evidence, "result", "value", "rotation"))]


def _enrolment(evidence: dict[str, Any]) -> tuple[_Sums, _Slots]:
    return [], [(f"e|{evidence['h']}", _stamp(evidence, "stage", "base", "programme", "cohort"))]


def _retraction(evidence: dict[str, Any]) -> tuple[_Sums, _Slots]:
    return [], []


_CONTRIBUTIONS: Final = {
    "assessment": _assessment,
    "rotation": _rotation,
    "exposure": _exposure,
    "outcome": _outcome,
    "enrolment": _enrolment,
    "retraction": _retraction,
}
