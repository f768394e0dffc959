"""Direct identifiers: what looks like an identity number, a phone number or an e-mail address of a person.

Found where docs/records.md, section 1, looks for them; taken out wherever they stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from operator import mul
from typing import Any, Final, NamedTuple

from pydantic import BaseModel

from megdt_stream.evidence import events, json_text

REDACTED: Final = "[redacted]"

FREE_TEXT_KEYS: Final = ("text", "note")

# What is looked for under a key and all that is below it: numbers and addresses, a phone as the whole, a phone in text.
_DIRECT: Final = 1
_WHOLE: Final = 2
_WITHIN: Final = 4
_SOUGHT: Final = {
    **dict.fromkeys(("id", "source", "rotation", "item", "session"), _DIRECT),
    **dict.fromkeys(("subject", "assessor", "supervisor", "person", "into", "from"), _DIRECT | _WHOLE),
    **dict.fromkeys(("by", "assignee"), _DIRECT | _WHOLE),
    **dict.fromkeys(FREE_TEXT_KEYS, _DIRECT | _WITHIN),
}
KEYS: Final = frozenset(_SOUGHT)
_SHORTEST: Final = len("a@b.cn")
_IDENTITY_NUMBER: Final = 18

# The end of an address tells enough: one character before the @ stands for any number of them.
_ADDRESS: Final = re.compile(r"[A-Za-z0-9._%+-]@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2}")
_NUMBER: Final = re.compile(
    r"(?<![0-9A-Za-z])[0-9]{6}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx](?![0-9A-Za-z])"
)
_PHONE: Final = re.compile(r"(?:[a-z][a-z0-9]{0,15}\.)?(?:\+?86)?1[3-9][0-9]{9}")
_PHONE_WITHIN: Final = re.compile(r"(?<![0-9])(?:\+?86)?1[3-9][0-9]{9}(?![0-9])")
_ADDRESS_IN_BYTES: Final = re.compile(rb"@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2}")

_WEIGHTS: Final = tuple(2**power % 11 for power in range(17, 0, -1))
_WEIGHTS_OF_ZEROS: Final = ord("0") * sum(_WEIGHTS)
_CHECK_DIGITS: Final = "10X98765432"


class Found(NamedTuple):
    """Where a direct identifier stands (names that are no words of the contract left out) and what it looks like."""

    parts: tuple[str | int, ...]
    what: str


def may_hold(value: bytes, *, run: bool) -> bool:
    """Tell whether JSON may hold a direct identifier; never wrong about a "no".

    `run` tells whether it may hold 11 digits in a row. Escapes could hide an ASCII character.
    """
    return run or b"\\u00" in value or _ADDRESS_IN_BYTES.search(value) is not None


def may_stand_in(text: str) -> bool:
    """Tell whether free text may hold a direct identifier; never wrong about a "no"."""
    return ("@" in text and _ADDRESS.search(text) is not None) or json_text.may_hold_run(text.encode())


def is_direct(text: str, key: str) -> bool:
    """Tell whether a text would be a direct identifier under a key."""
    return len(text) >= _SHORTEST and bool(_what(text, _SOUGHT.get(key, 0)))


def find(document: Any) -> Found | None:
    """Look for a direct identifier where none may be."""
    return _find(document, 0)


def _find(value: Any, sought: int) -> Found | None:
    if isinstance(value, str):
        what = _what(value, sought) if len(value) >= _SHORTEST else ""
        return Found((), what) if what else None
    if isinstance(value, dict):
        for name, inner in value.items():
            if inner and type(inner) in _HOLDERS and (found := _find(inner, sought | _SOUGHT.get(name, 0))):
                return Found((name, *found.parts) if name in _NAMES else (), found.what)
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            if inner and type(inner) in _HOLDERS and (found := _find(inner, sought)):
                return Found((i, *found.parts), found.what)
    return None


_HOLDERS: Final = frozenset((str, dict, list))


def _what(text: str, sought: int) -> str:
    if not sought:
        return ""
    if "@" in text and _ADDRESS.search(text):
        return "an e-mail address"
    if len(text) >= _IDENTITY_NUMBER and any(map(_identity_number, _NUMBER.findall(text))):
        return "an identity number"
    if sought & _WHOLE and _PHONE.fullmatch(text):
        return "a phone number"
    if sought & _WITHIN and _PHONE_WITHIN.search(text):
        return "a phone number"
    return ""


def _identity_number(text: str) -> bool:
    """Tell whether 18 characters are a resident identity number by GB 11643: a date of birth and a check digit."""
    total = sum(map(mul, _WEIGHTS, text.encode())) - _WEIGHTS_OF_ZEROS
    if text[17].upper() != _CHECK_DIGITS[total % 11]:
        return False
    try:
        date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    return True


def redact(value: Any) -> Any:
    """Copy JSON with every string that holds a direct identifier, wherever it stands, replaced by `[redacted]`."""
    if isinstance(value, str):
        return REDACTED if len(value) >= _SHORTEST and _what(value, _DIRECT | _WITHIN) else value
    if isinstance(value, dict):
        return {name: redact(inner) if inner and type(inner) in _HOLDERS else inner for name, inner in value.items()}
    return (
        [redact(inner) if inner and type(inner) in _HOLDERS else inner for inner in value]
        if isinstance(value, list)
        else value
    )


def _names() -> Iterator[str]:
    for model in vars(events).values():
        if isinstance(model, type) and issubclass(model, BaseModel):
            yield from (field.alias or name for name, field in model.model_fields.items())


_NAMES: Final = frozenset(_names())
