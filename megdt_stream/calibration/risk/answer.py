"""What a published document says of a trainee now: a probability for each running rotation, or the floor.

While outcomes are few, a model of a hundred weights says little; then the prevalence answers, the same for everybody,
with an interval for how little is known of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from scipy.special import digamma, polygamma

from megdt_stream.calibration.risk.features import features
from megdt_stream.calibration.risk.prediction import Z80, Predictor, Reason
from megdt_stream.calibration.risk.recalibration import COHORT_SD
from megdt_stream.calibration.risk.schedule import group_of, running
from megdt_stream.twin.state import Twin

FEWEST: Final = 100
"""Outcomes from which on the model answers,"""
FEWEST_OF_EACH: Final = 20
"""if there are so many both of adverse ones and of others."""


class Answer(NamedTuple):
    """A rotation's probability with its 80 % interval, and why. `basis`: `model`, or `floor` while outcomes are few."""

    rotation: str
    p: float
    low: float
    high: float
    reasons: tuple[Reason, ...]
    basis: str


class Answering:
    """Reads a document (`gathering.document`).

    `outcomes`: how many were learnt from. `horizon`: days after a rotation's end that its outcome reaches to. `said`:
    what was said of each cohort, the oldest first.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Raises what a document that is none leads to: LookupError, TypeError, ValueError, ArithmeticError or such."""
        shown = document["predictor"]
        self._predictor = Predictor(shown)
        self._floor = float(shown["floor"])
        self.outcomes = int(shown["counts"].get("persons", 0))
        self.horizon = int(document["terms"]["horizon_days"])
        self.said: list[Mapping[str, Any]] = list(document.get("said", ()))
        if not 0 < self._floor < 1 or self.outcomes < 0:
            raise ValueError("a prevalence lies between 0 and 1")
        n = len(self._predictor.model.mean)
        if len(shown["centre"]) != n or len(shown["model"]["covariance"]) != n * (n + 1) // 2:
            raise ValueError(f"not the centre and covariance of {n} weights")

    @property
    def flagged(self) -> bool:
        """Tell whether the model answers although it foretold the last closed cohort no better than chance."""
        return self._predictor.degraded and self.basis == "model"

    @property
    def basis(self) -> str:
        """Tell what answers."""
        rarer = self.outcomes * min(self._floor, 1 - self._floor)
        return "model" if self.outcomes >= FEWEST and rarer >= FEWEST_OF_EACH else "floor"

    def answers(self, twin: Twin, now: int) -> list[Answer]:
        """Give the answer for each rotation that runs at `now` (ms), the most likely first."""
        found = []
        for rotation in running(twin, now):
            given = features(twin, now, rotation)
            if given is not None:
                found.append(self._answer(rotation, given, group_of(twin, rotation)))
        return sorted(found, key=lambda one: (-one.p, one.rotation))

    def _answer(self, rotation: str, given: tuple[float, ...], group: str) -> Answer:
        if self.basis == "floor":
            return Answer(rotation, *floor(self._floor, self.outcomes), (), "floor")
        risk = self._predictor.predict(given, group)
        return Answer(rotation, risk.p, risk.low, risk.high, tuple(self._predictor.reasons(given)), "model")


def floor(share: float, n: int) -> tuple[float, float, float]:
    """Give the prevalence with its 80 % interval, of n outcomes and one more of each kind; levels of cohorts included.

    The log odds of a Beta have the mean psi(a) - psi(b) and the variance psi'(a) + psi'(b); taken as normal.
    """
    a, b = 1 + n * share, 1 + n * (1 - share)
    middle = float(digamma(a) - digamma(b))
    half = Z80 * math.sqrt(float(polygamma(1, a) + polygamma(1, b)) + COHORT_SD**2)
    p = a / (a + b)
    return p, min(p, 1 / (1 + math.exp(half - middle))), max(p, 1 / (1 + math.exp(-half - middle)))
