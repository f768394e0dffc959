"""A world is read from twins: who, where, how good, what is owed, and what is not known stays uncertain."""

from dataclasses import replace

import numpy as np
import pytest

from megdt_stream.driver import Driver
from megdt_stream.evidence.times import DAY_MS
from megdt_stream.scenario.reading import Supply, Twins, world
from megdt_stream.seed_files import load_estimation, load_norms, load_reference, load_rule
from megdt_stream.synth import HospitalPlan, generate
from tests.scenario.worlds import KNOWN

ESTIMATION, NORMS = load_estimation(), load_norms()
PLAN = HospitalPlan.small(seed=3)
CUT = PLAN.opens + 80 * DAY_MS


@pytest.fixture(scope="module")
def twins():
    driver = Driver(load_reference(), load_rule())
    for event in generate(PLAN).events:
        if event.available > CUT:
            break
        driver.push(event.value, event.topic, event.headers, event.available)
    return Twins({name: driver.view(name, ESTIMATION) for name in driver.trainees}, CUT)


def read(twins, weeks=12):
    return world(twins, KNOWN, ESTIMATION, NORMS, weeks)


def test_everybody_in_training_is_there_once(twins):
    found = read(twins)
    assert set(found.trainees) <= set(twins.views)
    assert len(set(found.trainees)) == found.size > 8
    assert all(twins.views[name].head is None for name in found.trainees)


def test_the_snapshot_names_what_was_read(twins):
    assert read(twins).snapshot == read(twins).snapshot
    assert read(twins).snapshot.endswith("@2024-11-20T00:00:00Z")
    other = twins._replace(supply=Supply({"心内科": 3.0}))
    assert read(other).snapshot != read(twins).snapshot
    gone = read(twins).trainees[0]
    fewer = twins._replace(views={name: view for name, view in twins.views.items() if name != gone})
    assert read(fewer).snapshot != read(twins).snapshot


def test_levels_are_drawn_to_the_mean_and_less_known_ones_more(twins):
    found = read(twins)
    bare = {name: replace(view, levels=(), growth=()) for name, view in twins.views.items()}
    unknown = read(twins._replace(views=bare))
    assert np.ptp(unknown.level) < 0.01
    assert unknown.level_sd.mean() > 0
    assert np.ptp(found.level) > 0.5


def test_rotations_that_are_known_are_in_the_schedule(twins):
    found = read(twins)
    checked = 0
    for number, name in enumerate(found.trainees):
        for one in twins.views[name].rotations:
            middle = CUT + 7 * DAY_MS // 2
            if one.status != "cancelled" and one.starts and one.starts <= CUT and one.ends > middle + 7 * DAY_MS:
                assert found.departments[found.schedule[number, 0]] == one.department
                checked += 1
    assert checked > 3


def test_recorded_resources_go_before_what_is_assumed(twins):
    place = read(twins).departments[0]
    found = read(twins._replace(supply=Supply({place: 123.0}, {place: 45.0}, 67.0)))
    assert (found.faculty[0], found.slots[0], found.simulators) == (123.0, 45.0, 67.0)


def test_nobody_in_training_is_no_world():
    assert read(Twins({}, CUT)) is None
