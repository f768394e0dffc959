"""The trainer is a function of its events: kills, copies, late labels, interventions, drift, switches."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megdt_stream.calibration.risk import measures
from megdt_stream.calibration.risk.cohorts import Cut
from megdt_stream.calibration.risk.contest import Contest
from megdt_stream.calibration.risk.learning import Closed, Frozen, Intervened, Known, Left, Passed, from_json, to_json
from megdt_stream.calibration.risk.levels import MOST, Levels
from megdt_stream.calibration.risk.prediction import Predictor
from megdt_stream.calibration.risk.trainer import Trainer
from megdt_stream.calibration.risk.vocabulary import FEATURES, TERMS
from tests.risk.worlds import DAY, START, World, fed

CALM = (0.0,) * len(FEATURES)


def reborn(trainer):
    return Trainer.from_json(json.loads(json.dumps(trainer.to_json(), allow_nan=False)))


@settings(max_examples=8, deadline=None)
@given(st.lists(st.integers(0, 240), max_size=4))
def test_a_trainer_killed_anywhere_equals_one_that_was_not(kills):
    world = World()
    events = [event for code in ("c1", "c2") for event in world.cohort(code, 60)]
    undisturbed, killed = Trainer(), Trainer()
    fed(undisturbed, events)
    for number, event in enumerate(events):
        if number in kills:
            killed = reborn(killed)
        killed.take(from_json(json.loads(json.dumps(to_json(event)))))
    assert killed.to_json() == undisturbed.to_json()


def test_copies_of_events_and_their_order_within_a_cohort_change_nothing():
    events = list(World().cohort("c1", 60))
    once, twice = Trainer(), Trainer()
    fed(once, events)
    fed(twice, [*reversed(events[:-1]), *events[:-1], events[-1], events[-1]])
    assert once.to_json()["models"] == twice.to_json()["models"]


def test_what_comes_after_the_close_is_counted_and_not_learnt():
    trainer = Trainer()
    fed(trainer, World().cohort("c1", 60))
    before = trainer.models["plain"].to_json()
    trainer.take(Known("c1", "k1.0", True))
    assert trainer.counts["late"] == 1
    assert trainer.models["plain"].to_json() == before


def test_censored_and_intervened_on_are_counted_not_dropped_unseen():
    trainer = Trainer()
    for key in ("k1.a", "k1.b", "k1.c"):
        trainer.take(Frozen("c1", key, "g", START, CALM))
    trainer.take(Known("c1", "k1.a", True))
    trainer.take(Known("c1", "k1.b", True))
    trainer.take(Intervened("c1", "k1.b", START + DAY))
    said = trainer.take(Closed(("c1",)))
    closed = said[0].body
    assert (closed["persons"], closed["censored"], closed["intervened"]) == (1, 1, 1)
    assert trainer.models["plain"].n == 1


def test_nothing_is_learnt_before_a_cohort_closes():
    trainer = Trainer()
    events = list(World().cohort("c1", 60))
    assert fed(trainer, events[:-1]) == []
    assert trainer.models["plain"].n == 0
    assert [said.kind for said in trainer.take(events[-1])] == ["closed", "snapshot"]


def test_after_a_shift_of_half_and_500_labels_calibration_is_as_good_as_these_labels_can_make_it():
    """Judged against true probabilities. 500 labels leave a level a standard error of a tenth: .15 is 1.5 of these."""
    trained, world = Trainer(), World(5)
    for number in range(2):
        fed(trained, world.cohort(f"before-{number}", 500))
    people = [world.person()[0] for _ in range(300)]
    z = np.array([world.log_odds(features) for features in people])
    errors, slopes, reported, state = [], [], 0, json.dumps(trained.to_json())
    for seed in range(6):
        shift = 0.5 if seed % 2 else -0.5
        trainer = Trainer.from_json(json.loads(state))
        said = fed(trainer, World(100 + seed, world.intercept + shift).cohort("after", 500))
        drifts = [one.body for one in said if one.kind == "drift" and one.body["what"] == "calibration"]
        reported += bool(drifts)
        for told in drifts:
            assert told["action"] == "recalibrate"
            ahead, after = (told[name]["calibration"]["intercept_slope_fixed"] for name in ("before", "after"))
            assert abs(after) < abs(ahead)
        predictor = Predictor(trainer.snapshot())
        p = np.array([predictor.predict(features, "g").p for features in people])
        found = measures.calibration(p, 1 / (1 + np.exp(-z - shift)))
        errors.append(found.intercept)
        slopes.append(found.slope)
    chance = 1 / (1 + np.exp(-z))
    standard_error = 1 / np.sqrt(500 * np.mean(chance * (1 - chance)))
    assert reported >= 5
    assert np.sqrt(np.mean(np.square(errors))) <= 1.25 * standard_error
    assert sum(abs(error) <= 0.15 for error in errors) >= 4
    assert 0.85 <= np.median(slopes) <= 1.15


def test_what_a_cohort_s_week_has_in_common_is_not_taken_for_the_effect_of_a_feature():
    """Levels differ between weeks by chance; a feature that is the same for all in a week has no effect."""
    rng, due = np.random.default_rng(3), FEATURES.index("days_since_due")
    trainer = Trainer()
    for week in range(6):
        values = [0.0] * len(FEATURES)
        values[FEATURES.index("weeks")], values[due] = 0.07 * week + 0.01, rng.random()
        level = rng.normal(0, 0.4)
        for number in range(150):
            key = f"k1.{week}.{number}"
            trainer.take(Frozen("c1", key, "g", START + week * 7 * DAY, tuple(values)))
            trainer.take(Known("c1", key, bool(rng.random() < 1 / (1 + np.exp(-level)))))
    trainer.take(Closed(("c1",)))
    model = trainer.models["plain"]
    assert len(model.mean) == len(TERMS)
    low, high = Predictor(trainer.snapshot()).predict(tuple(values))[1:3]
    assert high - low > 0.22, "900 outcomes of one cohort do not tell the next one's level"


def test_levels_are_bounded_and_do_not_depend_on_the_order_of_cuts():
    cuts = [Cut(f"c{n}", f"k1.{n}", "g", START, CALM, True) for n in range(300)]
    levels = Levels(cuts)
    assert len(levels.variances) == MOST
    assert np.array_equal(levels.of(cuts[0]), Levels(cuts[::-1]).of(cuts[0]))


def test_ordinary_cohorts_are_no_drift():
    world, trainer = World(4), Trainer()
    said = [one for number in range(5) for one in fed(trainer, world.cohort(f"c{number}", 200))]
    assert sum(one.kind == "drift" and one.body["action"] == "recalibrate" for one in said) <= 1


def test_a_moved_feature_is_warned_of():
    world, trainer = World(6), Trainer()
    fed(trainer, world.cohort("c1", 300))
    at = FEATURES.index("lead_mean")
    moved = [
        event._replace(features=tuple(v + 2 * (i == at) for i, v in enumerate(event.features)))
        if isinstance(event, Frozen)
        else event
        for event in world.cohort("c2", 300)
    ]
    drifts = [one.body for one in fed(trainer, moved) if one.kind == "drift"]
    assert ("feature:lead_mean", "warn") in [(one["what"], one["action"]) for one in drifts]


def test_poisoned_labels_leave_probabilities_between_0_and_1():
    world, trainer = World(7), Trainer()
    fed(trainer, world.cohort("c1", 200))
    poison = [
        event._replace(adverse=not event.adverse) if isinstance(event, Known) else event
        for event in world.cohort("c2", 400)
    ]
    said = fed(trainer, poison)
    assert {one.body["what"] for one in said if one.kind == "drift"} >= {"residuals", "discrimination"}
    assert trainer.snapshot()["degraded"]
    risk = Predictor(trainer.snapshot()).predict(world.person()[0])
    assert 0 <= risk.low <= risk.p <= risk.high <= 1


def test_a_trainer_s_state_is_bounded_in_one_person():
    trainer = Trainer()
    for number in range(500):
        trainer.take(Frozen("c1", "k1.a", "g", START + number, (float("nan"),) * len(FEATURES)))
    assert len(trainer.to_json()["open"]["c1"]["k1.a"]["cuts"]) == 120


def test_the_hazard_learns_weekly_and_each_week_once():
    trainer = Trainer()
    trainer.take(Frozen("c1", "k1.a", "g", START, CALM))
    trainer.take(Frozen("c1", "k1.a", "g", START + 7 * DAY, CALM))
    trainer.take(Left("c1", "k1.a", START + 9 * DAY))
    trainer.take(Passed(START + 7 * DAY))
    trainer.take(Passed(START + 7 * DAY))
    assert trainer.hazard.model.n == 1
    trainer.take(Passed(START + 30 * DAY))
    assert trainer.hazard.model.n == 2


def test_a_challenger_takes_over_on_evidence_only():
    same, better = Contest(), Contest()
    rng = np.random.default_rng(1)
    for _ in range(2000):
        noise = rng.normal(0, 0.3)
        same.learn(0.5 + noise, 0.5)
        better.learn(0.55 + noise, 0.5)
    assert not same.won
    assert better.won


def test_a_switch_is_said_with_its_evidence():
    """Outcomes that depend on a product: only the challenger can say so."""
    rng = np.random.default_rng(2)
    a, b = FEATURES.index("level_mean"), FEATURES.index("silence")
    trainer, said = Trainer(), []
    for code in ("c1", "c2"):
        for number in range(700):
            values = [0.0] * len(FEATURES)
            values[a], values[b] = rng.normal(), rng.normal()
            trainer.take(Frozen(code, f"k1.{number}", "g", START, tuple(values)))
            trainer.take(Known(code, f"k1.{number}", bool(values[a] * values[b] > 0)))
        said += trainer.take(Closed((code,)))
    (switch,) = [one.body for one in said if one.kind == "switch"]
    assert (switch["from"], switch["to"]) == ("plain", "richer")
    assert switch["gain_low"] > 0
    assert Predictor(trainer.snapshot()).predict(CALM).p < 1
    assert reborn(trainer).to_json() == trainer.to_json()


@pytest.mark.parametrize("name", ["river", "floor"])
def test_whoever_wins_answers_by_the_same_snapshot(name):
    trainer, world = Trainer(), World(9)
    fed(trainer, world.cohort("c1", 200))
    for _ in range(300):
        trainer.contests[name].learn(0.7, 0.5)
    assert trainer._winner() == name
    assert trainer._switch(name).body["to"] == name
    features, _ = world.person()
    risk = Predictor(trainer.snapshot()).predict(features)
    cut = Cut("c2", "k1.x", "g", START, features, True)
    # Moderated by the SD between cohorts, which pulls to a half.
    assert 0 <= (trainer._raw(name, cut) - risk.p) / (trainer._raw(name, cut) - 0.5) < 0.1
    assert risk.low < risk.p < risk.high
    assert reborn(trainer).to_json() == trainer.to_json()


def test_intervals_hold_the_shift_between_cohorts_and_reasons_add_up():
    world, trainer = World(8), Trainer()
    fed(trainer, world.cohort("c1", 400))
    predictor = Predictor(trainer.snapshot())
    features, _ = world.person()
    risk = predictor.predict(features)
    assert risk.sd > 0.2
    assert risk.low < risk.p < risk.high
    reasons = predictor.reasons(features, most=len(FEATURES))
    centre = float(predictor.model.mean @ predictor._centre)
    assert sum(reason.adds for reason in reasons) == pytest.approx(risk.z - centre)


def test_a_snapshot_of_another_vocabulary_is_refused():
    with pytest.raises(ValueError, match="vocabulary"):
        Predictor(Trainer().snapshot() | {"vocabulary": 99})
