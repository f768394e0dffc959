"""When rather than whether: the hazard of leaving in the coming week.

Discrete-time survival analysis as logistic regressions of person-weeks (Singer JD, Willett JB. It's about time. J Educ
Stat 18 (1993) 155-195). Those who stay a week are known as soon as those who leave, so this may learn weekly, which a
model of final outcomes may not: of those, the early ones are not like the late ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from megdt_stream.calibration.risk.models.logistic_filter import LogisticFilter
from megdt_stream.calibration.risk.vocabulary import PRIOR_VARIANCE, TERMS, terms


class WeeklyHazard:
    """Probability of leaving within the next seven days, and within a number of weeks."""

    def __init__(self, model: LogisticFilter | None = None) -> None:
        """Go on from a model, or start with a hazard of about two per cent a week."""
        if model is None:
            model = LogisticFilter()
            model.bind(TERMS, [min(v, 0.1) for v in PRIOR_VARIANCE])
            model.mean[0] = -4.0
        self.model = model

    def learn(self, features: Sequence[float], left: bool) -> None:
        """Learn whether somebody left in the week after features were cut."""
        self.model.learn(terms(features), left)

    def within(self, features: Sequence[float], weeks: int) -> float:
        """Give the probability of leaving within `weeks`, as if the trainee stayed as they are."""
        weekly, _, _ = self.model.predict(terms(features))
        return float(1.0 - (1.0 - weekly) ** max(0, weeks))

    def to_json(self) -> dict[str, Any]:
        """Give the state as plain numbers."""
        return self.model.to_json()

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> WeeklyHazard:
        """Read a state back. Raises KeyError, TypeError or ValueError where it is none."""
        return cls(LogisticFilter.from_json(state))
