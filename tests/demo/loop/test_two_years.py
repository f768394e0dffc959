"""A tiny hospital's two years through real servers: advice is followed, the truth moves, the checker agrees."""

import pytest

from megdt_stream.demo.loop import LoopPlan, run
from megdt_stream.synth import generate

pytestmark = [pytest.mark.stack, pytest.mark.slow]


def test_two_years_end_with_an_account_and_a_checker_that_agrees():
    steps = []
    plan = LoopPlan(trainees=8, seed=3, rounds=2)
    outcome = run(plan, lambda name, **_: steps.append(name))
    assert outcome.ok, (outcome.problems, outcome.report.to_dict())
    assert [name for name in steps if name in ("year one", "round")] == ["year one", "round", "round"]

    carried_out = sum(one.accepted for one in outcome.rounds)
    recommended = sum(one.recommended for one in outcome.rounds)
    assert 0 < carried_out <= recommended
    own = sum(event.topic == "decisions" for year in (plan.first, plan.second) for event in generate(year).events)
    # An accepted recommendation is two decisions, accepted and implemented; any other is one.
    assert outcome.published["decisions"] - own == recommended + carried_out
    assert sum(one.carried_out for one in outcome.effects) == carried_out
    assert outcome.cost > 0
    assert outcome.account.with_loop.mean_level != outcome.account.without.mean_level
    # Booked resources come free again when what was accepted has run its time.
    assert outcome.rounds[1].free == outcome.rounds[0].free
