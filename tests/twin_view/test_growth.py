"""Growth: the generalised least squares line of a model with one severity for each assessor."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from megdt_stream.evidence.record import PERIOD_MS
from megdt_stream.seed_files import load_estimation
from megdt_stream.twin.view import Cell, estimate, growth
from megdt_stream.twin.view.times import YEAR_MS, week_start
from tests.twin_view.telling import WEIGHT

ESTIMATION = load_estimation()
BETWEEN = ESTIMATION.rater.variance


def cell(period, y, rater="tch.a", n=1, w=WEIGHT):
    return Cell(period, rater, n, n * w, n * w * y)


cells = st.lists(
    st.builds(
        cell,
        period=st.integers(690, 730),
        y=st.integers(0, 5000),
        rater=st.sampled_from(["tch.a", "tch.b", "-"]),
        n=st.integers(1, 9),
        w=st.sampled_from([1250, 2000]),
    ),
    min_size=2,
    max_size=12,
)


def dense(found):
    """Solve the same model with the whole covariance matrix: (level at the centre, slope), their covariance."""
    total = sum(one.w for one in found)
    centre = sum(one.w * one.period for one in found) / total
    design = np.array([[1.0, (one.period - centre) * PERIOD_MS / YEAR_MS] for one in found])
    level = np.array([one.wy / one.w / 1000 for one in found])
    same = np.array([[a.rater == b.rater for b in found] for a in found])
    inverse = np.linalg.inv(np.diag([1000 / one.w for one in found]) + BETWEEN * same)
    covariance = np.linalg.inv(design.T @ inverse @ design)
    return covariance @ design.T @ inverse @ level, covariance


@given(cells)
def test_it_is_the_line_of_the_whole_covariance_matrix(found):
    assume(len({one.period for one in found}) > 1)
    one = growth("c", found, ESTIMATION)
    (mean, slope), covariance = dense(found)
    assert (one.course.mean, one.slope) == pytest.approx((mean, slope), rel=1e-5, abs=1e-6)
    wanted = (covariance[0, 0], covariance[1, 1], covariance[0, 1])
    assert one.course.variances == pytest.approx(wanted, rel=1e-5, abs=1e-9)


def test_a_forecast_has_the_variance_of_the_line_there():
    found = [cell(700, 2000, n=9), cell(705, 2200, "tch.b"), cell(712, 2600), cell(712, 2400, "tch.b", n=3)]
    one, ((mean, slope), covariance) = growth("c", found, ESTIMATION), dense(found)
    for years in (-0.5, 0.3):
        at = np.array([1.0, years])
        forecast = one.course.at(round(one.course.centre + years * YEAR_MS), 0.1)
        assert forecast.value == pytest.approx(mean + slope * years, abs=1e-6)
        assert forecast.high - forecast.value == pytest.approx(0.1 * (at @ covariance @ at) ** 0.5, rel=1e-5)


@given(cells, st.randoms())
def test_order_does_not_matter_and_the_interval_holds_the_slope(found, chance):
    first, second = growth("c", found, ESTIMATION), growth("c", chance.sample(found, len(found)), ESTIMATION)
    assert (first is None) == (second is None) == (len({one.period for one in found}) == 1)
    if first is not None:
        assert first.low < first.slope < first.high
        assert first.slope == pytest.approx(second.slope, abs=1e-6)


@given(cells, st.integers(0, 5 * YEAR_MS))
def test_a_forecast_stays_on_the_scale_and_in_its_interval(found, later):
    one = growth("c", found, ESTIMATION)
    if one is not None:
        forecast = one.course.at(one.until + later, ESTIMATION.z)
        assert 1 <= forecast.low <= forecast.value <= forecast.high <= 5


def test_one_assessor_who_sees_a_level_rise_says_how_fast_whatever_their_severity():
    # A year is 365.25 / 28 periods; half a level in thirteen of them.
    found = [cell(700 + 13 * k, 2000 + 500 * k, n=50) for k in range(3)]
    one = growth("c", found, ESTIMATION)
    assert one.slope == pytest.approx(0.5 * 365.25 / 364)
    severe = growth("c", [cell(700 + 13 * k, 1500 + 500 * k, n=50) for k in range(3)], ESTIMATION)
    assert severe.slope == pytest.approx(one.slope)
    assert (one.scores, one.periods) == (150, 3)


def test_the_interval_of_a_forecast_widens_with_the_distance():
    one = growth("c", [cell(700 + k, 3000, n=20) for k in range(13)], ESTIMATION)
    near, far = (one.course.at(one.until + years * YEAR_MS, ESTIMATION.z) for years in (0, 1))
    assert far.high - far.low > near.high - near.low


def test_scores_of_one_period_tell_no_growth():
    assert growth("c", [cell(700, 3000), cell(700, 4000, "tch.b")], ESTIMATION) is None
    assert estimate("c", [cell(700, 3000)], ESTIMATION).growth is None


def test_a_week_begins_on_a_monday_and_is_that_of_its_duty():
    assert datetime.fromtimestamp(week_start(2866) / 1000, UTC) == datetime(2024, 12, 2, tzinfo=UTC)
