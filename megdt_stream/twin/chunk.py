"""Many fields of a twin in few bytes: a chunk of its archive, or its wide fields (docs/records.md, section 6).

Fields with their texts in order of their names, compressed: neighbours share most of their names. Tables of distinct
values are smaller, and take several times as long to write (decision 17). The bytes before compression are a function
of the fields; those after it are one of zlib's build too.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Final

import msgspec

LARGEST: Final = 64 * 1024 * 1024
"""Most bytes of a chunk before compression: what is longer is not ours."""

_LEVEL: Final = 6

_pack: Final = msgspec.msgpack.Encoder().encode
_unpack: Final = msgspec.msgpack.Decoder(list[tuple[str, str]]).decode


def pack(fields: Mapping[str, str | bytes]) -> bytes:
    """Write fields with their texts, in whatever order they come, as a chunk before compression."""
    return _pack([(name, _text(fields[name])) for name in sorted(fields)])


def unpack(chunk: bytes) -> list[tuple[str, str]]:
    """Read the fields of a chunk back. Raises ValueError on anything else."""
    return _unpack(chunk)


def compress(chunk: bytes) -> bytes:
    """Compress a chunk as it is stored."""
    return zlib.compress(chunk, _LEVEL)


def decompress(stored: bytes) -> bytes:
    """Undo `compress`. Raises ValueError."""
    reader = zlib.decompressobj()
    try:
        chunk = reader.decompress(stored, LARGEST)
    except zlib.error as error:
        raise ValueError(f"not a chunk: {error}") from error
    if not reader.eof or reader.unused_data:
        raise ValueError("a chunk that is cut off, too long, or followed by something else")
    return chunk


def _text(text: str | bytes) -> str:
    return text.decode() if isinstance(text, bytes) else text
