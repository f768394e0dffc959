"""Files of events: what `megdt synth` writes, `megdt publish` and `megdt validate` read.

Read are lines of JSON, a JSON list, or one JSON document, piece by piece: memory is bounded whatever the size. Each
piece is a CloudEvent, whose type names its topic, or an envelope `{"topic", "key", "value"}` that carries bytes
exactly as they shall be published, wrong ones too: `value` is their text, `value_base64` stands for bytes that are no
text.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import IO, Any, Final, NamedTuple

from megdt_stream.errors import ConfigError
from megdt_stream.evidence.events import BY_TYPE
from megdt_stream.evidence.topics import BY_NAME, BY_SHORT, INPUTS, MAX_EVENT_BYTES, MAX_RECORD_BYTES

_SHORTS = ", ".join(topic.short for topic in INPUTS)
_CHUNK: Final = 65_536
_HEAD: Final = MAX_EVENT_BYTES + 1
"""So much is looked at to tell lines from one document: a document that is larger is too large for an event."""

_SPACE: Final = b" \t\r\n"
_MARK: Final = re.compile(rb'["\[\]{},]')
_STRING_END: Final = re.compile(rb'["\\]')


class Outgoing(NamedTuple):
    """A record to publish: short topic, key, bytes."""

    topic: str
    key: str
    value: bytes


class Piece(NamedTuple):
    """The bytes of one event; `where` names its place to people.

    `value` is None where there are more than was asked for, `size` says how many. `fault` is what is wrong with the
    file there, if it is not the event itself.
    """

    where: str
    value: bytes | None
    size: int
    fault: str | None = None


class BadFile(ConfigError):
    """A file of events cannot be published as it is."""

    exit_code = 65
    default_remedy = "correct the file, or publish it as it is with --topic"


def write(topic: str, key: str, value: bytes) -> str:
    """Write a record as one line of the envelope form."""
    envelope = {"topic": topic, "key": key}
    try:
        envelope["value"] = value.decode("utf-8")
    except UnicodeDecodeError:
        envelope["value_base64"] = base64.b64encode(value).decode()
    return json.dumps(envelope, ensure_ascii=False)


# --- a file into pieces ---


def pieces(stream: IO[bytes], max_bytes: int) -> Iterator[Piece]:
    """Cut a file into its events, byte by byte as they are; none is longer than `max_bytes`.

    A list (the first character is `[`) is taken apart at its commas; lines are lines if the first of them is a whole
    JSON document, or the file cannot be one; everything else is one document. An empty file is one empty event.
    """
    head, ended = _read(stream, max(_HEAD, max_bytes + 1))
    text = head.lstrip(_SPACE)
    if text.startswith(b"["):
        yield from _elements(_chunks(head, stream), max_bytes)
    elif _is_lines(text, ended):
        yield from _numbered(_lines(_chunks(head, stream), max_bytes))
    else:
        size = len(head) if ended else len(head) + sum(len(chunk) for chunk in _chunks(b"", stream))
        value = text.rstrip(_SPACE) or head  # blanks alone are no JSON and not nothing
        whole = ended and len(value) <= max_bytes
        where = "the document" if b"\n" in value else "line 1"
        yield Piece(where, value if whole else None, len(value) if ended else size)


def _read(stream: IO[bytes], size: int) -> tuple[bytes, bool]:
    """Read the beginning; tell whether it is all."""
    parts = []
    while size > 0 and (part := stream.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts), size > 0


def _chunks(head: bytes, stream: IO[bytes]) -> Iterator[bytes]:
    yield head
    while chunk := stream.read(_CHUNK):
        yield chunk


def _is_lines(text: bytes, ended: bool) -> bool:
    """Tell lines of JSON from one document by the beginning of the file."""
    first, found, rest = text.partition(b"\n")
    if not found:
        return not ended  # one line that is longer than any event: perhaps others follow
    if _parses(first):
        return True
    if ended and _parses(text):
        return False
    # Neither: a broken first line or a broken document? Of the latter no line but the first begins with a bracket
    # at the margin and is whole by itself.
    return any(line.startswith(b"{") and _parses(line) for line in rest.split(b"\n"))


def _parses(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _numbered(lines: Iterable[tuple[bytes | None, int]]) -> Iterator[Piece]:
    for number, (line, size) in enumerate(lines, 1):
        if line is None or line.strip(_SPACE):
            yield Piece(f"line {number}", line, size)


def _lines(chunks: Iterable[bytes], max_bytes: int) -> Iterator[tuple[bytes | None, int]]:
    """Give each line without its end and its length, or None in place of one that is too long."""
    line = _Bounded(max_bytes)
    for chunk in chunks:
        *ends, begun = chunk.split(b"\n")
        for end in ends:
            line.add(end)
            yield line.take(b"\r")
        line.add(begun)
    if line.size:
        yield line.take(b"\r")


class _Bounded:
    """Collects bytes up to a bound, and only counts them beyond it."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._parts: list[bytes] = []
        self.size = 0

    def add(self, part: bytes) -> None:
        self.size += len(part)
        if self.size <= self._max_bytes + _CHUNK:  # what is stripped at the end does not count
            self._parts.append(part)

    def take(self, blanks: bytes) -> tuple[bytes | None, int]:
        """Give what was collected without the blanks at its end, None if that is too much, and its size."""
        complete = self.size <= self._max_bytes + _CHUNK
        value = b"".join(self._parts).rstrip(blanks)
        size = len(value) if complete else self.size
        self._parts, self.size = [], 0
        return (value if complete and size <= self._max_bytes else None), size


def _elements(chunks: Iterable[bytes], max_bytes: int) -> Iterator[Piece]:
    """Take a JSON list apart: each element as it stands between its commas, judged by nobody yet."""
    scan = _Scan(max_bytes)
    found = chain.from_iterable(map(scan.feed, chunks))
    number = 0
    for number, (element, size) in enumerate(found, 1):
        yield Piece(f"element {number}", element, size, None if element != b"" else "an element is missing")
    if scan.fault:
        yield Piece(f"element {number + 1}", b"", 0, scan.fault)


class _Scan:
    """Follows the brackets of a JSON list through chunks of any size."""

    def __init__(self, max_bytes: int) -> None:
        self._element = _Bounded(max_bytes)
        self._depth = 0
        self._in_string = self._escaped = self._closed = False
        self._elements = 0
        self._wrong_end: str | None = None

    @property
    def fault(self) -> str | None:
        """Say what is wrong with the list as a whole, once it was read."""
        return self._wrong_end if self._closed else "the list does not end"

    def feed(self, chunk: bytes) -> Iterator[tuple[bytes | None, int]]:
        """Give each element that ends in a chunk, and its size; None in place of one that is too long."""
        begin = at = 0
        while not self._closed:
            if self._escaped and at < len(chunk):
                self._escaped = False
                at += 1
            found = (_STRING_END if self._in_string else _MARK).search(chunk, at)
            if found is None:
                break
            mark, end = found[0], found.start()
            at = end + 1
            if self._in_string:
                self._in_string, self._escaped = mark != b'"', mark == b"\\"
            elif mark == b'"':
                self._in_string = True
            elif mark in b"[{":
                self._depth += 1
                begin = at if self._depth == 1 else begin
            elif mark == b",":
                if self._depth == 1:
                    yield self._ended(chunk[begin:end])
                    begin = at
            else:
                self._depth -= 1
                if not self._depth:
                    self._closed = True
                    self._wrong_end = None if mark == b"]" else "the list ends with another bracket than it began"
                    last = self._ended(chunk[begin:end])
                    if last[0] != b"" or self._elements > 1:
                        yield last
        if not self._closed:
            self._keep(chunk[begin:])
        elif chunk[at:].strip(_SPACE):
            self._wrong_end = "something follows the list"

    def _keep(self, part: bytes) -> None:
        self._element.add(part if self._element.size else part.lstrip(_SPACE))

    def _ended(self, part: bytes) -> tuple[bytes | None, int]:
        self._keep(part)
        self._elements += 1
        return self._element.take(_SPACE)


# --- pieces into records ---


def read(stream: IO[bytes], topic: str | None = None) -> Iterator[Outgoing]:
    """Read records; `topic` (short or full name) sends everything there, whatever it is.

    Raises BadFile naming the place.
    """
    chosen = None if topic is None else input_topic(topic)
    for piece in pieces(stream, MAX_RECORD_BYTES):
        if piece.value is None:
            raise BadFile(
                f"{piece.where} has {piece.size:,} bytes, a record takes {MAX_RECORD_BYTES:,}", remedy="split it"
            )
        if piece.fault:
            raise BadFile(f"it is a broken JSON list: {piece.fault}", remedy="correct the file")
        if piece.value.strip(_SPACE):
            yield _outgoing(piece.value, chosen, piece.where)


def opened(value: bytes) -> Outgoing | None:
    """Open an envelope; None where the bytes are none. Raises ValueError where it cannot be opened."""
    try:
        found = json.loads(value) if b'"topic"' in value else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, Mapping) or "topic" not in found or "specversion" in found:
        return None
    name = input_topic(str(found["topic"]))
    return Outgoing(name, _key(found.get("key")), _payload(found))


def _payload(envelope: Mapping[str, Any]) -> bytes:
    if "value_base64" in envelope:
        return base64.b64decode(str(envelope["value_base64"]), validate=True)
    if "value" not in envelope:
        raise ValueError("no value")
    value = envelope["value"]
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def _outgoing(value: bytes, chosen: str | None, where: str) -> Outgoing:
    try:
        envelope = opened(value)
    except BadFile:
        raise
    except ValueError as error:  # binascii.Error is one
        raise BadFile(f"{where} is an envelope without a usable value ({error})") from error
    if envelope is not None:
        return envelope if chosen is None else envelope._replace(topic=chosen)
    try:
        found = json.loads(value)
    except (ValueError, RecursionError) as error:
        if chosen is None:
            raise BadFile(f"{where} is not JSON ({error})") from error
        found = None
    key = found.get("subject") if isinstance(found, Mapping) else None
    return Outgoing(chosen or _topic_of(found, where), _key(key), value)


def _key(found: Any) -> str:
    """Give a key that can be written; half a character cannot."""
    return found.encode("utf-8", "replace").decode() if isinstance(found, str) else ""


def _topic_of(found: Any, where: str) -> str:
    kind = found.get("type") if isinstance(found, Mapping) else None
    model = BY_TYPE.get(kind) if isinstance(kind, str) else None
    if model is None:
        what = f"has the unknown type {kind!r}" if kind is not None else "has no type"
        raise BadFile(
            f"{where} {what}",
            remedy=f"give it one of the types of the contract, or choose --topic ({_SHORTS})",
        )
    return model.topic.short


def input_topic(name: str) -> str:
    """Give the short name of an input topic, by either of its names. Raises BadFile."""
    topic = BY_SHORT.get(name) or BY_NAME.get(name)
    if topic is None or topic not in INPUTS:
        raise BadFile(f"{name!r} is no input topic", remedy=f"one of {_SHORTS}")
    return topic.short
