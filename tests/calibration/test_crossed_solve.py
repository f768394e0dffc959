"""Joint solutions against dense algebra written from the textbook."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megdt_stream.calibration import crossed_fit, crossed_inverse
from megdt_stream.calibration.components import Variance
from megdt_stream.calibration.crossed_cells import components, condense
from megdt_stream.calibration.crossed_fit import refine, solve
from megdt_stream.calibration.crossed_inverse import inverse_diagonal
from megdt_stream.calibration.crossed_solve import blup

VARIANCE = Variance(0.3, 0.4, 1.0)
ITEM = 0.2


class Design:
    """A small random design: arrays, cells, and dense matrices."""

    def __init__(self, seed, raters, subjects, items, n, variance=(0.3, 0.4, 0.2, 1.0)):
        draw = np.random.default_rng(seed)
        n = max(n, raters, subjects, items)
        self.rater, self.subject = (self._numbers(draw, size, n) for size in (raters, subjects))
        self.item = np.where(draw.random(n) < 0.2, -1, self._numbers(draw, items, n)) if items else np.full(n, -1)
        self.item[: max(items, 0)] = np.arange(items)
        effects = [draw.normal(0, v**0.5, s) for v, s in zip(variance, (raters, subjects, max(items, 1)), strict=False)]
        self.value = 5 + effects[0][self.rater] + effects[1][self.subject] + draw.normal(0, variance[3] ** 0.5, n)
        self.value += np.where(self.item < 0, 0.0, effects[2][self.item])
        self.sizes = raters, subjects, items
        self.cells = condense(
            self.rater, self.subject, self.item, np.ones(n), self.value, float(self.value @ self.value), self.sizes
        )

    @staticmethod
    def _numbers(draw, size, n):
        """Draw numbers below `size`, each at least once."""
        return draw.permutation(np.r_[np.arange(size), draw.integers(0, size, n - size)])

    @property
    def blocks(self):
        columns = (self.rater, self.subject, self.item)
        return [np.eye(s)[c] * (c >= 0)[:, None] for c, s in zip(columns, self.sizes, strict=True) if s]

    def dense(self):
        incidence = np.hstack([*self.blocks, np.ones((len(self.value), 1))])
        penalties = self.cells.penalties(VARIANCE, ITEM)
        inverse = np.linalg.inv(incidence.T @ incidence + np.diag(penalties))
        return inverse, inverse @ incidence.T @ self.value

    def likelihood(self, theta):
        """Give the restricted log-likelihood by its definition."""
        parts = theta[:2] + (theta[2:3] if self.sizes[2] else [])
        covariance = theta[3] * np.eye(len(self.value))
        covariance += sum(v * (z @ z.T) for v, z in zip(parts, self.blocks, strict=True))
        inverse, ones = np.linalg.inv(covariance), np.ones(len(self.value))
        information = ones @ inverse @ ones
        centred = self.value - (ones @ inverse @ self.value) / information
        return -0.5 * (np.linalg.slogdet(covariance)[1] + np.log(information) + centred @ inverse @ centred)


designs = st.builds(
    Design, st.integers(0, 999), st.integers(1, 9), st.integers(1, 9), st.integers(0, 4), st.integers(1, 40)
)


@settings(max_examples=60)
@given(designs)
def test_effects_and_errors_are_those_of_the_dense_solution(design):
    inverse, effects = design.dense()
    penalties = design.cells.penalties(VARIANCE, ITEM)
    found = blup(design.cells, penalties, np.zeros(design.cells.nodes), 1e-10)
    assert np.allclose(found, effects, atol=1e-7)
    assert np.allclose(inverse_diagonal(design.cells, penalties), inverse.diagonal(), atol=1e-10)


@settings(max_examples=60)
@given(designs)
def test_severity_is_minus_the_effect_with_its_posterior_sd(design):
    inverse, effects = design.dense()
    found = solve(design.rater, design.subject, design.value, VARIANCE, design.item, ITEM)
    raters = design.sizes[0]
    assert np.allclose(found.severity, -effects[:raters], atol=1e-6)
    assert np.allclose(found.sd, np.sqrt(VARIANCE.residual * inverse.diagonal()[:raters]), atol=1e-8)
    assert found.ratings.tolist() == np.bincount(design.rater).tolist()
    assert found.exact


@given(designs, st.sampled_from((-500.0, 2.5)))
def test_a_common_offset_does_not_change_severity(design, offset):
    arguments = VARIANCE, design.item, ITEM
    moved = solve(design.rater, design.subject, design.value + offset, *arguments)
    assert np.allclose(
        moved.severity, solve(design.rater, design.subject, design.value, *arguments).severity, atol=1e-5
    )


@given(designs, st.randoms(use_true_random=False))
def test_numbers_of_raters_mean_nothing(design, random):
    other = np.array(random.sample(range(design.sizes[0]), design.sizes[0]))
    renamed = solve(other[design.rater], design.subject, design.value, VARIANCE, design.item, ITEM)
    plain = solve(design.rater, design.subject, design.value, VARIANCE, design.item, ITEM)
    assert np.allclose(renamed.severity[other], plain.severity, atol=1e-6)
    assert np.allclose(renamed.sd[other], plain.sd, atol=1e-8)


def test_many_nodes_go_through_the_inverse_in_chunks(monkeypatch):
    design = Design(3, 60, 20, 3, 400)
    monkeypatch.setattr(crossed_inverse, "CHUNK", 50)
    inverse, _ = design.dense()
    found = inverse_diagonal(design.cells, design.cells.penalties(VARIANCE, ITEM))
    assert np.allclose(found, inverse.diagonal(), atol=1e-10)


def test_without_the_exact_inverse_errors_are_said_to_be_approximate_and_too_small(monkeypatch):
    design = Design(4, 40, 30, 0, 500)
    exact = solve(design.rater, design.subject, design.value, VARIANCE)
    monkeypatch.setattr(crossed_inverse, "LARGEST_INVERSE", 5)
    found = solve(design.rater, design.subject, design.value, VARIANCE)
    assert not found.exact
    assert np.allclose(found.severity, exact.severity, atol=1e-6)
    assert np.all(found.sd <= exact.sd)
    assert np.all(found.sd > 0.8 * exact.sd)


def test_too_large_for_the_inverse_the_residual_still_follows_the_identity(monkeypatch):
    design = Design(5, 40, 30, 0, 3000)
    start = np.zeros(design.cells.nodes)
    best = refine(design.cells, VARIANCE, ITEM, start, 1e-6)
    monkeypatch.setattr(crossed_inverse, "LARGEST_INVERSE", 5)
    wrong_scale = Variance(*(9 * v for v in best.variance))
    found = refine(design.cells, wrong_scale, 9 * best.item, start, 1e-6)
    assert not found.exact
    assert tuple(found.variance) == pytest.approx(tuple(best.variance), rel=1e-3)


@pytest.mark.parametrize(("items", "seed"), [(0, 1), (4, 2)])
def test_the_slope_is_that_of_the_restricted_likelihood(items, seed):
    design = Design(seed, 12, 9, items, 90)
    theta = [0.3, 0.4, 0.2, 1.1]
    penalties = design.cells.penalties(Variance(0.3, 0.4, 1.1), 0.2)
    effects = blup(design.cells, penalties, np.zeros(design.cells.nodes), 1e-12)
    slope, _ = crossed_fit._score(design.cells, np.array(theta), effects, inverse_diagonal(design.cells, penalties))
    for kind in (0, 1, 2, 3) if items else (0, 1, 3):
        ends = [[v + h * (k == kind) for k, v in enumerate(theta)] for h in (-1e-5, 1e-5)]
        numeric = (design.likelihood(ends[1]) - design.likelihood(ends[0])) / 2e-5
        assert slope[kind] == pytest.approx(numeric, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize(("items", "seed"), [(0, 1), (5, 2), (0, 7)])
def test_refined_components_maximise_the_restricted_likelihood(items, seed):
    design = Design(seed, 25, 20, items, 220)
    found = refine(design.cells, Variance(1.0, 0.05, 0.5), 0.5, np.zeros(design.cells.nodes), 1e-6)
    theta = [*found.variance[:2], found.item, found.variance.residual]
    best = design.likelihood(theta)
    for kind in (0, 1, 2, 3) if items else (0, 1, 3):
        for factor in (0.8, 1.25):
            assert design.likelihood([v * (factor if k == kind else 1.0) for k, v in enumerate(theta)]) < best + 1e-9


def test_a_component_that_is_not_there_goes_to_the_floor():
    design = Design(8, 40, 30, 0, 2000, variance=(0.0, 0.4, 0.2, 1.0))
    found = refine(design.cells, VARIANCE, ITEM, np.zeros(design.cells.nodes), 1e-4)
    assert found.variance.rater < 0.02
    assert found.variance.subject == pytest.approx(0.4, rel=0.5)


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=30))
def test_connected_components_are_counted(edges):
    raters = {r: k for k, r in enumerate(sorted({r for r, _ in edges}))}
    subjects = {s: k for k, s in enumerate(sorted({s for _, s in edges}))}
    groups = []
    for rater, subject in edges:
        ends = {("r", rater), ("s", subject)}
        linked = [group for group in groups if group & ends]
        groups = [group for group in groups if not group & ends] + [ends.union(*linked)]
    ends = np.array([raters[r] for r, _ in edges]), np.array([subjects[s] for _, s in edges])
    assert components(*ends, (len(raters), len(subjects))) == len(groups)


def test_a_long_chain_is_one_component():
    links = np.arange(5000)
    draw = np.random.default_rng(0)
    raters, subjects = draw.permutation(5001), draw.permutation(5000)
    ends = np.r_[raters[links], raters[links + 1]], np.r_[subjects[links], subjects[links]]
    assert components(*ends, (5001, 5000)) == 1


def test_no_rating_is_an_error():
    nothing = np.zeros(0, dtype=np.int64)
    with pytest.raises(ValueError, match="no ratings"):
        solve(nothing, nothing, np.zeros(0), VARIANCE)
