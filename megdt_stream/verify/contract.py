"""What must become of one input record: evidence, or a refusal with its reason.

From docs/records.md, sections 1 and 2.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, Final, NamedTuple

from megdt_stream.verify.log import Origin, Record
from megdt_stream.verify.reference import Reference, Scale
from megdt_stream.verify.strict_json import NotJson, canonical, parse
from megdt_stream.verify.times import DAY_MS, EARLIEST, LATEST, NaiveTime, NotATime, read_time

MAX_BYTES: Final = 262_144

TOPIC_OF: Final = {
    f"megdt.{topic.removesuffix('s') if topic != 'identities' else 'identity'}.{what}.v1": topic
    for topic, whats in {
        "assessments": ("recorded", "amended", "retracted"),
        "rotations": ("planned", "started", "ended", "cancelled", "retracted"),
        "exposures": ("recorded", "retracted"),
        "outcomes": ("recorded", "retracted"),
        "identities": ("enrolled", "retracted"),
    }.items()
    for what in whats
}
_KIND: Final = {
    "assessments": "assessment",
    "rotations": "rotation",
    "exposures": "exposure",
    "outcomes": "outcome",
    "identities": "enrolment",
}


class Refusal(NamedTuple):
    """An input that must be on the rejects topic, and why."""

    reason: str


class _Refused(Exception):
    """The first check that fails; its argument is the reason."""


class _Times(NamedTuple):
    happened: int
    recorded: int
    available: int


def digest(*parts: str) -> str:
    """Digest texts joined by NUL: BLAKE2b, 8 bytes, in hex."""
    return blake2b("\0".join(parts).encode(), digest_size=8).hexdigest()


def decide(origin: Origin, record: Record, reference: Reference) -> dict[str, Any] | Refusal:
    """Give the evidence that an input record must become, or its refusal."""
    try:
        event = _read_event(record.value)
        _check_type(event, origin.topic)
        _check_structure(event, origin.topic, reference)
        moments = _read_moments(event)
        _check_moments(moments)
        scale = _scale(event, reference) if _scored(event) else None
        times = _times(moments, record.appended)
    except _Refused as refused:
        return Refusal(str(refused))
    return _common(event, origin, times) | _body(event, moments, scale)


def _read_event(value: bytes | None) -> dict[str, Any]:
    if not value:
        raise _Refused("empty")
    if len(value) > MAX_BYTES:
        raise _Refused("too_large")
    try:
        event = parse(value)
    except NotJson as error:
        raise _Refused("undecodable") from error
    if not isinstance(event, dict):
        raise _Refused("not_an_object")
    return event


def _check_type(event: dict[str, Any], topic: str) -> None:
    kind = event.get("type")
    if isinstance(kind, str) and kind not in TOPIC_OF:
        raise _Refused("unknown_type")
    if isinstance(kind, str) and TOPIC_OF[kind] != topic:
        raise _Refused("wrong_topic")


def _check_structure(event: dict[str, Any], topic: str, reference: Reference) -> None:
    """Check against the schema, then what JSON Schema cannot say."""
    if not reference.satisfies(topic, event):
        raise _Refused("invalid")
    if any(isinstance(number, float) for number in _integers(event)):
        raise _Refused("invalid")
    names = [score["competency"] for score in event["data"]["scores"]] if _scored(event) else []
    names += [expectation_key(e) for e in _expects(event)]
    if len(set(names)) < len(names):
        raise _Refused("invalid")


def _integers(event: dict[str, Any]) -> list[Any]:
    """Give the fields that must be integers: JSON Schema takes 6.0 for one."""
    counts = [e.get("count") for e in _expects(event)]
    exposure = event["type"] == "megdt.exposure.recorded.v1"
    return [event.get("revision"), *counts, *([event["data"].get("count")] if exposure else [])]


def _scored(event: dict[str, Any]) -> bool:
    return event["type"] in ("megdt.assessment.recorded.v1", "megdt.assessment.amended.v1")


def _placement(event: dict[str, Any]) -> bool:
    return event["type"] in ("megdt.rotation.planned.v1", "megdt.rotation.started.v1")


def _expects(event: dict[str, Any]) -> list[dict[str, Any]]:
    return (event["data"].get("expects") or []) if _placement(event) else []


def expectation_key(expectation: dict[str, Any]) -> str:
    """Give what an expected assessment is called: its item, else its instrument."""
    key: str = expectation["instrument"] if expectation.get("item") is None else expectation["item"]
    return key


def _read_moments(event: dict[str, Any]) -> dict[str, int | None]:
    """Read every time of the event; None stands for one without a zone."""
    texts = {name: event[name] for name in ("time", "recorded", "available") if event.get(name) is not None}
    if _placement(event):
        texts |= {name: event["data"][name] for name in ("starts", "ends")}
        texts |= {f"due {n}": e["due"] for n, e in enumerate(_expects(event))}
    return {name: _read_moment(text) for name, text in texts.items()}


def _read_moment(text: str) -> int | None:
    try:
        return read_time(text)
    except NaiveTime:
        return None
    except NotATime as error:
        raise _Refused("invalid") from error


def _check_moments(moments: dict[str, int | None]) -> None:
    if None in moments.values():
        raise _Refused("naive_timestamp")
    if not all(EARLIEST <= at <= LATEST for at in moments.values() if at is not None):
        raise _Refused("invalid")
    starts, ends = moments.get("starts"), moments.get("ends")
    if starts is not None and ends is not None and ends < starts:
        raise _Refused("invalid")


def _scale(event: dict[str, Any], reference: Reference) -> Scale:
    scale = reference.scales.get(event["data"]["scale"])
    if scale is None:
        raise _Refused("unknown_scale")
    values = [score.get("value") for score in event["data"]["scores"]]
    if not all(scale.holds(value) for value in values if value is not None):
        raise _Refused("out_of_scale")
    return scale


def _times(moments: dict[str, int | None], appended: int) -> _Times:
    happened = moments["time"]
    assert happened is not None  # noqa: S101 - _check_moments has refused it
    recorded, available = moments.get("recorded"), moments.get("available")
    times = _Times(
        happened,
        happened if recorded is None else recorded,
        appended if available is None else available,
    )
    if max(times) > appended + DAY_MS:
        raise _Refused("future_event")
    return times


def _common(event: dict[str, Any], origin: Origin, times: _Times) -> dict[str, Any]:
    revision = event.get("revision") or 0
    body = [event["type"], event["subject"], times.happened, revision, event["data"]]
    return {
        "trainee": event["subject"],
        "source": event["source"],
        "id": event["id"],
        "rev": revision,
        "h": digest(event["source"], event["id"]),
        "d": digest(canonical(body)),
        **times._asdict(),
        "origin": list(origin),
    }


def _body(event: dict[str, Any], moments: dict[str, int | None], scale: Scale | None) -> dict[str, Any]:
    data = event["data"]
    if event["type"].endswith(".retracted.v1"):
        return {"k": "retraction"}
    kind = _KIND[TOPIC_OF[event["type"]]]
    if kind == "assessment":
        assert scale is not None  # noqa: S101 - an assessment that is not retracted has one
        return {"k": kind, **_assessment(data, scale)}
    if kind == "rotation":
        return {"k": kind, **_rotation(event, moments)}
    if kind == "exposure":
        return {
            "k": kind,
            **_picked(data, "kind", "item", "role", "rotation"),
            "count": data.get("count") or 1,
        }
    if kind == "outcome":
        return {"k": kind, **_picked(data, "outcome", "result", "value", "rotation")}
    return {"k": kind, **_picked(data, "stage", "base", "programme", "cohort")}


def _picked(data: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: data.get(name) for name in names}


def _assessment(data: dict[str, Any], scale: Scale) -> dict[str, Any]:
    scores = data["scores"]
    given = [(s["competency"], s["value"]) for s in scores if s.get("value") is not None]
    return {
        **_picked(data, "instrument", "item", "assessor", "rotation", "scale", "carried_over"),
        "marks": [[competency, value, scale.level(value), scale.weight] for competency, value in given],
        "missing": [[s["competency"], s["missing"]] for s in scores if s.get("missing") is not None],
    }


def _rotation(event: dict[str, Any], moments: dict[str, int | None]) -> dict[str, Any]:
    placed = _placement(event)
    expects = [[expectation_key(e), e.get("count") or 1, moments[f"due {n}"]] for n, e in enumerate(_expects(event))]
    return {
        "status": event["type"].split(".")[2],
        **_picked(event["data"], "rotation"),
        **_picked(event["data"] if placed else {}, "base", "department", "supervisor"),
        "starts": moments.get("starts"),
        "ends": moments.get("ends"),
        "expects": expects if event["data"].get("expects") is not None and placed else None,
    }
