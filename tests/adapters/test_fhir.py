"""What FHIR resources become."""

import json
from datetime import timedelta, timezone

import pytest

from megdt_stream.evidence.adapters import Evidence, NotRelevant, Refused, fhir
from megdt_stream.evidence.adapters.fhir_mapping import FhirMapping
from megdt_stream.evidence.adapters.people import People, PersonRule
from megdt_stream.evidence.pseudonym import Pseudonymiser
from tests.adapters.conformance import items
from tests.adapters.samples import KEY, SNOMED, encounter, procedure

PSEUDONYMISER = Pseudonymiser(KEY, "k1")
RESIDENT = PSEUDONYMISER.of("Practitioner/resident-42")
CONTAINED = PSEUDONYMISER.of("D77", "urn:oid:1")
CHINA = timezone(timedelta(hours=8))


def convert(*values, **mapping):
    chosen, entries = FhirMapping(**mapping), items(list(values))
    people = People(PSEUDONYMISER, chosen.person)
    return list(fhir.results(entries, people, chosen, CHINA, fhir.survey(entries, chosen)))


def bodies(*values, **mapping):
    result = convert(*values, **mapping)[0]
    assert isinstance(result, Evidence), result
    return [json.loads(event.value) for event in result.events]


def refusal(value, **mapping):
    [result] = convert(value, **mapping)
    assert isinstance(result, Refused), result
    return str(result.reason), result.path


def performer(actor=None, **function):
    return [{"actor": actor or {"reference": "Practitioner/resident-42"}, **function}]


def test_an_encounter_is_a_case_of_each_trainee():
    events = {event["subject"]: event for event in bodies(encounter())}
    assert events.keys() == {RESIDENT, CONTAINED}
    assert events[RESIDENT]["data"] == {"kind": "case", "item": "34068001", "role": "performed"}
    assert events[CONTAINED]["data"] == {"kind": "case", "item": "34068001"}
    assert events[RESIDENT]["time"] == "2025-03-04T16:00:00+08:00"
    assert events[RESIDENT]["recorded"] == "2025-03-05T09:00:00+08:00"
    assert events[RESIDENT]["revision"] == 3
    assert events[RESIDENT]["id"] != events[CONTAINED]["id"]


def test_a_procedure_on_a_day_is_at_noon():
    [event] = bodies(procedure())
    assert event["time"] == "2013-04-05T12:00:00+08:00"
    assert event["data"] == {"kind": "procedure", "item": "80146002", "role": "performed"}
    assert event["id"] == f"Procedure/9f1e9c2a-5b7e-4a63-9d64-1c2c1f1d8b11/{RESIDENT}"


@pytest.mark.parametrize(
    ("function", "role"),
    [
        ({}, "performed"),
        ({"function": {"coding": [{"code": "SPRF"}]}}, "assisted"),
        ({"function": {"coding": [{"system": "urn:x", "code": "01.000"}], "text": "Care role"}}, None),
        ({"function": {"text": "一助"}}, "assisted"),
        ({"function": {"coding": [{"system": "urn:x", "code": "9"}]}}, "observed"),
    ],
)
def test_roles(function, role):
    [event] = bodies(procedure(performer=performer(**function)), role={"一助": "assisted", "urn:x|9": "observed"})
    assert event["data"].get("role") == role


def test_whoever_is_named_twice_counts_once_in_the_stronger_role():
    twice = performer(function={"coding": [{"code": "SPRF"}]}) + performer(function={"coding": [{"code": "PPRF"}]})
    [event] = bodies(procedure(performer=twice))
    assert event["data"]["role"] == "performed"


CONDITION = {"resourceType": "Condition", "id": "stroke", "code": {"coding": [{"code": "422504002"}]}}


@pytest.mark.parametrize(
    ("more", "others", "item"),
    [
        ({"diagnosis": [{"condition": {"reference": "Condition/stroke"}, "rank": 2}]}, [CONDITION], "422504002"),
        (
            {"diagnosis": [{"condition": {"reference": "urn:uuid:1"}}]},
            [{"fullUrl": "urn:uuid:1", "resource": CONDITION}],
            "422504002",
        ),
        ({"diagnosis": [{"condition": {"reference": "#c"}}], "contained": [{**CONDITION, "id": "c"}]}, [], "422504002"),
        ({"diagnosis": [{"condition": {"reference": "Condition/unknown"}}]}, [], "34068001"),
        ({"reasonCode": None, "reasonReference": [{"reference": "Condition/stroke"}]}, [CONDITION], "422504002"),
        ({"reasonCode": [{"text": "胸痛"}]}, [], "chest-pain"),
        ({"reasonCode": [{"coding": [{"system": SNOMED, "code": "29857009"}]}]}, [], "chest-pain-too"),
    ],
)
def test_what_a_case_was_about(more, others, item):
    mapping = {"item": {"胸痛": "chest-pain", f"{SNOMED}|29857009": "chest-pain-too"}}
    assert bodies(encounter(**more), *others, **mapping)[0]["data"]["item"] == item


def test_texts_may_tell_of_a_patient_and_are_no_items():
    assert refusal(encounter(reasonCode=[{"text": "He is worried about fever peaks."}])) == (
        "missing_value",
        "/reasonCode",
    )
    assert refusal(procedure(code={"text": "Appendectomy"})) == ("missing_value", "/code")


@pytest.mark.parametrize(
    ("more", "reason", "path"),
    [
        ({"period": {"start": "2013-05"}}, "imprecise_time", "/period/start"),
        ({"period": {"start": "2013"}}, "imprecise_time", "/period/start"),
        ({"period": {"start": "2013-05-05T10:00:00"}}, "naive_timestamp", "/period/start"),
        ({"period": {"start": "2013-02-30"}}, "invalid", "/period/start"),
        ({"period": {"start": 5}}, "malformed", "/period/start"),
        ({"period": None}, "missing_time", "/period"),
        ({"status": "gone"}, "malformed", "/status"),
        ({"modifierExtension": [{"url": "x"}]}, "unsupported", "/modifierExtension"),
        ({"implicitRules": "http://x"}, "unsupported", "/implicitRules"),
        ({"participant": [{"individual": {"display": "Dr X"}}]}, "missing_person", "/participant/0/individual"),
        ({"meta": {"versionId": "10000"}}, "invalid", "/meta/versionId"),
    ],
)
def test_what_is_refused(more, reason, path):
    assert refusal(encounter(**more)) == (reason, path)


@pytest.mark.parametrize("entry", [{"resource": encounter()}, [encounter()]])
def test_a_bundle_whose_entries_were_not_read_is_refused(entry):
    assert refusal({"resourceType": "Bundle", "entry": entry}) == ("malformed", "/entry")


def test_a_procedure_without_a_date():
    assert refusal(procedure(performedDateTime=None, performedString="last winter"))[0] == "missing_time"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (encounter(status="planned"), "Encounter that is planned"),
        (procedure(status="not-done"), "Procedure that is not-done"),
        (encounter(participant=[]), "Encounter without a practitioner in a role that counts"),
        (
            procedure(performer=performer({"reference": "Patient/1"})),
            "Procedure without a practitioner in a role that counts",
        ),
        ({"resourceType": "Observation", "status": "final"}, "resource Observation"),
        ({"resourceType": "Bundle", "type": "searchset", "total": 0}, "a Bundle without entries"),
        ({"request": {"method": "DELETE", "url": "Patient/1"}}, "a deletion of something else"),
        ({"fullUrl": "x", "request": {"method": "GET", "url": "Encounter/1"}}, "an entry without a resource"),
    ],
)
def test_what_is_not_relevant(value, why):
    assert convert(value) == [NotRelevant(why, "items:1")]


def test_a_deletion_says_nothing_of_whom():
    assert refusal({"request": {"method": "DELETE", "url": "Encounter/1"}}) == ("unknown_target", "/request")


def test_what_was_entered_in_error_is_retracted():
    recorded = bodies(encounter())
    wrong = encounter(status="entered-in-error", meta={"versionId": "4", "lastUpdated": "2025-04-01T00:00:00Z"})
    withdrawn = bodies({**wrong, "reasonCode": None, "period": None})
    assert [event["type"] for event in withdrawn] == ["megdt.exposure.retracted.v1"] * 2
    assert [event["id"] for event in withdrawn] == [event["id"] for event in recorded]
    assert {event["revision"] for event in withdrawn} == {4}
    assert {event["time"] for event in withdrawn} == {"2025-04-01T00:00:00+00:00"}


@pytest.mark.parametrize(
    ("meta", "status", "revision"),
    [
        (None, "finished", None),
        ({"versionId": "1"}, "finished", 1),
        ({"versionId": "0"}, "entered-in-error", 1),
        ({"versionId": "MTY3", "lastUpdated": "2020-01-03T00:00:00Z"}, "finished", 2),
        ({"versionId": "MTY3", "lastUpdated": "2012-01-03T00:00:00Z"}, "finished", None),
        ({"versionId": "MTY3", "lastUpdated": "2020-01-03T00:00:00Z"}, "entered-in-error", 9999),
        (None, "entered-in-error", 9999),
    ],
)
def test_revisions(meta, status, revision):
    assert {event.get("revision") for event in bodies(encounter(meta=meta, status=status))} == {revision}


ROLE = {"resourceType": "PractitionerRole", "id": "r1", "practitioner": {"reference": "Practitioner/resident-42"}}
PERSON = {
    "resourceType": "Practitioner",
    "id": "resident-42",
    "identifier": [{"system": "urn:x", "value": "0"}, {"system": "urn:staff", "value": "T42"}],
}


def test_a_practitioner_in_a_role_is_the_practitioner():
    assert bodies(procedure(performer=performer({"reference": "PractitionerRole/r1"})), ROLE)[0]["subject"] == RESIDENT
    assert refusal(procedure(performer=performer({"reference": "PractitionerRole/r1"})))[0] == "missing_person"


@pytest.mark.parametrize(
    "actor",
    [
        {"reference": "Practitioner/resident-42"},
        {"identifier": {"system": "urn:staff", "value": "T42"}},
        {"reference": "Practitioner?identifier=urn:staff|T42"},
        {"reference": "PractitionerRole/r1"},
    ],
)
def test_a_site_may_know_its_trainees_by_a_number(actor):
    mapping = {"practitioner_system": "urn:staff", "person": [PersonRule(prefix="urn:staff", system="hr")]}
    [event] = bodies(procedure(performer=performer(actor)), ROLE, PERSON, **mapping)
    assert event["subject"] == PSEUDONYMISER.of("T42", "hr")


def test_a_trainee_without_that_number_is_refused():
    assert refusal(procedure(), practitioner_system="urn:staff") == ("missing_person", "/performer/0/actor")


def test_a_resource_without_an_id_keeps_its_record():
    value = {name: part for name, part in encounter().items() if name != "id"}
    assert [event["id"] for event in bodies(value)] == [event["id"] for event in bodies({"resource": value})]
    bare = {name: part for name, part in value.items() if name != "identifier"}
    assert [event["id"] for event in bodies(bare)] == [event["id"] for event in bodies(json.loads(json.dumps(bare)))]
