"""From a record to an event: structured JSON, or attributes in headers and data in the value.

From docs/records.md, section 1: "Binary mode" and the first two checks.
"""

from __future__ import annotations

import re
from typing import Any, Final

from megdt_stream.verify.log import Record
from megdt_stream.verify.strict_json import MAX_DEPTH, NotJson, parse
from megdt_stream.verify.uri import is_batch_type

MAX_BYTES: Final = 262_144
MAX_HEADER_BYTES: Final = 16_384
ATTRIBUTES: Final = frozenset(
    {"specversion", "source", "id", "revision", "type", "subject", "time", "recorded", "available"}
    | {"datacontenttype", "data"}
)
_PREFIX: Final = "ce_"
_TYPE_HEADER: Final = "content-type"
_ENVELOPE: Final = b"application/cloudevents"
_TRACE: Final = "traceparent"
_TRACE_FORM: Final = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,9})")


class Refused(Exception):
    """The first check that fails; its argument is the reason."""


def read_event(record: Record) -> dict[str, Any]:
    """Give the event of a record in the form of structured JSON. Raises Refused."""
    value = record.value or b""
    if len(value) > MAX_BYTES or headers_size(record) > MAX_HEADER_BYTES:
        raise Refused("too_large")
    return _read_binary(record, value) if is_binary(record) else _read_structured(record, value)


def is_binary(record: Record) -> bool:
    """Say whether the attributes are in the headers."""
    names = {name for name, _ in record.stated}
    types = [value.strip(b" \t").lower() for name, value in record.stated if name == _TYPE_HEADER]
    return _PREFIX + "specversion" in names and not any(value.startswith(_ENVELOPE) for value in types)


def headers_size(record: Record) -> int:
    """Give the bytes of all names and values of the headers."""
    return sum(len(name.encode()) + len(value or b"") for name, value in record.headers)


def extensions(event: dict[str, Any]) -> dict[str, Any]:
    """Give the extension attributes of an event; null is the same as absent."""
    return {name: value for name, value in event.items() if name not in ATTRIBUTES and value is not None}


def counted_extensions(event: dict[str, Any]) -> int:
    """Count the extension attributes that the limit is for: tracing never costs an event."""
    return len(extensions(event).keys() - {_TRACE})


def _read_structured(record: Record, value: bytes) -> dict[str, Any]:
    if not value:
        raise Refused("empty")
    if is_batch_type(_texts(record, {_TYPE_HEADER}).get(_TYPE_HEADER, "")):
        raise Refused("invalid")
    event = _parse(value, MAX_DEPTH)
    if not isinstance(event, dict):
        raise Refused("not_an_object")
    return event


def _read_binary(record: Record, value: bytes) -> dict[str, Any]:
    names = {name for name, _ in record.stated if name.startswith(_PREFIX)} | {_TYPE_HEADER}
    texts = _texts(record, names)
    if _PREFIX + "data" in texts:
        raise Refused("invalid")  # the value is the data
    event: dict[str, Any] = {name.removeprefix(_PREFIX): text for name, text in texts.items() if name != _TYPE_HEADER}
    if _TYPE_HEADER in texts:
        event["datacontenttype"] = texts[_TYPE_HEADER]
    if _DECIMAL.fullmatch(event.get("revision", "")):
        event["revision"] = int(event["revision"])
    if value:
        event["data"] = _parse(value, MAX_DEPTH - 1)
    return event


def _texts(record: Record, names: set[str]) -> dict[str, str]:
    """Read these headers. Raises Refused when one comes twice or is not UTF-8."""
    texts: dict[str, str] = {}
    for name, value in record.stated:
        if name in names:
            if name in texts:
                raise Refused("invalid")
            texts[name] = _text(value)
    return texts


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise Refused("invalid") from error


def _parse(value: bytes, depth: int) -> Any:
    try:
        return parse(value, depth)
    except NotJson as error:
        raise Refused("undecodable") from error


def with_trace(event: dict[str, Any], record: Record) -> dict[str, Any]:
    """Put the trace of the event, else of the headers, among the attributes; one that is malformed is dropped."""
    stated = event.get(_TRACE)
    trace = _trace_header(record) if stated is None else stated
    rest = {name: value for name, value in event.items() if name != _TRACE}
    is_one = isinstance(trace, str) and _TRACE_FORM.fullmatch(trace)
    return rest | {_TRACE: trace} if is_one else rest


def _trace_header(record: Record) -> str | None:
    found = [value for name, value in record.stated if name == _TRACE]
    return found[0].decode("utf-8", "replace") if len(found) == 1 else None
