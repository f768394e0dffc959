"""JSON files as items: one document, or a document a line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import IO, Any, Final, TypeAlias

import orjson

from megdt_stream.evidence.adapters import Entry, Item, Refused
from megdt_stream.evidence.reasons import REMEDY, Reason
from megdt_stream.evidence.topics import MAX_EVENT_BYTES
from megdt_stream.publisher.importing.sources import Source

Inside: TypeAlias = Callable[[object], list[Any] | None]
"""What a container of a format holds; None for what is an item itself."""

SUFFIXES: Final = (".json", ".ndjson", ".jsonl", ".jsonld")
MAX_ITEM_BYTES: Final = MAX_EVENT_BYTES
_MAX_LINE: Final = 64 * 1024 * 1024
"""Of a line, which may be a whole bundle."""
_MOST_NESTED: Final = 8
_BOM: Final = b"\xef\xbb\xbf"


def entries(source: Source, inside: Inside) -> Iterator[Entry]:
    """Give the items of a file; what is no JSON, or too large, is an item refused."""
    with source.opened() as stream:
        lines = _lines(stream)
        head = [line for _, line in zip(range(2), lines, strict=False)]
        if not head:
            return
        if len(head) == 2 and _decoded(head[0][1]) is not None:
            yield from _by_line(source.name, head, lines, inside)
            return
        stream.seek(0)
        whole = stream.read().removeprefix(_BOM)
        document = _decoded(whole)
        if document is not None:
            yield from _items(document[0], source.name, inside, measured=len(whole) > MAX_ITEM_BYTES)
            return
    with source.opened() as stream:
        # Lines of JSON whose first one is broken; or no JSON at all, which is one item that cannot be read.
        if len(head) == 2 and head[0][1].startswith(b"{") and _decoded(head[1][1]) is not None:
            yield from _by_line(source.name, [], _lines(stream), inside)
        else:
            yield Refused(Reason.UNDECODABLE, "", REMEDY[Reason.UNDECODABLE], source.name)


def _lines(stream: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Give the lines that are not blank, numbered; one that is too long is cut one byte beyond the limit."""
    number = 0
    while line := stream.readline(_MAX_LINE + 1):
        number += 1
        rest = line
        while len(rest) > _MAX_LINE and not rest.endswith(b"\n"):
            rest = stream.readline(_MAX_LINE + 1)
        if number == 1:
            line = line.removeprefix(_BOM)
        if line.strip():
            yield number, line


def _by_line(
    name: str, head: list[tuple[int, bytes]], lines: Iterator[tuple[int, bytes]], inside: Inside
) -> Iterator[Entry]:
    for number, line in head:
        yield from _line(f"{name}:{number}", line, inside)
    for number, line in lines:
        yield from _line(f"{name}:{number}", line, inside)


def _line(place: str, line: bytes, inside: Inside) -> Iterator[Entry]:
    if len(line) > _MAX_LINE:
        yield _too_large(place)
        return
    document = _decoded(line)
    if document is None:
        yield Refused(Reason.UNDECODABLE, "", REMEDY[Reason.UNDECODABLE], place)
        return
    yield from _items(document[0], place, inside, measured=len(line) > MAX_ITEM_BYTES)


def _decoded(text: bytes) -> tuple[Any] | None:
    """Give the document, in a tuple since it may be null; None where it is no JSON."""
    try:
        return (orjson.loads(text),)
    except orjson.JSONDecodeError:
        return None


def _items(document: object, place: str, inside: Inside, *, measured: bool, depth: int = 0) -> Iterator[Entry]:
    """Give the items of a document. Sizes are looked at only where the whole of it is larger than one may be."""
    held = inside(document) if depth < _MOST_NESTED else None
    if not held:  # an item, or an empty container, which stands for itself
        yield _measured(document, place) if measured else Item(document, place)
        return
    for position, one in enumerate(held):
        yield from _items(one, f"{place}[{position}]", inside, measured=measured, depth=depth + 1)


def _measured(value: object, place: str) -> Entry:
    try:
        size = len(orjson.dumps(value))
    except orjson.JSONEncodeError:  # nested deeper than it writes
        return Refused(Reason.UNDECODABLE, "", REMEDY[Reason.UNDECODABLE], place)
    return Item(value, place) if size <= MAX_ITEM_BYTES else _too_large(place)


def _too_large(place: str) -> Refused:
    return Refused(Reason.TOO_LARGE, "", f"an item of at most {MAX_ITEM_BYTES} bytes is taken", place)
