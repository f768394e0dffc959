"""Predictions that wait for their outcomes: features frozen when they were made, until the cohort closes.

Those who leave are known early and those who finish late, so a model fed with outcomes as they arrive learns from a
biased sample (measured on OULAD: intercepts of +.39 to -.48). A cohort's labels therefore enter together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple


class Cut(NamedTuple):
    """One frozen prediction time whose outcome is known."""

    cohort: str
    key: str
    group: str
    at: int
    features: tuple[float, ...]
    adverse: bool


@dataclass
class Member:
    """A person in a cohort: features by the time (ms) they were cut at, and what became of them."""

    group: str = ""
    cuts: dict[int, tuple[float, ...]] = field(default_factory=dict)
    adverse: bool | None = None
    intervened: int | None = None
    left: int | None = None
    weeks_learnt: int = 0

    def to_json(self) -> dict[str, Any]:
        """Give it as plain numbers and text."""
        cuts = [[at, *features] for at, features in sorted(self.cuts.items())]
        rest = {"adverse": self.adverse, "intervened": self.intervened, "left": self.left}
        return {"group": self.group, "cuts": cuts, **rest, "weeks_learnt": self.weeks_learnt}

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Member:
        """Read it back. Raises KeyError, TypeError or ValueError where it is none."""
        cuts = {int(at): tuple(map(float, features)) for at, *features in state["cuts"]}
        rest = (state["adverse"], state["intervened"], state["left"], state["weeks_learnt"])
        return cls(state["group"], cuts, *rest)


@dataclass
class Closing:
    """What a closed cohort gives: cuts to learn from in hash order, and how many persons do not count and why."""

    cuts: list[Cut] = field(default_factory=list)
    persons: int = 0
    censored: int = 0
    intervened: int = 0


def close(cohorts: Mapping[str, Mapping[str, Member]]) -> Closing:
    """Sort cohorts' cuts into those with an outcome and those that were censored or intervened on.

    A cut from before the intervention counts no more than one after it: its outcome is not the one that was predicted.
    """
    closing = Closing()
    for code, members in cohorts.items():
        for key, member in members.items():
            if member.intervened is not None:
                closing.intervened += 1
            elif member.adverse is None:
                closing.censored += 1
            else:
                closing.persons += 1
                closing.cuts += _known(code, key, member, member.adverse)
    closing.cuts.sort(key=_shuffled)
    return closing


def _known(code: str, key: str, member: Member, adverse: bool) -> Iterator[Cut]:
    for at, features in member.cuts.items():
        yield Cut(code, key, member.group, at, features, adverse)


def _shuffled(cut: Cut) -> bytes:
    """Give an order in which neighbours have nothing in common, and which is the same everywhere."""
    return blake2b(f"{cut.cohort}\0{cut.key}\0{cut.at}".encode(), digest_size=16).digest()
