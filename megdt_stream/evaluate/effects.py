"""How good estimates of effects are on tables whose truth is known, beside simpler ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from megdt_stream.evaluate.look_alikes import TABLES, Drawn
from megdt_stream.governance.effects.observed import Z95, estimate

_DIGITS: Final = 4


def evaluate(
    seeds: int, progress: Callable[[str], None], tables: Mapping[str, Callable[[int], Drawn]] = TABLES
) -> dict[str, dict[str, float]]:
    """Estimate `seeds` tables of each kind.

    Gives by kind the mean `truth`, `bias` and `rmse` of the estimate, the mean standard error `se`, the share of
    intervals that cover (`coverage_95`), and the bias of the plain difference and of least squares with all covariates.
    """
    found = {}
    for name, draw in tables.items():
        rows = []
        for seed in range(seeds):
            progress(f"{name}: {seed + 1} of {seeds}")
            one = draw(seed)
            got = estimate(one.covariates, one.treated, one.outcome)
            rows.append((got.estimate, got.se, one.truth, got.naive, least_squares(one)))
        value, se, truth, naive, plain = np.array(rows).T
        error = value - truth
        found[name] = {
            "truth": _round(truth.mean()),
            "bias": _round(error.mean()),
            "rmse": _round(np.sqrt((error**2).mean())),
            "se": _round(se.mean()),
            "coverage_95": _round((abs(error) <= Z95 * se).mean()),
            "bias_naive": _round((naive - truth).mean()),
            "bias_least_squares": _round((plain - truth).mean()),
        }
    return found


def least_squares(table: Drawn) -> float:
    """Give the coefficient of treatment in a regression on it and all covariates as they are."""
    design = np.column_stack((table.treated, np.ones(len(table.treated)), table.covariates))
    return float(np.linalg.lstsq(design, table.outcome, rcond=None)[0][0])


def _round(value: float) -> float:
    return round(float(value), _DIGITS)
