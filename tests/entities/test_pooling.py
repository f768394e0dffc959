"""Partial pooling: intervals cover, small bases are shrunk more, and too little is said to be too little."""

import random
from math import sqrt
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.twin.entities.intervals import of_sd
from megdt_stream.twin.entities.pooling import Observation, base_effects

Z80 = NormalDist().inv_cdf(0.9)


def known(_rater):
    return 0.0


def hospital(chance, sd, severity_sd=0.0, bases=10, size=12):
    """Draw bases, assessors of their own and trainees of three cohorts that differ much."""
    effects = [chance.gauss(0, sd) for _ in range(bases)]
    found = []
    for base, effect in enumerate(effects):
        raters = {f"{base}-{number}": chance.gauss(0, severity_sd) for number in range(4)}
        for _ in range(size):
            cohort = chance.randrange(3)
            seen = chance.sample(sorted(raters), 2)
            level = 2 + 0.5 * cohort + effect + chance.gauss(0, 0.4) + sum(raters[one] for one in seen) / 2
            found.append(Observation(level, f"{base:02d}", str(cohort), dict.fromkeys(seen, 0.5)))
    return effects, found


def covered(sd, severity_sd, rounds=60):
    chance = random.Random(5)
    inside = of = 0
    for _ in range(rounds):
        effects, found = hospital(chance, sd, severity_sd)
        told = base_effects(found, lambda _rater: severity_sd**2)
        for (_, effect), true in zip(sorted(told.items()), effects, strict=True):
            inside += abs(effect.mean - true) <= Z80 * effect.sd
            of += 1
    return inside / of


@pytest.mark.parametrize(("sd", "severity_sd"), [(0.15, 0.0), (0.4, 0.0), (0.15, 0.45)])
def test_80_percent_intervals_cover(sd, severity_sd):
    """600 bases: the standard error of the share is 1.6 %, more where bases of a round share an error."""
    assert 0.75 <= covered(sd, severity_sd) <= 0.88


def test_without_differences_intervals_are_not_empty():
    """An estimate of zero between bases would claim that all are equal for certain."""
    _, found = hospital(random.Random(1), 0.0)
    told = base_effects(found, known).values()
    assert all(abs(one.mean) < 0.2 for one in told)
    assert all(0.02 < one.sd < 0.3 for one in told)


def test_effects_are_shrunk_and_small_bases_more():
    chance = random.Random(3)
    found = [
        Observation(3 + chance.gauss(0, 0.4) + (base == 0), f"{base}", "x") for base in range(6) for _ in range(20)
    ]
    few = [Observation(4 + 0.1 * number, "few", "x") for number in (-1, 0, 1)]
    told = base_effects([*found, *few], known)
    assert 0.6 < told["0"].mean < 1.0
    assert 0 < told["few"].mean < told["0"].mean
    assert told["few"].sd > told["0"].sd


def test_what_is_left_of_severities_widens_intervals_and_shrinks():
    _, found = hospital(random.Random(2), 0.3)
    sure, unsure = base_effects(found, known), base_effects(found, lambda _rater: 0.25)
    assert all(unsure[base].sd > sure[base].sd for base in sure)
    assert sum(abs(one.mean) for one in unsure.values()) < sum(abs(one.mean) for one in sure.values())


shares = st.sampled_from([{}, {"k1.t": 1.0}, {"k1.t": 0.5, "k1.u": 0.5}])
observed = st.builds(Observation, st.floats(1, 5), st.sampled_from("abc"), st.sampled_from("xy"), shares)


@given(st.lists(observed, max_size=40))
def test_it_takes_anything_and_depends_on_no_order(found):
    told, again = base_effects(found, known), base_effects(found[::-1], known)
    assert told.keys() == again.keys()
    for base, one in told.items():
        assert again[base].mean == pytest.approx(one.mean, abs=1e-6)
        assert one.sd >= 0


def test_bases_that_share_no_peers_are_not_compared():
    found = [Observation(3 + 0.1 * number, base, base) for base in "ab" for number in range(20)]
    assert base_effects(found, known) == {}


def test_the_interval_of_a_standard_deviation_covers():
    chance, inside = random.Random(4), 0
    for _ in range(2000):
        values = [chance.gauss(0, 1) for _ in range(12)]
        mean = sum(values) / 12
        low, high = of_sd(sqrt(sum((value - mean) ** 2 for value in values) / 11), 11, Z80)
        inside += low <= 1 <= high
    assert inside / 2000 == pytest.approx(0.8, abs=0.03)
