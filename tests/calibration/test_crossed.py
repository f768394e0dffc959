"""Severity learnt online: the pass predicts as well as its model can, and joins exactly."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megdt_stream.calibration.crossed import FIRST_SOLVE, CrossedFilter

TRUTH = {"rater": 0.15, "subject": 0.36, "residual": 1.5}
rows = st.lists(
    st.tuples(
        st.sampled_from("abcd"),
        st.sampled_from("uvwxy"),
        st.sampled_from((None, "i", "j")),
        st.integers(-8, 8).map(lambda v: v / 2),
    ),
    min_size=1,
    max_size=80,
)


def learnt(ratings):
    learner = CrossedFilter()
    return learner, [learner.learn(*row) for row in ratings]


def simulated(seed, order, items=0, raters=400, subjects=150, n=10_000):
    draw = np.random.default_rng(seed)
    rater, subject = draw.integers(0, raters, n), draw.integers(0, subjects, n)
    item = draw.integers(0, max(items, 1), n)
    effects = [draw.normal(0, TRUTH[k] ** 0.5, size) for k, size in (("rater", raters), ("subject", subjects))]
    value = 3.2 + effects[0][rater] + effects[1][subject] + draw.normal(0, TRUTH["residual"] ** 0.5, n)
    value += np.linspace(-0.8, 0.8, items)[item] if items else 0.0
    value = np.clip(np.round(value), 1, 5)
    place = {"shuffled": draw.random(n), "by rater": rater, "by subject": subject}[order]
    named = [f"i{i}" if items else None for i in item]
    sequence = np.argsort(place, kind="stable")
    return [(f"r{rater[i]}", f"s{subject[i]}", named[i], float(value[i])) for i in sequence]


def told_the_truth(ratings, variance):
    """Predict by a diagonal Kalman filter that is told the components of the data at hand."""
    raters, subjects, mean, predictions = {}, {}, 0.0, []
    for n, (rater, subject, _, value) in enumerate(ratings):
        a = raters.setdefault(rater, [0.0, variance.rater])
        b = subjects.setdefault(subject, [0.0, variance.subject])
        predictions.append(mean + a[0] + b[0])
        spread = variance.residual + a[1] + b[1]
        for node in (a, b):
            node[0] += node[1] * (value - predictions[-1]) / spread
            node[1] -= node[1] ** 2 / spread
        mean += (value - mean) / (n + 1)
    return predictions


def rmse(ratings, predictions):
    half = len(ratings) // 2
    return math.sqrt(np.mean([(row[3] - p) ** 2 for row, p in zip(ratings[half:], predictions[half:], strict=True)]))


@given(rows)
def test_learn_gives_what_predict_would_have_said(ratings):
    learner = CrossedFilter()
    for rater, subject, item, value in ratings:
        expected = learner.predict(rater, subject, item)
        assert learner.learn(rater, subject, item, value) == pytest.approx(expected, abs=1e-12)


@given(rows, st.sampled_from((-1000.0, 0.125, 4096.0)))
def test_a_common_offset_moves_predictions_by_as_much(ratings, offset):
    moved = learnt([(r, s, i, v + offset) for r, s, i, v in ratings])[1][1:]
    assert moved == pytest.approx([p + offset for p in learnt(ratings)[1][1:]], abs=1e-6)


@given(rows)
def test_names_mean_nothing(ratings):
    renamed = learnt([({"a": "z", "d": "教师"}.get(r, r), s + "'", i and f"{i}!", v) for r, s, i, v in ratings])[1]
    assert renamed == learnt(ratings)[1]


@given(rows)
def test_a_larger_unit_scales_predictions(ratings):
    scaled = learnt([(r, s, i, 8 * v) for r, s, i, v in ratings])[1]
    assert scaled == pytest.approx([8 * p for p in learnt(ratings)[1]], abs=1e-6)


@settings(max_examples=40)
@given(rows, st.randoms(use_true_random=False))
def test_what_is_kept_of_the_past_does_not_depend_on_its_order(ratings, random):
    def kept(learner):
        cells = learner.cells()
        names = [list(nodes) for nodes in learner._nodes]
        keys = zip(cells.rater.tolist(), cells.subject.tolist(), cells.item.tolist(), strict=True)
        sums = zip(cells.count.tolist(), (cells.total + cells.count * learner.anchor).tolist(), strict=True)
        named = [(names[0][r], names[1][s], "" if i < 0 else names[2][i]) for r, s, i in keys]
        return dict(zip(named, sums, strict=True))

    assert kept(learnt(ratings)[0]) == kept(learnt(random.sample(ratings, len(ratings)))[0])


def test_cells_are_bounded_by_pairs_not_by_ratings():
    learner, _ = learnt(simulated(1, "shuffled", raters=10, subjects=8, n=3000))
    assert len(learner.cells().count) == 80
    assert learner.cells().n == learner.n == 3000


def test_nothing_learnt_is_no_ratings():
    assert CrossedFilter().predict("a", "u") == 0.0
    with pytest.raises(ValueError, match="no ratings"):
        CrossedFilter().cells()


def test_the_first_joint_solution_shares_errors_between_raters():
    """Two raters with one subject in common: what is said of it by one tells about the other."""
    learner, _ = learnt([("a", "u", None, 5.0)] * (FIRST_SOLVE // 2) + [("b", "u", None, 1.0)] * (FIRST_SOLVE // 2))
    assert learner.predict("a", "new") > learner.predict("b", "new") + 1.0


@pytest.mark.parametrize("order", ["shuffled", "by rater", "by subject"])
def test_as_good_as_a_filter_told_the_variances(order):
    ratings = simulated(2, order)
    learner, predictions = learnt(ratings)
    assert rmse(ratings, predictions) <= 1.001 * rmse(ratings, told_the_truth(ratings, learner.variance))


@pytest.mark.parametrize("order", ["shuffled", "by rater", "by subject"])
def test_an_informative_item_is_used(order):
    ratings = simulated(3, order, items=8)
    _, without = learnt([(r, s, None, v) for r, s, _, v in ratings])
    learner, predictions = learnt(ratings)
    assert rmse(ratings, predictions) < 0.97 * rmse(ratings, without)
    # The truth is rounded and clipped to five points, which takes off about a quarter.
    assert learner.item_variance == pytest.approx(np.linspace(-0.8, 0.8, 8).var(), rel=0.4)


def test_an_uninformative_item_costs_nothing():
    ratings = simulated(4, "shuffled")
    draw = np.random.default_rng(0)
    labelled = [(r, s, str(draw.integers(0, 30)), v) for r, s, _, v in ratings]
    assert rmse(ratings, learnt(labelled)[1]) <= 1.002 * rmse(ratings, learnt(ratings)[1])
