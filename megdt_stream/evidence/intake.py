"""Intake's decision: raw bytes become canonical evidence or one typed rejection, never anything else.

Pure: the append time and the coordinates are arguments. The order of checks is that of docs/records.md, section 1,
and part of the contract, since a publisher reads the first failure as *the* reason.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any, Final, NamedTuple, TypeAlias

import orjson
from pydantic import ValidationError

from megdt_stream.evidence import events, record
from megdt_stream.evidence.reasons import Reason, Rejection
from megdt_stream.evidence.reference import Reference
from megdt_stream.evidence.topics import MAX_EVENT_BYTES, Topic

MAX_DEPTH: Final = 64
MAX_INTEGER: Final = 2**53 - 1
FUTURE_TOLERANCE_MS: Final = 24 * 3600 * 1000
_EARLIEST_MS: Final = -2_208_988_800_000  # 1900-01-01T00:00:00Z
_LATEST_MS: Final = 7_258_118_400_000  # 2200-01-01T00:00:00Z
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_OFFSET_MINUTES: Final = re.compile(r"[+-][0-9]{2}:[6-9][0-9]$")


class Accepted(NamedTuple):
    """Evidence as bytes for the topic, with the key that places it and the moment it became available (ms)."""

    trainee: str
    value: bytes
    available: int


Decision: TypeAlias = Accepted | Rejection


class _Refused(Exception):  # control flow inside this module, never seen outside
    def __init__(self, reason: Reason, detail: str, path: str = "") -> None:
        self.rejection = Rejection(reason, detail, path)
        super().__init__(detail)


def decide(value: bytes | None, topic: Topic, origin: record.Origin, appended: int, reference: Reference) -> Decision:
    """Validate one input record and make it canonical.

    `appended` is the broker's append time (ms). Never raises for any bytes: whatever is wrong with them is a Rejection.
    """
    try:
        document = _parse(value)
        event = _validate(document, value, topic)
        fact = _canonical(event, document, origin, appended, reference)
    except _Refused as refused:
        return refused.rejection
    return Accepted(fact.trainee, record.encode(fact), fact.available)


# --- bytes to document -------------------------------------------------------------------------------------


def _parse(value: bytes | None) -> dict[str, Any]:
    if not value:
        raise _Refused(Reason.EMPTY, "the record has no value")
    if len(value) > MAX_EVENT_BYTES:
        raise _Refused(Reason.TOO_LARGE, f"{len(value)} bytes, at most {MAX_EVENT_BYTES} are taken")
    try:
        document = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise _Refused(Reason.UNDECODABLE, f"not JSON: {error.msg} at character {error.pos}") from error
    _refuse_excess(value)
    if not isinstance(document, dict):
        raise _Refused(Reason.NOT_AN_OBJECT, f"a JSON {_kind(document)}, not an object")
    return document


_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"')
_STEPS: Final = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
_NO_BRACKET: Final = bytes(byte for byte in range(256) if byte not in b"[]{}")
_LONG_DIGITS: Final = re.compile(rb"[0-9]{16}")
_LONG_INTEGER: Final = re.compile(rb"(?:^|[\[,:\s])-?([0-9]{16,}+)(?![.eE])")


def _refuse_excess(value: bytes) -> None:
    """Refuse a JSON document that is nested too deep or holds an integer beyond 53 bits.

    Parsers differ on both. Hardly any event has enough brackets or digits to be looked at closer.
    """
    brackets = value.count(b"[") + value.count(b"{") > MAX_DEPTH
    digits = _LONG_DIGITS.search(value) is not None
    if not (brackets or digits):
        return
    bare = _STRING.sub(b'""', value)
    if brackets and _depth(bare) > MAX_DEPTH:
        raise _Refused(Reason.UNDECODABLE, f"nested deeper than {MAX_DEPTH}")
    if digits and any(map(_too_wide, _LONG_INTEGER.findall(bare))):
        raise _Refused(Reason.UNDECODABLE, "an integer beyond 2^53 - 1")


def _depth(bare: bytes) -> int:
    """Count how deep the brackets of a JSON document without strings nest."""
    # Brackets as the signed bytes +1 and -1, whose running total is the depth: no Python code a bracket.
    steps = memoryview(bare.translate(_STEPS, _NO_BRACKET)).cast("b")
    return max(accumulate(steps), default=0)


def _too_wide(digits: bytes) -> bool:
    # By length first: Python refuses to convert texts of thousands of digits.
    return len(digits) > 16 or int(digits) > MAX_INTEGER


def _kind(document: object) -> str:
    names = {list: "array", str: "string", bool: "boolean", int: "number", float: "number"}
    return names.get(type(document), "null")


# --- document to event -------------------------------------------------------------------------------------


def _validate(document: dict[str, Any], value: bytes | None, topic: Topic) -> events.Event:
    type_ = document.get("type")
    if isinstance(type_, str):
        model = events.BY_TYPE.get(type_)
        if model is None:
            raise _Refused(Reason.UNKNOWN_TYPE, f"type {_short(type_)} is not known", "/type")
        if model.topic is not topic:
            raise _Refused(Reason.WRONG_TOPIC, f"{type_} belongs on {model.topic.name}", "/type")
    else:
        model = events.Event
    try:
        return model.__pydantic_validator__.validate_json(value or b"")  # type: ignore[no-any-return]
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        path = "".join(f"/{part}" for part in first["loc"])
        raise _Refused(Reason.INVALID, first["msg"], path) from error


def _short(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:77] + "...")


# --- times -------------------------------------------------------------------------------------------------


def _moment(text: str, path: str) -> datetime:
    # Versions of Python differ on these two, so both are looked at here: hour 24, and offsets such as +05:99.
    if text[11:13] == "24" or _OFFSET_MINUTES.search(text):
        raise _Refused(Reason.INVALID, f"{text} is no real time", path)
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError as error:
        raise _Refused(Reason.INVALID, f"{text} is no real time", path) from error


def _milliseconds(moment: datetime, path: str) -> int:
    if moment.tzinfo is None:
        raise _Refused(Reason.NAIVE_TIMESTAMP, f"{moment.isoformat()} has no zone", path)
    delta = moment - _EPOCH
    ms = (delta.days * 86_400 + delta.seconds) * 1000 + delta.microseconds // 1000
    if not _EARLIEST_MS <= ms <= _LATEST_MS:
        raise _Refused(Reason.INVALID, "a time lies between the years 1900 and 2200", path)
    return ms


def _instants(texts: list[tuple[str, str]]) -> list[int]:
    """Turn (path, text) into milliseconds: all real first, then all zoned, so the reason is the same everywhere."""
    moments = [(_moment(text, path), path) for path, text in texts]
    for moment, path in moments:
        if moment.tzinfo is None:
            raise _Refused(Reason.NAIVE_TIMESTAMP, f"{moment.isoformat()} has no zone", path)
    return [_milliseconds(moment, path) for moment, path in moments]


def _times(event: events.Event) -> list[tuple[str, str]]:
    texts = [("/time", event.time)]
    if event.recorded is not None:
        texts.append(("/recorded", event.recorded))
    if event.available is not None:
        texts.append(("/available", event.available))
    data = event.data
    if isinstance(data, events.RotationPlan):
        texts += [("/data/starts", data.starts), ("/data/ends", data.ends)]
        texts += [(f"/data/expects/{i}/due", expected.due) for i, expected in enumerate(data.expects or ())]
    return texts


# --- event to evidence -------------------------------------------------------------------------------------


def _canonical(
    event: events.Event, document: dict[str, Any], origin: record.Origin, appended: int, reference: Reference
) -> record.Fact:
    texts = _times(event)
    instant = dict(zip((path for path, _ in texts), _instants(texts), strict=True))
    happened = instant["/time"]
    common = {
        "trainee": event.subject,
        "source": event.source,
        "id": event.id,
        "rev": event.revision or 0,
        "h": record.record_hash(event.source, event.id),
        "d": _body_digest(event, happened, document["data"]),
        "happened": happened,
        "recorded": instant.get("/recorded", happened),
        "available": instant.get("/available", appended),
        "origin": origin,
    }
    fact: record.Fact = _BUILDERS[type(event.data)](event, common, instant, reference)
    for name in ("happened", "recorded", "available"):
        if common[name] > appended + FUTURE_TOLERANCE_MS:  # type: ignore[operator]
            path = "/time" if name == "happened" else f"/{name}"
            raise _Refused(Reason.FUTURE_EVENT, f"{name} lies over 24 h after it was received", path)
    return fact


def _body_digest(event: events.Event, happened: int, data: object) -> str:
    body = [event.type, event.subject, happened, event.revision or 0, data]
    return record.digest(orjson.dumps(body, option=orjson.OPT_SORT_KEYS))


def _assessment(event: Any, common: Any, _instant: dict[str, int], reference: Reference) -> record.Fact:
    data: events.AssessmentData = event.data
    scale = reference.scales.get(data.scale)
    if scale is None:
        known = ", ".join(sorted(reference.scales))
        raise _Refused(Reason.UNKNOWN_SCALE, f"{_short(data.scale)} is not one of {known}", "/data/scale")
    weight = reference.weight(data.scale)
    marks: list[tuple[str, float, int, int]] = []
    missing: list[tuple[str, str]] = []
    for i, score in enumerate(data.scores):
        if score.value is None:
            missing.append((score.competency, score.missing or ""))
            continue
        if not scale.holds(score.value):
            bounds = f"{scale.min:g} to {scale.max:g}"
            raise _Refused(Reason.OUT_OF_SCALE, f"{score.value:g} is not within {bounds}", f"/data/scores/{i}/value")
        marks.append((score.competency, score.value, scale.level(score.value), weight))
    return record.Assessment(
        instrument=data.instrument,
        item=data.item,
        assessor=data.assessor,
        rotation=data.rotation,
        scale=data.scale,
        carried_over=bool(data.carried_over),
        marks=tuple(marks),
        missing=tuple(missing),
        **common,
    )


def _rotation_plan(event: Any, common: Any, instant: dict[str, int], _reference: Reference) -> record.Fact:
    data: events.RotationPlan = event.data
    starts, ends = instant["/data/starts"], instant["/data/ends"]
    if ends < starts:
        raise _Refused(Reason.INVALID, "ends before it starts", "/data/ends")
    expects = [
        (expected.key, expected.count or 1, instant[f"/data/expects/{i}/due"])
        for i, expected in enumerate(data.expects or ())
    ]
    return record.Rotation(
        status=event.type.split(".")[2],
        rotation=data.rotation,
        base=data.base,
        department=data.department,
        supervisor=data.supervisor,
        starts=starts,
        ends=ends,
        expects=None if data.expects is None else tuple(expects),
        **common,
    )


def _rotation_step(event: Any, common: Any, _instant: dict[str, int], _reference: Reference) -> record.Fact:
    return record.Rotation(
        status=event.type.split(".")[2],
        rotation=event.data.rotation,
        base=None,
        department=None,
        supervisor=None,
        starts=None,
        ends=None,
        expects=None,
        **common,
    )


def _exposure(event: Any, common: Any, _instant: dict[str, int], _reference: Reference) -> record.Fact:
    data: events.ExposureData = event.data
    return record.Exposure(
        kind=data.kind,
        item=data.item,
        role=data.role,
        count=data.count or 1,
        rotation=data.rotation,
        **common,
    )


def _outcome(event: Any, common: Any, _instant: dict[str, int], _reference: Reference) -> record.Fact:
    data: events.OutcomeData = event.data
    return record.Outcome(outcome=data.outcome, result=data.result, value=data.value, rotation=data.rotation, **common)


def _enrolment(event: Any, common: Any, _instant: dict[str, int], _reference: Reference) -> record.Fact:
    data: events.EnrolmentData = event.data
    return record.Enrolment(stage=data.stage, base=data.base, programme=data.programme, cohort=data.cohort, **common)


def _retraction(_event: Any, common: Any, _instant: dict[str, int], _reference: Reference) -> record.Fact:
    return record.Retraction(**common)


_BUILDERS: Final[dict[Any, Any]] = {
    events.AssessmentData: _assessment,
    events.RotationPlan: _rotation_plan,
    events.RotationStep: _rotation_step,
    events.ExposureData: _exposure,
    events.OutcomeData: _outcome,
    events.EnrolmentData: _enrolment,
    events.RetractionData: _retraction,
}
