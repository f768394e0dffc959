"""Intake and the checker, neither of which knows the generator, make of its events what it says."""

import json
from dataclasses import replace

import pytest

from megdt_stream.evidence import topics
from megdt_stream.evidence.intake import Accepted
from megdt_stream.evidence.intake import decide as intake_decide
from megdt_stream.seed_files import load_reference
from megdt_stream.synth import HospitalPlan, generate
from megdt_stream.verify.contract import Refusal
from megdt_stream.verify.contract import decide as checker_decide
from megdt_stream.verify.log import Origin, Record
from megdt_stream.verify.reference import load_reference as load_checker_reference


@pytest.fixture(scope="module")
def decisions():
    """Give (event, intake's decision, the checker's decision) for a messy hospital."""
    plan = replace(HospitalPlan.small(seed=2), trainees=60, doubled_rate=0.2, malformed_rate=0.1, binary_share=0.2)
    reference, checkers = load_reference(), load_checker_reference()
    return [
        (
            event,
            intake_decide(
                event.value,
                topics.BY_SHORT[event.topic],
                (event.topic, 0, offset),
                event.available,
                reference,
                event.headers,
            ),
            checker_decide(
                Origin(event.topic, 0, offset),
                Record(offset, event.available, event.key.encode(), event.value, event.headers),
                checkers,
            ),
        )
        for offset, event in enumerate(generate(plan).events)
    ]


def test_intake_refuses_what_is_wrong_for_its_reason(decisions):
    assert {event.reason for event, *_ in decisions} > {"", "direct_identifier", "unknown_competency"}
    for event, decided, _ in decisions:
        assert ("" if isinstance(decided, Accepted) else decided.reason) == event.reason, event


def test_the_checker_refuses_what_is_wrong_for_its_reason(decisions):
    for event, _, decided in decisions:
        assert (decided.reason if isinstance(decided, Refusal) else "") == event.reason, event


def test_both_make_the_same_evidence(decisions):
    for event, ours, checkers in decisions:
        if not event.reason:
            # Not stated and stated as false are the same to the contract.
            stated = {"carried_over": bool(checkers["carried_over"])} if "carried_over" in checkers else {}
            assert json.loads(ours.value) == {**checkers, **stated}
