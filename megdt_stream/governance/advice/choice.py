"""Which options to recommend: a small integer program, solved exactly, with chance where it decides little.

Benefits are multiplied by log-normal chance of a declared size before the program is solved. What is clearly better is
always chosen; of trainees who would gain nearly alike now one, now another. The share of solutions that choose an
option is its propensity. Without it nobody could learn later what advice did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from megdt_stream.governance.advice.options import Option
from megdt_stream.governance.effects.basis import Array

_TIE: Final = 1e-6
"""Weight of a share of the largest cost: of equal benefits the cheaper one."""

_EXACT: Final = 1e-4
"""What HiGHS takes for the best."""

_GAP_OF_BLUR: Final = 0.05
"""How near to its best a blurred program is solved, as a share of the blur: an exact best of noise is worth nothing."""


class Policy(BaseModel):
    """How to choose.

    `most` recommendations a round; each group of trainees gets at least `equity` of what its share of the needs is, but
    for rounding; `chance` is the SD of the logarithm that benefits are blurred by, and `draws` solutions give the
    propensities; `worth` is the least chance averted that deserves a person's
    time; advice lapses after `days`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Annotated[int, Field(ge=1)] = 1
    most: Annotated[int, Field(ge=1, le=1000)] = 20
    equity: Annotated[float, Field(ge=0, le=1)] = 0.8
    chance: Annotated[float, Field(ge=0, le=1)] = 0.2
    draws: Annotated[int, Field(ge=1, le=10_000)] = 100
    worth: Annotated[float, Field(ge=0, le=1)] = 0.02
    days: Annotated[int, Field(ge=1, le=365)] = 28
    owner: str = "education-office"


class Chosen(NamedTuple):
    """An option to recommend. `beaten` are the trainee's other options and by how much less each brings.

    `loss` is how much less the best plan would bring if this option were barred: 0 where it is not in that plan.
    """

    option: Option
    propensity: float
    loss: float
    beaten: tuple[tuple[Option, float], ...]


@dataclass(frozen=True)
class Plan:
    """What is recommended, and each trainee's chance of each kind (trainee -> kind -> 0 to 1), the untreated included.

    `total` is what it brings, `best` what the plan without any chance would bring.
    """

    chosen: tuple[Chosen, ...]
    offered: Mapping[str, Mapping[str, float]]
    left: Mapping[str, float]
    total: float
    best: float


def choose(options: Sequence[Option], free: Mapping[str, float], policy: Policy, seed: int) -> Plan:
    """Choose at most one option a trainee within what is free of each resource.

    `left` is what stays free. Resources that are not named in `free` are not there. The plan is one of the `draws`, so
    the logged propensities are those of how it was made.
    """
    rng = np.random.default_rng(seed)
    trainees = sorted({one.need.trainee for one in options})
    worth = [one for one in options if one.benefit.mean >= policy.worth]
    program = _Program(worth, free, policy)
    mean = np.array([one.benefit.mean for one in worth])
    gap = _GAP_OF_BLUR * policy.chance
    blurred = (mean * np.exp(policy.chance * rng.normal(size=len(worth))) for _ in range(policy.draws))
    picks = [program.solve(benefit, gap=gap) for benefit in blurred]
    shares = np.mean(picks, axis=0) if worth else np.empty(0)
    taken = picks[0].astype(bool) if worth else np.empty(0, bool)
    offered: dict[str, dict[str, float]] = {trainee: {} for trainee in trainees}
    for one, share in zip(worth, shares, strict=True):
        offered[one.need.trainee][one.kind] = float(share)
    plain = program.solve(mean) if worth else np.empty(0)
    best = float(mean @ plain)
    chosen = tuple(
        Chosen(
            worth[i],
            float(shares[i]),
            max(0.0, best - program.without(mean, i)) if plain[i] else 0.0,
            _beaten(worth[i], options),
        )
        for i in map(int, np.flatnonzero(taken))
    )
    return Plan(chosen, offered, program.left(taken), float(mean[taken].sum()), best)


def _beaten(one: Option, options: Sequence[Option]) -> tuple[tuple[Option, float], ...]:
    """Give the trainee's other options, the best first, and by how much less each brings."""
    others = [other for other in options if other.need == one.need and other.kind != one.kind]
    ordered = sorted(others, key=lambda other: (-other.benefit.mean, other.kind))
    return tuple((other, one.benefit.mean - other.benefit.mean) for other in ordered)


class _Program:
    """The constraints, which do not change between draws: rows of A x <= b over options x in {0, 1}."""

    def __init__(self, options: Sequence[Option], free: Mapping[str, float], policy: Policy) -> None:
        self._options = options
        self._free = dict(free)
        self._cost = np.array([one.cost for one in options])
        rows, limits = self._rows(policy)
        self._constraints = LinearConstraint(csr_array(np.array(rows)), -np.inf, limits) if options else None

    def _rows(self, policy: Policy) -> tuple[list[Array], list[float]]:
        size = len(self._options)
        rows: list[Array] = [np.ones(size)]
        limits = [float(policy.most)]
        for name in sorted({name for one in self._options for name in one.uses}):
            rows.append(np.array([one.uses.get(name, 0.0) for one in self._options]))
            limits.append(self._free.get(name, 0.0))
        for trainee in sorted({one.need.trainee for one in self._options}):
            rows.append(np.array([float(one.need.trainee == trainee) for one in self._options]))
            limits.append(1.0)
        return rows + self._equity(policy.equity), limits + [1.0] * len(self._groups())

    def _groups(self) -> list[str]:
        return sorted({one.need.group for one in self._options})

    def _equity(self, least: float) -> list[Array]:
        """Write: share x all chosen - chosen of the group <= 1 (rounding)."""
        needs = {one.need.trainee: one.need.group for one in self._options}
        found = []
        for group in self._groups():
            share = least * sum(name == group for name in needs.values()) / len(needs)
            found.append(np.array([share - float(one.need.group == group) for one in self._options]))
        return found

    def solve(self, benefit: Array, barred: int | None = None, gap: float = 0.0) -> Array:
        """Give the best x for benefits (n), or one that falls short of it by a share `gap` at most.

        `barred` may not be chosen.
        """
        upper = np.ones(len(benefit))
        if barred is not None:
            upper[barred] = 0
        if not len(benefit) or not upper.any():
            return np.zeros(len(benefit))
        dear = self._cost / max(float(self._cost.max()), 1e-9)
        found: Any = milp(
            _TIE * dear - benefit,
            integrality=np.ones(len(benefit)),
            bounds=Bounds(0, upper),
            constraints=self._constraints,
            options={"mip_rel_gap": max(gap, _EXACT)},
        )
        return np.zeros(len(benefit)) if found.x is None else np.asarray(found.x.round())

    def without(self, mean: Array, barred: int) -> float:
        """Give what the best plan without an option brings."""
        return float(mean @ self.solve(mean, barred))

    def left(self, taken: Array) -> dict[str, float]:
        """Give what stays free."""
        left = dict(self._free)
        for one, was in zip(self._options, taken, strict=True):
            if was:
                for name, amount in one.uses.items():
                    left[name] = left.get(name, 0.0) - amount
        return left
