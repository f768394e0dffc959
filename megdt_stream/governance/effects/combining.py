"""External priors and local evidence together: a hierarchy of groups in a site, and a prior that gives way.

The prior of a site's mean effect is a mixture (Schmidli et al., Biometrics 2014;70:1023): most of it the external
estimate as wide as its *prediction* interval, the rest a wide one around no effect. Where evidence contradicts the
external estimate the wide part takes over. Benefits are claimed from evidence alone, never from this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from scipy.special import logsumexp
from scipy.stats import norm

from megdt_stream.governance.effects.basis import Array

TRUST: Final = 0.8
"""Share of the prior that is the external estimate: declared."""

WIDE: Final = 1.0
"""SD of the rest, in SDs of the outcome: effects of education beyond two are not seen (Hattie's largest is 1.6)."""

_BETWEEN: Final = 0.2
"""Scale of the half-normal prior of the SD between groups of a site, in SDs of the outcome: declared."""

_GRID: Final = 24
_DIGITS: Final = 6


@dataclass(frozen=True)
class EffectPrior:
    """An external estimate, in SDs of the outcome: its mean, standard error, SD of prediction, and where it stands."""

    mean: float
    se: float
    prediction_sd: float
    source: str


class Evidence(NamedTuple):
    """A group's own estimate and its standard error, in SDs of the outcome."""

    estimate: float
    se: float


class Posterior(NamedTuple):
    """A mean, an SD, and the central 90 % of a mixture of normals."""

    mean: float
    sd: float
    p05: float
    p95: float

    def to_json(self) -> dict[str, float]:
        """Give it with six decimals."""
        return {name: round(value, _DIGITS) for name, value in self._asdict().items()}


class Combined(NamedTuple):
    """What is believed of the site's mean effect, of each group's, and of a group not seen yet.

    `trust` is how much of the external estimate is left after the evidence; 0 where there was none.
    """

    site: Posterior
    groups: dict[str, Posterior]
    next_group: Posterior
    trust: float

    def to_json(self) -> dict[str, Any]:
        """Give it for a snapshot."""
        return {
            "site": self.site.to_json(),
            "groups": {name: one.to_json() for name, one in sorted(self.groups.items())},
            "next_group": self.next_group.to_json(),
            "trust": round(self.trust, _DIGITS),
        }


def combine(prior: EffectPrior | None, groups: Mapping[str, Evidence]) -> Combined:
    """Combine; without `prior` the wide part stands alone ("local estimate only").

    Exact up to the grid over the SD between groups: given that and the part of the prior everything is normal.
    """
    names = sorted(groups)
    y = np.array([groups[name].estimate for name in names])
    s2 = np.array([groups[name].se ** 2 for name in names])
    parts = [(1.0, 0.0, WIDE)]
    if prior is not None:
        parts = [(TRUST, prior.mean, prior.prediction_sd), (1 - TRUST, 0.0, WIDE)]
    # With one group the spread between groups cannot be told from it and is only that of the next one.
    between = _BETWEEN * norm.ppf(0.5 + 0.5 * (np.arange(_GRID) + 0.5) / _GRID)
    logs, means, variances, taus = [], [], [], []
    for weight, centre, sd in parts:
        for tau in between:
            spread = s2 + (tau**2 if len(y) > 1 else 0.0)
            precision = sd**-2 + (1 / spread).sum()
            mean = (centre / sd**2 + (y / spread).sum()) / precision
            logs.append(np.log(weight) + _evidence(y, spread, centre, sd))
            means.append(mean)
            variances.append(1 / precision)
            taus.append(tau)
    share = np.exp(np.array(logs) - logsumexp(logs))
    m, v, t2 = np.array(means), np.array(variances), np.array(taus) ** 2
    own = {name: _group(share, m, v, t2, y[i], s2[i], len(y)) for i, name in enumerate(names)}
    trust = float(share[:_GRID].sum()) if prior is not None else 0.0
    return Combined(_told(share, m, np.sqrt(v)), own, _told(share, m, np.sqrt(v + t2)), trust)


def _evidence(y: Array, spread: Array, centre: float, sd: float) -> float:
    """Give the log density of estimates whose common mean is N(centre, sd^2)."""
    if not len(y):
        return 0.0
    root = np.linalg.cholesky(np.diag(spread) + sd**2)
    z = np.linalg.solve(root, y - centre)
    return float(-0.5 * z @ z - np.log(np.diag(root)).sum())


def _group(share: Array, m: Array, v: Array, t2: Array, y: float, s2: float, groups: int) -> Posterior:
    """Give a group's effect: its own estimate shrunk to the site's mean, whose error it carries."""
    if groups == 1:
        return _told(share, m, np.sqrt(v))
    pull = s2 / (s2 + t2)
    return _told(share, pull * m + (1 - pull) * y, np.sqrt(pull**2 * v + pull * t2))


def _told(share: Array, means: Array, sds: Array) -> Posterior:
    mean = float(share @ means)
    sd = float(np.sqrt(share @ (sds**2 + means**2) - mean**2))
    return Posterior(mean, sd, _quantile(share, means, sds, 0.05), _quantile(share, means, sds, 0.95))


def _quantile(share: Array, means: Array, sds: Array, level: float) -> float:
    """Find a quantile of a mixture of normals by bisection."""
    low, high = float((means - 6 * sds).min()), float((means + 6 * sds).max())
    for _ in range(50):
        middle = (low + high) / 2
        if float(share @ norm.cdf((middle - means) / sds)) < level:
            low = middle
        else:
            high = middle
    return (low + high) / 2
