"""What is struck when: drawn from a seed, tied to progress rather than to the clock of a slow or a fast machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, Literal, get_args

Fault = Literal["kill", "stop", "term", "redis", "kafka", "join"]
FAULTS: Final[tuple[Fault, ...]] = get_args(Fault)
"""A worker SIGKILLed, stopped past its session and continued, told to end; the store or the broker killed; one more
worker that joins and leaves."""

_FIRST, _LAST = 0.02, 0.88
"""Between these shares of all the work the strikes fall: there is work before the first and after the last."""
_RELAPSE: Final = 0.25
"""How often a strike falls into the recovery from the one before it: joining, taking, replaying."""
_RELAPSE_SECONDS: Final = 8.0


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault, at a share (0 to 1) of all the work that is to be done.

    `relapse`: seconds after the recovery from the strike before began, instead of waiting for the share. `target`:
    which of the workers, 0 to 1. `spread`: a number from 0 to 1 for what else the fault leaves open.
    """

    fault: Fault
    share: float
    relapse: float | None
    target: float
    spread: float


def draw(seed: int, kills: int, faults: Sequence[Fault] = ()) -> list[Strike]:
    """Draw `kills` kills and one strike for each of `faults`, in the order in which they fall."""
    chance = Random(seed)  # noqa: S311 - reproducible, nothing secret
    kinds: list[Fault] = [*faults]
    kinds.extend("kill" for _ in range(kills))
    chance.shuffle(kinds)
    shares = sorted(chance.uniform(_FIRST, _LAST) for _ in kinds)
    return [
        Strike(kind, share, _relapse(chance) if number else None, chance.random(), chance.random())
        for number, (kind, share) in enumerate(zip(kinds, shares, strict=True))
    ]


def _relapse(chance: Random) -> float | None:
    return chance.uniform(0, _RELAPSE_SECONDS) if chance.random() < _RELAPSE else None
