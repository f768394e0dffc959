"""JSON by RFC 8259 and no more, on top of the standard library's lenient parser; and one way to write it."""

from __future__ import annotations

import json
import math
import re
from json.encoder import encode_basestring
from typing import Any, Final, NoReturn

MAX_DEPTH: Final = 64
_MARK: Final = re.compile(r'\\.|["[\]{}]', re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
_EXPONENT: Final = re.compile(r"\de[+-]\d")  # a match inside a string costs time and nothing else
_LARGEST_INTEGER: Final = 2**53 - 1


class NotJson(Exception):
    """The bytes are no JSON document that is accepted here."""


def parse(raw: bytes, max_depth: int = MAX_DEPTH) -> Any:
    """Read one JSON document; of repeated names the last one counts.

    Raises NotJson for anything but UTF-8, one document, finite numbers, integers within 2^53 - 1, whole surrogate
    pairs and at most `max_depth` levels of arrays and objects.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotJson("not UTF-8") from error
    _check_depth(text, max_depth)
    try:
        value = _DECODER.decode(text)
    except ValueError as error:
        raise NotJson(str(error)) from error
    _check_surrogates(text)
    return value


def canonical(value: Any) -> str:
    """Write JSON with sorted names, no spaces, non-ASCII as it is and shortest round-trip numbers."""
    text = _ENCODER.encode(value)
    return _write(value) if _EXPONENT.search(text) else text


def _write(value: Any) -> str:
    """Write numbers with an exponent as orjson does; the standard library spells them otherwise."""
    if isinstance(value, str):
        return encode_basestring(value)
    if isinstance(value, dict):
        pairs = (f"{encode_basestring(name)}:{_write(value[name])}" for name in sorted(value))
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_write, value)) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return _number(value)


def _number(value: float) -> str:
    text = repr(value)
    mantissa, e, exponent = text.partition("e")
    if not e:
        return text
    if exponent == "-05":
        sign = "-" if value < 0 else ""
        return f"{sign}0.0000{mantissa.lstrip('-').replace('.', '')}"
    return f"{mantissa}e{exponent[0]}{exponent[1:].lstrip('0')}"


def _check_depth(text: str, max_depth: int) -> None:
    if text.count("[") + text.count("{") <= max_depth:
        return
    depth, in_string = 0, False
    for mark in _MARK.findall(text):
        if mark == '"':
            in_string = not in_string
        elif not in_string:
            depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(mark, 0)
        if depth > max_depth:
            raise NotJson(f"nested deeper than {max_depth}")


def _check_surrogates(text: str) -> None:
    """Refuse half a pair. Works on the text: a repeated name may hide the string that holds it."""
    if "\\ud" not in text and "\\uD" not in text:
        return
    high_ends_at = -1
    for escape in _ESCAPE.finditer(text):
        unit = int(escape[1], 16) if escape[1] else 0
        follows_high = high_ends_at == escape.start()
        is_low = 0xDC00 <= unit <= 0xDFFF
        if is_low != follows_high or (high_ends_at >= 0 and not follows_high):
            raise NotJson("lone surrogate")
        high_ends_at = escape.end() if 0xD800 <= unit <= 0xDBFF else -1
    if high_ends_at >= 0:
        raise NotJson("lone surrogate")


def _integer(digits: str) -> int:
    if len(digits) > len(str(-_LARGEST_INTEGER)) or abs(int(digits)) > _LARGEST_INTEGER:
        raise NotJson("integer beyond 2^53 - 1")
    return int(digits)


def _double(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise NotJson("number beyond a double's range")
    return value


def _constant(name: str) -> NoReturn:
    raise NotJson(f"{name} is not JSON")


_DECODER: Final = json.JSONDecoder(parse_int=_integer, parse_float=_double, parse_constant=_constant)
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
