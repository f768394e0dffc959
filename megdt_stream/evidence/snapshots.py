"""Snapshots of what was learnt, as they cross `megdt.models.v1`: a manifest and named parts, cut to size.

A *kind* (`severity`, `risk`) has *versions*; a version has parts, each a JSON document under a name. What a version
says never changes, so a replay at any later time finds what was used (docs/records.md, section 8).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import msgspec

PIECE_BYTES: Final = 900_000
"""Largest value of a record: below what brokers take at their defaults."""

NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")
VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")

_encode: Final = msgspec.json.Encoder(order="sorted").encode


class Part(msgspec.Struct, frozen=True):
    """A part in the manifest: how many pieces it has, and the digest of the whole (16 hex digits)."""

    pieces: int
    digest: str


class Manifest(msgspec.Struct, frozen=True):
    """What a version is made of. `at`: the domain time up to which it was learnt (ms)."""

    kind: str
    version: str
    at: int
    parts: dict[str, Part]


class Record(NamedTuple):
    """A record for the topic."""

    key: str
    value: bytes


class Broken(ValueError):
    """A snapshot that is incomplete or altered."""


def home(kind: str, version: str) -> str:
    """Give the key of a version's manifest; all its records lie in this key's partition."""
    return f"{kind}/{version}"


def written(kind: str, version: str, at: int, parts: Mapping[str, Any]) -> list[Record]:
    """Write a version: the pieces of its parts, and the manifest last.

    Parts are what JSON can say, numbers finite. Equal arguments give equal bytes. Raises ValueError for a name that
    is none.
    """
    if not NAME.fullmatch(kind) or not VERSION.fullmatch(version):
        raise ValueError(f"{kind!r}, {version!r}: no kind and version of a snapshot")
    start = home(kind, version)
    records: list[Record] = []
    listed: dict[str, Part] = {}
    for name in sorted(parts):
        value = _encode(parts[name])
        pieces = [value[at : at + PIECE_BYTES] for at in range(0, len(value), PIECE_BYTES)]
        listed[name] = Part(len(pieces), digest(value))
        records += [Record(f"{start}/{name}/{number}", piece) for number, piece in enumerate(pieces)]
    return [*records, Record(start, _encode(Manifest(kind, version, at, listed)))]


def digest(value: bytes) -> str:
    """Name bytes."""
    return blake2b(value, digest_size=8).hexdigest()


def manifest(value: bytes | None) -> Manifest:
    """Read a manifest. Raises Broken."""
    try:
        return msgspec.json.decode(value or b"", type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Broken(f"no manifest: {error}") from error


def joined(records: Iterable[Record], kind: str, version: str) -> tuple[Manifest, dict[str, bytes]]:
    """Put a version together of records that hold it, others among them; gives its parts as JSON. Raises Broken."""
    start = home(kind, version)
    found = {record.key: record.value for record in records}
    if start not in found:
        raise Broken(f"{start}: not on the topic")
    read = manifest(found[start])
    parts = {}
    for name, part in read.parts.items():
        pieces = [found.get(f"{start}/{name}/{number}") for number in range(part.pieces)]
        parts[name] = checked(read, name, b"".join(piece or b"" for piece in pieces))
    return read, parts


def checked(read: Manifest, name: str, value: bytes | None) -> bytes:
    """Give a part's bytes if they are those that the manifest lists. Raises Broken."""
    listed = read.parts.get(name)
    if listed is None or value is None or digest(value) != listed.digest:
        raise Broken(f"{home(read.kind, read.version)}: the part {name} is missing or altered")
    return value
