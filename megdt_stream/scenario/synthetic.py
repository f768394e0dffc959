"""Worlds that nobody lives in: for trying schemes, for benchmarks, and where the truth has to be known."""

from __future__ import annotations

from typing import Final

import numpy as np

from megdt_stream.scenario.interventions import Interventions
from megdt_stream.scenario.world import AWAY, Floats, World, physics

_STAY: Final = 8
"""Weeks of a rotation."""
_BASE: Final = 25
_NAMES: Final = ("心内科", "呼吸内科", "消化内科", "神经内科", "普通外科", "骨科", "儿科", "妇产科", "急诊科", "麻醉科")
_HOURS_LIMIT: Final = 80.0


def synthetic_world(known: Interventions, trainees: int, weeks: int = 52, seed: int = 1) -> World:
    """Draw a teaching hospital; equal arguments give equal worlds. A department for each 40 trainees, at least six."""
    chance = np.random.default_rng((seed, trainees))
    places = max(6, trainees // 40)
    year = chance.integers(1, 4, trainees)
    level = np.clip(1.9 + 0.5 * year + chance.normal(0, 0.45, trainees), 1, 4.8)
    schedule = _schedule(chance, trainees, weeks, places)
    heads = max(trainees / places, 1.0)
    supply = heads * 2.5 * np.exp(chance.normal(0, 0.35, places))
    season = 1 + 0.15 * np.sin(2 * np.pi * (np.arange(weeks)[None] / 52 + chance.random((places, 1))))
    arrivals = (supply[:, None] * season).astype(np.float32)
    count = max(1, trainees // _BASE)
    base = np.arange(trainees) % count
    use = 0.08 * trainees
    return World(
        snapshot=f"synthetic-{trainees}-{weeks}-{seed}",
        begins=0,
        trainees=tuple(f"syn.t{number + 1:06d}" for number in range(trainees)),
        bases=tuple(f"base-{number + 1:02d}" for number in range(count)),
        groups=("year-1", "year-2", "year-3"),
        departments=tuple(_name(number) for number in range(places)),
        base=base.astype(np.int64),
        group=(year - 1).astype(np.int64),
        level=level.astype(np.float32),
        level_sd=np.full(trainees, 0.2, np.float32),
        pace=(np.log(0.28) + chance.normal(0, 0.3, trainees)).astype(np.float32),
        pace_sd=np.full(trainees, 0.3, np.float32),
        wanted=(1.9 + 0.5 * (year + weeks / 52)).astype(np.float32),
        schedule=schedule,
        need=_need(schedule, places),
        arrivals=arrivals,
        arrivals_sd=np.full(places, 0.1, np.float32),
        slots=(supply * 1.4).astype(np.float32),
        faculty=(heads * 0.7 * np.exp(chance.normal(0, 0.2, places))).astype(np.float32),
        simulators=use * 1.6,
        simulator_use=use,
        physics=physics(known, _HOURS_LIMIT),
    )


def _name(number: int) -> str:
    name = _NAMES[number % len(_NAMES)]
    return name if number < len(_NAMES) else f"{name}{number // len(_NAMES) + 1}"


def _schedule(chance: np.random.Generator, trainees: int, weeks: int, places: int) -> np.ndarray:
    """Send everybody round the departments from one of their own, with two weeks away."""
    first = np.arange(trainees)[:, None] % places
    shift = chance.integers(0, _STAY, (trainees, 1))
    stay = (np.arange(weeks)[None] + shift) // _STAY
    schedule = ((first + stay) % places).astype(np.int16)
    away = chance.integers(0, max(weeks - 1, 1), trainees)
    for offset in range(min(2, weeks)):
        schedule[np.arange(trainees), np.minimum(away + offset, weeks - 1)] = AWAY
    return schedule


def _need(schedule: np.ndarray, places: int) -> Floats:
    """Ask for two cases a week in each department of the schedule."""
    need = np.zeros((len(schedule), places), np.float32)
    for place in range(places):
        need[:, place] = 2.0 * (schedule == place).sum(axis=1)
    return need
