"""Reading foreign JSON that may hold anything anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from megdt_stream.evidence.adapters import AdapterReason
from megdt_stream.evidence.adapters.settling import Unusable

_CODE: Final = re.compile(r"[^\s\ufeff|\x00-\x1f\x7f]{1,64}")
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def at(document: object, *path: str | int) -> Any:
    """Give what stands at a path of keys and positions, None where there is nothing."""
    for step in path:
        if isinstance(step, str):
            document = document.get(step) if isinstance(document, dict) else None
        elif isinstance(document, list) and step < len(document):
            document = document[step]
        else:
            return None
    return document


def text(document: object, *path: str | int) -> str | None:
    """Give the text at a path; None for another type, and for nothing but white space."""
    found = at(document, *path)
    return found if isinstance(found, str) and found.strip() else None


def number(document: object, *path: str | int) -> float | None:
    """Give the number at a path; None for another type. Integers too large for a float are no numbers here."""
    found = at(document, *path)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    try:
        return float(found)
    except OverflowError:
        return None


def each(document: object, *path: str | int) -> Iterator[tuple[int, dict[str, Any]]]:
    """Give the objects of a list with their positions; what is no object is passed over."""
    found = at(document, *path)
    if isinstance(found, list):
        yield from ((position, one) for position, one in enumerate(found) if isinstance(one, dict))


def required(document: object, key: str, path: str) -> dict[str, Any]:
    """Give the object under a key. Raises Unusable."""
    found = at(document, key)
    if not isinstance(found, dict):
        raise Unusable(AdapterReason.MALFORMED, f"{path}/{key}", f"{key} is an object, and required")
    return found


def required_text(document: object, key: str, path: str) -> str:
    """Give the text under a key. Raises Unusable."""
    found = text(document, key)
    if found is None:
        raise Unusable(AdapterReason.MALFORMED, f"{path}/{key}", f"{key} is a text, and required")
    return found


def pointer(*path: str | int) -> str:
    """Write a JSON pointer."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)


def is_code(value: str) -> bool:
    """Tell whether a text may stand as a code of the contract as it is."""
    return _CODE.fullmatch(value) is not None


def is_uuid(value: str) -> bool:
    """Tell whether a text is a UUID in small letters."""
    return _UUID.fullmatch(value) is not None


def short(value: object) -> str:
    """Quote a value for a hint."""
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."
