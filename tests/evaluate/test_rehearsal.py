"""Scores of forecasts are what they are defined as; the evaluation of rehearsals runs, small."""

import numpy as np
import pytest

from megdt_stream.evaluate.rehearsal import back_test, effects, scores
from megdt_stream.evaluate.scores import covered, crps_of_draws, crps_of_normal
from megdt_stream.seed_files import load_interventions
from megdt_stream.synth import HospitalPlan

KNOWN = load_interventions()


def test_the_score_of_many_draws_is_that_of_their_distribution():
    chance = np.random.default_rng(1)
    truth = np.array([0.0, 1.0, -2.0])
    draws = chance.normal(0.5, 2.0, (20_000, 3))
    assert crps_of_draws(draws, truth) == pytest.approx(crps_of_normal(0.5, 2.0, truth), abs=0.03)


def test_a_sure_forecast_scores_its_error():
    draws = np.full((10, 2), 3.0)
    assert crps_of_draws(draws, np.array([3.0, 5.0])) == pytest.approx([0.0, 2.0])


def test_right_intervals_cover_what_they_say():
    chance = np.random.default_rng(2)
    centre = chance.normal(size=4_000)
    draws = centre + chance.normal(size=(400, 4_000))
    truth = centre + chance.normal(size=4_000)
    assert covered(draws, truth, 0.8) == pytest.approx(0.8, abs=0.03)


def test_a_back_test_beats_the_mean():
    found = scores([back_test(HospitalPlan.small(seed=2), KNOWN, cut_days=80)])
    assert found["trainees"] > 8
    assert found["crps_ratio_to_mean"] < 1
    assert 0 <= found["coverage_80"] <= found["coverage_90"] <= 1


def test_effects_that_are_known_are_told():
    found = effects(KNOWN, 2, lambda _: None, trainees=40)
    assert set(found) == {"simulation", "supervision", "cases", "teachers"}
    assert found["supervision"]["true_effect"] > 0
    assert abs(found["cases"]["bias"]) < 0.1
