"""Rule `model-risk`: which of a model's probabilities are worth somebody's time.

Acting on a trainee whose outcome would be adverse gains `benefit`, looking at one costs `cost` (in the same unit): it
pays from the probability `cost / benefit` on (Pauker and Kassirer 1980, N Engl J Med 302:1109-1117). Of those above,
reviewers can look at `capacity` new ones a week, the surest first; who is left out waits for the next. A warning that
is open has had its look, and stays until the probability is below `clear_percent` of the threshold.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from typing import Annotated, ClassVar, Final, NamedTuple

from pydantic import Field

from megdt_stream.governance.groups import contract
from megdt_stream.governance.groups.contract import CLEAR, HOLDS, WARNS, Group, milli

NAME: Final = "model-risk"


class Terms(contract.Terms):
    """What a look costs and what acting rightly gains, and how many looks a reviewer has a week."""

    CODES: ClassVar = {"at-risk": ("probability_milli", "low_milli", "high_milli")}
    cost: Annotated[int, Field(ge=1)]
    benefit: Annotated[int, Field(ge=1)]
    capacity: Annotated[int, Field(ge=1, le=1000)]
    clear_percent: Annotated[int, Field(ge=1, le=100)]

    @property
    def threshold(self) -> float:
        """Give the probability from which on a look pays."""
        return min(1.0, self.cost / self.benefit)


class Risk(NamedTuple):
    """A model's probability for a trainee with its 80 % interval, the reasons it gives (name, contribution to the log
    odds), and the trainee's base."""

    trainee: str
    probability: float
    low: float
    high: float
    reasons: tuple[tuple[str, float], ...] = ()
    base: str | None = None


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


def judge(risks: Iterable[Risk], terms: Terms, open_: Container[str], version: str) -> Iterator[Group]:
    """Give a finding for each: those chosen are warned of; `open_` are those of whom it is said already."""
    known = list(risks)
    warned = {one.trainee for one in choose((one for one in known if one.trainee not in open_), terms).warned}
    for one in known:
        grade = WARNS if one.trainee in warned else HOLDS
        if 100 * one.probability < terms.clear_percent * terms.threshold:
            grade = CLEAR
        yield _group(one, grade, version)


_REASONS: Final = 5
"""So many reasons are named, of those that raise the risk."""


def _group(one: Risk, grade: int, version: str) -> Group:
    figures = {"probability_milli": milli(one.probability), "low_milli": milli(one.low), "high_milli": milli(one.high)}
    names = tuple(name for name, adds in one.reasons if adds > 0)[:_REASONS]
    return Group(
        "trainee",
        one.trainee,
        grade,
        "at-risk",
        figures,
        names,
        one.base,
        round(one.probability, 3),
        (round(one.low, 3), round(one.high, 3)),
        {"name": "risk", "version": version},
    )
