"""How good trainees' estimates are on populations whose truth is known: coverage, and error beside oracle and z-score.

The learner sees scores in time order. After everybody's 5th, 10th, 20th and 40th score the components are learnt anew
from what has come so far, all raters are solved jointly, and each trainee is estimated; nothing of the truth is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Final

import numpy as np

from megdt_stream.calibration.blocks import as_snapshot, solve
from megdt_stream.calibration.blocks_components import learn
from megdt_stream.calibration.blocks_messages import arrange
from megdt_stream.calibration.components import PairMoments
from megdt_stream.evaluate.oracle import joint_blup, rater_z
from megdt_stream.evaluate.population import (
    BASES,
    SCORES,
    SETTINGS,
    Array,
    Population,
    Setting,
    draw,
    rater_name,
    trainee_name,
)
from megdt_stream.evaluate.residency import twin_sizes
from megdt_stream.twin.estimate import Components, Snapshot, estimate

COUNTS: Final = (5, 10, 20, 40)
COVERAGES: Final = (0.80, 0.95)
_COMPETENCY: Final = "simulated"
_DIGITS: Final = 4


@dataclass(frozen=True)
class Trial:
    """One population's results: errors by count and method, shape (4, 3, t); standardised errors, shape (4, t).

    Methods are the estimate, the oracle and the per-rater z-score. `severity` is the correlation of estimated with true
    severity after all scores.
    """

    errors: Array
    standardised: Array
    severity: float


def evaluate(seeds: int, progress: Callable[[str], None], bases: int = BASES) -> dict[str, Any]:
    """Run every setting on `seeds` populations and measure the size of twins.

    Takes about 16 s a seed on one core, and 17 s for the twins. Gives per setting `coverage_80` and `coverage_95` (with
    `_se`, their Monte Carlo standard errors), by count the ratios of RMSE to the oracle's and to the z-score's, pooled
    over seeds (with `_log_se`, the standard error of the mean logarithm of the ratio paired over seeds, None for
    one seed), `severity_correlation_ratio`, and `trainees`; and the sizes as `twin_sizes` does.

    Raises:
        ValueError: `seeds` is below one.
    """
    if seeds < 1:
        raise ValueError("seeds must be at least 1")
    settings = {}
    for number, (name, setting) in enumerate(SETTINGS.items()):
        trials = []
        for seed in range(seeds):
            progress(f"{name}: population {seed + 1} of {seeds}")
            trials.append(trial(draw(setting, seed * len(SETTINGS) + number, bases)))
        settings[name] = _summary(setting, trials)
    progress("twins after a three-year residency")
    return {"settings": settings, **twin_sizes()}


def trial(population: Population) -> Trial:
    """Let the learner see a population's scores in time order and estimate everybody at each count."""
    moments, seen, errors, standardised = PairMoments(), 0, [], []
    components: Components | None = None
    for count in COUNTS:
        for rater, trainee, score in population.observed(seen, count):
            moments.add(rater, trainee, score)
        seen = count
        cells = population.cells(count)
        ratings = arrange(cells)
        components = learn(ratings, components or moments.variance())
        version = f"after {count}"
        known = as_snapshot(ratings, solve(ratings, components), components, version, _COMPETENCY)
        found = [estimate(cells[name], known, name) for name in map(trainee_name, range(population.trainees))]
        levels = np.array([one.level for one in found])
        standardised.append((levels - population.levels) / [one.sd for one in found])
        predicted = (levels, joint_blup(population, count), rater_z(population, count))
        errors.append([one - population.levels for one in predicted])
    return Trial(np.array(errors), np.array(standardised), _severity_correlation(population, known))


def _severity_correlation(population: Population, known: Snapshot) -> float:
    estimated = [known.severity(rater_name(number))[0] for number in range(len(population.shifts))]
    return float(np.corrcoef(estimated, -population.shifts)[0, 1])


def _summary(setting: Setting, trials: list[Trial]) -> dict[str, Any]:
    squares = np.array([(one.errors**2).sum(axis=2) for one in trials])
    attainable = (setting.rater / (setting.rater + setting.residual / SCORES)) ** 0.5
    severity = float(np.mean([one.severity for one in trials])) / attainable
    return {
        **_coverages(np.concatenate([one.standardised for one in trials], axis=1)),
        **_ratios("rmse_ratio_to_oracle", squares[:, :, 0], squares[:, :, 1]),
        **_ratios("rmse_ratio_to_rater_z", squares[:, :, 0], squares[:, :, 2]),
        "severity_correlation_ratio": round(severity, _DIGITS),
        "trainees": sum(one.errors.shape[2] for one in trials),
    }


def _coverages(standardised: Array) -> Mapping[str, float]:
    """Give coverages over counts and trainees; a trainee's counts are not independent, so errors are by trainee."""
    found = {}
    for coverage in COVERAGES:
        z = NormalDist().inv_cdf(0.5 + coverage / 2)
        share = (abs(standardised) <= z).mean(axis=0)
        name = f"coverage_{100 * coverage:.0f}"
        found[name] = round(float(share.mean()), _DIGITS)
        found[f"{name}_se"] = round(float(share.std(ddof=1)) / len(share) ** 0.5, _DIGITS)
    return found


def _ratios(name: str, own: Array, other: Array) -> Mapping[str, dict[str, float | None]]:
    """Give ratios of RMSE by count from sums of squared errors, shape (seeds, 4) each."""
    pooled = np.sqrt(own.sum(axis=0) / other.sum(axis=0))
    logs = np.log(own / other) / 2
    seeds = len(logs)
    errors = logs.std(axis=0, ddof=1) / seeds**0.5 if seeds > 1 else [None] * len(COUNTS)
    counts = [str(count) for count in COUNTS]
    return {
        name: dict(zip(counts, (round(float(x), _DIGITS) for x in pooled), strict=True)),
        f"{name}_log_se": {
            count: None if x is None else round(float(x), _DIGITS) for count, x in zip(counts, errors, strict=True)
        },
    }
