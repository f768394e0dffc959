"""CSV files as rows."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Final, NamedTuple

from megdt_stream.errors import ConfigError
from megdt_stream.evidence.adapters import AdapterReason, Entry, Item, Refused
from megdt_stream.evidence.adapters.table_mapping import TableFile
from megdt_stream.evidence.reasons import Reason
from megdt_stream.evidence.topics import MAX_EVENT_BYTES
from megdt_stream.publisher.importing.sources import Source

SUFFIXES: Final = (".csv", ".tsv", ".txt")
MAX_ROW: Final = MAX_EVENT_BYTES
_CHUNK: Final = 1 << 20
_BOMS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_DELIMITERS: Final = (",", "\t", ";", "|")
_UNREADABLE: Final = "\ufffd"
"""What stands for bytes that are no text in the encoding."""


class Table(NamedTuple):
    """A file's columns, its encoding as found, and its rows, read on demand: mappings of column to text."""

    columns: list[str]
    encoding: str
    rows: Iterator[Entry]


@contextmanager
def table(source: Source, file: TableFile) -> Iterator[Table]:
    """Open a table. Raises ConfigError where its encoding or first row cannot be used."""
    with source.opened() as stream:
        encoding = _encoding(stream, file.encoding)
        stream.seek(0)
        text = _wrapped(stream, encoding)
        try:
            # The module's own limit, for all readers: above ours on a row, and for a quote that is never closed.
            csv.field_size_limit(2 * MAX_ROW)
            reader = csv.reader(_bounded(text), delimiter=file.delimiter, quotechar=file.quote, strict=True)
            columns = _columns(reader, source.name)
            yield Table(columns, encoding, _rows(reader, columns, source.name))
        finally:
            text.detach()


def delimiter_of(source: Source, encoding: str = "auto") -> str:
    """Guess the delimiter: of the usual ones that which occurs most in the first row. Raises ConfigError."""
    with source.opened() as stream:
        found = _encoding(stream, encoding)
        stream.seek(0)
        text = _wrapped(stream, found)
        try:
            first = text.readline(MAX_ROW)
        finally:
            text.detach()
    return max(_DELIMITERS, key=first.count)


def _wrapped(stream: IO[bytes], encoding: str) -> io.TextIOWrapper:
    try:
        return io.TextIOWrapper(stream, encoding=encoding, errors="replace", newline="")
    except LookupError as error:
        raise ConfigError(
            f"{encoding!r} is no encoding", remedy="auto, utf-8, gb18030, ... in file.encoding"
        ) from error


def _encoding(stream: IO[bytes], stated: str) -> str:
    """Find the encoding: as stated, else by byte order mark, else UTF-8 if all of it is, else GB18030."""
    if stated != "auto":
        return stated
    begins = stream.read(4)
    for mark, encoding in _BOMS:
        if begins.startswith(mark):
            return encoding
    stream.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    try:
        while chunk := stream.read(_CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "gb18030"
    return "utf-8"


def _bounded(text: io.TextIOWrapper) -> Iterator[str]:
    """Give the lines; in place of one beyond all bounds stands one that is a row too large, whatever it held."""
    while line := text.readline(MAX_ROW + 1):
        if len(line) <= MAX_ROW:
            yield line
            continue
        while line and not line.endswith(("\n", "\r")):
            line = text.readline(MAX_ROW + 1)
        yield "x" * (MAX_ROW + 1) + "\n"


def _columns(reader: Iterator[list[str]], name: str) -> list[str]:
    try:
        columns = [column.strip() for column in next(reader)]
    except StopIteration:
        raise ConfigError(f"{name} is empty", remedy="give a table whose first row names the columns") from None
    except csv.Error as error:
        raise ConfigError(f"{name}: the first row cannot be read ({error})", remedy="correct it") from error
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice or not any(columns):
        what = f"two columns are named {twice[0]!r}" if twice else "the first row names no columns"
        raise ConfigError(f"{name}: {what}", remedy="give each column a name of its own, and check the delimiter")
    return columns


def _rows(reader: Iterator[list[str]], columns: list[str], name: str) -> Iterator[Entry]:
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Refused(AdapterReason.MALFORMED, "", f"the row cannot be read: {error}", _place(name, reader))
            continue
        if row:
            yield _row(row, columns, _place(name, reader))


def _place(name: str, reader: Iterator[list[str]]) -> str:
    return f"{name}:{getattr(reader, 'line_num', 0)}"


def _row(row: list[str], columns: list[str], place: str) -> Entry:
    if sum(map(len, row)) > MAX_ROW:
        return Refused(Reason.TOO_LARGE, "", f"a row of at most {MAX_ROW} characters is taken", place)
    if len(row) != len(columns):
        hint = f"the row has {len(row)} cells, the first row {len(columns)}: is a quote or a delimiter missing?"
        return Refused(AdapterReason.MALFORMED, "", hint, place)
    for column, cell in zip(columns, row, strict=True):
        if _UNREADABLE in cell:
            return Refused(Reason.UNDECODABLE, column, "bytes that are no text: name the encoding", place)
    return Item(dict(zip(columns, row, strict=True)), place)
