"""The likelihood's slope is that of the likelihood, and its maximum finds the components of a simulated world."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from megdt_stream.calibration.blocks import arrange, solve
from megdt_stream.calibration.blocks_components import BELIEVED, gradient, learn
from megdt_stream.calibration.components import Variance
from megdt_stream.twin.estimate import Components
from tests.calibration.blocks_world import components, worlds


@given(worlds, components)
def test_slope_is_that_of_the_likelihood(world, c):
    ratings = arrange(world)
    slope = gradient(ratings, solve(ratings, c), c)
    for name in ("rater", "subject", "residual", "drift", "growth"):
        step = 1e-5 * max(getattr(c, name), 0.01)
        up, down = (c._replace(**{name: getattr(c, name) + sign * step}) for sign in (1, -1))
        expected = (solve(ratings, up).loglikelihood - solve(ratings, down).loglikelihood) / (2 * step)
        assert getattr(slope, name) == pytest.approx(expected, rel=1e-3, abs=2e-3)


def simulated(seed, c, trainees=150, raters=60, scores=12):
    """Draw cells of trainees whom random raters see once every third period."""
    chance = np.random.default_rng(seed)
    shift = chance.normal(0, c.rater**0.5, raters)
    found = {}
    for trainee in range(trainees):
        walk = np.cumsum(chance.normal(0, c.drift**0.5, 3 * scores))
        walk += chance.normal(0, c.growth**0.5) * np.arange(3 * scores) + chance.normal(3, c.subject**0.5)
        found[f"s{trainee}"] = [
            (600 + t, f"r{r}", 1, 1250, 1250 * round(1000 * (walk[t] + shift[r] + chance.normal(0, c.residual**0.5))))
            for t, r in zip(range(0, 3 * scores, 3), chance.integers(0, raters, scores), strict=True)
        ]
    return found


@pytest.mark.parametrize(
    "truth", [Components(0.4, 0.2, 0.5, 1250.0, 0.0, 0.0), Components(0.2, 0.3, 0.3, 1250.0, 0.01, 0.0)]
)
def test_finds_the_components_of_a_simulated_world(truth):
    found = learn(arrange(simulated(1, truth)), Variance(0.3, 0.3, 0.3))
    assert found.rater == pytest.approx(truth.rater, rel=0.4)
    assert found.subject == pytest.approx(truth.subject, rel=0.4)
    assert found.residual == pytest.approx(truth.residual, rel=0.2)
    # How much a walk and how much slopes add is hardly told apart; what they add together over the time seen is.
    last = 33
    added = found.drift * last + found.growth * last**2
    assert added == pytest.approx(truth.drift * last + truth.growth * last**2, abs=0.2)


def test_does_not_depend_on_where_the_search_starts():
    ratings = arrange(simulated(2, Components(0.4, 0.2, 0.5, 1250.0, 0.0, 0.0)))
    one, other = learn(ratings, Variance(0.1, 1.0, 1.0)), learn(ratings, Variance(1.0, 0.05, 0.2))
    assert one[:3] == pytest.approx(other[:3], rel=0.02)


def test_nothing_seen_leaves_what_is_believed():
    found = learn(arrange({}), Variance(1e-6, 1e-6, 1e-6))
    assert found.rater == pytest.approx(BELIEVED.rater, rel=1e-2)
    assert found.subject == pytest.approx(BELIEVED.subject, rel=1e-2)
    assert (found.residual, found.drift, found.growth) == (pytest.approx(1.0, rel=1e-2), 0.0, 0.0)
