"""The kinds of evidence: which fields an event of each type becomes (docs/records.md, section 2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from megdt_stream.verify.reference import Scale

Moments = dict[str, int | None]
"""The times of an event by name, in ms; None for one without a zone."""

MINUTE_MS: Final = 60_000


def body(event: dict[str, Any], moments: Moments, scale: Scale | None) -> dict[str, Any]:
    """Give the kind and the fields beside the common ones; `moments` has the times of `data`."""
    kind = event["type"].removeprefix("megdt.").removesuffix(".v1")
    if kind.endswith(".retracted"):
        return {"k": "retraction"}
    if kind in _SCORED:
        return {"k": kind.partition(".")[0], **_marks(event["data"], scale), **_picked(event["data"], *_SCORED[kind])}
    return _BODIES[kind](event["data"], moments)


def expectation_key(expectation: dict[str, Any]) -> str:
    """Give what an expected assessment is called: its item, else its instrument."""
    key: str = expectation["instrument"] if expectation.get("item") is None else expectation["item"]
    return key


def _picked(data: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: data.get(name) for name in names}


def _timed(moments: Moments, *names: str) -> dict[str, Any]:
    return {name: moments.get(name) for name in names}


def _marks(data: dict[str, Any], scale: Scale | None) -> dict[str, Any]:
    assert scale is not None  # noqa: S101 - what has scores has a scale
    scores = data["scores"]
    given = [(s["competency"], s["value"]) for s in scores if s.get("value") is not None]
    return {
        "marks": [[competency, value, scale.level(value), scale.weight] for competency, value in given],
        "missing": [[s["competency"], s["missing"]] for s in scores if s.get("missing") is not None],
    }


def _feedback(data: dict[str, Any], moments: Moments) -> dict[str, Any]:
    return {
        "k": "feedback",
        **_picked(data, "assessor", "rotation", "specific"),
        **_timed(moments, "observed"),
        "characters": len(data["text"]),
    }


def _rotation(status: str | None, *stated: str) -> Callable[[dict[str, Any], Moments], dict[str, Any]]:
    """Make the reader of a rotation event that may state these fields."""

    def read(data: dict[str, Any], moments: Moments) -> dict[str, Any]:
        told = {name: value for name, value in data.items() if name in stated}
        expects = told.get("expects")
        due = [[expectation_key(e), e.get("count") or 1, moments[f"due {n}"]] for n, e in enumerate(expects or [])]
        return {
            "k": "rotation",
            "status": status,
            "rotation": data["rotation"],
            **_picked(told, "base", "department", "supervisor"),
            **_timed(moments, "starts", "ends"),
            "expects": None if expects is None else due,
        }

    return read


def _exposure(data: dict[str, Any], _: Moments) -> dict[str, Any]:
    return {"k": "exposure", **_picked(data, "kind", "item", "role", "rotation"), "count": data.get("count") or 1}


def _activity(kind: str, item: str | None) -> Callable[[dict[str, Any], Moments], dict[str, Any]]:
    """Make the reader of an activity whose item is in a field of this name."""

    def read(data: dict[str, Any], _: Moments) -> dict[str, Any]:
        return {
            "k": "activity",
            "kind": kind,
            "item": data[item] if item else None,
            "starts": None,
            "ends": None,
            "minutes": data.get("minutes") or 0,
            "attended": kind != "teaching" or data.get("attended") is not False,
            "on_call": False,
            **_picked(data, "rotation"),
        }

    return read


def _duty(data: dict[str, Any], moments: Moments) -> dict[str, Any]:
    starts, ends = moments["starts"], moments["ends"]
    assert starts is not None  # noqa: S101 - a time without a zone has been refused
    assert ends is not None  # noqa: S101
    return {
        "k": "activity",
        "kind": "duty",
        "item": None,
        "starts": starts,
        "ends": ends,
        "minutes": (ends - starts) // MINUTE_MS,
        "attended": True,
        "on_call": bool(data.get("on_call")),
        **_picked(data, "rotation"),
    }


def _outcome(data: dict[str, Any], _: Moments) -> dict[str, Any]:
    return _as_outcome(data["outcome"], data["result"], value=data.get("value"), rotation=data.get("rotation"))


def _remediation_started(data: dict[str, Any], _: Moments) -> dict[str, Any]:
    return _as_outcome(f"remediation/{data['plan']}", "started", rotation=data.get("rotation"))


def _remediation_ended(data: dict[str, Any], _: Moments) -> dict[str, Any]:
    result = "ended" if data.get("result") is None else data["result"]
    return _as_outcome(f"remediation/{data['plan']}", result, rotation=data.get("rotation"))


def _leave(data: dict[str, Any], moments: Moments) -> dict[str, Any]:
    return _as_outcome(f"leave/{data['kind']}", "recorded", **_timed(moments, "starts", "ends"))


def _credits(data: dict[str, Any], _: Moments) -> dict[str, Any]:
    return _as_outcome(f"credits/{data['category']}", "recorded", value=data["credits"])


def _as_outcome(outcome: str, result: str, **stated: Any) -> dict[str, Any]:
    absent = {"value": None, "rotation": None, "starts": None, "ends": None}
    return {"k": "outcome", "outcome": outcome, "result": result, **(absent | stated)}


def _resource(data: dict[str, Any], moments: Moments) -> dict[str, Any]:
    fields = _picked(data, "kind", "base", "department", "capacity", "unit")
    return {"k": "resource", **fields, **_timed(moments, "starts", "ends")}


def _enrolment(data: dict[str, Any], _: Moments) -> dict[str, Any]:
    return {"k": "enrolment", **_picked(data, "stage", "base", "programme", "cohort")}


def _identity(event: str, head: str | None) -> Callable[[dict[str, Any], Moments], dict[str, Any]]:
    """Make the reader of an identity event whose head is in a field of this name."""

    def read(data: dict[str, Any], _: Moments) -> dict[str, Any]:
        system = data.get("system") if event == "linked" else None
        return {"k": "identity", "event": event, "head": data[head] if head else None, "system": system}

    return read


def _decision(data: dict[str, Any], moments: Moments) -> dict[str, Any]:
    assigned = {} if data.get("assignee") is None else {"assignee": data["assignee"]}
    return assigned | {
        "k": "decision",
        **_picked(data, "on", "action", "by", "reason"),
        "characters": len(data.get("note") or ""),
        **_timed(moments, "until"),
    }


_ASSESSMENT: Final = ("instrument", "item", "assessor", "rotation", "scale", "carried_over")
_SCORED: Final = {
    "assessment.recorded": _ASSESSMENT,
    "assessment.amended": _ASSESSMENT,
    "self-assessment.recorded": ("rotation", "scale"),
}
_PLAN: Final = ("base", "department", "supervisor", "expects")
_BODIES: Final[dict[str, Callable[[dict[str, Any], Moments], dict[str, Any]]]] = {
    "feedback.recorded": _feedback,
    "rotation.planned": _rotation("planned", *_PLAN),
    "rotation.started": _rotation("started", *_PLAN),
    "rotation.changed": _rotation(None, *_PLAN),
    "rotation.supervisor-assigned": _rotation(None, "supervisor"),
    "rotation.ended": _rotation("ended"),
    "rotation.cancelled": _rotation("cancelled"),
    "exposure.recorded": _exposure,
    "teaching.attended": _activity("teaching", "session"),
    "duty.recorded": _duty,
    "learning-case.recorded": _activity("learning-case", "item"),
    "outcome.recorded": _outcome,
    "remediation.started": _remediation_started,
    "remediation.ended": _remediation_ended,
    "leave.recorded": _leave,
    "credits.recorded": _credits,
    "resource.recorded": _resource,
    "identity.enrolled": _enrolment,
    "identity.linked": _identity("linked", "person"),
    "identity.merged": _identity("merged", "into"),
    "identity.unmerged": _identity("unmerged", None),
    "decision.made": _decision,
}
