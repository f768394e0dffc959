"""Intake's decision: raw bytes become canonical evidence or one typed rejection, never anything else.

Pure: the append time and the coordinates are arguments. The order of checks is that of docs/records.md, section 1,
and part of the contract, since a publisher reads the first failure as *the* reason.

Each step has a module of its own: `json_text`, `identifiers`, `cloudevents`, `structs` (the models of `events`, fast),
`times`, `builders`. Here they are put in order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec
import orjson
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from megdt_stream.evidence import builders, cloudevents, events, grammar, identifiers, json_text, record, structs, times
from megdt_stream.evidence.reasons import Reason, Rejection
from megdt_stream.evidence.reference import Reference
from megdt_stream.evidence.refused import Refused, pointer, quoted
from megdt_stream.evidence.topics import MAX_EVENT_BYTES, MAX_HEADER_BYTES, Topic

FUTURE_TOLERANCE_MS: Final = times.DAY_MS
MAX_EXTENSIONS: Final = 24
MAX_EXTENSION_NAME: Final = 32
MAX_EXTENSION_TEXT: Final = 1_024
_LONGEST_PLAIN: Final = 32_768
"""A larger event is nothing plain: two parsers are not to be fed with it."""

_NO_HEADERS: Final = cloudevents.Headers()
_NO_EXTENSIONS: Final[dict[str, Any]] = {}
_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,9})")
_ENVELOPE: Final = frozenset(events.Event.model_fields)

Headers: TypeAlias = Sequence[tuple[str, bytes | None]]


class Accepted(msgspec.Struct, frozen=True, gc=False):
    """Evidence as bytes for the topic, with the key that places it and the moment it became available (ms)."""

    trainee: str
    value: bytes
    available: int


Decision: TypeAlias = Accepted | Rejection


class _Kind(NamedTuple):
    """What belongs to an event type."""

    name: str
    topic: Topic
    model: type[events.Event]
    shape: structs.Shape
    build: builders.Builder


_BY_TYPE: Final = {
    type_: _Kind(type_, model.topic, model, shape, builders.BUILDERS[type_])
    for (type_, model), shape in zip(events.BY_TYPE.items(), structs.SHAPES, strict=True)
}
_BY_STRUCT: Final[dict[type, _Kind]] = {kind.shape.struct: kind for kind in _BY_TYPE.values()}


def decide(
    value: bytes | None,
    topic: Topic | None,
    origin: record.Origin,
    appended: int,
    reference: Reference,
    headers: Headers = (),
) -> Decision:
    """Validate one input record and make it canonical.

    `appended` is the broker's append time (ms). Without a `topic` any is right for its types. Never raises for any
    bytes and headers: whatever is wrong with them is a Rejection.
    """
    if not headers and value is not None:
        accepted = _plainly_right(value, topic, origin, appended, reference)
        if accepted is not None:
            return accepted
    try:
        return _in_order(value or b"", topic, origin, appended, reference, headers)
    except Refused as refused:
        return refused.rejection


def _plainly_right(
    value: bytes, topic: Topic | None, origin: record.Origin, appended: int, reference: Reference
) -> Accepted | None:
    """Accept an event that is plainly right, as nearly all are, or leave it to `_in_order`, which is dearer."""
    if len(value) > _LONGEST_PLAIN:
        return None
    try:
        event = structs.decode(value)
        kind = _BY_STRUCT[event.__class__]
        if (topic is not kind.topic and topic is not None) or not kind.shape.takes(event):
            return None
        happened = times.milliseconds(event.time)
        body = structs.encode((kind.name, event.subject, happened, event.revision or 0, event.data))
        common = builders.common(event, body, _NO_EXTENSIONS, origin, happened, appended)
        row = kind.build(event.data, common, reference)
    except (ValueError, Refused):
        return None
    latest = appended + FUTURE_TOLERANCE_MS
    if happened > latest or common[builders.RECORDED] > latest or common[builders.AVAILABLE] > latest:
        return None
    return Accepted(event.subject, builders.encode(row), common[builders.AVAILABLE])


def _in_order(
    value: bytes, topic: Topic | None, origin: record.Origin, appended: int, reference: Reference, headers: Headers
) -> Accepted:
    """Check rule by rule, in the contract's order. The model judges, and words what is wrong. Raises Refused."""
    if len(value) > MAX_EVENT_BYTES:
        raise Refused(Reason.TOO_LARGE, f"{len(value)} bytes, at most {MAX_EVENT_BYTES} are taken")
    stated = _headers(headers) if headers else _NO_HEADERS
    if not value and not stated.binary:
        raise Refused(Reason.EMPTY, "the record has no value")
    if stated.problem is not None:
        raise Refused(Reason.INVALID, stated.problem.message, stated.problem.path)
    if stated.binary:
        document = _from_binary(stated.attributes, value, headers)
        value = orjson.dumps(document)  # from here on as if it had been structured
    else:
        document = _from_structured(value)
    kind = _kind(document.get("type"), topic)
    event = kind.shape.filled(document) or _modelled(kind.model, value)
    ext = _extensions(document, stated.traceparent)
    try:
        happened = times.milliseconds(event.time)
        content = [kind.name, event.subject, happened, event.revision or 0, document["data"]]
        body = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
        common = builders.common(event, body, ext, origin, happened, appended)
        row = kind.build(event.data, common, reference)
    except (times.NotATime, Refused):
        modelled = _modelled(kind.model, value)  # what it refuses comes first
        times.refuse(builders.times_of(modelled))
        raise
    for path, at in (
        ("/time", builders.HAPPENED),
        ("/recorded", builders.RECORDED),
        ("/available", builders.AVAILABLE),
    ):
        if common[at] > appended + FUTURE_TOLERANCE_MS:
            raise Refused(Reason.FUTURE_EVENT, "this lies over 24 h after the event was received", path)
    return Accepted(event.subject, builders.encode(row), common[builders.AVAILABLE])


# --- bytes to document -------------------------------------------------------------------------------------


def _headers(headers: Headers) -> cloudevents.Headers:
    size = cloudevents.size_of(headers)
    if size > MAX_HEADER_BYTES:
        raise Refused(Reason.TOO_LARGE, f"headers of {size} bytes, at most {MAX_HEADER_BYTES} are taken")
    return cloudevents.read_headers(headers)


def _from_structured(value: bytes) -> dict[str, Any]:
    """Read an event in structured mode."""
    document, run = json_text.parse(value)
    if not isinstance(document, dict):
        raise Refused(Reason.NOT_AN_OBJECT, f"a JSON {json_text.kind_of(document)}, not an object")
    if identifiers.may_hold(value, run=run):
        _refuse_identifiers(document, document)
    return document


def _from_binary(attributes: Mapping[str, str], value: bytes, headers: Headers) -> dict[str, Any]:
    """Read an event in binary mode: make of it what it would be in structured mode."""
    document: dict[str, Any] = dict(attributes)
    if _DECIMAL.fullmatch(document.get("revision", "")):
        document["revision"] = int(document["revision"])
    run = False
    if value:
        # The event is level 1, its data begins level 2.
        document["data"], run = json_text.parse(value, json_text.MAX_DEPTH - 1)
    texts = b"\n".join(text for _, text in headers if text)
    if identifiers.may_hold(value, run=run) or identifiers.may_hold(texts, run=json_text.may_hold_run(texts)):
        _refuse_identifiers(document, document["data"] if value else None)
    return document


def _refuse_identifiers(document: dict[str, Any], payload: object) -> None:
    """Refuse an event with a direct identifier; nothing of it is repeated but the payload, redacted."""
    found = identifiers.find(document)
    if found is not None:
        redacted = b"" if payload is None else orjson.dumps(identifiers.redact(payload))
        detail = f"this looks like {found.what}: a pseudonym belongs here"
        raise Refused(Reason.DIRECT_IDENTIFIER, detail, pointer(*found.parts), redacted)


# --- document to event -------------------------------------------------------------------------------------


def _kind(type_: object, topic: Topic | None) -> _Kind:
    if not isinstance(type_, str):
        raise Refused(Reason.INVALID, "every event has a type, and it is a string", "/type")
    kind = _BY_TYPE.get(type_)
    if kind is None:
        raise Refused(Reason.UNKNOWN_TYPE, f"type {quoted(type_)} is not known", "/type")
    if topic is not None and kind.topic is not topic:
        raise Refused(Reason.WRONG_TOPIC, f"{type_} belongs on {kind.topic.name}", "/type")
    return kind


def _modelled(model: type[events.Event], value: bytes) -> Any:
    try:
        return model.__pydantic_validator__.validate_json(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
    place = first["loc"] or ("data",)  # what is wrong between the envelope and the data
    raise Refused(Reason.INVALID, _words(first), pointer(*place))


_FORMS: Final = {
    events.CODE_PATTERN: "a code is 1 to 64 characters without white space and without |",
    events.PSEUDONYM_PATTERN: "a pseudonym is a prefix, a dot and up to 48 letters, digits, - or _: k1.7Qm2xW9dTz",
    events.TIME_PATTERN: times.NOT_WRITTEN_AS_TIME,
    events.SOURCE_PATTERN: "a source is a URI reference by RFC 3986: /hospital/tms; percent-encode other characters",
    grammar.IDENTIFIER: "an id is 1 to 128 characters, none of them a control character",
    grammar.JSON_MEDIA_TYPE: "application/json, with or without parameters, is the only type of data taken",
}


def _words(error: ErrorDetails) -> str:
    """Say what is wrong as the contract would, without repeating the value."""
    context = error.get("ctx", {})
    match error["type"]:
        case "missing":
            return "this is required"
        case "value_error":
            return str(context["error"])
        case "string_pattern_mismatch":
            return _FORMS[context["pattern"]]
        case "model_type":
            return "this should be an object"
        case _:
            return error["msg"]


def _extensions(document: dict[str, Any], header: str | None) -> dict[str, Any]:
    """Give the extension attributes by name; `header` is the traceparent that came beside the event."""
    ext = {name: value for name, value in document.items() if name not in _ENVELOPE and value is not None}
    if cloudevents.TRACEPARENT in ext:
        # Tracing is never a reason to lose evidence: what is unusable is dropped.
        if not cloudevents.valid_traceparent(ext[cloudevents.TRACEPARENT]):
            del ext[cloudevents.TRACEPARENT]
        header = None
    counted = len(ext) - (cloudevents.TRACEPARENT in ext)
    if counted > MAX_EXTENSIONS:
        raise Refused(Reason.INVALID, f"{counted} extension attributes, at most {MAX_EXTENSIONS} are taken")
    for name, value in ext.items():
        _check_extension(name, value)
    if header is not None:
        ext[cloudevents.TRACEPARENT] = header
    return dict(sorted(ext.items()))


def _check_extension(name: str, value: object) -> None:
    if name == "data_base64":
        raise Refused(Reason.INVALID, "data is an object; data_base64 is not taken", "/data_base64")
    problem = cloudevents.attribute_problem(name, value)
    if problem is not None:
        raise Refused(Reason.INVALID, problem.message, problem.path)
    if len(name) > MAX_EXTENSION_NAME:
        detail = f"the name of an extension attribute has at most {MAX_EXTENSION_NAME} characters"
        raise Refused(Reason.INVALID, detail, pointer(name))
    if isinstance(value, str) and len(value) > MAX_EXTENSION_TEXT:
        detail = f"an extension attribute has at most {MAX_EXTENSION_TEXT} characters"
        raise Refused(Reason.INVALID, detail, pointer(name))
