"""The world of a past moment is read from everybody's twins of then."""

import asyncio

import pytest
from hypothesis import given, settings

from megdt_stream.driver.replay import twin_at
from megdt_stream.runtime.snapshots import adverse, known_at, twins_of
from megdt_stream.seed_files import load_estimation, load_library
from megdt_stream.twin.view import Outcome
from tests.driver.histories import DAYS, NAMES, Log, at, event, evidence_of, histories, link
from tests.mirror.logs import RULE


def known(log, day):
    found, _ = asyncio.run(known_at(log, RULE, at(day)))
    return {one.trainee: one.twin for one in found}


@settings(max_examples=25, deadline=None)
@given(histories)
def test_everybody_at_once_is_each_by_themselves(history):
    log = Log(history)
    for day in DAYS[1:3]:
        found = known(log, day)
        for name in NAMES:
            alone = twin_at(log.chronicle(name), RULE, at(day))
            assert (evidence_of(found[name]) if name in found else {}) == evidence_of(alone)


def test_what_came_later_is_not_in_it():
    log = Log([event("exposure.recorded", "k1.a", 1), event("exposure.recorded", "k1.b", 2, available=DAYS[2])])
    assert set(known(log, DAYS[1])) == {"k1.a"}
    assert set(known(log, DAYS[2])) == {"k1.a", "k1.b"}


def test_a_linked_pseudonym_is_nobody_of_its_own():
    log = Log([event("exposure.recorded", "sk.a", 1), link("sk.a", "k1.a", available=DAYS[1])])
    found, _ = asyncio.run(known_at(log, RULE, at(DAYS[1])))
    views = twins_of(found, load_estimation(), at(DAYS[1])).views
    assert [name for name, view in views.items() if view.head is None] == ["k1.a"]


@pytest.mark.parametrize(
    ("outcome", "result", "judged"),
    [
        ("completion-exam-theory", "fail", True),
        ("completion-exam-theory", "pass", False),
        ("annual-assessment", "fail", True),
        ("withdrawal", "withdrawn", None),
        ("unheard-of", "fail", None),
    ],
)
def test_only_examinations_are_failed(outcome, result, judged):
    told = adverse(load_library().outcomes)
    assert told(Outcome(outcome, result, None, None, None, None, 0, "r")) is judged
