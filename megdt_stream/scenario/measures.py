"""What is read off the draws of a plan: measures, equity, and what is different from going on as now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from megdt_stream.scenario.dynamics import Ended
from megdt_stream.scenario.world import World

Draws = NDArray[np.float64]
"""A figure in each draw."""

SMALLEST: Final = 10
"""Groups of fewer are not told apart: a figure of theirs would be one of persons."""

MEASURES: Final = MappingProxyType(
    {
        "level": "mean level at the end",
        "on_target": "share at or above the target at the end",
        "quota": "share of the needed cases that is reached",
        "below_quota": "share of trainees who miss some minimum",
        "failures": "trainees who are predicted to fail",
        "hours": "mean weekly hours of duty",
        "at_limit": "share of weeks in which the limit of hours turned cases away",
        "waiting": "mean weeks of waiting for a simulator",
    }
)
"""What is told of a scheme, by the name in its output."""


@dataclass(frozen=True)
class Told:
    """What a plan's draws tell: by measure a figure in each draw, and by group of trainees the share on target.

    `drivers` is what differed between the draws for all alike.
    """

    measures: dict[str, Draws]
    exposure_ratio: Draws
    groups: dict[str, Draws]
    drivers: dict[str, Draws]


def told(world: World, ended: Ended) -> Told:
    """Condense a block of draws; the people are not needed after that."""
    people = ended.people
    on_target = people.level >= world.wanted
    measures = {
        "level": people.level.mean(axis=1, dtype=np.float64),
        "on_target": on_target.mean(axis=1),
        "quota": people.quota.mean(axis=1, dtype=np.float64),
        "below_quota": (people.quota < 1 - 1e-6).mean(axis=1),
        "failures": people.fails.sum(axis=1).astype(np.float64),
        "hours": ended.hours.astype(np.float64),
        "at_limit": ended.at_limit.astype(np.float64),
        "waiting": ended.waiting.astype(np.float64),
    }
    drivers = {name: values.astype(np.float64) for name, values in ended.drivers.items()}
    return Told(measures, _ratio(people.cases), _groups(world, on_target), drivers)


def joined(parts: Sequence[Told]) -> Told:
    """Put blocks together, in their order."""
    return Told(
        {name: np.concatenate([part.measures[name] for part in parts]) for name in MEASURES},
        np.concatenate([part.exposure_ratio for part in parts]),
        {name: np.concatenate([part.groups[name] for part in parts]) for name in parts[0].groups},
        {name: np.concatenate([part.drivers[name] for part in parts]) for name in parts[0].drivers},
    )


def _ratio(cases: NDArray[np.float32]) -> Draws:
    """Give P90:P10 of cases over trainees; with fewer than `SMALLEST` nothing is told."""
    if cases.shape[1] < SMALLEST:
        return np.full(len(cases), np.nan)
    low, high = np.percentile(cases, (10, 90), axis=1)
    return np.asarray(high / np.maximum(low, 1), np.float64)


def _groups(world: World, on_target: NDArray[np.bool_]) -> dict[str, Draws]:
    sizes = np.bincount(world.group, minlength=len(world.groups))
    return {
        name: on_target[:, world.group == number].mean(axis=1)
        for number, name in enumerate(world.groups)
        if sizes[number] >= SMALLEST
    }
