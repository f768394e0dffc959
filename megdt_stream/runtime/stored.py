"""Between twins and rows in memory and the bytes that rest: what is put where, and how it reads back.

Shared by all who open the store (docs/records.md, section 6). No I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from megdt_stream.twin import chunk, journal
from megdt_stream.twin.journal import Row, Words
from megdt_stream.twin.layout import Layout
from megdt_stream.twin.resting import Stored, stored_as
from megdt_stream.twin.state import PERSON_KINDS, Twin

Pairs = Iterable[tuple[bytes, bytes]]

WIDE: Final = "open"
"""Field of the archive's hash that has the wide fields that are not put away."""
_WIDE: Final = WIDE.encode()

PIECE: Final = 64
"""Bytes of a journal row in one field. One longer value would turn its whole hash from a list into a table, at twice
the memory a row."""

_SHRINKS: Final = 8
"""How many pieces an amendment may make superfluous: the fields of a version take less than so many."""


Writing: TypeAlias = dict[str, str | bytes | None]
"""What a commit writes of one hash: fields with their values, None where a field goes."""


def changed(twin: Twin, names: Iterable[str]) -> tuple[Writing, Writing, Writing]:
    """Give what a change of these fields writes: to the twin's own hash, to what is beside it, to its archive.

    Takes the twin for written: ask once a commit, however often that is tried.
    """
    touched = list(names)
    stored = _stored(twin)
    if stored.layout is None:
        plain = stored.plain(twin, touched)
        if plain is not None:
            return plain, {}, {}
    moves = stored.update(twin, touched)
    beside: Writing = {name: twin.text(name) for name in touched if name[0] in PERSON_KINDS}
    chunks: Writing = {}
    for last, fields in moves.chunks.items():
        chunks[str(last)] = None if fields is None else packed(fields)
    if moves.wide is not None:
        chunks[WIDE] = packed(moves.wide) if moves.wide else None
    return moves.fields, beside, chunks


def packed(fields: Mapping[str, str | bytes]) -> bytes:
    """Write a chunk, or the wide fields, as they are stored."""
    return chunk.compress(chunk.pack(fields))


def read_twin(fields: Pairs, chunks: Pairs = (), words: Pairs = ()) -> Twin:
    """Read a twin back. Raises ValueError on what is not ours, or there twice."""
    every, wide = list(fields), list[str]()
    closed = False
    for last, stored in chunks:
        texts = chunk.unpack(chunk.decompress(stored))
        every += [(name.encode(), text.encode()) for name, text in texts]
        if last == _WIDE:
            wide = [name for name, _ in texts]
        else:
            closed = True
    if len(every) != len(dict(every)):
        raise ValueError("a field that is there twice")
    twin = Twin.from_fields(every)
    twin.stored = Stored(Layout.of(twin) if closed else None, wide, read_words(words))
    return twin


def read_words(words: Pairs) -> Words:
    """Read the words of a journal back. Raises ValueError."""
    return Words((int(number), word.decode()) for number, word in words)


def content(fields: Pairs, chunks: Pairs) -> Iterator[tuple[bytes, bytes]]:
    """Give what a twin's hashes hold, so that equal twins give equal pairs: compression may differ between builds."""
    yield from sorted(fields)
    for last, stored in sorted(chunks):
        yield b"\0" + last, chunk.decompress(stored)


def content_of(twin: Twin) -> Iterator[tuple[bytes, bytes]]:
    """Give what a twin's hashes must hold, as `content` does."""
    moves = stored_as(twin)
    yield from sorted((name.encode(), _bytes(text)) for name, text in moves.fields.items() if text is not None)
    chunks = {str(last).encode(): chunk.pack(fields) for last, fields in moves.chunks.items() if fields is not None}
    if moves.wide:
        chunks[WIDE.encode()] = chunk.pack(moves.wide)
    yield from ((b"\0" + last, packed_) for last, packed_ in sorted(chunks.items()))


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def words_of(twin: Twin) -> Words:
    """Give the words of a twin's journal."""
    known = twin.stored
    return known.words if known is not None else _stored(twin).words


def _stored(twin: Twin) -> Stored:
    if twin.stored is None:
        twin.stored = Stored()
    return twin.stored


# --- journal ---


def row_pieces(h: str, row: Row, words: Words) -> tuple[dict[bytes, bytes], list[bytes]]:
    """Give the fields of a journal row with their values, and those it may have had before."""
    return pieces(h, journal.pack(row, h, words))


def pieces(h: str, data: bytes) -> tuple[dict[bytes, bytes], list[bytes]]:
    """Cut a packed row: give its fields with their values, and those it may have had before."""
    name = bytes.fromhex(h)
    cut = [data[at : at + PIECE] for at in range(0, len(data) + 1, PIECE)]
    put = {piece_name(name, n): piece for n, piece in enumerate(cut)}
    return put, [piece_name(name, n) for n in range(len(cut), len(cut) + _SHRINKS)]


def piece_name(h: bytes, n: int) -> bytes:
    """Name the field of a row's piece: the first has the record's name, the others a letter more."""
    return h + bytes([ord("0") + n]) if n else h


def join_rows(fields: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Put the pieces of the rows in a journal shard together."""
    rows = {}
    for name, piece in fields.items():
        if len(name) != journal.HASH:
            continue
        data, n = piece, 0
        while len(piece) == PIECE:
            n += 1
            piece = fields.get(piece_name(name, n), b"")
            data += piece
        rows[name] = data
    return rows
