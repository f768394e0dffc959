"""How good learning from decisions is, and what deciding by what was learnt gains, where the truth is known."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from megdt_stream.evaluate.year import benefit, decide, draw, oracle, true_effect
from megdt_stream.governance.effects.basis import Array
from megdt_stream.governance.effects.combining import EffectPrior, Evidence, combine
from megdt_stream.governance.effects.logged import Log, learn, learn_given, uplift

CAPACITY: Final = 0.2
"""Share of a year's candidates that can be offered something."""

WRONG: Final = (2.0, 0.5)
"""By what the priors are wrong: twice and half the true effect."""

PREDICTION: Final = 0.56
"""SD of prediction as a share of the prior's mean: that of the narrowest shipped prior (feedback, 0.39 of 0.70)."""

_NULLS: Final = 2
_SAY_SECONDS: Final = 2.0
_DIGITS: Final = 4


@dataclass(frozen=True)
class Report:
    """What was found over all seeds; gains are in SDs of the outcome per offer made, `_se` their paired errors."""

    seeds: int
    truth: float
    gains: Array
    errors: Array
    oracle_errors: Array
    ses: Array
    posterior_errors: Array
    naive: Array
    false_benefits: float

    def to_json(self) -> dict[str, float]:
        """Give the figures of `--json`."""
        by_uplift, by_risk, at_random = self.gains.mean(axis=0)
        return {
            "true_gain_uplift": _round(by_uplift),
            "true_gain_risk": _round(by_risk),
            "true_gain_random": _round(at_random),
            "rmse_ratio_to_oracle": _round(_rms(self.errors) / _rms(self.oracle_errors)),
            "bias_in_se": _round(self.errors.mean() / self.ses.mean()),
            "coverage_95": _round((abs(self.errors) <= 1.959964 * self.ses).mean()),
            "posterior_rmse_ratio": _round(max(_rms(one) for one in self.posterior_errors.T) / _rms(self.errors)),
            "false_benefit_rate": _round(self.false_benefits),
        }

    def described(self) -> dict[str, Any]:
        """Give them for people, with what they are beside."""
        figures = self.to_json()
        pre_post, as_treated = self.naive.mean(axis=0) - self.truth
        return {
            "true gain an offer, by uplift": f"{figures['true_gain_uplift']:.3f} SD",
            "by risk": f"{figures['true_gain_risk']:.3f} SD",
            "at random": f"{figures['true_gain_random']:.3f} SD",
            "uplift less risk": self._paired(1),
            "uplift less random": self._paired(2),
            "true effect": f"{self.truth:.3f} SD on those who take it up because of an offer",
            "error to an oracle's": f"{figures['rmse_ratio_to_oracle']:.3f} (at most 1.10)",
            "bias": f"{figures['bias_in_se']:+.3f} standard errors (at most .25)",
            "95 % intervals cover": f"{100 * figures['coverage_95']:.1f} %",
            "with a prior wrong by two": f"{figures['posterior_rmse_ratio']:.3f} of the error without (at most 1.05)",
            "benefit claimed where none is": f"{100 * figures['false_benefit_rate']:.1f} % (at most 5 %)",
            "bias of before and after": f"{pre_post:+.3f} SD",
            "bias of who took it against who did not": f"{as_treated:+.3f} SD",
        }

    def _paired(self, other: int) -> str:
        difference = self.gains[:, 0] - self.gains[:, other]
        error = difference.std(ddof=1) / len(difference) ** 0.5
        return f"{difference.mean():+.3f} +- {error:.3f}, better in {100 * (difference > 0).mean():.0f} %"


def evaluate(seeds: int, progress: Callable[[str], None] = lambda _: None) -> Report:
    """Run `seeds` years with an effect, and twice as many without one.

    Takes about 0.1 s a seed on one core. Raises ValueError below two seeds.
    """
    if seeds < 2:
        raise ValueError("seeds must be at least 2")
    truth, tell = true_effect(), _Telling(progress)
    rows, posteriors, gains, naive = [], [], [], []
    for seed in range(seeds):
        tell(f"{seed:,} of {seeds:,} years")
        rng = np.random.default_rng((1, seed))
        year = draw(rng)
        log = decide(year, rng)
        found = learn(log, seed=seed)
        told = learn_given(log, *oracle(year))
        rows.append((found.effect - truth, told.effect - truth, found.se))
        posteriors.append([_posterior(truth, wrong, found.effect, found.se) - truth for wrong in WRONG])
        naive.append(_naive(log))
        learnt = uplift(log.covariates, found)
        gains.append(_gains(draw(rng), learnt.at, rng))
    claims = [_claims(seed, tell, _NULLS * seeds) for seed in range(_NULLS * seeds)]
    errors, oracles, ses = np.array(rows).T
    return Report(
        seeds,
        truth,
        np.array(gains),
        errors,
        oracles,
        ses,
        np.array(posteriors),
        np.array(naive),
        float(np.mean(claims)),
    )


def _posterior(truth: float, wrong: float, effect: float, se: float) -> float:
    prior = EffectPrior(wrong * truth, PREDICTION * wrong * truth / 2, PREDICTION * wrong * truth, "wrong on purpose")
    return combine(prior, {"site": Evidence(effect, se)}).site.mean


def _gains(year: Any, expected: Callable[[Array], Array], rng: np.random.Generator) -> tuple[float, float, float]:
    """Give the true benefit of an offer when the capacity goes to the largest uplift, the lowest score, or anybody."""
    places = int(CAPACITY * len(year.gain))
    true = benefit(year)
    orders = (-expected(year.covariates), year.without(), rng.random(len(true)))
    by_uplift, by_risk, at_random = (float(true[np.argsort(order)[:places]].mean()) for order in orders)
    return by_uplift, by_risk, at_random


def _naive(log: Log) -> tuple[float, float]:
    """Give what people compute otherwise: before against after, and takers against the rest."""
    took = log.taken == 1
    return (
        float((log.outcome - log.covariates[:, 0])[took].mean()),
        float(log.outcome[took].mean() - log.outcome[~took].mean()),
    )


def _claims(seed: int, tell: Callable[[str], None], of: int) -> bool:
    tell(f"{seed:,} of {of:,} years without an effect")
    rng = np.random.default_rng((2, seed))
    return learn(decide(draw(rng, effect=0.0), rng), seed=seed).interval[0] > 0


class _Telling:
    """Passes on what is said at most every two seconds."""

    def __init__(self, progress: Callable[[str], None]) -> None:
        self._progress, self._last = progress, time.monotonic()

    def __call__(self, text: str) -> None:
        if time.monotonic() - self._last >= _SAY_SECONDS:
            self._last = time.monotonic()
            self._progress(text)


def _rms(errors: Array) -> float:
    return float(np.sqrt((errors**2).mean()))


def _round(value: float) -> float:
    return round(float(value), _DIGITS)
