"""Reading journal rows and the archives of twins as they rest in Redis (docs/records.md, section 6)."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

PIECE: Final = 64
_HASH: Final = 8
_COMMON: Final = [
    "k|1|1",
    "a|2|1",
    "a|2|3",
    "a|2|3|*",
    "c|3|3",
    "c|3|3|*",
    "m|2|1",
    "v|2|3",
    "v|2|3|*",
    "f|3|3",
    "f|3|3|*",
    "f|3|1",
    "t|3|3",
    "t|3|3|*",
    "u|2|3",
    "u|2|3|*",
    "x|4|1",
    "r|2|0",
    "o|2|0",
    "q|2|0",
    "d|2|0",
    "i|1|0",
    "e|1|0",
    "assessments",
    "rotations",
    "exposures",
    "activities",
    "outcomes",
    "resources",
    "identities",
    "decisions",
    "assessment",
    "feedback",
    "rotation",
    "exposure",
    "activity",
    "self-assessment",
    "outcome",
    "resource",
    "enrolment",
    "decision",
    "-",
    "case",
    "procedure",
    "simulation",
    "observed",
    "assisted",
    "performed",
    "teaching",
    "duty",
    "learning-case",
    "on-call",
    "specific",
    "general",
    "timed",
]
_LARGEST: Final = 64 * 1024 * 1024


class PackedVersion(NamedTuple):
    """A version in the journal; `sums` and `slots` are empty but for the one that stands."""

    rev: int
    d: bytes
    topic: str
    partition: int
    offset: int
    sums: list[tuple[str, list[int]]]
    slots: list[str]


# --- journal ---


def join(shard: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Put a shard's rows together: a piece of 64 bytes is followed by another one."""
    rows = {}
    for name, piece in shard.items():
        if len(name) == _HASH:
            pieces = [piece]
            while len(pieces[-1]) == PIECE:
                pieces.append(shard.get(name + bytes([ord("0") + len(pieces)]), b""))
            rows[name] = b"".join(pieces)
    return rows


def versions(packed: bytes, h: str, words: Mapping[str, str]) -> list[PackedVersion]:
    """Read a row. Raises ValueError when it is not one."""
    coded = _list(packed)
    found = []
    while coded:
        rev, d, topic, partition, offset, length, *rest = coded
        for number in (rev, topic, partition, offset, length):
            _require(type(number) is int and number >= 0)
        _require(type(d) is bytes and len(d) == _HASH and length <= len(rest))
        fields = list(_fields(rest[:length], h, words))
        sums = [(name, numbers) for name, numbers in fields if numbers]
        slots = [name for name, numbers in fields if not numbers]
        found.append(PackedVersion(rev, d, _word(words, topic), partition, offset, sums, slots))
        coded = rest[length:]
    _require(bool(found))
    return found


def _list(packed: bytes) -> list[Any]:
    try:
        return msgspec.msgpack.decode(packed, type=list[int | bytes])
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from error


def _require(condition: bool) -> None:
    if not condition:
        raise ValueError("not a row")


def _word(words: Mapping[str, str], number: int) -> str:
    word = _COMMON[number] if 0 <= number < len(_COMMON) else words.get(str(number))
    if word is None:
        raise ValueError(f"no word has number {number}")
    return word


def _fields(coded: list[Any], h: str, words: Mapping[str, str]) -> Iterator[tuple[str, list[int]]]:
    _require(all(type(one) is int for one in coded))
    shape, places = ["", "0", "0"], []
    while coded:
        first = coded.pop(0)
        _require(first >= 0)
        if first % 2 == 0:
            shape = _word(words, first // 2).split("|")
            length = int(shape[1]) + int(shape[2])
            _require(length <= len(coded))
            places, coded = coded[:length], coded[length:]
        else:
            for place, bit in enumerate(reversed(f"{first // 2:b}")):
                if bit == "1":
                    _require(place < len(places) and bool(coded))
                    places[place] = coded.pop(0)
        yield _field(shape, places, h, words)


def _field(shape: list[str], places: list[int], h: str, words: Mapping[str, str]) -> tuple[str, list[int]]:
    parts, numbers = places[: int(shape[1])], places[int(shape[1]) :]
    texts = [h if part == 0 else str(-1 - part) if part < 0 else _word(words, part - 1) for part in parts]
    if shape[3:] == ["*"]:
        numbers = [numbers[0], numbers[1], numbers[1] * numbers[2]]
    return "|".join([shape[0], *texts]), numbers


# --- archive ---


def archived(chunks: Mapping[bytes, bytes]) -> Iterator[tuple[str, str]]:
    """Give the fields of a twin's archive with their texts. Raises ValueError when a chunk is none."""
    for stored in chunks.values():
        try:
            yield from msgspec.msgpack.decode(_inflate(stored), type=list[tuple[str, str]])
        except (zlib.error, msgspec.DecodeError) as error:
            raise ValueError(f"not a chunk: {error}") from error


def _inflate(stored: bytes) -> bytes:
    reader = zlib.decompressobj()
    chunk = reader.decompress(stored, _LARGEST)
    if not reader.eof or reader.unused_data:
        raise ValueError("a chunk that is cut off, or followed by something")
    return chunk
