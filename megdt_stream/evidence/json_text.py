"""Bytes to JSON by RFC 8259 and no more, on top of orjson, which is strict already (docs/records.md, section 1).

What is added: a limit of depth and integers of 53 bits. Parsers differ on both.
"""

from __future__ import annotations

import re
from itertools import accumulate
from operator import add
from typing import Any, Final

import orjson

from megdt_stream.evidence.reasons import Reason
from megdt_stream.evidence.refused import Refused

MAX_DEPTH: Final = 64
MAX_INTEGER: Final = 2**53 - 1

_KINDS: Final = {list: "array", str: "string", bool: "boolean", int: "number", float: "number", dict: "object"}
_NO_BRACKET: Final = bytes(byte for byte in range(256) if byte not in b"[]{}")
_LONG_INTEGER: Final = re.compile(rb"(?<![.eE+\-0-9])-?([0-9]{16,}+)(?![.eE])")


_MARKS: Final = bytes(
    ord("0") if byte in b"0123456789" else ord("[") if byte in b"[{" else ord(" ") for byte in range(256)
)
_RUN: Final = b"0" * 11


def parse(value: bytes, levels: int = MAX_DEPTH) -> tuple[Any, bool]:
    """Read one JSON document of at most `levels` levels; of repeated names the last one counts.

    Tell also whether there are 11 digits in a row, as in a wide integer, a phone or an identity number. Raises Refused.
    """
    try:
        document = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise Refused(Reason.UNDECODABLE, f"not JSON: {error.msg}") from error
    # Hardly any event has enough brackets or digits to be looked at closer. One translation shows both: a regular
    # expression for the digits alone would cost as much as the parsing, four times over.
    marks = value.translate(_MARKS)
    many, run = marks.count(b"[") > levels, _RUN in marks
    if many or run:
        _refuse_excess(value, levels, many=many, run=run)
    return document, run


def may_hold_run(text: bytes) -> bool:
    """Tell whether there are 11 digits in a row."""
    return _RUN in text.translate(_MARKS)


def _refuse_excess(value: bytes, levels: int, *, many: bool, run: bool) -> None:
    bare = _without_strings(value)
    if many and _deeper_than(levels, bare):
        raise Refused(Reason.UNDECODABLE, f"nested deeper than {MAX_DEPTH}")
    if run and any(map(_too_wide, _LONG_INTEGER.findall(bare))):
        raise Refused(Reason.UNDECODABLE, "an integer beyond 2^53 - 1")


def _without_strings(value: bytes) -> bytes:
    """Leave out the strings of a JSON document.

    With the escaped backslashes gone, and then the escaped quotes, every second piece between quotes is a string.
    Three passes in C, where a regular expression would step from string to string.
    """
    if b"\\" in value:
        value = value.replace(b"\\\\", b"").replace(b'\\"', b"")
    return b"".join(value.split(b'"')[::2])


def _deeper_than(levels: int, bare: bytes) -> bool:
    """Tell whether the brackets of a document without strings nest deeper.

    Eight brackets at a time, as the bits of a byte: how much deeper they lead, and how deep they go on the way.
    """
    bits = bare.translate(_BITS, _NO_BRACKET)
    count = -(-len(bits) // 8)
    packed = int(bits.ljust(count * 8, b"0"), 2).to_bytes(count, "big")
    before = accumulate(map(_LEADS.__getitem__, packed), initial=0)
    return max(map(add, before, map(_REACHES.__getitem__, packed)), default=0) > levels


def _walk(byte: int) -> list[int]:
    return list(accumulate(1 if bit == "1" else -1 for bit in f"{byte:08b}"))


_BITS: Final = bytes.maketrans(b"[{]}", b"1100")
_LEADS: Final = [_walk(byte)[-1] for byte in range(256)]
_REACHES: Final = [max(_walk(byte)) for byte in range(256)]


def _too_wide(digits: bytes) -> bool:
    # By length first: Python refuses to convert texts of thousands of digits.
    return len(digits) > 16 or int(digits) > MAX_INTEGER


def kind_of(document: object) -> str:
    """Name the kind of a JSON value."""
    return _KINDS.get(type(document), "null")
