"""The CloudEvents 1.0.2 envelope, whatever the type: attribute rules, JSON format, Kafka binding.

`check` and `check_record` judge envelopes alone; intake builds on the same rules and adds those of its event types.
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md, formats/json-format.md and
bindings/kafka-protocol-binding.md beside it.
"""

from __future__ import annotations

import binascii
import re
from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from megdt_stream.evidence import grammar, json_text
from megdt_stream.evidence.refused import Refused, pointer, quoted, short

CONTENT_TYPE: Final = "content-type"
TRACEPARENT: Final = "traceparent"
BATCH: Final = "application/cloudevents-batch+json"
_PREFIX: Final = "ce_"
_SPECVERSION: Final = "ce_specversion"
_STRUCTURED: Final = b"application/cloudevents"
_DATA: Final = ("data", "data_base64")
_REQUIRED: Final = ("specversion", "id", "source", "type")
_INT32: Final = range(-(2**31), 2**31)

_NAME: Final = re.compile(r"[a-z0-9]+")
_TEXT: Final = grammar.compiled(grammar.TEXT)
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_URI_REFERENCE: Final = grammar.compiled(grammar.URI_REFERENCE)
_ABSOLUTE_URI: Final = grammar.compiled(grammar.ABSOLUTE_URI)
_MEDIA_TYPE: Final = grammar.compiled(grammar.MEDIA_TYPE)
_TRACEPARENT: Final = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_TIMESTAMP: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]+)?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)


class Problem(NamedTuple):
    """What is wrong with an envelope: where (JSON pointer), what, and what to do about it."""

    path: str
    message: str
    hint: str


# --- one event -----------------------------------------------------------------------------------------------


def check(document: Mapping[str, Any]) -> Problem | None:
    """Check the envelope of an event in the JSON format; give the first problem."""
    attributes = {name: value for name, value in document.items() if name not in _DATA}
    return _check_attributes(attributes) or _check_data(document)


def _check_attributes(attributes: Mapping[str, Any]) -> Problem | None:
    for name in _REQUIRED:
        if attributes.get(name) is None:
            return Problem(pointer(name), f"{name} is required", f"Add {name}; null is the same as leaving it out.")
    for name, value in attributes.items():
        if value is not None and (problem := attribute_problem(name, value)):
            return problem
    return None


def _check_data(document: Mapping[str, Any]) -> Problem | None:
    encoded = document.get("data_base64")
    if encoded is None:
        return None
    if "data" in document:
        return Problem("/data_base64", "data and data_base64 exclude each other", "Send one of the two.")
    if not isinstance(encoded, str) or not _is_base64(encoded):
        return Problem("/data_base64", "no Base64 text", "Encode the bytes by RFC 4648, section 4, padding included.")
    return None


def attribute_problem(name: str, value: Any) -> Problem | None:
    """Check one attribute that is not null: its name, its type, and what is said of those that are specified."""
    if not _NAME.fullmatch(name):
        hint = "Names of attributes are of the letters a-z and digits; everything else belongs in data."
        return Problem(pointer(name), f"{quoted(name)} is no name of an attribute", hint)
    if isinstance(value, str):
        problem = _text_problem(value) or (_RULES[name](value) if name in _RULES else None)
        return Problem(pointer(name), f"{short(name)} {problem[0]}", problem[1]) if problem else None
    if name in _RULES:
        return Problem(pointer(name), f"{name} is not a string", "Write it as a JSON string.")
    if isinstance(value, bool) or (isinstance(value, int) and value in _INT32):
        return None
    hint = "Attributes are strings, booleans or integers of 32 bits; put structured values in data."
    return Problem(pointer(name), f"{short(name)} is {_described(value)}", hint)


def _described(value: Any) -> str:
    if isinstance(value, int):
        return "an integer beyond 32 bits"
    return "a number with a fraction" if isinstance(value, float) else f"an {json_text.kind_of(value)}"


_Wrong = tuple[str, str] | None
"""What is wrong with a value, to be put after the attribute's name, and a hint."""


def _text_problem(value: str) -> _Wrong:
    # What is printable has none of these, and most texts are.
    if value.isprintable() or (_TEXT.fullmatch(value) and not _SURROGATE.search(value)):
        return None
    return "holds a control character or one that is no character", "Remove it: U+0000-1F, U+007F-9F, U+FFFE and such."


def _check_specversion(value: str) -> _Wrong:
    return None if value == "1.0" else (f"is {quoted(value)}", 'Send "1.0".')


def _check_not_empty(value: str) -> _Wrong:
    return None if value else ("is empty", "Fill it in, or leave it out where it is optional.")


def _check_source(value: str) -> _Wrong:
    if value and _URI_REFERENCE.fullmatch(value):
        return None
    return "is no URI reference", "Write it by RFC 3986, such as /hospital/his or urn:x:y; percent-encode the rest."


def _check_dataschema(value: str) -> _Wrong:
    return None if _ABSOLUTE_URI.fullmatch(value) else ("is no absolute URI", "Give scheme and path, no fragment.")


def _check_media_type(value: str) -> _Wrong:
    return None if _MEDIA_TYPE.fullmatch(value) else ("is no media type", "Write it like application/json.")


def _check_time(value: str) -> _Wrong:
    return None if _is_timestamp(value) else ("is no RFC 3339 time", "Write it like 2025-03-04T10:15:00+08:00.")


_RULES: Final = {
    "specversion": _check_specversion,
    "id": _check_not_empty,
    "source": _check_source,
    "type": _check_not_empty,
    "subject": _check_not_empty,
    "time": _check_time,
    "datacontenttype": _check_media_type,
    "dataschema": _check_dataschema,
}


def _is_timestamp(text: str) -> bool:
    found = _TIMESTAMP.fullmatch(text)
    if found is None:
        return False
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    sign, ahead_hours, ahead_minutes = found[7], int(found[8] or 0), int(found[9] or 0)
    if not 1 <= month <= 12 or not 1 <= day <= _days(year, month):
        return False
    if hour > 23 or minute > 59 or second > 60 or ahead_hours > 23 or ahead_minutes > 59:
        return False
    ahead = (ahead_hours * 60 + ahead_minutes) * (-1 if sign == "-" else 1)
    # A leap second ends a day of UTC; which days is announced half a year ahead.
    return second < 60 or (hour * 60 + minute - ahead) % 1440 == 1439


def _days(year: int, month: int) -> int:
    # The calendar of Python begins with the year 1; that of 400 is the same as that of 0.
    return monthrange(year or 400, month)[1]


def _is_base64(text: str) -> bool:
    try:
        binascii.a2b_base64(text, strict_mode=True)
    except ValueError:  # binascii.Error is one; so is what is not ASCII
        return False
    return True


def valid_traceparent(value: object) -> bool:
    """Tell whether this is a W3C trace context of version 00."""
    return isinstance(value, str) and _TRACEPARENT.fullmatch(value) is not None


# --- one record ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Headers:
    """What the headers of a Kafka record say of its event.

    `attributes` are those of the binary mode, empty in the structured one. `traceparent` is the header of that name,
    None where there is none or it is unusable. `problem` is the first that was found.
    """

    binary: bool = False
    attributes: dict[str, str] = field(default_factory=dict)
    traceparent: str | None = None
    problem: Problem | None = None

    def note(self, problem: Problem) -> None:
        """Keep the first problem."""
        self.problem = self.problem or problem


def size_of(headers: Sequence[tuple[str, bytes | None]]) -> int:
    """Count the bytes of names and values."""
    return sum(len(name.encode("utf-8", "surrogatepass")) + len(value or b"") for name, value in headers)


def read_headers(headers: Sequence[tuple[str, bytes | None]]) -> Headers:
    """Read what the headers say of an event; those that say nothing of one are passed over, and null is absent.

    Binary mode is where there is a `ce_specversion` and the content type is no CloudEvents envelope, in which case the
    headers only repeat attributes. In structured mode only `content-type` counts, and in both `traceparent`.
    """
    stated = [(name, value) for name, value in headers if value is not None]
    enveloped = any(name == CONTENT_TYPE and _is_envelope(value) for name, value in stated)
    binary = not enveloped and any(name == _SPECVERSION for name, _ in stated)
    read = Headers(binary=binary, traceparent=_traceparent(stated))
    texts: dict[str, str] = {}
    for name, value in stated:
        if name == CONTENT_TYPE or (read.binary and name.startswith(_PREFIX)):
            _take(read, texts, name, value)
    if read.binary:
        read.attributes = {_attribute(name): text for name, text in sorted(texts.items())}
    elif texts.get(CONTENT_TYPE, "").partition(";")[0].strip(" \t").lower() == BATCH:
        read.note(Problem("", "a batch of events in one record", "Send each event as a record of its own."))
    return read


def _is_envelope(content_type: bytes) -> bool:
    return content_type.strip(b" \t").lower().startswith(b"application/cloudevents")


def _take(read: Headers, texts: dict[str, str], name: str, value: bytes) -> None:
    path, shown = pointer(_attribute(name)), quoted(name)
    text = _decoded(value)
    if name in texts:
        read.note(Problem(path, f"the header {shown} stands twice", "Send it once."))
    elif name == _PREFIX + "data":
        read.note(Problem(path, f"{shown} is no header of an event", "The value of the record is the data."))
    elif text is None:
        read.note(Problem(path, f"the header {shown} is not UTF-8", "Write headers in UTF-8."))
    else:
        texts[name] = text


def _attribute(header: str) -> str:
    """Name the attribute that a header is for; of two for `datacontenttype` it is `content-type`, sorted last."""
    return "datacontenttype" if header == CONTENT_TYPE else header.removeprefix(_PREFIX)


def _decoded(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def _traceparent(stated: Sequence[tuple[str, bytes]]) -> str | None:
    """Give the one usable header: tracing is never a reason to lose evidence."""
    texts = [_decoded(value) for name, value in stated if name == TRACEPARENT]
    return texts[0] if len(texts) == 1 and valid_traceparent(texts[0]) else None


def check_record(value: bytes | None, headers: Sequence[tuple[str, bytes | None]]) -> Problem | None:
    """Check the envelope of an event as a Kafka record holds it, in structured or binary mode."""
    content_type = next((value or b"" for name, value in headers if name == CONTENT_TYPE), b"")
    if content_type.lower().startswith(_STRUCTURED):
        # By the Kafka binding this means structured mode; the headers may then repeat the attributes.
        headers = [(name, value) for name, value in headers if name == CONTENT_TYPE]
    read = read_headers(headers)
    if read.problem or read.binary:
        return read.problem or _check_attributes(read.attributes)
    try:
        document, _ = json_text.parse(value or b"")
    except Refused as refused:
        return Problem("", refused.rejection.detail, "Send UTF-8 JSON by RFC 8259.")
    if not isinstance(document, dict):
        found = json_text.kind_of(document)
        return Problem("", f"a JSON {found}, not an object", "Send one CloudEvent a record.")
    return check(document)
