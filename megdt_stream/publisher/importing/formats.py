"""An import from end to end: files in, one result an item out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final, TypeVar

from megdt_stream.errors import ConfigError
from megdt_stream.evidence.adapters import Entry, Result, caliper, fhir, oulad, tables, xapi
from megdt_stream.evidence.adapters.draft import draft
from megdt_stream.evidence.adapters.fhir_mapping import FhirMapping
from megdt_stream.evidence.adapters.people import People
from megdt_stream.evidence.adapters.rules import LearningMapping
from megdt_stream.evidence.adapters.table_mapping import TableFile, TableMapping
from megdt_stream.evidence.pseudonym import Pseudonymiser
from megdt_stream.publisher.importing import csv_rows, json_items
from megdt_stream.publisher.importing.json_items import Inside
from megdt_stream.publisher.importing.site import load_mapping, zone
from megdt_stream.publisher.importing.sources import Source
from megdt_stream.publisher.oulad_files import read_oulad

Mapped = TypeVar("Mapped", TableMapping, LearningMapping, FhirMapping)


@dataclass(frozen=True)
class Plan:
    """What is imported: the files, and what the site says of them. `source` overrides the mapping's."""

    sources: list[Source]
    pseudonymiser: Pseudonymiser
    mapping: Path | None = None
    source: str | None = None
    historical: bool = False


def import_csv(plan: Plan) -> Iterator[Result]:
    """Import tables by a mapping. Raises ConfigError where mapping and table do not fit."""
    mapping = table_mapping(plan)
    people, where = People(plan.pseudonymiser), zone(mapping.file.zone)
    for source in plan.sources:
        with csv_rows.table(source, mapping.file) as table:
            lacking = sorted({use.column for use in mapping.uses()} - set(table.columns))
            if lacking:
                raise ConfigError(
                    f"{source.name} has no column {', '.join(lacking)}",
                    remedy=f"correct the mapping or the delimiter; there are {', '.join(table.columns)}",
                )
            yield from tables.results(table.rows, people, mapping, where, historical=plan.historical)


def table_mapping(plan: Plan) -> TableMapping:
    """Read the mapping of a table. Raises ConfigError."""
    if plan.mapping is None:
        raise ConfigError("a table needs a mapping", remedy="begin one with --draft-mapping > mapping.toml")
    return _mapping(plan, TableMapping)


def draft_csv(source: Source) -> str:
    """Write the draft of a mapping for a table. Raises ConfigError."""
    delimiter = csv_rows.delimiter_of(source)
    with csv_rows.table(source, TableFile(delimiter=delimiter)) as table:
        return draft(table.columns, delimiter)


def columns_csv(plan: Plan) -> list[dict[str, str]]:
    """Say what becomes of each column of the first table, in its order. Raises ConfigError."""
    mapping = table_mapping(plan)
    with csv_rows.table(plan.sources[0], mapping.file) as table:
        return [{"column": column, **_becomes(column, mapping)} for column in table.columns]


def _becomes(column: str, mapping: TableMapping) -> dict[str, str]:
    uses = [use for use in mapping.uses() if use.column == column]
    if not uses:
        return {"becomes": "unused", "for": ""}
    becomes = "pseudonymised" if any(use.hidden for use in uses) else "used"
    return {"becomes": becomes, "for": ", ".join(dict.fromkeys(use.where for use in uses))}


def import_xapi(plan: Plan) -> Iterator[Result]:
    """Import xAPI statements. Raises ConfigError."""
    mapping = _mapping(plan, LearningMapping)
    people = People(plan.pseudonymiser, mapping.person)
    targets = xapi.voided(_entries(plan, xapi.inside))
    yield from xapi.results(_entries(plan, xapi.inside), people, mapping, targets, historical=plan.historical)


def import_caliper(plan: Plan) -> Iterator[Result]:
    """Import Caliper events. Raises ConfigError."""
    mapping = _mapping(plan, LearningMapping)
    people = People(plan.pseudonymiser, mapping.person)
    yield from caliper.results(_entries(plan, caliper.inside), people, mapping, historical=plan.historical)


def import_fhir(plan: Plan) -> Iterator[Result]:
    """Import FHIR resources. Raises ConfigError."""
    mapping = _mapping(plan, FhirMapping)
    people, where = People(plan.pseudonymiser, mapping.person), zone(mapping.zone)
    known = fhir.survey(_entries(plan, fhir.inside), mapping)
    entries = _entries(plan, fhir.inside)
    yield from fhir.results(entries, people, mapping, where, known, historical=plan.historical)


def import_oulad(directory: Path) -> Iterator[Result]:
    """Look at the rows of the OULAD tables. Raises ConfigError where a table is missing or unreadable."""
    try:
        yield from oulad.results(read_oulad(directory))
    except (OSError, ValueError) as error:
        raise ConfigError(str(error), remedy="name a folder with the OULAD tables") from error


SUFFIXES: Final = {
    "csv": csv_rows.SUFFIXES,
    "xapi": json_items.SUFFIXES,
    "fhir": json_items.SUFFIXES,
    "caliper": json_items.SUFFIXES,
}
IMPORTS: Final = {"csv": import_csv, "xapi": import_xapi, "fhir": import_fhir, "caliper": import_caliper}


def _mapping(plan: Plan, model: type[Mapped]) -> Mapped:
    return load_mapping(plan.mapping, model, {} if plan.source is None else {"source": plan.source})


def _entries(plan: Plan, inside: Inside) -> Iterator[Entry]:
    return chain.from_iterable(json_items.entries(source, inside) for source in plan.sources)
