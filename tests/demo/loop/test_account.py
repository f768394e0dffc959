"""The loop's account is on the truth, and its parts do what they say."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from megdt_stream.demo.loop import LoopPlan
from megdt_stream.demo.loop.account import Given, by_lot, hospital, levels
from megdt_stream.demo.loop.effects import TRUE, gain, lift
from megdt_stream.demo.loop.outcome import Account, Learnt, LoopOutcome
from megdt_stream.demo.loop.plan import STAGE, write_targets
from megdt_stream.demo.loop.policy import ACCEPTED_SHARE, REASONS, answer
from megdt_stream.demo.loop.report import render, said
from megdt_stream.demo.loop.words import _WORDS, LoopWords, Teller
from megdt_stream.governance.effects.combining import Evidence
from megdt_stream.governance.effects.snapshot import snapshot
from megdt_stream.seed_files import load_interventions, load_targets
from megdt_stream.synth import generate
from megdt_stream.verify import Report

PLAN = LoopPlan(trainees=10, rounds=2)
SEEDS = load_interventions()
SIMULATION = "simulation-training"


def trainees(plan):
    return generate(plan).people.trainees


def test_without_lifts_the_counterfactual_is_the_same_hospital():
    found = levels(trainees(PLAN.lifted(())), PLAN.second.closes)
    assert (found == levels(trainees(PLAN.second), PLAN.second.closes)).all()


@settings(max_examples=10)
@given(st.integers(0, 9), st.floats(0.01, 1.0), st.floats(2.5, 4.0))
def test_a_gain_is_on_the_account_of_its_trainee_alone(index, gained, wanted):
    at = PLAN.second.closes
    without = levels(trainees(PLAN.second), at)
    with_ = levels(trainees(PLAN.lifted((lift(index, PLAN.moments[1], gained, 1.0),))), at)
    assert np.delete(with_, index, axis=0) == pytest.approx(np.delete(without, index, axis=0))
    assert with_[index] == pytest.approx(np.minimum(5.0, without[index] + gained))
    assert hospital(with_, wanted).missed <= hospital(without, wanted).missed


def test_a_hospital_is_counted():
    found = hospital(np.array([[2.0, 4.0], [3.0, 5.0], [1.0, 1.5]]), 3.0)
    assert found == pytest.approx((16.5 / 6, 0.5, 3.0, 2.0))


def test_lots_give_the_same_number_away_among_those_named():
    without = np.full((4, 2), 2.0)
    rounds = [Given((SIMULATION, SIMULATION), (1, 3), 0.5), Given((), (), 0.5)]
    given_to = []

    def gained(index, kind, number, outcome_sd):
        given_to.append((index, kind, number))
        return 2 * outcome_sd

    among = by_lot(without, 2.5, rounds, gained, "considered", seed=1, lots=5)
    assert {index for index, *_ in given_to} == {1, 3}
    assert len(given_to) == 10
    assert among == pytest.approx((2.5, 0.5, 4.0, 2.0))
    by_lot(without, 2.5, rounds, gained, "all", seed=1, lots=20)
    assert {index for index, *_ in given_to} == {0, 1, 2, 3}


def test_two_in_three_are_accepted_and_the_others_get_a_reason():
    answers = [answer(1, round_, f"t{number}") for round_ in range(3) for number in range(500)]
    assert np.mean([one.accepted for one in answers]) == pytest.approx(ACCEPTED_SHARE, abs=0.03)
    assert all((one.reason in REASONS) != one.accepted for one in answers)
    assert answers[:10] == [answer(1, 0, f"t{number}") for number in range(10)]
    assert answers[:500] != answers[500:1000]


@pytest.mark.parametrize("kind", TRUE)
def test_gains_are_those_of_the_table_and_unlike_the_priors(kind):
    gains = [gain(1, index, kind, 0) for index in range(4000)]
    assert (np.mean(gains), np.std(gains)) == pytest.approx(TRUE[kind], abs=0.02)
    prior = snapshot(SEEDS).kinds[kind].prior
    assert abs(prior.mean - TRUE[kind].mean) > 0.2


def test_advice_is_asked_for_within_year_two(tmp_path):
    for rounds in range(1, 13):
        moments = replace(PLAN, rounds=rounds).moments
        assert moments[0] == PLAN.second.opens == PLAN.first.closes
        assert moments[-1] < PLAN.second.closes
    with pytest.raises(ValueError, match="rounds"):
        LoopPlan(rounds=0)
    assert load_targets(write_targets(tmp_path)).stages[STAGE].wanted(2.0) == 3.5


def learnt(evidence, truth=0.8, why=None):
    own = {SIMULATION: {} if evidence is None else {"others": Evidence(*evidence)}}
    effect = snapshot(SEEDS, own, {SIMULATION: 60}).kinds[SIMULATION]
    return Learnt(SIMULATION, effect, 20, TRUE[SIMULATION], truth, why)


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (None, "too little evidence to move the belief (20 are needed)"),
        ((0.8, 0.1), "towards the truth"),
        ((-0.5, 0.1), "away from the truth"),
        ((0.6, 0.4), "does not tell them apart"),
    ],
)
def test_the_report_is_honest_about_what_was_learnt(evidence, words):
    lines = " ".join(said(learnt(evidence, why="20 are needed"), LoopWords("en")))
    assert words in lines
    assert ("tell them apart" in lines) == (evidence == (0.6, 0.4))


def outcome(report, problems=()):
    one = hospital(np.array([[2.0, 4.0]]), 3.0)
    account = Account(3.0, 2, one._replace(missed=0.0), one, one, one)
    return LoopOutcome(
        1, 1, {"decisions": 2}, (), account, [learnt(None)], 100.0, "CNY", {"faculty-hour": 2.0}, report, problems, 1.0
    )


def test_the_document_holds_gain_cost_and_the_checkers_word():
    document = json.loads(json.dumps(outcome(Report()).to_dict(), allow_nan=False))
    assert document["account"]["gain"]["missed_averted"] == 1.0
    assert document["cost"] == {
        "amount": 100.0,
        "currency": "CNY",
        "uses": {"faculty-hour": 2.0},
        "per_missed_averted": 100.0,
    }
    assert document["ok"]
    assert not outcome(Report(), ("decisions: 2 published, 1 read",)).ok
    wrong = Report()
    wrong.differ("twin", "somewhere")
    assert not outcome(wrong).ok


def test_both_languages_say_the_same():
    for english, chinese in _WORDS.values():
        assert sorted(set(_fields(english))) == sorted(set(_fields(chinese)))
    for lang in ("en", "zh"):
        console = Console(width=120, record=True, file=None, quiet=False)
        with console.capture() as shown:
            console.print(render(outcome(Report()), LoopWords(lang)))
        assert LoopWords(lang)("with") in shown.get()


def _fields(text):
    from string import Formatter

    return [name for _, name, *_ in Formatter().parse(text) if name]


def test_progress_within_a_step_is_not_told_all_the_time():
    lines = []
    teller = Teller(LoopWords("en"), lines.append)
    for left in range(50):
        teller.tell("settling", left=left)
    teller.tell("played", events=3, until=PLAN.second.closes)
    assert len(lines) == 1
    assert "2026-09-01" in lines[0]
