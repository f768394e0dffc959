"""All reference data together, and what its parts say of each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Self

from pydantic import TypeAdapter

from megdt_stream.evidence.reference.competencies import Framework
from megdt_stream.evidence.reference.fields import CodeKey, VersionedId, name_of
from megdt_stream.evidence.reference.indicators import Indicator
from megdt_stream.evidence.reference.instruments import Instrument
from megdt_stream.evidence.reference.lookup import FRAMEWORKS, SCALES, Reference
from megdt_stream.evidence.reference.outcomes import Outcome
from megdt_stream.evidence.reference.quotas import QuotaStandard
from megdt_stream.evidence.reference.scales import Scale

PARTS: Final[Mapping[str, TypeAdapter[Any]]] = MappingProxyType(
    {
        "scales": SCALES,
        "competencies": FRAMEWORKS,
        "instruments": TypeAdapter(dict[CodeKey, Instrument]),
        "quotas": TypeAdapter(dict[VersionedId, QuotaStandard]),
        "indicators": TypeAdapter(dict[VersionedId, Indicator]),
        "outcomes": TypeAdapter(dict[CodeKey, Outcome]),
    }
)
"""The parts by name; each checks a mapping of table names to tables."""


class Contradiction(NamedTuple):
    """A table says something that another one does not bear out."""

    part: str
    table: str
    field: str
    problem: str


class Library(NamedTuple):
    """The reference data by part, each by the names of its tables."""

    scales: Mapping[str, Scale]
    competencies: Mapping[str, Framework]
    instruments: Mapping[str, Instrument]
    quotas: Mapping[str, QuotaStandard]
    indicators: Mapping[str, Indicator]
    outcomes: Mapping[str, Outcome]

    @classmethod
    def from_parts(cls, parts: Mapping[str, Mapping[str, Any]]) -> Self:
        """Take the checked tables of every part of `PARTS`."""
        return cls(**{part: MappingProxyType(dict(parts[part])) for part in PARTS})

    @property
    def reference(self) -> Reference:
        """Give what intake needs."""
        return Reference(self.scales, self.competencies)

    def contradictions(self) -> list[Contradiction]:
        """List what the parts say of each other that is not so."""
        return [*self._unknown_scales(), *self._competencies(), *self._shared_codes()]

    def _unknown_scales(self) -> Iterator[Contradiction]:
        for code, instrument in self.instruments.items():
            for scale in instrument.scales:
                if scale not in self.scales:
                    yield Contradiction("instruments", code, "scales", f"{scale} is no scale")
        for code, outcome in self.outcomes.items():
            if outcome.scale is not None and outcome.scale not in self.scales:
                yield Contradiction("outcomes", code, "scale", f"{outcome.scale} is no scale")

    def _competencies(self) -> Iterator[Contradiction]:
        """A code has one meaning: it may stand in versions of one framework only."""
        known = self.reference.competencies
        homes: dict[str, str] = {}
        for framework_id, framework in self.competencies.items():
            for code, competency in framework.competencies.items():
                field = f"competencies.{code}"
                home = homes.setdefault(code, framework_id)
                if name_of(home) != name_of(framework_id):
                    yield Contradiction("competencies", framework_id, field, f"stands in {home} already")
                target = competency.maps_to
                if target is not None and target not in known:
                    yield Contradiction("competencies", framework_id, f"{field}.maps_to", f"{target} is no competency")
                elif target is not None and target in framework.competencies:
                    yield Contradiction(
                        "competencies", framework_id, f"{field}.maps_to", f"{target} is of the same framework"
                    )

    def _shared_codes(self) -> Iterator[Contradiction]:
        yield from _claimed_twice(
            "instruments", "aliases", ((code, [code, *one.aliases]) for code, one in self.instruments.items())
        )
        yield from _claimed_twice(
            "outcomes", "aliases", ((code, [code, *one.aliases]) for code, one in self.outcomes.items())
        )
        # Versions of one standard hold for the same programmes.
        yield from _claimed_twice(
            "quotas", "programmes", ((standard, one.programmes) for standard, one in self.quotas.items())
        )


def _claimed_twice(part: str, field: str, claims: Iterable[tuple[str, list[str]]]) -> Iterator[Contradiction]:
    owners: dict[str, str] = {}
    for table, codes in claims:
        for code in codes:
            owner = owners.setdefault(code, table)
            if name_of(owner) != name_of(table):
                yield Contradiction(part, table, field, f"{code} belongs to {owner} already")
