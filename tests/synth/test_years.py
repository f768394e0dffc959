"""Training years that go on from each other, and what interventions add to the truth."""

from dataclasses import replace
from datetime import date

import orjson
import pytest

from megdt_stream.synth import HospitalPlan, Lift, generate
from megdt_stream.synth.catalogue import PATIENT_CARE

DAY = 24 * 3600 * 1000
FIRST = replace(HospitalPlan.small(), entrants_only=True)
SECOND = replace(FIRST, start=date(2025, 9, 1), training_year=2)


def numbered(plan):
    return {(event["source"], event["id"]) for event in map(orjson.loads, sound(plan))}


def sound(plan):
    return [event.value for event in generate(plan).events if event.fate == "accepted"]


def rotations(plan):
    return {event["data"]["rotation"] for event in map(orjson.loads, sound(plan)) if "rotation" in event["data"]}


def test_the_same_people_go_on_where_they_were():
    first, second = generate(FIRST).people, generate(SECOND).people
    for before, after in zip(first.trainees, second.trainees, strict=True):
        assert (before.pseudonym, before.cohort, before.base) == (after.pseudonym, after.cohort, after.base)
        assert (before.year, after.year) == (1, 2)
        assert before.mean_level(SECOND.opens) == after.mean_level(SECOND.opens)
        assert before.standing(SECOND.opens) == after.standing(SECOND.opens)


def test_another_year_numbers_its_records_and_rotations_anew():
    assert not numbered(FIRST) & numbered(SECOND)
    assert not rotations(FIRST) & rotations(SECOND)


def test_training_years_count_from_one():
    with pytest.raises(ValueError, match="training_year"):
        replace(FIRST, training_year=0)


def test_a_lift_shows_from_its_beginning_and_not_before():
    begins = FIRST.opens + 40 * DAY
    lifted = replace(FIRST, lifts=(Lift(3, begins, begins + 28 * DAY, 1.0),))
    plain, raised = list(generate(FIRST).events), list(generate(lifted).events)
    assert [event for event in plain if event.available < begins] == [e for e in raised if e.available < begins]
    before, after = (generate(plan).people.trainees[3] for plan in (FIRST, lifted))
    for days, gain in ((40, 0.0), (54, 0.5), (68, 1.0), (100, 1.0)):
        at = FIRST.opens + days * DAY
        assert after.level(PATIENT_CARE, at) == pytest.approx(min(5.0, before.level(PATIENT_CARE, at) + gain))
    assert scored(raised) > scored(plain)


def scored(published):
    """Sum what the lifted trainee is given in mini-CEX."""
    events = [orjson.loads(event.value) for event in published if event.fate == "accepted"]
    return sum(
        score.get("value", 0)
        for event in events
        if event["subject"] == "syn.t000004" and event["data"].get("instrument") == "mini-cex"
        for score in event["data"]["scores"]
    )
