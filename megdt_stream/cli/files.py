"""Files of events: what `megdt synth` writes and `megdt publish` reads.

Read are lines of JSON, a JSON list, or one JSON document. Each event is a CloudEvent, whose type names its
topic, or an envelope `{"topic", "key", "value"}` that carries bytes exactly as they shall be published, wrong
ones too: `value` is their text, `value_base64` stands for bytes that are no text.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any, NamedTuple

from megdt_stream.errors import ConfigError
from megdt_stream.evidence.events import BY_TYPE
from megdt_stream.evidence.topics import BY_NAME, BY_SHORT, INPUTS

_SHORTS = ", ".join(topic.short for topic in INPUTS)


class Outgoing(NamedTuple):
    """A record to publish: short topic, key, bytes."""

    topic: str
    key: str
    value: bytes


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


def read(stream: IO[bytes], topic: str | None = None) -> Iterator[Outgoing]:
    """Read records; `topic` (short or full name) sends everything there, whatever it is.

    Raises BadFile naming the place.
    """
    chosen = None if topic is None else _short(topic)
    lines = _lines(stream)
    first = next(lines, None)
    if first is None:
        return
    if _is_document(first[1]):
        rest = b"".join(line for _, line in lines)
        yield from _document(first[1] + b"\n" + rest, chosen)
        return
    yield from _by_line([first], chosen)
    yield from _by_line(lines, chosen)


def _lines(stream: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(stream, 1):
        if line.strip():
            yield number, line.rstrip(b"\r\n")


def _is_document(first: bytes) -> bool:
    """Tell a document over several lines, or a list, from lines of JSON by its first line."""
    text = first.lstrip().removeprefix(b"\xef\xbb\xbf")
    if text.startswith(b"["):
        return True
    return text.strip() == b"{" or (text.startswith(b"{") and not _parses(first))


def _parses(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _by_line(lines: Iterable[tuple[int, bytes]], chosen: str | None) -> Iterator[Outgoing]:
    for number, line in lines:
        where = f"line {number}"
        try:
            found = json.loads(line)
        except ValueError as error:
            if chosen is None:
                raise BadFile(f"{where} is not JSON ({error})") from error
            found = None
        yield _outgoing(found, line, chosen, where)


def _document(text: bytes, chosen: str | None) -> Iterator[Outgoing]:
    try:
        found = json.loads(text)
    except ValueError as error:
        if chosen is None:
            raise BadFile(f"it is neither lines of JSON nor one JSON document ({error})") from error
        yield Outgoing(chosen, "", text.rstrip(b"\n"))
        return
    if not isinstance(found, list):
        yield _outgoing(found, text.strip(), chosen, "the document")
        return
    for number, one in enumerate(found, 1):
        value = json.dumps(one, ensure_ascii=False).encode("utf-8", "surrogatepass")
        yield _outgoing(one, value, chosen, f"element {number}")


def _outgoing(found: Any, value: bytes, chosen: str | None, where: str) -> Outgoing:
    if isinstance(found, Mapping) and "topic" in found and "specversion" not in found:
        return _opened(found, chosen, where)
    key = found.get("subject") if isinstance(found, Mapping) else None
    return Outgoing(chosen or _topic_of(found, where), key if isinstance(key, str) else "", value)


def _opened(envelope: Mapping[str, Any], chosen: str | None, where: str) -> Outgoing:
    try:
        topic = chosen or _short(str(envelope["topic"]))
        key = str(envelope.get("key") or "")
        if "value_base64" in envelope:
            return Outgoing(topic, key, base64.b64decode(envelope["value_base64"], validate=True))
        value = envelope["value"]
    except (KeyError, TypeError, binascii.Error) as error:
        raise BadFile(f"{where} is an envelope without a usable value ({error!r})") from error
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return Outgoing(topic, key, text.encode("utf-8", "surrogatepass"))


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


def _short(name: str) -> str:
    topic = BY_SHORT.get(name) or BY_NAME.get(name)
    if topic is None or topic not in INPUTS:
        raise BadFile(f"{name!r} is no input topic", remedy=f"one of {_SHORTS}")
    return topic.short
