"""Simulated populations are what their names say, and the oracle and the baseline are what theirs say."""

from __future__ import annotations

import numpy as np
import pytest

from megdt_stream.evaluate.oracle import joint_blup, rater_z
from megdt_stream.evaluate.population import BASE, PER_PERIOD, SCORES, SETTINGS, draw

SMALL = 6


def test_names_state_the_shares():
    assert set(SETTINGS) == {"8/45/47 mixed", "8/45/47 clustered", "25/25/50 mixed", "25/25/50 clustered"}
    for name, setting in SETTINGS.items():
        shares = [round(100 * share) for share in (setting.subject, setting.rater, setting.residual)]
        assert name == f"{'/'.join(map(str, shares))} {'clustered' if setting.clustered else 'mixed'}"
        assert sum(shares) == 100


@pytest.mark.parametrize("name", SETTINGS)
def test_a_large_population_has_the_shares(name):
    setting, drawn = SETTINGS[name], draw(SETTINGS[name], 1, 200)
    noise = drawn.scores - drawn.levels[:, None] - drawn.shifts[drawn.raters]
    assert np.var(drawn.levels) == pytest.approx(setting.subject, rel=0.15)
    assert np.var(drawn.shifts) == pytest.approx(setting.rater, rel=0.15)
    assert np.var(noise) == pytest.approx(setting.residual, rel=0.03)


@pytest.mark.parametrize(("name", "least", "most"), [("8/45/47 mixed", 0.95, 1.0), ("8/45/47 clustered", 0.08, 0.12)])
def test_who_sees_whom(name, least, most):
    drawn = draw(SETTINGS[name], 1, 50)
    crossing = (drawn.raters // BASE != np.arange(drawn.trainees)[:, None] // BASE).mean()
    assert least <= crossing <= most
    assert set(np.bincount(drawn.raters.ravel())) == {SCORES}


def test_equal_seeds_draw_equal_populations():
    one, other, third = (draw(SETTINGS["25/25/50 mixed"], seed, SMALL) for seed in (1, 1, 2))
    assert (one.scores == other.scores).all()
    assert (one.scores != third.scores).any()


def test_cells_hold_the_scores_in_time_order():
    drawn = draw(SETTINGS["25/25/50 mixed"], 1, SMALL)
    cells = drawn.cells(5)["t.00003"]
    assert [period - cells[0][0] for period, *_ in cells] == [j // PER_PERIOD for j in range(5)]
    assert [wy / w / 1000 for *_, w, wy in cells] == pytest.approx(drawn.scores[3, :5], abs=0.001)
    seen = list(drawn.observed(2, 4))
    assert len(seen) == 2 * drawn.trainees
    assert seen[3] == (f"r.{drawn.raters[3, 2]:05d}", "t.00003", drawn.scores[3, 2])


def test_the_oracle_is_the_conditional_expectation_given_the_mean():
    """Against a dense conditioning on all scores, with the mean by generalised least squares."""
    drawn, count = draw(SETTINGS["25/25/50 clustered"], 3, 2), 4
    setting = drawn.setting
    who, rater = np.repeat(np.arange(drawn.trainees), count), drawn.raters[:, :count].ravel()
    same_trainee, same_rater = who[:, None] == who, rater[:, None] == rater
    spread = setting.subject * same_trainee + setting.rater * same_rater + setting.residual * np.eye(len(who))
    score = drawn.scores[:, :count].ravel()
    by_one, by_score = np.linalg.solve(spread, np.column_stack((np.ones(len(who)), score))).T
    mean = by_score.sum() / by_one.sum()
    own = setting.subject * (np.arange(drawn.trainees)[:, None] == who)
    assert joint_blup(drawn, count) == pytest.approx(mean + own @ (by_score - mean * by_one), abs=1e-9)


def test_the_baseline_beats_the_mean_and_not_the_oracle():
    drawn = draw(SETTINGS["25/25/50 clustered"], 1, 40)
    blup, z, nothing = (
        float(np.mean((predicted - drawn.levels) ** 2)) ** 0.5
        for predicted in (joint_blup(drawn, 20), rater_z(drawn, 20), drawn.scores[:, :20].mean())
    )
    assert blup < z < nothing
