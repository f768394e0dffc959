"""What xAPI statements become."""

import json
from hashlib import sha1

import pytest

from megdt_stream.evidence.adapters import Evidence, NotRelevant, Refused, xapi
from megdt_stream.evidence.adapters.people import People, PersonRule
from megdt_stream.evidence.adapters.rules import LearningMapping, Rule
from megdt_stream.evidence.pseudonym import Pseudonymiser
from tests.adapters.conformance import items
from tests.adapters.samples import ADL, KEY, SCORED_ID, STUDENT, TEACHER, statement, voiding

PSEUDONYMISER = Pseudonymiser(KEY, "k1")


def convert(*values, mapping=None, historical=False):
    mapping = mapping or LearningMapping()
    entries = items(list(values))
    people = People(PSEUDONYMISER, mapping.person)
    found = xapi.results(entries, people, mapping, xapi.voided(entries), historical=historical)
    return sorted(found, key=lambda result: result.at)


def body(*values, **options):
    [result] = convert(*values, **options)
    assert isinstance(result, Evidence), result
    [event] = result.events
    return json.loads(event.value)


def refusal(value):
    [result] = convert(value)
    assert isinstance(result, Refused), result
    return str(result.reason), result.path


def test_a_scored_statement_is_an_assessment_on_the_percent_scale():
    event = body(statement())
    assert event == {
        "specversion": "1.0",
        "source": "/xapi",
        "id": SCORED_ID,
        "type": "megdt.assessment.recorded.v1",
        "subject": PSEUDONYMISER.of(sha1(STUDENT["mbox"].encode()).hexdigest(), "mbox_sha1sum"),
        "time": "2025-03-04T18:00:00+08:00",
        "recorded": "2025-03-04T10:15:00.123000+00:00",
        "datacontenttype": "application/json",
        "data": {
            "instrument": "online-assessment",
            "item": "http://lms.example.com/tests/acls-1",
            "assessor": PSEUDONYMISER.of("teacher-13936749", "http://www.example.com"),
            "scale": "rotation-exam-100@1",
            "scores": [{"competency": "medical-knowledge", "value": 85.0}],
        },
    }


def test_what_is_not_carried_over_is_named():
    [result] = convert(statement(context={"team": {"objectType": "Group"}, "instructor": {"objectType": "Group"}}))
    assert set(result.left_out) == {"attachments", "team", "instructor group"}


@pytest.mark.parametrize(
    ("score", "value"),
    [
        ({"raw": 17, "min": 0, "max": 20}, 85.0),
        ({"raw": 3, "min": 1, "max": 5}, 50.0),
        ({"raw": 17, "max": 20}, 85.0),
        ({"scaled": -0.5}, -50.0),
        ({"scaled": 1, "raw": 0, "max": 20}, 100.0),
    ],
)
def test_scores_by_their_own_range(score, value):
    assert body(statement(result={"score": score}))["data"]["scores"][0]["value"] == value


@pytest.mark.parametrize(
    "score", [{"raw": 17}, {"scaled": 1.5}, {"raw": 1, "min": 5, "max": 5}, {"max": 20}, {"raw": "17"}]
)
def test_a_score_without_a_place_on_a_scale(score):
    assert refusal(statement(result={"score": score}))[0] == "unusable_score"


def test_scored_without_a_score():
    assert refusal(statement(result={}))[0] == "unusable_score"


@pytest.mark.parametrize(
    ("verb", "kind", "type_", "data"),
    [
        ("attended", "meeting", "teaching.attended", {"session": "http://e.org/a", "minutes": 30}),
        ("passed", "course", "outcome.recorded", {"outcome": "http://e.org/a", "result": "passed"}),
        ("failed", "course", "outcome.recorded", {"outcome": "http://e.org/a", "result": "failed"}),
        ("completed", "course", "learning-case.recorded", {"item": "http://e.org/a", "minutes": 30}),
        ("completed", "simulation", "exposure.recorded", {"kind": "simulation", "item": "http://e.org/a"}),
        ("experienced", "course", "learning-case.recorded", {"item": "http://e.org/a", "minutes": 30}),
    ],
)
def test_verbs_without_a_score(verb, kind, type_, data):
    object_ = {"id": "http://e.org/a", "definition": {"type": f"http://adlnet.gov/expapi/activities/{kind}"}}
    event = body(statement(verb, object=object_, result={"duration": "PT30M"}))
    assert (event["type"], event["data"]) == (f"megdt.{type_}.v1", data)


def test_passed_with_a_score_is_an_assessment():
    assert body(statement("passed"))["type"] == "megdt.assessment.recorded.v1"


def test_whoever_marks_their_own_work_assesses_themselves():
    event = body(statement(context={"instructor": STUDENT}))
    assert event["type"] == "megdt.self-assessment.recorded.v1"
    assert event["data"].keys() == {"scale", "scores"}


def test_both_forms_of_a_mailbox_are_one_person():
    hashed = {"mbox_sha1sum": sha1(b"mailto:xapi@adlnet.gov").hexdigest().upper()}
    plain = {"mbox": "mailto:xapi@adlnet.gov"}
    assert body(statement(actor=hashed))["subject"] == body(statement(actor=plain))["subject"]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"verb": {"id": "http://example.com/verbs/interacted"}}, "verb http://example.com/verbs/interacted"),
        ({"object": {"objectType": "Agent", "mbox": "mailto:a@b.cn"}}, "the object is a person"),
        ({"object": {"objectType": "StatementRef", "id": SCORED_ID}}, "a remark on another statement"),
        ({"object": {"objectType": "SubStatement"}}, "a sub-statement: not something that happened"),
        (
            {
                "object": {
                    "id": "http://e.org/q1",
                    "definition": {"type": "http://adlnet.gov/expapi/activities/cmi.interaction"},
                }
            },
            f"verb {ADL}scored on http://adlnet.gov/expapi/activities/cmi.interaction",
        ),
    ],
)
def test_what_is_not_relevant(more, why):
    assert convert(statement(**more)) == [NotRelevant(why, "items:1")]


@pytest.mark.parametrize(
    ("more", "reason", "path"),
    [
        ({"actor": {"objectType": "Group", "member": [STUDENT]}}, "not_one_person", "/actor"),
        ({"actor": {"name": "somebody"}}, "missing_person", "/actor"),
        ({"actor": {**STUDENT, **TEACHER}}, "malformed", "/actor"),
        ({"actor": {"mbox": "wang@hospital.example"}}, "malformed", "/actor/mbox"),
        ({"actor": {"account": {"name": "x"}}}, "malformed", "/actor/account/homePage"),
        ({"actor": None}, "malformed", "/actor"),
        ({"verb": {}}, "malformed", "/verb/id"),
        ({"object": {"id": 5}}, "malformed", "/object/id"),
        ({"object": {"objectType": "Thing", "id": "x"}}, "malformed", "/object/objectType"),
        ({"id": "not-a-uuid"}, "malformed", "/id"),
        ({"version": "0.95"}, "unsupported", "/version"),
        ({"timestamp": "2025-03-04T10:15:00"}, "naive_timestamp", "/timestamp"),
        ({"timestamp": "yesterday"}, "invalid", "/timestamp"),
        ({"timestamp": None, "stored": None}, "missing_time", "/timestamp"),
    ],
)
def test_what_is_refused(more, reason, path):
    assert refusal(statement(**more)) == (reason, path)


def test_versions_2_are_read_and_a_statement_may_come_without_id_and_timestamp():
    value = {name: part for name, part in statement(version="2.0.0").items() if name not in ("id", "timestamp")}
    event = body(value)
    assert event["id"].startswith("k1.")
    assert event["id"] == body(json.loads(json.dumps(value)))["id"]
    assert event["time"] == event["recorded"] == "2025-03-04T10:15:00.123000+00:00"


@pytest.mark.parametrize("order", [1, -1])
def test_a_voiding_statement_retracts_before_and_after(order):
    recorded, withdrawn = [
        json.loads(result.events[0].value) for result in convert(*[statement(), voiding(SCORED_ID.upper())][::order])
    ][::order]
    assert withdrawn["type"] == "megdt.assessment.retracted.v1"
    assert (withdrawn["id"], withdrawn["subject"], withdrawn["source"]) == (
        recorded["id"],
        recorded["subject"],
        recorded["source"],
    )
    assert withdrawn["revision"] == 1
    assert withdrawn["time"] == "2025-04-01T00:00:00+00:00"


def test_an_attendance_is_retracted_where_it_stands():
    found = convert(statement("attended"), voiding())
    assert json.loads(found[1].events[0].value)["type"] == "megdt.activity.retracted.v1"
    assert found[1].events[0].topic == found[0].events[0].topic == "activities"


def test_what_is_voided_and_not_at_hand():
    assert refusal(voiding()) == ("unknown_target", "/object/id")
    irrelevant = statement("interacted")
    assert convert(irrelevant, voiding())[1] == NotRelevant("voids a statement that is no evidence", "items:2")
    assert refusal(voiding("x")) == ("malformed", "/object/id")


def test_a_sites_own_rules_come_first():
    mapping = LearningMapping(
        source="/skills-centre",
        person=[PersonRule(prefix="mailto:", system="mail")],
        rule=[
            Rule(
                verb=ADL + "scored",
                activity="http://lms.example.com/tests/",
                becomes="assessment",
                instrument="dops",
                scale="dops@1",
                range=[1, 6],
                competency="patient-care",
                rotation="R-7",
            )
        ],
        code={"http://lms.example.com/tests/acls-1": "高级生命支持"},
    )
    event = body(statement(), mapping=mapping, historical=True)
    assert event["source"] == "/skills-centre"
    assert event["available"] == event["recorded"]
    assert event["subject"] == PSEUDONYMISER.of("wang.xiaoming@hospital.example", "mail")
    assert event["data"]["scores"] == [{"competency": "patient-care", "value": 5.25}]
    assert (event["data"]["item"], event["data"]["rotation"], event["data"]["scale"]) == (
        "高级生命支持",
        "R-7",
        "dops@1",
    )


@pytest.mark.parametrize(
    "activity", ["http://e.org/exams/wang.xiaoming@hospital.example/1", "http://e.org/" + "x" * 60]
)
def test_an_activity_that_names_a_person_or_is_too_long_is_hashed(activity):
    item = body(statement(object={"id": activity}))["data"]["item"]
    assert item.startswith("k1.")
