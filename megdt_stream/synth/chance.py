"""Units of time and seeded chance.

Every person and every purpose has a generator of its own, seeded by name: a knob that adds draws in one place
does not reshuffle the rest of the hospital.
"""

from __future__ import annotations

import math
from random import Random
from typing import Final

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
WEEK: Final = 7 * DAY
YEAR: Final = 365 * DAY


def generator(seed: int, *purpose: object) -> Random:
    """Give the generator of a purpose, such as `("trainee", 12)`."""
    return Random("/".join(str(part) for part in (seed, *purpose)))


def poisson(rng: Random, mean: float) -> int:
    """Draw a count by multiplying uniforms (Knuth, TAOCP 2, 3.4.1); meant for means below about 50."""
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


def delay(rng: Random, median: float, spread: float = 0.9) -> int:
    """Draw a log-normal delay in ms, at least a minute; `spread` is the SD of its logarithm."""
    return max(MINUTE, int(median * math.exp(spread * rng.gauss(0.0, 1.0))))


def wait(rng: Random, mean: float) -> int:
    """Draw an exponential waiting time in ms, at least a minute."""
    return MINUTE + int(rng.expovariate(1.0 / mean))


def logistic(x: float) -> float:
    """Map the real line to (0, 1)."""
    return 1.0 / (1.0 + math.exp(-x))
