"""What must become of one input record: evidence, or a refusal with its reason.

From docs/records.md, sections 1 and 2. What a field may hold is said by `schemas/`; here is what JSON Schema cannot
say, and in which order the checks come.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, Final, NamedTuple

from megdt_stream.verify.bodies import Moments, body, expectation_key
from megdt_stream.verify.envelope import Refused, counted_extensions, extensions, read_event, with_trace
from megdt_stream.verify.identifiers import names_somebody
from megdt_stream.verify.log import Origin, Record
from megdt_stream.verify.reference import Reference, Scale
from megdt_stream.verify.strict_json import canonical
from megdt_stream.verify.times import DAY_MS, EARLIEST, LATEST, NaiveTime, NotATime, read_time
from megdt_stream.verify.uri import is_json_type, is_uri_reference

MAX_EXTENSIONS: Final = 24
LONGEST_DUTY_MS: Final = 3 * DAY_MS

_TYPES: Final = {
    "assessments": ("assessment.recorded", "assessment.amended", "feedback.recorded", "assessment.retracted"),
    "rotations": (
        *("rotation.planned", "rotation.started", "rotation.changed", "rotation.supervisor-assigned"),
        *("rotation.ended", "rotation.cancelled", "rotation.retracted"),
    ),
    "exposures": ("exposure.recorded", "exposure.retracted"),
    "activities": (
        *("teaching.attended", "duty.recorded", "self-assessment.recorded", "learning-case.recorded"),
        "activity.retracted",
    ),
    "outcomes": (
        *("outcome.recorded", "remediation.started", "remediation.ended", "leave.recorded", "credits.recorded"),
        "outcome.retracted",
    ),
    "resources": ("resource.recorded", "resource.retracted"),
    "identities": (
        *("identity.enrolled", "identity.linked", "identity.merged", "identity.unmerged"),
        "identity.retracted",
    ),
    "decisions": ("decision.made", "decision.retracted"),
}
TOPIC_OF: Final = {f"megdt.{name}.v1": topic for topic, names in _TYPES.items() for name in names}
_MOMENTS: Final = {
    "megdt.feedback.recorded.v1": ("observed",),
    "megdt.rotation.planned.v1": ("starts", "ends"),
    "megdt.rotation.started.v1": ("starts", "ends"),
    "megdt.rotation.changed.v1": ("starts", "ends"),
    "megdt.duty.recorded.v1": ("starts", "ends"),
    "megdt.leave.recorded.v1": ("starts", "ends"),
    "megdt.resource.recorded.v1": ("starts", "ends"),
    "megdt.decision.made.v1": ("until",),
}
_INTEGERS: Final = {
    "megdt.exposure.recorded.v1": "count",
    "megdt.teaching.attended.v1": "minutes",
    "megdt.learning-case.recorded.v1": "minutes",
}
_EXPECTING: Final = ("megdt.rotation.planned.v1", "megdt.rotation.started.v1", "megdt.rotation.changed.v1")
_SCORED: Final = (
    "megdt.assessment.recorded.v1",
    "megdt.assessment.amended.v1",
    "megdt.self-assessment.recorded.v1",
)
_HEADS: Final = {"megdt.identity.linked.v1": "person", "megdt.identity.merged.v1": "into"}


class Refusal(NamedTuple):
    """An input that must be on the rejects topic, and why."""

    reason: str


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
        event = read_event(record)
        if names_somebody(event):
            raise Refused("direct_identifier")
        event = with_trace(event, record)
        _check_type(event, origin.topic)
        _check_structure(event, origin.topic, reference)
        moments = _read_moments(event)
        _check_moments(moments, event["type"])
        scale = _scale(event, reference) if event["type"] in _SCORED else None
        times = _times(moments, record.appended)
    except Refused as refused:
        return Refusal(str(refused))
    return _common(event, origin, times) | body(event, moments, scale)


def _check_type(event: dict[str, Any], topic: str) -> None:
    kind = event.get("type")
    if isinstance(kind, str) and kind not in TOPIC_OF:
        raise Refused("unknown_type")
    if isinstance(kind, str) and TOPIC_OF[kind] != topic:
        raise Refused("wrong_topic")


def _check_structure(event: dict[str, Any], topic: str, reference: Reference) -> None:
    """Check against the schema, then what JSON Schema cannot say."""
    sound = (
        reference.satisfies(topic, event)
        and counted_extensions(event) <= MAX_EXTENSIONS
        and is_uri_reference(event["source"])
        and (event.get("datacontenttype") is None or is_json_type(event["datacontenttype"]))
        and not any(isinstance(number, float) for number in _integers(event))
        and _are_unique([score["competency"] for score in _scores(event)])
        and _are_unique([expectation_key(e) for e in _expects(event)])
        and (event["type"] not in _HEADS or event["data"][_HEADS[event["type"]]] != event["subject"])
    )
    if not sound:
        raise Refused("invalid")


def _integers(event: dict[str, Any]) -> list[Any]:
    """Give the fields that must be integers: JSON Schema takes 6.0 for one."""
    counts = [e.get("count") for e in _expects(event)]
    count = event["data"].get(_INTEGERS.get(event["type"], ""))
    return [event.get("revision"), *counts, count, *extensions(event).values()]


def _are_unique(names: list[str]) -> bool:
    return len(set(names)) == len(names)


def _scores(event: dict[str, Any]) -> list[dict[str, Any]]:
    return event["data"]["scores"] if event["type"] in _SCORED else []


def _expects(event: dict[str, Any]) -> list[dict[str, Any]]:
    return (event["data"].get("expects") or []) if event["type"] in _EXPECTING else []


def _read_moments(event: dict[str, Any]) -> Moments:
    """Read every time of the event; None stands for one without a zone."""
    data = event["data"]
    texts = {name: event.get(name) for name in ("time", "recorded", "available")}
    texts |= {name: data.get(name) for name in _MOMENTS.get(event["type"], ())}
    texts |= {f"due {n}": e["due"] for n, e in enumerate(_expects(event))}
    return {name: _read_moment(text) for name, text in texts.items() if text is not None}


def _read_moment(text: str) -> int | None:
    try:
        return read_time(text)
    except NaiveTime:
        return None
    except NotATime as error:
        raise Refused("invalid") from error


def _check_moments(moments: Moments, kind: str) -> None:
    if None in moments.values():
        raise Refused("naive_timestamp")
    if not all(EARLIEST <= at <= LATEST for at in moments.values() if at is not None):
        raise Refused("invalid")
    starts, ends = moments.get("starts"), moments.get("ends")
    if starts is not None and ends is not None and not _may_last(ends - starts, kind):
        raise Refused("invalid")


def _may_last(span: int, kind: str) -> bool:
    if kind == "megdt.duty.recorded.v1":
        return 0 < span <= LONGEST_DUTY_MS
    return span >= 0


def _scale(event: dict[str, Any], reference: Reference) -> Scale:
    scale = reference.scales.get(event["data"]["scale"])
    if scale is None:
        raise Refused("unknown_scale")
    for score in event["data"]["scores"]:
        if score["competency"] not in reference.competencies:
            raise Refused("unknown_competency")
        if score.get("value") is not None and not scale.holds(score["value"]):
            raise Refused("out_of_scale")
    return scale


def _times(moments: Moments, appended: int) -> _Times:
    happened = moments["time"]
    assert happened is not None  # noqa: S101 - _check_moments has refused it
    recorded, available = moments.get("recorded"), moments.get("available")
    times = _Times(
        happened,
        happened if recorded is None else recorded,
        appended if available is None else available,
    )
    if max(times) > appended + DAY_MS:
        raise Refused("future_event")
    return times


def _common(event: dict[str, Any], origin: Origin, times: _Times) -> dict[str, Any]:
    revision = event.get("revision") or 0
    signed = [event["type"], event["subject"], times.happened, revision, event["data"]]
    common = {
        "trainee": event["subject"],
        "source": event["source"],
        "id": event["id"],
        "rev": revision,
        "h": digest(event["source"], event["id"]),
        "d": digest(canonical(signed)),
        **times._asdict(),
        "origin": list(origin),
    }
    extra = extensions(event)
    return common | ({"ext": extra} if extra else {})
