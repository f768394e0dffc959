"""Variance components from running sums: functions of the multiset of ratings, unbiased, right about pairs."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.calibration.components import FLOOR, PairMoments, Variance

ratings = st.tuples(
    st.sampled_from("abcd"),
    st.sampled_from("uvwxy"),
    st.integers(-40, 40).map(lambda v: v / 8),
    st.sampled_from((0.5, 1.0, 2.0)),
)
many = st.lists(ratings, min_size=1, max_size=40)


def moments(rows):
    held = PairMoments()
    for row in rows:
        held.add(*row)
    return held


def close(one, other):
    return all(math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-8) for a, b in zip(one, other, strict=True))


def simulated(seed, raters, subjects, n, shares=None, variance=(0.2, 0.1, 0.5)):
    draw = np.random.default_rng(seed)
    rater, subject = draw.choice(raters, n, p=shares), draw.integers(0, subjects, n)
    severity, level = draw.normal(0, variance[0] ** 0.5, raters), draw.normal(0, variance[1] ** 0.5, subjects)
    value = 3 + severity[rater] + level[subject] + draw.normal(0, variance[2] ** 0.5, n)
    return [(str(r), str(s), float(v)) for r, s, v in zip(rater, subject, value, strict=True)]


@given(many, st.randoms(use_true_random=False))
def test_the_order_of_ratings_does_not_matter(rows, random):
    shuffled = random.sample(rows, len(rows))
    assert close(moments(rows).variance(), moments(shuffled).variance())
    assert math.isclose(moments(rows).mean, moments(shuffled).mean, abs_tol=1e-12)


@given(many, many)
def test_remove_undoes_add(rows, others):
    held = moments([*others, *rows])
    for row in others:
        held.remove(*row)
    assert held.n == len(rows)
    assert close(held.variance(), moments(rows).variance())


@given(many)
def test_emptied_is_as_new(rows):
    held = moments(rows)
    for row in rows:
        held.remove(*row)
    assert (held.n, held.mean, held.variance()) == (0, 0.0, Variance(FLOOR, FLOOR, FLOOR))
    held.add("a", "u", 7.25)
    assert held.mean == 7.25


@given(many, st.sampled_from((-1000.0, 3.5, 1e6)))
def test_a_common_offset_changes_only_the_mean(rows, offset):
    moved = moments([(r, s, v + offset, w) for r, s, v, w in rows])
    assert close(moved.variance(), moments(rows).variance())
    assert math.isclose(moved.mean, moments(rows).mean + offset, rel_tol=1e-12)


@given(many)
def test_names_mean_nothing(rows):
    renamed = moments([({"a": "z", "b": "y"}.get(r, r), s + "'", v, w) for r, s, v, w in rows])
    assert close(renamed.variance(), moments(rows).variance())


@given(many)
def test_a_larger_unit_scales_by_its_square(rows):
    tenfold = moments([(r, s, 10 * v, w) for r, s, v, w in rows]).variance(100 * FLOOR)
    assert close([v / 100 for v in tenfold], moments(rows).variance())


@given(many)
def test_components_are_finite_and_not_below_the_floor(rows):
    assert all(v >= 0.01 and math.isfinite(v) for v in moments(rows).variance(0.01))


def test_a_rating_that_is_not_held_cannot_be_removed():
    held = moments([("a", "u", 1.0)])
    with pytest.raises(KeyError):
        held.remove("a", "v", 1.0)


def test_repeats_of_rater_and_subject_are_no_evidence_of_severity():
    """A rater's lasting opinion of one subject, said a hundred times, is not severity."""
    draw = np.random.default_rng(5)
    rows = []
    for rater in range(60):
        for subject in draw.choice(60, 6, replace=False):
            opinion = draw.normal()
            rows += [(str(rater), str(subject), opinion + draw.normal(0, 0.1)) for _ in range(20)]
    found = moments(rows).variance()
    assert found.rater < 0.08
    assert found.subject < 0.08
    assert found.residual == pytest.approx(1.01, rel=0.15)


def test_a_weight_is_a_precision():
    """Ratings of weight four are as good as the mean of four of weight one."""
    draw = np.random.default_rng(6)
    severity, level = draw.normal(0, 0.5, 150), draw.normal(0, 0.5, 150)
    rows = [
        (str(r), str(s), severity[r] + level[s] + draw.normal(0, 0.5), 4.0)
        for r in range(150)
        for s in draw.choice(150, 20, replace=False)
    ]
    assert moments(rows).variance().residual == pytest.approx(1.0, rel=0.08)


@pytest.mark.parametrize(
    ("raters", "subjects", "n"), [(7, 7, 150), (20, 12, 300)], ids=["a small base", "a larger base"]
)
def test_components_are_unbiased(raters, subjects, n):
    """Over many small data sets their mean is within four standard errors of the truth."""
    found = np.array([moments(simulated(k, raters, subjects, n)).variance(-10.0) for k in range(150)])
    error = found.std(axis=0) / math.sqrt(len(found))
    assert np.all(np.abs(found.mean(axis=0) - (0.2, 0.1, 0.5)) < 4 * error)


def test_a_rater_with_most_of_the_ratings_is_one_draw_among_others():
    """With three raters of 200 giving 80 % of the ratings, errors stay near those of an even design."""
    shares = np.full(200, 0.2 / 197)
    shares[:3] = 0.8 / 3
    found = np.array([moments(simulated(k, 200, 300, 6000, shares)).variance() for k in range(12)])
    root = np.sqrt(((found - (0.2, 0.1, 0.5)) ** 2).mean(axis=0))
    assert np.all(root < (0.045, 0.02, 0.02))
