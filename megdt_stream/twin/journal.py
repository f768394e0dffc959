"""The journal: what each record contributed, so that it is counted once and can be taken back exactly.

One row per record `(source, id)` holds every version seen. Only the standing version (highest revision) keeps its
contribution; the others keep what tells a duplicate from a conflict. A stored row is a short list of integers and
digests: names are numbers in the trainee's list of words, and what a field has in common with the one before is not
written again (docs/records.md, section 6).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple, TypeAlias

import msgspec

from megdt_stream.evidence.record import Origin
from megdt_stream.twin.state import Sum

MAX_VERSIONS: Final = 64


class Version(msgspec.Struct, frozen=True, gc=False):
    """One version of a record.

    `digest` is 8 raw bytes; `topic`, `partition`, `offset` are the input's coordinates; `slots` are field names,
    whose values stand in the twin.
    """

    rev: int
    digest: bytes
    topic: str
    partition: int
    offset: int
    sums: tuple[tuple[str, Sum], ...]
    slots: tuple[str, ...]

    @property
    def origin(self) -> Origin:
        """Give the coordinates of the input record."""
        return self.topic, self.partition, self.offset

    def stripped(self) -> Version:
        """Give the version as it is kept once another one stands."""
        return Version(self.rev, self.digest, self.topic, self.partition, self.offset, (), ())


Row: TypeAlias = tuple[Version, ...]

_Coded: TypeAlias = list[int | bytes]
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(list[int | bytes]).decode

HASH: Final = 8
"""Bytes of a record hash."""

_DIGEST: Final = 8
_LONGEST: Final = 18
"""Digits from which on a number is a word."""

_HEADER: Final = 6
"""Integers and digests of a version before its fields."""


COMMON: Final = (
    *("k|1|1", "a|2|1", "a|2|3", "a|2|3|*", "c|3|3", "c|3|3|*", "m|2|1", "v|2|3", "v|2|3|*", "f|3|3", "f|3|3|*"),
    *("f|3|1", "t|3|3", "t|3|3|*", "u|2|3", "u|2|3|*", "x|4|1", "r|2|0", "o|2|0", "q|2|0", "d|2|0", "i|1|0", "e|1|0"),
    *("assessments", "rotations", "exposures", "activities", "outcomes", "resources", "identities", "decisions"),
    *("assessment", "feedback", "rotation", "exposure", "activity", "self-assessment", "outcome", "resource"),
    *("enrolment", "decision", "-", "case", "procedure", "simulation", "observed", "assisted", "performed"),
    *("teaching", "duty", "learning-case", "on-call", "specific", "general", "timed"),
)
"""Words that every journal has, by their numbers from 0. Part of the format: to be added to only with another one."""

_COMMON: Final = {word: number for number, word in enumerate(COMMON)}
_ONE: Final = (1,)


class Words:
    """The words of a trainee's journal: beside the common ones its own, numbered as they came.

    `fresh`: how many of its own are stored already; those after them are not.
    """

    __slots__ = ("fresh", "numbers")

    def __init__(self, stored: Iterable[tuple[int, str]] = ()) -> None:
        """Take (number, word) as stored, in any order. Raises ValueError where a number is missing."""
        self.numbers = {word: number for number, word in sorted(stored)}
        self.fresh = len(self.numbers)
        if list(self.numbers.values()) != list(range(len(COMMON), len(COMMON) + self.fresh)):
            raise ValueError("words of a journal whose numbers have gaps, or that are there twice")

    def number(self, word: str) -> int:
        """Give a word's number, a new one to a new word."""
        number = _COMMON.get(word)
        return self.numbers.setdefault(word, len(COMMON) + len(self.numbers)) if number is None else number

    def added(self) -> dict[int, str]:
        """Give the words that are not stored yet, and take them for stored."""
        known, self.fresh = self.fresh, len(self.numbers)
        if known == self.fresh:
            return {}
        newest = islice(reversed(self.numbers.items()), self.fresh - known)
        return {number: word for word, number in newest}


def pack(row: Row, h: str, words: Words) -> bytes:
    """Write the row of the record `h` as the store holds it."""
    coded: _Coded = []
    for version in row:
        topic = _COMMON.get(version.topic)
        if topic is None:
            topic = words.number(version.topic)
        fields = _fields(version, h, words) if version.sums or version.slots else ()
        coded += (version.rev, version.digest, topic, version.partition, version.offset, len(fields), *fields)
    return _encode(coded)


def unpack(data: bytes, h: str, words: Words) -> Row:
    """Read a row back. Raises ValueError on anything else."""
    coded, texts = _decode(data), [*COMMON, *words.numbers]
    row: list[Version] = []
    try:
        at = 0
        while at < len(coded):
            rev, digest, topic, partition, offset, n = coded[at : at + _HEADER]
            at += _HEADER + _count(n)
            if type(digest) is not bytes or len(digest) != _DIGEST or at > len(coded):
                raise ValueError("not a version")
            read = _read(coded[at - _count(n) : at], h, texts)
            sums = tuple((name, values) for name, values in read if values)
            slots = tuple(name for name, values in read if not values)
            origin = texts[_count(topic)], _count(partition), _count(offset)
            row.append(Version(_count(rev), digest, *origin, sums, slots))
    except (IndexError, TypeError) as error:
        raise ValueError(f"not a row: {error}") from error
    if not row:
        raise ValueError("a row without versions")
    return tuple(row)


# --- the fields of a version ---


def _fields(version: Version, h: str, words: Words) -> list[int]:
    """Code a version's sums and slots: each by its shape and all its places, or by the places that are new.

    Each event passes here: what can be looked up is, and calls are for what is seen the first time.
    """
    coded: list[int] = []
    shape = -1
    before: Sequence[int] = ()
    known, own = _KNOWN.get, words.numbers.get
    for name, values in version.sums + tuple([(slot, ()) for slot in version.slots]) if version.slots else version.sums:
        if values == _ONE and shape and (kind := _KIND_SUMS.get(name)) is not None:
            coded += (0, kind, 1)
            shape, before = 0, (kind, 1)
            continue
        kind_, *parts = name.split("|")
        product = len(values) == 3 and values[1] and not values[2] % values[1]
        this = _SHAPES.get((kind_, len(parts), len(values), not product))
        if this is None:
            this = words.number(_shape_word(kind_, len(parts), len(values), bool(product)))
        places = []
        for part in parts:
            code = known(part)
            if code is None:
                number = own(part)
                code = _part(part, h, words) if number is None else 1 + number
            places.append(code)
        places += (values[0], values[1], values[2] // values[1]) if product else values
        if this == shape:
            mask, new = 1, []
            for at, place in enumerate(places):
                if place != before[at]:
                    mask += 2 << at
                    new.append(place)
            coded.append(mask)
            coded += new
        else:
            coded.append(2 * this)
            coded += places
        shape, before = this, places
    return coded


_KIND_SUMS: Final = {f"k|{word}": 1 + number for word, number in _COMMON.items() if "|" not in word}
"""The commonest field, `k|<kind>` with 1: what is coded of its name."""

_SHAPES: Final = {
    (kind, int(parts), int(values), not product): number
    for number, (kind, parts, values, *product) in enumerate(word.split("|") for word in COMMON if "|" in word)
}
"""Numbers of the common shapes, the first of the words: by kind, parts, values, and whether it is no product."""

_KNOWN: Final = {str(n): -1 - n for n in range(4096)} | {word: 1 + number for word, number in _COMMON.items()}
"""What parts of names are most: periods and weeks of this century's first half, and common words."""


def _shape_word(kind: str, parts: int, values: int, product: bool) -> str:
    return f"{kind}|{parts}|{values}{'|*' if product else ''}"


def _decimal(part: str) -> int | None:
    """Give a part that is a number as one, None where it is none or would not read back as it is."""
    if not part.isdecimal() or not part.isascii() or len(part) >= _LONGEST or (part[0] == "0" and part != "0"):
        return None
    return int(part)


def _part(part: str, h: str, words: Words) -> int:
    """Code a part of a field's name: a number below zero, the record's own hash as zero, a word above."""
    number = _decimal(part)
    if number is not None:
        return -1 - number
    return 0 if part == h else 1 + words.number(part)


def _read(coded: _Coded, h: str, texts: Sequence[str]) -> list[tuple[str, Sum]]:
    found: list[tuple[str, Sum]] = []
    tokens = iter(coded)
    shape, places = _Shape("", 0, 0, False), list[int]()
    for token in tokens:
        word = _count(token)
        if word & 1:
            for at in range(word.bit_length() - 1):
                if word >> (at + 1) & 1:
                    places[at] = _next(tokens)
        else:
            shape = _shape(texts[word >> 1])
            places = [_next(tokens) for _ in range(shape.parts + shape.values)]
        name = "|".join((shape.kind, *(_text(place, h, texts) for place in places[: shape.parts])))
        numbers = places[shape.parts :]
        if shape.product:
            numbers[2] *= numbers[1]
        found.append((name, tuple(numbers)))
    return found


class _Shape(NamedTuple):
    """A field's kind, how many parts and values follow; `product`: the third value is told per unit of the second."""

    kind: str
    parts: int
    values: int
    product: bool


@lru_cache(1024)
def _shape(word: str) -> _Shape:
    kind, parts, values, *product = word.split("|")
    return _Shape(kind, int(parts), int(values), product == ["*"])


def _text(place: int, h: str, texts: Sequence[str]) -> str:
    return str(-1 - place) if place < 0 else texts[place - 1] if place else h


def _next(tokens: Iterator[int | bytes]) -> int:
    token = next(tokens, None)
    if type(token) is not int:
        raise ValueError("fields that are cut off")
    return token


def _count(number: int | bytes) -> int:
    if type(number) is not int or number < 0:
        raise ValueError("a count below zero, or none")
    return number


def shard(h: str) -> str:
    """Give the journal shard of a record hash: sixteen small hashes a trainee stay lists in the store."""
    return h[-1]
