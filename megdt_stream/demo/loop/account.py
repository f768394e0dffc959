"""The account on the truth: the same hospital with what was carried out, without it, and with it dealt out by lot.

Nothing here is estimated: all three have the same people, the same chance and the same curves. Levels count for
every competency of every trainee alike, at one moment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from megdt_stream.synth.people import TOP_LEVEL, Trainee

Levels = NDArray[np.float64]
"""(trainees, competencies)."""

Gain = Callable[[int, str, int, float], float]
"""What a trainee (index) would gain (levels) by a kind in a round (from 0) when SDs of levels are so many levels."""

LOTS: Final = 200


class Hospital(NamedTuple):
    """True levels at the end: their mean, the share on target, how many miss it, and trainees who miss any.

    Numbers over lots are means, so they need not be whole.
    """

    mean_level: float
    on_target: float
    missed: float
    trainees_missing: float


class Given(NamedTuple):
    """What a round gave away: kinds as carried out, trainees (index) who were considered, and the SD of levels."""

    kinds: tuple[str, ...]
    considered: tuple[int, ...]
    outcome_sd: float


def levels(trainees: Sequence[Trainee], at: int) -> Levels:
    """Give true levels at a moment (ms)."""
    return np.array([[one.level(name, at) for name in one.curves] for one in trainees])


def hospital(found: Levels, wanted: float) -> Hospital:
    """Count."""
    below = found < wanted
    return Hospital(float(found.mean()), float(1 - below.mean()), float(below.sum()), float(below.any(axis=1).sum()))


def by_lot(
    without: Levels, wanted: float, rounds: Sequence[Given], gain: Gain, among: str, seed: int, lots: int = LOTS
) -> Hospital:
    """Give what the same interventions would have led to, dealt out by lot in the same rounds; the mean over lots.

    `among` is `considered`, those whom the round had before it, or `all` trainees.
    """
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(lots):
        gained = np.zeros(len(without))
        for number, given in enumerate(rounds):
            pool = np.array(given.considered if among == "considered" else range(len(without)), dtype=int)
            drawn = rng.choice(pool, size=len(given.kinds), replace=False)
            for index, kind in zip(map(int, drawn), given.kinds, strict=True):
                gained[index] += gain(index, kind, number, given.outcome_sd)
        found.append(hospital(np.minimum(TOP_LEVEL, without + gained[:, None]), wanted))
    return Hospital(*(float(value) for value in np.mean(found, axis=0)))
