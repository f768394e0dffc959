"""Reading the properties of a twin's document, any of which may be absent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

Property: TypeAlias = Mapping[str, Any]


class Properties:
    """The properties of a document by name; names are parts joined by `|`."""

    def __init__(self, document: Mapping[str, Any] | None) -> None:
        self._all: Mapping[str, Property] = {} if document is None else document["properties"]

    def get(self, name: str) -> Property | None:
        """Give a property, None where it is absent."""
        return self._all.get(name)

    def value(self, name: str) -> Any:
        """Give the value of a property, None where it is absent."""
        found = self._all.get(name)
        return None if found is None else found["value"]

    def known(self, name: str) -> Property | None:
        """Give a property whose value is known."""
        found = self._all.get(name)
        return None if found is None or found["value"] is None else found

    def group(self, first: str) -> Iterator[tuple[tuple[str, ...], Property]]:
        """Give the properties whose name begins so, with the rest of the name's parts, in the document's order."""
        for name, found in self._all.items():
            head, *rest = name.split("|")
            if head == first and rest:
                yield tuple(rest), found

    def unknowns(self) -> set[str]:
        """Give the codes under `unknown`."""
        return {found["unknown"] for found in self._all.values() if found.get("unknown")}

    @property
    def kept_back(self) -> bool:
        """Tell whether something is not told since it is of too few."""
        return any("suppressed" in found.get("provenance", {}) for found in self._all.values())


def is_estimate(found: Property | None) -> bool:
    """Tell whether a property has a value and an interval."""
    return found is not None and found.get("value") is not None and "interval" in found
