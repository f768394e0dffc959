"""What Caliper events become."""

import json

import pytest

from megdt_stream.evidence.adapters import Evidence, NotRelevant, Refused, caliper
from megdt_stream.evidence.adapters.people import People, PersonRule
from megdt_stream.evidence.adapters.rules import LearningMapping, Rule
from megdt_stream.evidence.pseudonym import Pseudonymiser
from tests.adapters.conformance import items
from tests.adapters.samples import ASSESSMENT, KEY, LEARNER, assessment_event, grade

PSEUDONYMISER = Pseudonymiser(KEY, "k1")


def convert(value, mapping=None):
    mapping = mapping or LearningMapping()
    [result] = caliper.results(items([value]), People(PSEUDONYMISER, mapping.person), mapping)
    return result


def body(value, mapping=None):
    result = convert(value, mapping)
    assert isinstance(result, Evidence), result
    return json.loads(result.events[0].value)


def attempt(**more):
    return {**grade()["object"], **more}


def test_a_grade_is_an_assessment():
    event = body(grade())
    assert event["type"] == "megdt.assessment.recorded.v1"
    assert event["id"] == "a50ca17f-5971-47bb-8fca-4e6e6879001d"
    assert event["subject"] == PSEUDONYMISER.of(LEARNER)
    assert event["time"] == "2025-03-04T10:57:06+00:00"
    assert event["data"] == {
        "instrument": "online-assessment",
        "item": ASSESSMENT,
        "assessor": PSEUDONYMISER.of("https://example.edu/users/778899"),
        "scale": "rotation-exam-100@1",
        "scores": [{"competency": "medical-knowledge", "value": 80.0}],
    }
    assert convert(grade()).left_out == ("extensions", "comment")


def test_software_that_grades_is_no_assessor():
    actor = {"id": "https://example.edu/autograder", "type": "SoftwareApplication"}
    assert "assessor" not in body(grade(actor=actor))["data"]


def test_entities_may_be_named_by_their_ids_alone():
    event = body(grade(actor="https://example.edu/autograder", object=attempt(assignee=LEARNER, assignable=ASSESSMENT)))
    assert (event["subject"], event["data"]["item"]) == (PSEUDONYMISER.of(LEARNER), ASSESSMENT)


def test_a_person_known_elsewhere_by_number():
    mapping = LearningMapping(person=[PersonRule(prefix="https://example.edu/users/", system="staff")])
    assert body(grade(), mapping)["subject"] == PSEUDONYMISER.of("554433", "staff")


def test_submitted_work():
    event = body(assessment_event())
    assert event["type"] == "megdt.learning-case.recorded.v1"
    assert event["data"] == {"item": ASSESSMENT, "minutes": 51}


def test_a_name_that_tells_the_person_is_hashed():
    event = body(assessment_event(object={"id": f"{LEARNER}/own-test", "type": "Assessment"}))
    assert event["data"]["item"].startswith("k1.")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (assessment_event("Started"), "AssessmentEvent Started"),
        (grade(object=attempt(assignable={"id": "x", "type": "AssessmentItem"})), "GradeEvent Graded"),
        ({"id": LEARNER, "type": "Person"}, "entity Person"),
        (
            {"sensor": "x", "sendTime": "2025-03-04T10:57:06.000Z", "dataVersion": "v", "data": []},
            "an envelope without data",
        ),
        ([], "an empty list"),
    ],
)
def test_what_is_not_relevant(value, why):
    assert convert(value) == NotRelevant(why, "items:1")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (grade(object="https://example.edu/attempts/1"), "missing_value"),
        (grade(object=attempt(assignee=None)), "missing_person"),
        (grade(object=attempt(assignee={"id": "_:anonymous", "type": "Person"})), "missing_person"),
        (grade(object=attempt(assignee={"id": "x", "type": "Group"})), "not_one_person"),
        (grade(generated={"type": "Score", "scoreGiven": 3}), "unusable_score"),
        (grade(generated={"type": "Score", "scoreGiven": 3, "maxScore": 0}), "unusable_score"),
        (grade(generated=f"{LEARNER}/scores/1"), "unusable_score"),
        (grade(eventTime=None), "missing_time"),
        (grade(eventTime="2025-03-04T10:57:06"), "naive_timestamp"),
        (grade(action=None), "malformed"),
        ({"@type": "http://purl.imsglobal.org/caliper/v1/AssessmentEvent"}, "malformed"),
        ("GradeEvent", "malformed"),
    ],
)
def test_what_is_refused(value, reason):
    result = convert(value)
    assert isinstance(result, Refused)
    assert result.reason == reason


def test_a_sites_own_rule_for_another_event():
    mapping = LearningMapping(rule=[Rule(verb="MediaEvent/Ended", becomes="learning-case")])
    value = assessment_event("Ended", type="MediaEvent", object={"id": "https://example.edu/video/1"}, generated=None)
    assert body(value, mapping)["data"] == {"item": "https://example.edu/video/1"}
