"""How far rehearsals may be trusted, where the truth is known.

Two questions, both without a server. *Back-test*: a synthetic hospital is mirrored up to a day, rehearsed from there,
and held against the true levels at its end: coverage and CRPS beside persistence and the mean. The hospital and the
simulator share no code. *Effects*: a simulated world has true quantities that the rehearsal knows only as far as its
seeds do; each counterfactual is known: bias and coverage of what is told of a scheme.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from megdt_stream.driver import Driver
from megdt_stream.evaluate.scores import covered, crps_of_draws, crps_of_normal
from megdt_stream.evidence.times import DAY_MS
from megdt_stream.scenario.dynamics import BLOCK, Course, simulate
from megdt_stream.scenario.interventions import Interventions
from megdt_stream.scenario.plan import Plan, lay_out, nothing
from megdt_stream.scenario.reading import Twins, world
from megdt_stream.scenario.scheme import parse
from megdt_stream.scenario.synthetic import synthetic_world
from megdt_stream.scenario.world import FLOOR, TOP, World
from megdt_stream.seed_files import load_estimation, load_interventions, load_norms, load_reference, load_rule
from megdt_stream.synth import HospitalPlan, generate

Progress = Callable[[str], None]
_CUT_DAYS: Final = 200
_DRAWS: Final = 100
_DIGITS: Final = 4
_SCHEMES: Final[dict[str, dict[str, Any]]] = {
    "simulation": {"kind": "simulation-training", "target": {"weakest": 0.1}, "dose": 4.0, "weeks": 20},
    "supervision": {"kind": "reinforced-supervision", "target": {"weakest": 0.1}, "dose": 0.3, "weeks": 40},
    "cases": {"kind": "case-mix-supplement", "target": {"weakest": 0.2}, "dose": 1.5, "weeks": 40},
    "teachers": {"kind": "resource-tilt", "target": {"department": "心内科"}, "dose": 10.0, "weeks": 40},
}


class Compared(NamedTuple):
    """Predicted levels in each draw (b, n), the level at the start with its SD (n,), and the true one at the end."""

    draws: NDArray[np.float64]
    start: NDArray[np.float64]
    start_sd: NDArray[np.float64]
    truth: NDArray[np.float64]


def evaluate(seeds: int, progress: Progress, trainees: int = 120, worlds: int = 200) -> dict[str, Any]:
    """Run both: `seeds` hospitals of so many trainees, and `worlds` simulated worlds. Raises ValueError below one."""
    if seeds < 1 or worlds < 1:
        raise ValueError("seeds and worlds must be at least 1")
    known = load_interventions()
    found = []
    for seed in range(seeds):
        progress(f"back-test: hospital {seed + 1} of {seeds}")
        found.append(back_test(HospitalPlan(seed=seed + 1, trainees=trainees), known))
    return {"backtest": scores(found), "effects": effects(known, worlds, progress)}


# --- back-test ---


def back_test(plan: HospitalPlan, known: Interventions, cut_days: int = _CUT_DAYS) -> Compared:
    """Mirror a hospital up to a day, rehearse going on as now to its end, and give what became of it."""
    hospital, cut = generate(plan), plan.opens + cut_days * DAY_MS
    estimation, driver = load_estimation(), Driver(load_reference(), load_rule())
    for event in hospital.events:
        if event.available > cut:
            break
        driver.push(event.value, event.topic, event.headers, event.available)
    driver.advance(cut)
    views = {name: driver.view(name, estimation) for name in driver.trainees}
    weeks = (plan.days - cut_days) // 7
    start = world(Twins(views, cut), known, estimation, load_norms(), weeks)
    if start is None:
        raise ValueError("nobody is in training at the cut; take a larger or longer hospital")
    truth = hospital.truth.trainees
    # Entered twice and not yet merged: nobody's truth stands under the second name.
    real = np.array([name in truth for name in start.trainees])
    ends = [
        np.mean([one.end for one in truth[name].competencies.values()])
        for name, is_real in zip(start.trainees, real, strict=True)
        if is_real
    ]
    draws = _levels(start, nothing(start), known, plan.seed)[:, real]
    return Compared(draws, start.level[real].astype(float), start.level_sd[real].astype(float), np.array(ends))


def _levels(start: World, plan: Plan, known: Interventions, seed: int) -> NDArray[np.float64]:
    course = Course.of(start)
    parts = [
        simulate(start, [plan], known, seed, range(first, first + BLOCK), course)[0].people.level
        for first in range(0, _DRAWS, BLOCK)
    ]
    return np.concatenate(parts).astype(float)


def scores(found: list[Compared]) -> dict[str, Any]:
    """Score back-tests together: coverage of 80 and 90 % intervals, CRPS, and its ratio to two that know less.

    Persistence keeps each trainee's level of the start with its uncertainty; the mean gives everybody the mean and the
    spread of the levels at the start. Below 1 the rehearsal is better.
    """
    draws, start, start_sd, truth = (np.concatenate(parts, axis=-1) for parts in zip(*found, strict=True))
    own = crps_of_draws(draws, truth)
    persistence = crps_of_normal(start, start_sd, truth)
    mean = np.concatenate([crps_of_normal(one.start.mean(), one.start.std(), one.truth) for one in found])
    return {
        "trainees": len(truth),
        "coverage_80": round(covered(draws, truth, 0.8), _DIGITS),
        "coverage_90": round(covered(draws, truth, 0.9), _DIGITS),
        "bias": round(float((draws.mean(axis=0) - truth).mean()), _DIGITS),
        "rmse": round(float(((draws.mean(axis=0) - truth) ** 2).mean() ** 0.5), _DIGITS),
        "crps": round(float(own.mean()), _DIGITS),
        "crps_ratio_to_persistence": round(float(own.mean() / persistence.mean()), _DIGITS),
        "crps_ratio_to_mean": round(float(own.mean() / mean.mean()), _DIGITS),
    }


# --- effects ---


def effects(known: Interventions, worlds: int, progress: Progress, trainees: int = 60) -> dict[str, Any]:
    """Rehearse schemes on worlds whose true quantities are drawn, and hold the told effects against the true ones.

    The effect is the mean level of those who take part, against going on as now. By scheme: `bias_in_se` (mean error
    over its standard error), `coverage_90` of the told interval, and the mean true effect.
    """
    found: dict[str, list[tuple[float, bool, float]]] = {name: [] for name in _SCHEMES}
    for number in range(worlds):
        if number % 20 == 0:
            progress(f"effects: world {number + 1} of {worlds}")
        told = synthetic_world(known, trainees, 44, seed=1000 + number)
        for name, error in _errors(pair(told, number), told, known, number).items():
            found[name].append(error)
    return {name: _summary(errors) for name, errors in found.items()}


def pair(told: World, seed: int) -> World:
    """Give a world as it truly is: around what the twins tell, as far as they say that they may be off."""
    chance = np.random.default_rng((seed, 77))
    n = told.size
    level = np.clip(told.level + chance.normal(0, 1, n) * told.level_sd, FLOOR, TOP)
    pace = told.pace + chance.normal(0, 1, n) * told.pace_sd
    nought = np.zeros(n, np.float32)
    return replace(told, level=level.astype(np.float32), pace=pace.astype(np.float32), level_sd=nought, pace_sd=nought)


def _errors(truth: World, seen: World, known: Interventions, seed: int) -> dict[str, tuple[float, bool, float]]:
    schemes = {name: parse({"name": name, "interventions": [act]}, known)[0] for name, act in _SCHEMES.items()}
    plans = [nothing(seen), *(lay_out(seen, scheme, known) for scheme in schemes.values())]
    # One draw of the truth: its own effects, its own chance, the same people taking part.
    true = [one.people.level[0] for one in simulate(truth, plans, known, 10_000 + seed, range(1))]
    course = Course.of(seen)
    blocks = [simulate(seen, plans, known, seed, range(at, at + BLOCK), course) for at in range(0, _DRAWS, BLOCK)]
    found = {}
    for number, (name, plan) in enumerate(zip(schemes, plans[1:], strict=True), 1):
        who = plan.doings[0].members
        told = np.concatenate(
            [(block[number].people.level - block[0].people.level)[:, who].mean(axis=1) for block in blocks]
        )
        effect = float((true[number] - true[0])[who].mean())
        low, high = np.percentile(told, (5, 95))
        found[name] = (float(told.mean()) - effect, bool(low <= effect <= high), effect)
    return found


def _summary(errors: list[tuple[float, bool, float]]) -> dict[str, Any]:
    error = np.array([one[0] for one in errors])
    se = float(error.std(ddof=1)) / len(error) ** 0.5 if len(error) > 1 else float("nan")
    return {
        "true_effect": round(float(np.mean([one[2] for one in errors])), _DIGITS),
        "bias": round(float(error.mean()), _DIGITS),
        "bias_in_se": round(float(error.mean()) / se, 2) if se > 0 else None,
        "coverage_90": round(float(np.mean([one[1] for one in errors])), _DIGITS),
        "worlds": len(errors),
    }
