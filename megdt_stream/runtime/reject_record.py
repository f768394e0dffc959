"""What intake puts on the rejects topic for a refused input (docs/records.md, section 5)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from megdt_stream.evidence import topics
from megdt_stream.evidence.identifiers import redact
from megdt_stream.evidence.reasons import Reason, Rejection
from megdt_stream.evidence.topics import MAX_HEADER_BYTES, MAX_RECORD_BYTES, Topic
from megdt_stream.runtime.log_producer import Entry
from megdt_stream.runtime.reject_guard import Refused

INPUT_PREFIX: Final = "megdt-input-"
MAX_SOURCE: Final = 128
_UNREAD: Final = frozenset({Reason.TOO_LARGE, Reason.EMPTY, Reason.UNDECODABLE, Reason.NOT_AN_OBJECT})
_MAX_TEXT: Final = 2_000
# With these bounds everything besides the value stays below the 64 KiB by which the rejects topic takes more.
_MAX_KEY: Final = 2_000
_MAX_HEADERS: Final = 256

Headers = tuple[tuple[str, bytes], ...]


class _Sourced(msgspec.Struct):
    """The one attribute that is read of a refused event; the decoder steps over all others."""

    source: str = ""


_sourced: Final = msgspec.json.Decoder(_Sourced).decode


def reject(rejection: Rejection, topic: Topic, partition: int, record: Any, of: int) -> tuple[Entry, Refused]:
    """Word the reject of a consumed record, and say in short what it was for the guard.

    `of` is the number of partitions of the rejects topic.
    """
    place = f"{topic.name}/{partition}/{record.offset}"
    form, value = _kept(rejection, record.value or b"")
    source = source_of(rejection, record.value, record.headers)
    texts = {
        "megdt-reason": rejection.reason.value,
        "megdt-detail": rejection.detail[:_MAX_TEXT],
        "megdt-path": rejection.path[:_MAX_TEXT].rstrip("~"),  # no half of an escape
        "megdt-stage": "intake",
        "megdt-topic": topic.name,
        "megdt-partition": str(partition),
        "megdt-offset": str(record.offset),
        "megdt-timestamp": str(record.timestamp),
        "megdt-key": base64.b64encode((record.key or b"")[:_MAX_KEY]).decode() if form != "redacted" else "",
        "megdt-source": source,
        "megdt-form": form,
    }
    if form != "original":
        texts["megdt-sha256"] = hashlib.sha256(record.value or b"").hexdigest()
    headers = tuple((name, text.encode("utf-8", "replace")) for name, text in texts.items())
    if form != "redacted":
        headers += _input_headers(record.headers)
    entry = Entry(topics.REJECTS.name, partition % of, place.encode(), value, headers, record.timestamp)
    return entry, Refused(rejection.reason.value, source, place)


def _kept(rejection: Rejection, value: bytes) -> tuple[str, bytes]:
    """Choose the form, and with it what is kept of the value.

    A compressed batch may carry a record larger than its topic takes; nothing that large can be written again.
    """
    if rejection.reason is Reason.DIRECT_IDENTIFIER:
        return "redacted", rejection.redacted or b""
    return ("original", value) if len(value) <= MAX_RECORD_BYTES else ("reference", b"")


def _input_headers(headers: Sequence[tuple[str, bytes | None]]) -> Headers:
    found = [(name, value or b"") for name, value in headers]
    size = sum(len(name.encode()) + len(value) for name, value in found)
    if size > MAX_HEADER_BYTES or len(found) > _MAX_HEADERS:
        return ()
    return tuple((INPUT_PREFIX + name, value) for name, value in found)


def source_of(rejection: Rejection, value: bytes | None, headers: Sequence[tuple[str, bytes | None]]) -> str:
    """Read the source of a refused event; "" where it cannot be read, or holds what looks like a direct identifier.

    Looked at here again: many events are refused before anybody looked for identifiers.
    """
    if any(name == "ce_specversion" for name, _ in headers):
        source = _of_headers(headers)
    else:
        source = "" if rejection.reason in _UNREAD else _of_json(value)
    return source[:MAX_SOURCE] if redact(source) == source else ""


def _of_json(value: bytes | None) -> str:
    try:
        return _sourced(value or b"").source
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


def _of_headers(headers: Sequence[tuple[str, bytes | None]]) -> str:
    found = [value or b"" for name, value in headers if name == "ce_source"]
    try:
        return found[0].decode() if len(found) == 1 else ""
    except UnicodeDecodeError:
        return ""
