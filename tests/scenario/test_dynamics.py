"""The vectorised dynamics do what the plain loop does, whatever the block, and what mechanism says they must."""

from dataclasses import replace

import numpy as np
import pytest

from megdt_stream.bench.rehearsal_loop import Looped
from megdt_stream.scenario.chance import LEVELS, classes, counts, noise, rate_of
from megdt_stream.scenario.dynamics import Course, quantities, simulate
from megdt_stream.scenario.plan import lay_out, nothing
from tests.scenario.worlds import EVERYTHING, KNOWN, act, scheme, small


def tight(world):
    """Give a world in which beds, hours, teachers and simulators all bind."""
    return replace(
        world,
        slots=world.slots * np.float32(0.55),
        simulators=world.simulator_use * 1.05 + 2.0,
        simulator_use=world.simulator_use,
        physics=replace(world.physics, hours_limit=56.0),
        faculty=world.faculty * np.float32(1.4),
    )


@pytest.mark.parametrize("world", [small(), tight(small())], ids=["wide", "tight"])
@pytest.mark.parametrize("interventions", [(), EVERYTHING], ids=["nothing", "everything"])
def test_the_loop_gives_the_same(world, interventions):
    plan = lay_out(world, scheme(*interventions), KNOWN) if interventions else nothing(world)
    course, draws = Course.of(world), range(3)
    ended = simulate(world, [plan], KNOWN, 7, draws, course)[0].people
    chance = noise(world, 7, draws, len(KNOWN.kinds))
    looped = Looped(world, plan, course, quantities(world, course, KNOWN, chance), chance)
    for b in draws:
        people = looped.draw(b)
        for name in ("level", "cases", "quota"):
            expected = [getattr(one, name) for one in people]
            np.testing.assert_allclose(getattr(ended, name)[b], expected, rtol=2e-4, err_msg=name)
        assert (ended.fails[b] == [one.fails for one in people]).mean() > 0.99


def test_blocks_do_not_matter():
    world = small()
    plans = [nothing(world), lay_out(world, scheme(*EVERYTHING), KNOWN)]
    whole = simulate(world, plans, KNOWN, 3, range(10))
    for draw in (0, 4, 9):
        alone = simulate(world, plans, KNOWN, 3, range(draw, draw + 1))
        for one, other in zip(whole, alone, strict=True):
            for part, single in zip(one.people, other.people, strict=True):
                assert (part[draw] == single[0]).all()
            assert one.waiting[draw] == other.waiting[0]


def test_another_seed_is_another_chance():
    world = small()
    one, other = (simulate(world, [nothing(world)], KNOWN, seed, range(2))[0].people for seed in (1, 2))
    assert not (one.level == other.level).any()
    assert not (one.level[0] == one.level[1]).any()


def test_schemes_that_do_the_same_end_the_same():
    world = small()
    plan = lay_out(world, scheme(*EVERYTHING), KNOWN)
    one, other = simulate(world, [plan, plan], KNOWN, 1, range(4))
    assert (one.people.level == other.people.level).all()


@pytest.mark.parametrize("rate", [0.03, 0.5, 2.5, 12.0, 40.0])
def test_counts_are_poisson(rate):
    number = int(classes(np.array([rate], np.float32))[0])
    grid = rate_of(number)
    assert grid == pytest.approx(rate, rel=0.022)
    drawn = counts().reshape(-1, LEVELS)[number].astype(float)
    assert drawn.mean() == pytest.approx(grid, rel=0.02, abs=0.003)
    assert drawn.var() == pytest.approx(grid, rel=0.06)


def test_no_cases_where_nobody_comes():
    world = replace(small(), arrivals=np.zeros_like(small().arrivals))
    assert (simulate(world, [nothing(world)], KNOWN, 1, range(2))[0].people.cases == 0).all()


def test_more_practice_and_feedback_teach_more():
    world = small()
    plans = [
        nothing(world),
        lay_out(world, scheme(act("case-mix-supplement", 2.0, 20)), KNOWN),
        lay_out(world, scheme(act("resource-tilt", 20.0, 20, target={"department": "心内科"})), KNOWN),
    ]
    now, cases, teachers = (one.people.level.mean() for one in simulate(world, plans, KNOWN, 1, range(20)))
    assert cases > now
    assert teachers > now


def test_shared_teachers_couple_trainees():
    """Who is not supervised more gets less feedback where the teachers' hours are all used."""
    world = small()
    plan = lay_out(world, scheme(act("reinforced-supervision", 0.3, 20)), KNOWN)
    now, then = (one.people.level.mean(axis=0) for one in simulate(world, [nothing(world), plan], KNOWN, 1, range(20)))
    taking_part = np.isin(np.arange(world.size), plan.doings[0].members)
    assert (then - now)[taking_part].mean() > 0
    assert (then - now)[~taking_part].mean() < 0


def test_who_is_away_forgets():
    world = small()
    away = replace(world, schedule=np.full_like(world.schedule, -1), level_sd=np.zeros_like(world.level_sd))
    ended = simulate(away, [nothing(away)], KNOWN, 1, range(2))[0].people.level
    # The mean practice under which the pace was learnt is that of the world with a schedule.
    course = Course.of(world)
    ended = simulate(away, [nothing(away)], KNOWN, 1, range(2), course)[0].people.level
    assert (ended <= away.level + 1e-6).all()
    assert ended.mean() < away.level.mean() - 0.01


def test_half_a_course_has_half_the_effect_and_two_have_no_more():
    world = replace(small(), simulators=1e6, faculty=small().faculty * np.float32(100))
    full = KNOWN.kinds["simulation-training"].dose.default
    plans = [nothing(world)] + [
        lay_out(world, scheme(act("simulation-training", dose, 1)), KNOWN) for dose in (full / 2, full, 2 * full)
    ]
    still = replace(world, pace=np.full_like(world.pace, -20), level=np.full_like(world.level, 3))
    now, *then = (one.people.level for one in simulate(still, plans, KNOWN, 1, range(40)))
    who = plans[1].doings[0].members
    half, whole, twice = ((one - now)[:, who].mean() for one in then)
    assert half == pytest.approx(whole / 2, rel=0.05)
    assert twice == pytest.approx(whole, rel=0.02)
