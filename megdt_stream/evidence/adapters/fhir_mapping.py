"""What FHIR resources become: a site's mapping, and what holds without one."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

from megdt_stream.evidence.adapters.people import PersonRule
from megdt_stream.evidence.adapters.rules import Code, Source

Role: TypeAlias = Literal["performed", "assisted", "observed", "taking-part", "not-a-trainee"]

ROLES: Final[Mapping[str, Role]] = MappingProxyType(
    {
        "PPRF": "performed",
        "SPRF": "assisted",
        "PART": "taking-part",
        "ADM": "not-a-trainee",
        "ATND": "not-a-trainee",
        "CALLBCK": "not-a-trainee",
        "CON": "not-a-trainee",
        "DIS": "not-a-trainee",
        "ESC": "not-a-trainee",
        "REF": "not-a-trainee",
        "translator": "not-a-trainee",
        "emergency": "not-a-trainee",
    }
)
"""By the codes of Encounter.participant.type: who is responsible, consulted or referring is not in training there."""


class FhirMapping(BaseModel):
    """A site's mapping of FHIR resources.

    `role` and `item` are found by `system|code`, by code or by text. `practitioner_system` is the system of the
    identifier by which the site knows its trainees; without it a practitioner is known by reference.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    source: Source | None = None
    zone: str = "UTC"
    person: list[PersonRule] = []
    practitioner_system: str | None = None
    role: dict[str, Role] = {}
    item: dict[str, Code] = {}
    encounter_statuses: list[str] = ["in-progress", "onleave", "finished"]
    procedure_statuses: list[str] = ["completed"]
    rotation: Code | None = None
