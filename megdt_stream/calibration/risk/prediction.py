"""A published snapshot at work: features to a probability with its interval and reasons."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from megdt_stream.calibration.risk.models.logistic_filter import LogisticFilter
from megdt_stream.calibration.risk.recalibration import COHORT_SD, Recalibration
from megdt_stream.calibration.risk.vocabulary import RICHER_TERMS, TERMS, VERSION, Vector, richer_terms, terms

Z80: Final = 1.2815515655446004
_FURTHEST: Final = 30.0


class Reason(NamedTuple):
    """What a feature adds to the log odds, against the trainees learnt from; its terms together."""

    feature: str
    adds: float


class Risk(NamedTuple):
    """A probability, its 80 % interval, log odds, the SD of these with all sources, and the model's version.

    `low` and `high` are about a group with these features: one person either has the outcome or has not.
    """

    p: float
    low: float
    high: float
    z: float
    sd: float
    version: int


class Predictor:
    """A model that does not learn, read from a snapshot (docs/risk.md)."""

    def __init__(self, snapshot: Mapping[str, Any]) -> None:
        """Read a snapshot. Raises KeyError, TypeError or ValueError where it is none that this version understands."""
        if snapshot["vocabulary"] != VERSION:
            raise ValueError(f"the model speaks vocabulary {snapshot['vocabulary']}, this version {VERSION}")
        self.version = int(snapshot["version"])
        self.degraded = bool(snapshot["degraded"])
        self._richer = snapshot["kind"] == "richer"
        self.model = LogisticFilter.from_json(snapshot["model"])
        self._terms = richer_terms if self._richer else terms
        self._names = RICHER_TERMS if self._richer else TERMS
        if len(self.model.mean) != len(self._names):
            raise ValueError(f"{len(self.model.mean)} weights for {len(self._names)} terms")
        self.recalibration = Recalibration.from_json(snapshot["recalibration"])
        self._offsets = {str(group): (float(b), float(v)) for group, (b, v) in snapshot["offsets"].items()}
        self._centre: Vector = np.array(snapshot["centre"], dtype=np.float64)

    def predict(self, features: Sequence[float], group: str | None = None) -> Risk:
        """Give the risk at features within their limits; `group` is the programme or base whose offset is added."""
        z, variance = self.model.log_odds(self._terms(features))
        recalibrated, more = self.recalibration.apply(z)
        offset, doubt = self._offsets.get(group or "", (0.0, 0.0))
        z = max(-_FURTHEST, min(_FURTHEST, recalibrated + offset))
        total = self.recalibration.slope**2 * variance + max(0.0, more) + doubt + COHORT_SD**2
        sd = math.sqrt(total)
        p = _sigmoid(z / math.sqrt(1.0 + math.pi * total / 8.0))
        return Risk(p, min(p, _sigmoid(z - Z80 * sd)), max(p, _sigmoid(z + Z80 * sd)), z, sd, self.version)

    def reasons(self, features: Sequence[float], most: int = 5) -> list[Reason]:
        """Give the features that move the log odds most, the strongest first; their terms with time are added in.

        All of them together add up to the difference in log odds (before an offset) from the mean trainee.
        """
        adds = self.recalibration.slope * self.model.mean * (self._terms(features) - self._centre)
        by_feature: defaultdict[str, float] = defaultdict(float)
        for name, value in zip(self._names[1:], adds[1:].tolist(), strict=True):
            by_feature[name.split("*")[0]] += value
        ordered = sorted(by_feature.items(), key=lambda item: (-abs(item[1]), item[0]))
        return [Reason(name, value) for name, value in ordered[:most]]


def _sigmoid(z: float) -> float:
    if z >= 0:
        return 1.0 / (1.0 + math.exp(-min(z, _FURTHEST)))
    e = math.exp(max(z, -_FURTHEST))
    return e / (1.0 + e)
