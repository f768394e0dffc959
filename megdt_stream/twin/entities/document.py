"""An entity twin as plain data, in the form that all twins are told in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from megdt_stream.evidence.times import rfc3339
from megdt_stream.twin.entities.state import Entity
from megdt_stream.twin.view.intervals import wilson

Property: TypeAlias = dict[str, Any]
Properties: TypeAlias = dict[str, Property]

_DIGITS: Final = 3


def document(entity: Entity, revision: str, as_of: int, properties: Mapping[str, Property]) -> dict[str, Any]:
    """Give a twin as data, ready for JSON: id, kind, revision, as_of and properties.

    Each property has a `value`, an `interval` where it is an estimate, and its `provenance`. Names are parts joined
    by `|`, which no code contains. `as_of` in ms; 0 for not known.
    """
    return {
        "id": entity.id,
        "kind": entity.kind,
        "revision": revision,
        "as_of": rfc3339(as_of) if as_of else None,
        "properties": dict(properties),
    }


def told(value: Any, interval: tuple[float, float] | None = None, **provenance: Any) -> Property:
    """Give a property; numbers are rounded to three decimals."""
    found: Property = {"value": _rounded(value)}
    if interval is not None:
        found["interval"] = [_rounded(bound) for bound in interval]
    found["provenance"] = {name: _rounded(given) for name, given in provenance.items()}
    return found


def share(hits: int, n: int, z: float, **provenance: Any) -> Property:
    """Give a share (of at least one) with its interval, `z` standard deviations wide on either side."""
    found = wilson(hits, n, z)
    return told(hits / n, None if found is None else (found.low, found.high), **provenance)


def untold(unknown: str, **provenance: Any) -> Property:
    """Give a property whose value is not known, with the code of the reason."""
    return {"value": None, "unknown": unknown, "provenance": provenance}


def _rounded(value: Any) -> Any:
    return round(value, _DIGITS) if isinstance(value, float) else value
