"""What was advised, done and seen later becomes a log to learn from."""

import numpy as np
import pytest

from megdt_stream.governance.effects.journal import WEEK_MS, Considered, studies

KIND, OTHER = "simulation-training", "remedial-training"


def history(seed, n=300, effect=0.6):
    """Rounds in which the weaker are likelier to be offered something, and the outcome follows the level."""
    rng = np.random.default_rng(seed)
    found, levels = [], {}
    for i in range(n):
        level = float(rng.normal(2.5, 0.5))
        p = float(np.clip(0.5 - 0.6 * (level - 2.5), 0.15, 0.8))
        u = rng.random()
        offered = KIND if u < p else OTHER if u < p + 0.1 else None
        taken = offered == KIND and rng.random() < 0.7
        data = {
            "trainee": f"t{i}",
            "base": "B1" if i % 3 else None,
            "competency": "c",
            "level": {"mean": level, "sd": 0.3, "wanted": 3.0},
            "outcome_sd": 0.5,
            "covariates": {"warnings": float(i % 2)},
            "propensities": {KIND: p, OTHER: 0.1},
        }
        found.append(Considered(data, 1000, offered, taken, 8))
        levels[f"t{i}"] = 1.2 + 0.5 * level + 0.5 * effect * taken + float(rng.normal(0, 0.2))
    return found, levels


def test_own_effects_by_group():
    found, levels = history(1)
    study = studies([KIND], found, lambda trainee, *_: levels[trainee], 8)[KIND]
    assert set(study.groups) == {"B1", "others"}
    assert 200 < study.decisions < 300  # those offered something else are no comparison
    for one in study.groups.values():
        assert one.estimate == pytest.approx(0.6, abs=3 * one.se)
        assert one.se < 0.3


def test_outcomes_are_asked_for_after_the_horizon():
    asked = []
    studies([KIND], history(2, 3)[0], lambda *given: asked.append(given), 8)
    assert {(at, horizon) for _, _, at, horizon in asked} == {(1000, 1000 + 8 * WEEK_MS)}


def test_before_outcomes_it_says_so():
    study = studies([KIND], history(3, 50)[0], lambda *_: None, 8)[KIND]
    assert (study.groups, study.decisions) == ({}, 0)
    assert "no decision" in study.why_not
    some, levels = history(4, 30)
    assert "needed" in studies([KIND], some, lambda trainee, *_: levels[trainee], 8)[KIND].why_not
