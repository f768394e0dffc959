"""Rule `model-risk`: which of a model's probabilities are worth somebody's time.

Acting on a trainee whose outcome would be adverse gains `benefit`, looking at one costs `cost` (in the same unit): it
pays from the probability `cost / benefit` on (Pauker and Kassirer 1980, N Engl J Med 302:1109-1117). Of those above,
reviewers can look at `capacity` a week, the surest first; who is left out is listed, not lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar, Final, NamedTuple

from pydantic import Field

from megdt_stream.governance.groups import contract

NAME: Final = "model-risk"


class Terms(contract.Terms):
    """What a look costs and what acting rightly gains, and how many looks a reviewer has a week."""

    CODES: ClassVar = {"at-risk": ("probability_milli", "low_milli", "high_milli")}
    cost: Annotated[int, Field(ge=1)]
    benefit: Annotated[int, Field(ge=1)]
    capacity: Annotated[int, Field(ge=1, le=1000)]

    @property
    def threshold(self) -> float:
        """Give the probability from which on a look pays."""
        return min(1.0, self.cost / self.benefit)


class Risk(NamedTuple):
    """A model's probability for a trainee with its 80 % interval, and the reasons it gives (name, contribution)."""

    trainee: str
    probability: float
    low: float
    high: float
    reasons: tuple[tuple[str, float], ...] = ()


class Chosen(NamedTuple):
    """Who is warned of, and who is above the threshold but beyond capacity; the expected gain of those warned of."""

    warned: tuple[Risk, ...]
    listed: tuple[Risk, ...]
    gain: float


def choose(risks: Iterable[Risk], terms: Terms) -> Chosen:
    """Choose whom to warn of this week; equal probabilities by name, so that nothing depends on order."""
    above = sorted(
        (one for one in risks if one.probability >= terms.threshold), key=lambda one: (-one.probability, one.trainee)
    )
    warned, listed = above[: terms.capacity], above[terms.capacity :]
    gain = sum(one.probability * terms.benefit - terms.cost for one in warned)
    return Chosen(tuple(warned), tuple(listed), gain)
