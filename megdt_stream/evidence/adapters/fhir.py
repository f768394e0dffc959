"""HL7 FHIR R4: encounters as cases seen, procedures as procedures done.

Whoever takes part in a role that counts (`fhir_mapping.py`) is a trainee; an item with several trainees gives an event
for each. The patient is not looked at. What a resource only refers to (a diagnosis, a practitioner in a role) has to be
among the items. A resource that was entered in error is retracted. Everything else is not relevant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any, Final, NamedTuple

from megdt_stream.evidence.adapters import AdapterReason, Entry, Item, Outgoing, Result
from megdt_stream.evidence.adapters.fhir_mapping import ROLES, FhirMapping
from megdt_stream.evidence.adapters.learning import SIGNS, content_id
from megdt_stream.evidence.adapters.people import People
from megdt_stream.evidence.adapters.reading import at, each, is_code, number, pointer, text
from megdt_stream.evidence.adapters.settling import Beside, Converted, Unusable, settle
from megdt_stream.evidence.adapters.times import fhir_instant
from megdt_stream.evidence.adapters.writing import Writer
from megdt_stream.evidence.reasons import Reason

SOURCE: Final = "/fhir"
_ERROR: Final = "entered-in-error"
_STATUSES: Final = {
    "Encounter": frozenset(
        {
            *("planned", "arrived", "triaged", "in-progress", "onleave", "finished", "cancelled"),
            *(_ERROR, "unknown"),
        }
    ),
    "Procedure": frozenset(
        {"preparation", "in-progress", "not-done", "on-hold", "stopped", "completed", _ERROR, "unknown"}
    ),
}
_REFERENCE: Final = re.compile(r"(?:.*/)?([A-Z][A-Za-z]+)/([A-Za-z0-9.\-]{1,64})(?:/_history/[A-Za-z0-9.\-]{1,64})?")
_CONDITIONAL: Final = re.compile(r"([A-Z][A-Za-z]+)\?identifier=(?:(.*)\|)?([^|]+)")
_PEOPLE: Final = frozenset({"Practitioner", "PractitionerRole"})
_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_STRENGTH: Final = ("performed", "assisted", "observed", "taking-part")
_LAST_REVISION: Final = 9999
_DAY_ZERO: Final = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Known:
    """What resources say that others refer to, by their references."""

    items: dict[str, str] = field(default_factory=dict)
    """Of conditions: their items."""
    kinds: dict[str, str] = field(default_factory=dict)
    """Of what has no name but its place in a bundle (`urn:uuid:...`): its type."""
    practitioners: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Their identifier of the mapping's system: (system, value)."""
    roles: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Of practitioners in a role: the reference to the practitioner."""


class _Trainee(NamedTuple):
    pseudonym: str
    role: str


def inside(document: object) -> list[Any] | None:
    """Give what a container holds, a list or a Bundle (alone, or itself in an entry); None for anything else."""
    if isinstance(document, list):
        return document
    _, resource = _opened(document)
    if text(resource, "resourceType") != "Bundle":
        return None
    entries = at(resource, "entry")
    return entries if isinstance(entries, list) else []


def survey(entries: Iterable[Entry], mapping: FhirMapping) -> Known:
    """Collect what others refer to: what `results` has to know before it begins."""
    known = Known()
    for entry in entries:
        if isinstance(entry, Item):
            url, resource = _opened(entry.value)
            for name in _names(url, resource):
                _learn(known, name, resource, mapping)
    return known


def results(
    entries: Iterable[Entry],
    people: People,
    mapping: FhirMapping,
    zone: tzinfo,
    known: Known,
    *,
    historical: bool = False,
) -> Iterator[Result]:
    """Give one result a resource or bundle entry. `known` is what `survey` gave, `zone` that of the mapping."""
    converter = _Converter(people, mapping, zone, known, Writer(mapping.source or SOURCE, historical))
    for entry in entries:
        yield settle(entry, converter.resource)


# --- what others refer to ---


def _opened(value: object) -> tuple[str | None, object]:
    """Give an entry's full URL and its resource; a bare resource has no URL."""
    if isinstance(value, dict) and "resourceType" not in value and ("resource" in value or "request" in value):
        return text(value, "fullUrl"), value.get("resource")
    return None, value


def _names(url: str | None, resource: object) -> list[str]:
    kind, identifier = text(resource, "resourceType"), text(resource, "id")
    names = [f"{kind}/{identifier}"] if kind and identifier else []
    return [*names, url] if url is not None and url.startswith("urn:") else names


def _learn(known: Known, name: str, resource: object, mapping: FhirMapping) -> None:
    kind = text(resource, "resourceType")
    if name.startswith("urn:") and kind is not None:
        known.kinds[name] = kind
    if kind == "Condition" and (item := _item(at(resource, "code"), mapping)):
        known.items[name] = item
    elif kind == "PractitionerRole" and isinstance(at(resource, "practitioner"), dict):
        known.roles[name] = at(resource, "practitioner")
    elif kind == "Practitioner" and (found := _identifier(at(resource, "identifier"), mapping.practitioner_system)):
        known.practitioners[name] = found


def _item(concept: object, mapping: FhirMapping) -> str | None:
    """Give the item of a CodeableConcept: the mapping's, else its first code. Texts may tell of a patient."""
    codings = [coding for _, coding in each(concept, "coding")]
    for coding in codings:
        for name in (f"{text(coding, 'system')}|{text(coding, 'code')}", text(coding, "code")):
            if name in mapping.item:
                return mapping.item[name]
    named = text(concept, "text")
    if named in mapping.item:
        return mapping.item[named]
    return next((code for coding in codings if (code := text(coding, "code")) and is_code(code)), None)


def _identifier(identifiers: object, system: str | None) -> tuple[str, str] | None:
    """Give the first identifier of a system, or of any where that is None: (system, value)."""
    for _, identifier in each({"all": identifiers if isinstance(identifiers, list) else [identifiers]}, "all"):
        value = text(identifier, "value")
        if value is not None and system in (None, text(identifier, "system")):
            return text(identifier, "system") or "", value
    return None


# --- resources ---


class _Converter:
    def __init__(self, people: People, mapping: FhirMapping, zone: tzinfo, known: Known, writer: Writer) -> None:
        self._people = people
        self._mapping = mapping
        self._zone = zone
        self._known = known
        self._writer = writer

    def resource(self, item: Item) -> Converted:
        url, resource = _opened(item.value)
        if not isinstance(resource, dict):
            raise _without_resource(item.value)
        kind = text(resource, "resourceType")
        if kind is None:
            raise Unusable(AdapterReason.MALFORMED, "/resourceType", "a resource names its type")
        if kind == "Bundle":
            raise _bundle(resource)
        if kind not in _STATUSES:
            raise Beside(f"resource {kind}"[:SIGNS])
        status = _status(kind, resource)
        _refuse_modifiers(resource, "")
        counting = {"Encounter": self._mapping.encounter_statuses, "Procedure": self._mapping.procedure_statuses}
        if status != _ERROR and status not in counting[kind]:
            raise Beside(f"{kind} that is {status}")
        trainees, unnamed = self._trainees(kind, resource)
        record = f"{kind}/{self._record(url, resource)}"
        events = [self._event(kind, resource, record, trainee, status) for trainee in trainees]
        return events, ("a participant without an identifier",) if unnamed else ()

    def _event(self, kind: str, resource: dict[str, Any], record: str, trainee: _Trainee, status: str) -> Outgoing:
        record = f"{record}/{trainee.pseudonym}"
        updated = text(resource, "meta", "lastUpdated")
        recorded = None if updated is None else fhir_instant(updated, "/meta/lastUpdated", self._zone)
        revision = _revision(resource, recorded, erroneous=status == _ERROR)
        if status == _ERROR:
            happened = recorded or self._happened(kind, resource)
            return self._writer.retraction(
                "exposures", record, trainee.pseudonym, happened, recorded=recorded, revision=revision
            )
        data = {
            "kind": "case" if kind == "Encounter" else "procedure",
            "item": self._case(resource) if kind == "Encounter" else self._procedure(resource),
            "role": None if trainee.role == "taking-part" else trainee.role,
            "rotation": self._mapping.rotation,
        }
        happened = self._happened(kind, resource)
        return self._writer.event(
            "exposure.recorded", record, trainee.pseudonym, happened, data, recorded=recorded, revision=revision
        )

    def _record(self, url: str | None, resource: dict[str, Any]) -> str:
        """Give a resource's id; without one that of its business, its place in the bundle or its content."""
        kind = resource["resourceType"]
        identifier = text(resource, "id")
        if identifier is not None:
            return self._people.opaque(identifier, kind)
        business = _identifier(resource.get("identifier"), None)
        if business is not None:
            return self._people.opaque("|".join(business), f"{kind} identifier")
        return content_id(resource, self._people, kind) if url is None else self._people.opaque(url, kind)

    def _happened(self, kind: str, resource: dict[str, Any]) -> datetime:
        name = "period" if kind == "Encounter" else "performedPeriod"
        if kind == "Procedure" and resource.get("performedDateTime") is not None:
            return fhir_instant(resource["performedDateTime"], "/performedDateTime", self._zone)
        edge = "start" if at(resource, name, "start") is not None else "end"
        found = at(resource, name, edge)
        if found is None:
            hint = "give period.start" if kind == "Encounter" else "give performedDateTime or performedPeriod"
            raise Unusable(AdapterReason.MISSING_TIME, f"/{name}", hint)
        return fhir_instant(found, f"/{name}/{edge}", self._zone)

    def _case(self, resource: dict[str, Any]) -> str:
        """Give what an encounter was about: its diagnosis of the first rank, else the reason for it."""
        item = next((item for item in self._cases(resource) if item is not None), None)
        if item is None:
            hint = "give reasonCode with a code, or a diagnosis with its Condition; or map its text under [item]"
            raise Unusable(AdapterReason.MISSING_VALUE, "/reasonCode", hint)
        return item

    def _cases(self, resource: dict[str, Any]) -> Iterator[str | None]:
        for _, diagnosis in sorted(each(resource, "diagnosis"), key=lambda one: _rank(one[1])):
            yield self._referred_item(at(diagnosis, "condition"), resource)
        for _, reason in each(resource, "reasonCode"):
            yield _item(reason, self._mapping)
        for _, reference in each(resource, "reasonReference"):
            yield self._referred_item(reference, resource)

    def _referred_item(self, reference: object, resource: dict[str, Any]) -> str | None:
        name = _canonical(text(reference, "reference") or "")
        contained = _contained(resource, name)
        if contained is not None:
            return _item(contained.get("code"), self._mapping)
        return self._known.items.get(name)

    def _procedure(self, resource: dict[str, Any]) -> str:
        item = _item(resource.get("code"), self._mapping)
        if item is None:
            hint = "give a code with a coding, or map its text under [item]"
            raise Unusable(AdapterReason.MISSING_VALUE, "/code", hint)
        return item

    # --- who took part ---

    def _trainees(self, kind: str, resource: dict[str, Any]) -> tuple[list[_Trainee], bool]:
        """Give who took part in a role that counts, once each in the strongest, and whether others are not named.

        Raises Beside where nobody is in such a role, and Unusable where none of those is named.
        """
        places = _ENCOUNTER_PLACES if kind == "Encounter" else _PROCEDURE_PLACES
        roles: dict[str, str] = {}
        problems: list[Unusable] = []
        for position, part in each(resource, places.parts):
            path = pointer(places.parts, position)
            _refuse_modifiers(part, path)
            role = self._role(kind, part)
            if role == "not-a-trainee" or at(part, places.who) is None:
                continue
            try:
                pseudonym = self._person(at(part, places.who), resource, f"{path}/{places.who}")
            except Unusable as problem:
                problems.append(problem)
                continue
            if pseudonym is not None:
                roles[pseudonym] = min(roles.get(pseudonym, role), role, key=_STRENGTH.index)
        if roles:
            return [_Trainee(pseudonym, role) for pseudonym, role in sorted(roles.items())], bool(problems)
        if problems:
            raise problems[0]
        raise Beside(f"{kind} without a practitioner in a role that counts")

    def _role(self, kind: str, part: dict[str, Any]) -> str:
        concepts = [concept for _, concept in each(part, "type")] if kind == "Encounter" else [at(part, "function")]
        for concept in concepts:
            for name in _signs(concept):
                role = self._mapping.role.get(name) or ROLES.get(name)
                if role is not None:
                    return role
        # Who performs and no more is said of it has performed; a function that nobody has mapped may be any.
        return "performed" if kind == "Procedure" and concepts == [None] else "taking-part"

    def _person(self, reference: object, resource: dict[str, Any], path: str) -> str | None:
        """Give the pseudonym of a practitioner, None for a patient, a relative, an organisation. Raises Unusable."""
        for _ in range(2):  # a practitioner in a role refers to the practitioner
            name = _canonical(text(reference, "reference") or "")
            contained = _contained(resource, name)
            kind = self._kind(reference, name, contained)
            if kind == "PractitionerRole":
                inside = at(contained, "practitioner") if contained is not None else self._known.roles.get(name)
                if inside is None:
                    hint = "a PractitionerRole has to be among the items, with its practitioner"
                    raise Unusable(AdapterReason.MISSING_PERSON, path, hint)
                reference = inside
                continue
            return self._practitioner(reference, name, contained, path) if kind == "Practitioner" else None
        raise Unusable(AdapterReason.MISSING_PERSON, path, "a PractitionerRole refers to a Practitioner")

    def _kind(self, reference: object, name: str, contained: dict[str, Any] | None) -> str:
        if contained is not None:
            return text(contained, "resourceType") or ""
        literal = _REFERENCE.fullmatch(name) or _CONDITIONAL.fullmatch(name)
        if literal is not None:
            return literal[1]
        # Named by an identifier alone, or by its place in another bundle: whoever takes part is a practitioner.
        return self._known.kinds.get(name) or text(reference, "type") or "Practitioner"

    def _practitioner(self, reference: object, name: str, contained: dict[str, Any] | None, path: str) -> str:
        system = self._mapping.practitioner_system
        found = _identifier(at(contained, "identifier"), system) or _identifier(at(reference, "identifier"), system)
        conditional = _CONDITIONAL.fullmatch(name)
        if conditional is not None and system in (None, conditional[2]):
            found = conditional[2] or "", conditional[3]
        elif system is not None:
            found = found or self._known.practitioners.get(name)
        elif contained is None and name and conditional is None:
            return self._people.of_iri(name, path)
        if found is None:
            hint = f"name the practitioner by {'a reference or an identifier' if system is None else 'an identifier'}"
            raise Unusable(AdapterReason.MISSING_PERSON, path, f"{hint}{'' if system is None else f' of {system}'}")
        return self._people.of_account(found[0], found[1], path)


class _Places(NamedTuple):
    parts: str
    who: str


_ENCOUNTER_PLACES: Final = _Places("participant", "individual")
_PROCEDURE_PLACES: Final = _Places("performer", "actor")


def _bundle(bundle: dict[str, Any]) -> Exception:
    """Say what a bundle is that stands for itself: readers give the entries of all others."""
    if bundle.get("entry") in (None, []):
        return Beside("a Bundle without entries")
    return Unusable(AdapterReason.MALFORMED, "/entry", "entries are a list, in bundles that are not nested without end")


def _without_resource(entry: object) -> Exception:
    """Say what an entry without a resource is."""
    if not isinstance(entry, dict):
        return Unusable(AdapterReason.MALFORMED, "", "a resource is a JSON object")
    url = text(entry, "request", "url") or ""
    found = _REFERENCE.fullmatch(url)
    if at(entry, "request", "method") != "DELETE":
        return Beside("an entry without a resource")
    if found is not None and found[1] not in _STATUSES:
        return Beside("a deletion of something else")
    hint = "a deletion does not say whom it was about: send the resource as entered-in-error"
    return Unusable(AdapterReason.UNKNOWN_TARGET, "/request", hint)


def _status(kind: str, resource: dict[str, Any]) -> str:
    status = resource.get("status")
    if not isinstance(status, str) or status not in _STATUSES[kind]:
        raise Unusable(AdapterReason.MALFORMED, "/status", f"one of {', '.join(sorted(_STATUSES[kind]))}")
    return status


def _refuse_modifiers(element: dict[str, Any], path: str) -> None:
    """Refuse what FHIR forbids to read without understanding it."""
    for name in ("modifierExtension", "implicitRules"):
        if element.get(name):
            raise Unusable(AdapterReason.UNSUPPORTED, f"{path}/{name}", "it may change what everything else means")


def _canonical(reference: str) -> str:
    """Give a reference without the server and the version: `Practitioner/7`."""
    found = _REFERENCE.fullmatch(reference)
    return reference if found is None else f"{found[1]}/{found[2]}"


def _contained(resource: dict[str, Any], name: str) -> dict[str, Any] | None:
    if not name.startswith("#"):
        return None
    return next((inside for _, inside in each(resource, "contained") if text(inside, "id") == name[1:]), None)


def _signs(concept: object) -> list[str]:
    """Name a concept in every way a mapping may: `system|code`, code, text."""
    signs = []
    for _, coding in each(concept, "coding"):
        code = text(coding, "code")
        if code is not None:
            signs += [f"{text(coding, 'system')}|{code}", code]
    named = text(concept, "text")
    return signs if named is None else [*signs, named]


def _rank(diagnosis: dict[str, Any]) -> float:
    rank = number(diagnosis, "rank")
    return float("inf") if rank is None else rank


def _revision(resource: dict[str, Any], updated: datetime | None, *, erroneous: bool) -> int:
    """Give the revision of a version: its number, or days since 2020 where it has none but a date.

    An error stands last: the number of its version, or the highest there is.
    """
    version = text(resource, "meta", "versionId")
    if version is not None and _NUMBER.fullmatch(version):
        if int(version) > _LAST_REVISION:
            raise Unusable(Reason.INVALID, "/meta/versionId", f"a record has revisions up to {_LAST_REVISION}")
        return max(int(version), 1) if erroneous else int(version)
    if erroneous:
        return _LAST_REVISION
    return 0 if updated is None else min(max((updated - _DAY_ZERO).days, 0), _LAST_REVISION - 1)
