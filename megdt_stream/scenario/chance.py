"""Chance of a rehearsal: one generator for each draw, the same for all schemes, and counts by inversion of a table.

A draw's numbers depend on seed and draw alone: neither on how draws are put into blocks nor on who computes them.
"""

from __future__ import annotations

from functools import lru_cache
from math import exp
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from megdt_stream.scenario.world import Floats, World

LEVELS: Final = 1024
"""Values that a uniform takes for a count: its top ten bits, each standing for the middle of its step."""
_SHIFT: Final = 6
_LEAST: Final = 0.02
_MOST: Final = 60.0
_CLASSES: Final = 192
"""Rates are rounded on a geometric grid, by at most 2.1 %; below the least none comes."""
_STEP: Final = float(np.log(_MOST / _LEAST)) / (_CLASSES - 2)


class Noise(NamedTuple):
    """What chance gives to b draws; one row each. Standard normal where it is not said otherwise.

    `uniforms` (b, W, n) of 0 to 1023 for counts of cases; `queue` (b, W); `level` and `pace` (b, n); `fails` (b, n)
    uniform on [0, 1); `arrivals` and `faculty` (b, D); `shared` (b, len(SHARED)) and `effects` (b, kinds).
    """

    uniforms: NDArray[np.uint16]
    queue: Floats
    level: Floats
    pace: Floats
    fails: Floats
    arrivals: Floats
    faculty: Floats
    shared: Floats
    effects: Floats


SHARED: Final = ("practice", "feedback", "forgetting", "pace", "risk_at_target", "risk_slope", "cohort")
"""What is the same for all trainees of a draw."""


def noise(world: World, seed: int, draws: range, kinds: int) -> Noise:
    """Draw what chance gives to these draws. Equal seed and draw give equal rows, whatever is drawn beside them."""
    rows = [_row(world, seed, draw, kinds) for draw in draws]
    return Noise(*(np.stack(parts) for parts in zip(*rows, strict=True)))


def _row(world: World, seed: int, draw: int, kinds: int) -> Noise:
    source = np.random.SFC64(np.random.SeedSequence((seed, draw)))
    chance = np.random.Generator(source)
    n, weeks, places = world.size, world.weeks, len(world.departments)

    def normal(*shape: int) -> Floats:
        return chance.standard_normal(shape, dtype=np.float32)

    parts = (normal(weeks), normal(n), normal(n), chance.random(n, dtype=np.float32))
    rest = (normal(places), normal(places), normal(len(SHARED)), normal(kinds))
    words = source.random_raw(-(-n * weeks // 4)).view(np.uint16)[: n * weeks] >> np.uint16(_SHIFT)
    return Noise(words.reshape(weeks, n), *parts, *rest)


@lru_cache(maxsize=1)
def counts() -> NDArray[np.uint8]:
    """Give the count for each class of rate and each uniform, flat, shape (_CLASSES * LEVELS).

    The Poisson distribution by inversion (Devroye L. Non-Uniform Random Variate Generation, 1986, ch. X.3.3): equal
    uniforms give counts that rise with the rate, so schemes differ by what they do and not by chance.
    """
    table = np.zeros((_CLASSES, LEVELS), np.uint8)
    middle = (np.arange(LEVELS) + 0.5) / LEVELS
    for number in range(1, _CLASSES):
        table[number] = np.searchsorted(_cumulated(rate_of(number)), middle, side="left")
    return table.ravel()


def rate_of(number: int) -> float:
    """Give the rate that a class stands for."""
    return 0.0 if number == 0 else _LEAST * exp((number - 1) * _STEP)


def classes(rates: Floats) -> NDArray[np.int32]:
    """Give the class of each rate, 0 for those below the least."""
    with np.errstate(divide="ignore"):
        steps = np.log(rates / np.float32(_LEAST)) * np.float32(1 / _STEP)
    found = np.where(rates < _LEAST, -1.0, np.rint(np.clip(steps, 0, _CLASSES - 2)))
    return (found + 1).astype(np.int32)


def _cumulated(rate: float) -> NDArray[np.float64]:
    mass, total, found = exp(-rate), 0.0, []
    for count in range(256):
        total += mass
        found.append(total)
        mass *= rate / (count + 1)
    return np.array(found)
