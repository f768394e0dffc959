"""A twin as plain data, ready for JSON (docs/twin.md)."""

from __future__ import annotations

from typing import Any

from megdt_stream.evidence.times import rfc3339
from megdt_stream.twin.view.comparison import compare
from megdt_stream.twin.view.comparison_properties import compared_properties
from megdt_stream.twin.view.estimation import Estimation
from megdt_stream.twin.view.norms import Norms
from megdt_stream.twin.view.properties import told
from megdt_stream.twin.view.reading import TwinView


def document(
    trainee: str, view: TwinView, estimation: Estimation, as_of: int, norms: Norms | None = None
) -> dict[str, Any]:
    """Give a view as plain data: id, kind, revision, as_of and properties.

    Each property has a `value`, an `interval` where it is an estimate, and its `provenance`; what cannot be known has
    the value None and a code under `unknown`. Names are parts joined by `|`, which no code contains. `as_of` in ms; 0
    for not known. Without `norms` there are no targets, quotas and limits. All numbers are finite.
    """
    compared = compare(view, estimation, as_of, norms)
    return {
        "id": trainee,
        "kind": "trainee",
        "revision": view.revision,
        "as_of": rfc3339(as_of) if as_of else None,
        "properties": told(view, estimation, as_of) | compared_properties(view, compared, estimation, as_of, norms),
    }
