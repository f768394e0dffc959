"""Direct identifiers: what looks like an identity number, an e-mail address or a mobile phone number.

From docs/records.md, section 1, step 3, and section 5.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any, Final

from megdt_stream.verify.strict_json import canonical

REDACTED: Final = "[redacted]"
_PERSON: Final = frozenset({"subject", "assessor", "supervisor", "person", "into", "from", "by", "assignee"})
_PROSE: Final = frozenset({"text", "note"})
_KEYS: Final = _PERSON | _PROSE | {"id", "source", "rotation", "item", "session"}

_IDENTITY: Final = re.compile(r"(?<![0-9A-Za-z])([0-9]{17})([0-9Xx])(?![0-9A-Za-z])")
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_DIGITS: Final = "10X98765432"
_LOCAL_PART: Final = re.compile(r"[A-Za-z0-9._%+-]")
_DOMAIN: Final = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
_PHONE: Final = r"(?:\+?86)?1[3-9][0-9]{9}"
_WHOLE_PHONE: Final = re.compile(rf"(?:[a-z][a-z0-9]{{0,15}}\.)?{_PHONE}")
_PHONE_IN_PROSE: Final = re.compile(rf"(?<![0-9]){_PHONE}(?![0-9])")


def names_somebody(value: Any) -> bool:
    """Say whether any string of a JSON value holds a direct identifier."""
    return any(_holds(text, under) for text, under in _strings(value, frozenset()))


def identifiers(value: Any) -> set[str]:
    """Give the direct identifiers in the strings of a JSON value."""
    return {found for text, under in _strings(value, frozenset()) for found in _found(text, under)}


def is_redaction(original: Any, found: Any, under: frozenset[str] = frozenset()) -> bool:
    """Say whether a JSON value is another one without its direct identifiers.

    What looks like one under a key that is not searched may be replaced or not.
    """
    if isinstance(original, dict):
        return (
            isinstance(found, dict)
            and original.keys() == found.keys()
            and all(is_redaction(value, found[name], under | ({name} & _KEYS)) for name, value in original.items())
        )
    if isinstance(original, list):
        return (
            isinstance(found, list)
            and len(original) == len(found)
            and all(is_redaction(value, other, under) for value, other in zip(original, found, strict=True))
        )
    if isinstance(original, str) and _holds(original, under):
        return bool(found == REDACTED)
    if isinstance(original, str) and found == REDACTED:
        return original == REDACTED or _holds(original, _KEYS)
    return canonical(original) == canonical(found)


def _strings(value: Any, under: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """Give each string that stands under a searched key, with those keys."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _strings(member, under | ({name} & _KEYS))
    elif isinstance(value, list):
        for member in value:
            yield from _strings(member, under)
    elif under and isinstance(value, str):
        yield value, under


def _holds(text: str, under: frozenset[str]) -> bool:
    return any(True for _ in _found(text, under))


def _found(text: str, under: frozenset[str]) -> Iterator[str]:
    """Give the direct identifiers in a string that stands under these of the searched keys."""
    if not under:
        return
    yield from (match[0] for match in _IDENTITY.finditer(text) if _is_identity_number(*match.groups()))
    yield from _addresses(text)
    if under & _PERSON and _WHOLE_PHONE.fullmatch(text):
        yield text
    if under & _PROSE:
        yield from (match[0] for match in _PHONE_IN_PROSE.finditer(text))


def _is_identity_number(digits: str, check: str) -> bool:
    """Say whether the birth date may be and the check digit is right (GB 11643)."""
    try:
        born = date(int(digits[6:10]), int(digits[10:12]), int(digits[12:14]))
    except ValueError:
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, digits, strict=True))
    return 1900 <= born.year <= 2099 and _CHECK_DIGITS[total % 11] == check.upper()


def _addresses(text: str) -> Iterator[str]:
    """Give the e-mail addresses, from the character before the "@".

    Looks about each "@": one pattern for the whole would try every start of a long text.
    """
    at = text.find("@")
    while at >= 0:
        domain = _DOMAIN.match(text, at + 1)
        if at > 0 and domain and _LOCAL_PART.match(text, at - 1):
            yield text[at - 1 : domain.end()]
        at = text.find("@", at + 1)
