"""Writes plain data as YAML 1.2: block style, every string quoted as in JSON, which YAML reads the same way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final


def dump(value: Any) -> str:
    """Write what JSON can say. Names and texts keep their order and their characters."""
    return "\n".join(_lines(value)) + "\n"


def _lines(value: Any) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for name, part in value.items():
            yield from _entry(f"{_scalar(name)}:", part)
    elif isinstance(value, list) and value:
        for part in value:
            first, *rest = _lines(part)
            yield f"- {first}"
            yield from (f"  {line}" for line in rest)
    else:
        yield _scalar(value)


def _entry(head: str, part: Any) -> Iterator[str]:
    if isinstance(part, dict | list) and part:
        yield head
        yield from (f"  {line}" for line in _lines(part))
    else:
        yield f"{head} {_scalar(part)}"


def _scalar(value: Any) -> str:
    if isinstance(value, str) and value.replace("-", "").replace("_", "").isalpha() and value.isascii():
        return value if value.lower() not in _WORDS else json.dumps(value)
    return "".join(map(_printable, json.dumps(value, ensure_ascii=False)))


def _printable(character: str) -> str:
    """Escape what YAML wants escaped and JSON does not."""
    if character.isprintable():
        return character
    return f"\\u{ord(character):04x}" if ord(character) <= _BASIC_PLANE else f"\\U{ord(character):08x}"


_BASIC_PLANE: Final = 0xFFFF
# Bare words that some YAML reader takes for something else than a string.
_WORDS: Final = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
