"""What intake needs of the reference data, ready to be looked up."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from pydantic import TypeAdapter

from megdt_stream.evidence.reference.competencies import Framework
from megdt_stream.evidence.reference.fields import VersionedId
from megdt_stream.evidence.reference.scales import Scale

SCALES: Final = TypeAdapter(dict[VersionedId, Scale])
FRAMEWORKS: Final = TypeAdapter(dict[VersionedId, Framework])


class Reference:
    """All scales and competency frameworks by id (`mini-cex@1`), and every competency code that stands in one."""

    __slots__ = ("_weights", "competencies", "frameworks", "scales")

    def __init__(self, scales: Mapping[str, Scale], frameworks: Mapping[str, Framework]) -> None:
        """Take checked entries; weights and codes are computed once."""
        self.scales: Mapping[str, Scale] = MappingProxyType(dict(scales))
        self.frameworks: Mapping[str, Framework] = MappingProxyType(dict(frameworks))
        self.competencies = frozenset(code for framework in frameworks.values() for code in framework.competencies)
        self._weights = {name: scale.weight for name, scale in scales.items()}

    @classmethod
    def from_tables(cls, scales: Mapping[str, Any], frameworks: Mapping[str, Any]) -> Reference:
        """Check the tables of `seeds/scales.toml` and `seeds/competencies.toml`, each by itself.

        Raises `pydantic.ValidationError` naming the table and field that is wrong.
        """
        return cls(SCALES.validate_python(scales), FRAMEWORKS.validate_python(frameworks))

    def weight(self, scale: str) -> int:
        """Give the weight of one score on a known scale."""
        return self._weights[scale]
