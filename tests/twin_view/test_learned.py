"""Levels with the severity of assessors taken off: what the view makes of an estimate by snapshot."""

import numpy as np
import pytest

from megdt_stream.calibration.blocks import as_snapshot, solve
from megdt_stream.calibration.blocks_messages import arrange
from megdt_stream.evidence.record import PERIOD_MS
from megdt_stream.seed_files import load_estimation
from megdt_stream.twin.estimate import Components
from megdt_stream.twin.estimate import estimate as learned
from megdt_stream.twin.view.learned import BELIEVED, SUBTRACTED, estimator
from megdt_stream.twin.view.levels import Cell, estimate

ESTIMATION = load_estimation()
COMPONENTS = Components(rater=0.25, subject=0.3, residual=0.25, weight=1000.0, drift=0.0, growth=0.0)
STRICT, LENIENT = -700, 500  # thousandths of a level


def cell(period, rater, level):
    return Cell(period, rater, 1, 4000, 4000 * level)


def world():
    """Forty trainees at level 3, by a strict and a lenient assessor; the first is seen by the strict one mostly."""
    cells = {
        f"k1.t{n}": [cell(700 + n % 3, "k1.strict", 3000 + STRICT), cell(702, "k1.lenient", 3000 + LENIENT)]
        for n in range(40)
    }
    cells["k1.t0"] = [cell(period, "k1.strict", 3000 + STRICT) for period in range(700, 706)]
    return cells


def snapshot(cells):
    arranged = arrange({trainee: list(theirs) for trainee, theirs in cells.items()})
    return as_snapshot(arranged, solve(arranged, COMPONENTS), COMPONENTS, "s-test", "patient-care")


@pytest.fixture(scope="module")
def learnt():
    return snapshot(world())


def test_who_was_seen_by_a_strict_assessor_is_not_weak_for_it(learnt):
    cells = world()["k1.t0"]
    naive = estimate("patient-care", cells, ESTIMATION).level
    level = estimator("k1.t0", {"patient-care": learnt}, {})("patient-care", cells, ESTIMATION).level
    assert naive.mean == pytest.approx(2.3, abs=0.01)
    assert naive.mean + 0.3 < level.mean < 3.2
    assert level.low < level.mean < level.high
    assert (level.severity, level.snapshot) == (SUBTRACTED, "s-test")
    assert (level.scores, level.raters, level.since) == (6, 1, 700 * PERIOD_MS)


def test_the_interval_is_that_of_the_estimate(learnt):
    cells = world()["k1.t0"]
    found = learned(cells, learnt, "k1.t0")
    level = estimator("k1.t0", {"patient-care": learnt}, {})("patient-care", cells, ESTIMATION).level
    assert (level.low, level.high) == pytest.approx(found.interval(ESTIMATION.interval.coverage))


def test_an_assessor_goes_by_the_name_of_the_person(learnt):
    cells = [one._replace(rater="sk.strict") for one in world()["k1.t0"]]
    make = {"patient-care": learnt}
    linked = estimator("k1.t0", make, {"sk.strict": "k1.strict"})("patient-care", cells, ESTIMATION)
    assert linked.level == estimator("k1.t0", make, {})("patient-care", world()["k1.t0"], ESTIMATION).level


def test_where_nobody_compares_it_says_so():
    cells = {"k1.a": [cell(700, "k1.alone", 2000), cell(701, "k1.alone", 2100)]}
    found = estimator("k1.a", {"patient-care": snapshot(cells)}, {})("patient-care", cells["k1.a"], ESTIMATION)
    assert found.level.severity == BELIEVED


def test_a_competency_without_a_snapshot_is_estimated_as_declared(learnt):
    cells = world()["k1.t0"]
    other = estimator("k1.t0", {"patient-care": learnt}, {})("professionalism", cells, ESTIMATION)
    assert other == estimate("professionalism", cells, ESTIMATION)


def test_a_forecast_starts_at_the_level_widens_and_stays_on_the_scale(learnt):
    found = estimator("k1.t0", {"patient-care": learnt}, {})("patient-care", world()["k1.t0"], ESTIMATION)
    assert found.growth is not None
    z = ESTIMATION.z
    ahead = [found.growth.course.at((705 + periods) * PERIOD_MS, z) for periods in (0, 13, 130)]
    assert ahead[0].value == pytest.approx(found.level.mean)
    assert found.growth.course.at(0, z) == ahead[0], "what lies before is not forecast"
    widths = [one.high - one.low for one in ahead]
    assert widths[0] < widths[1]
    assert all(1.0 <= end <= 5.0 for one in ahead for end in one)
    assert np.isfinite(widths).all()


def test_one_period_tells_no_growth(learnt):
    cells = [cell(700, "k1.strict", 2300), cell(700, "k1.lenient", 3500)]
    assert estimator("k1.new", {"patient-care": learnt}, {})("patient-care", cells, ESTIMATION).growth is None
