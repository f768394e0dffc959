"""Payloads and texts of unknown origin, made safe to print."""

from __future__ import annotations

import re
from typing import Final

import msgspec

_MOST_PARSED: Final = 262_144
_MOST_SHOWN: Final = 16_384
_MOST_LINES: Final = 400
# Beside what prints: the ideographic space, which Chinese text uses, and the one that does not break.
_SPACES: Final = "\u3000\u00a0"
_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def printable(text: str) -> str:
    """Give text on one line in which nothing controls a terminal.

    Control characters, marks that change the direction of writing and what has no form are written as escapes.
    """
    return text if text.isprintable() else "".join(map(_safe, text))


def _safe(character: str) -> str:
    if character.isprintable() or character in _SPACES:
        return character
    code = ord(character)
    return _SHORT.get(character) or (f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")


def pretty(value: bytes) -> tuple[str, bool]:
    """Lay a payload out for reading: JSON indented, anything else as it is; give whether it was cut off."""
    lines = re.split(r"\r?\n", _indented(value) or value[: _MOST_SHOWN + 4].decode("utf-8", "backslashreplace"))
    shown = "\n".join(map(printable, lines[:_MOST_LINES]))
    return shown[:_MOST_SHOWN], len(shown) > _MOST_SHOWN or len(lines) > _MOST_LINES


def _indented(value: bytes) -> str:
    if len(value) > _MOST_PARSED:
        return ""
    try:
        # Only white space changes: numbers and repeated names stay as they came.
        return msgspec.json.format(value, indent=2).decode("utf-8", "backslashreplace")
    except (msgspec.DecodeError, RecursionError):
        return ""
