"""Whether treated and controls can be compared at all, in figures and in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from megdt_stream.governance.effects.basis import Array, Mask

_FEW: Final = 30
_BEYOND: Final = 0.05
_UNEQUAL: Final = 0.1
"""Standardised difference from which a covariate counts as unbalanced (Austin, Stat Med 2009;28:3083)."""

_DIGITS: Final = 4


@dataclass(frozen=True)
class Overlap:
    """How far the groups can be compared.

    `set_aside` rows were unlike anybody in the other group. `effective` is the size of a plain sample of controls that
    would be worth the weighted ones. `beyond` is the share of the treated more likely to be treated than any control.
    `before` and `after` are the largest standardised differences of a covariate, without and with weights.
    """

    verdict: str
    set_aside: int
    compared: int
    effective: float
    beyond: float
    treated: tuple[float, float, float]
    control: tuple[float, float, float]
    before: float
    after: float

    def to_json(self) -> dict[str, Any]:
        """Give it for `--json`; propensities as least, median, most."""
        return {
            "verdict": self.verdict,
            "said": self.said(),
            "set_aside": self.set_aside,
            "controls_compared": self.compared,
            "controls_effective": round(self.effective, 1),
            "treated_beyond_controls": round(self.beyond, _DIGITS),
            "propensity_treated": [round(x, _DIGITS) for x in self.treated],
            "propensity_control": [round(x, _DIGITS) for x in self.control],
            "largest_difference_before": round(self.before, _DIGITS),
            "largest_difference_after": round(self.after, _DIGITS),
        }

    def said(self) -> str:
        """Say it in a sentence or two."""
        first = f"{self.set_aside:,} rows unlike anybody in the other group were set aside; {self.compared:,} controls"
        text = f"{first} are compared, worth {self.effective:,.0f} of a plain sample."
        if self.beyond > _BEYOND:
            text += (
                f" {100 * self.beyond:.0f} % of the treated are likelier to be treated than any control:"
                " for them the estimate is an extrapolation, which the interval does not include."
            )
        if self.after > _UNEQUAL:
            text += f" After weighting a covariate still differs by {self.after:.2f} standard deviations."
        if self.effective < _FEW:
            text += " So few comparable controls carry the estimate that it depends on each of them."
        return text


def describe(columns: Array, t: Array, chance: Array, weights: Array, all_treated: Array, kept: Mask) -> Overlap:
    """Describe rows that were kept (bool over all rows) by covariates (n, k), propensities and weights (n)."""
    one, zero = t == 1, t == 0
    own = weights[zero]
    effective = float(own.sum() ** 2 / (own @ own)) if own.any() else 0.0
    beyond = float((chance[one] > chance[zero].max()).mean())
    target = columns[one].mean(axis=0)
    weight_treated = weights[one] / weights[one].sum() if weights[one].any() else np.full(one.sum(), 1 / one.sum())
    after = _largest(weight_treated @ columns[one] - own @ columns[zero] / own.sum())
    before = _largest(target - columns[zero].mean(axis=0))
    poor = effective < _FEW / 2 or beyond > 4 * _BEYOND or after > 2 * _UNEQUAL
    limited = effective < _FEW or beyond > _BEYOND or after > _UNEQUAL or kept.mean() < 0.5
    verdict = "poor" if poor else "limited" if limited else "good"
    aside = len(all_treated) - int(kept.sum())
    return Overlap(
        verdict, aside, int(zero.sum()), effective, beyond, _spread(chance[one]), _spread(chance[zero]), before, after
    )


def _largest(differences: Array) -> float:
    return float(np.abs(differences).max()) if len(differences) else 0.0


def _spread(chance: Array) -> tuple[float, float, float]:
    return float(chance.min()), float(np.median(chance)), float(chance.max())
