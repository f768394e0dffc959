"""What could be done for whom, what it uses and what it is expected to bring."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import sqrt
from typing import Final, NamedTuple

from scipy.stats import norm

from megdt_stream.governance.effects.snapshot import KindEffect, Snapshot
from megdt_stream.scenario.interventions import Intervention, Interventions

_Z90: Final = 1.644854


@dataclass(frozen=True)
class Need:
    """A trainee who is below a target: `level` with its SD and `wanted`, in levels, in one competency.

    `group` is what equity is counted by. `warnings` are ids of open warnings, `covariates` what is known now and is
    frozen with the decision. `severity` is the version of assessors' severities that the level was estimated with.
    `partition` and `offset` say up to where the log was read.
    """

    trainee: str
    base: str | None
    group: str
    competency: str
    level: float
    sd: float
    wanted: float
    partition: int
    offset: int
    warnings: tuple[str, ...] = ()
    covariates: Mapping[str, float] = field(default_factory=dict)
    severity: str | None = None


class Benefit(NamedTuple):
    """The chance of missing the target that is averted (0 to 1), with the central 90 % that the effect's gives."""

    mean: float
    low: float
    high: float

    @property
    def sd(self) -> float:
        """Give its standard deviation, as of a normal with that interval."""
        return max(self.high - self.low, 0.0) / (2 * _Z90)


@dataclass(frozen=True)
class Option:
    """An intervention for one need: the dose, what it uses in all, what that costs, and what it would bring."""

    need: Need
    kind: str
    dose: float
    unit: str
    weeks: int
    uses: Mapping[str, float]
    cost: float
    benefit: Benefit
    effect: KindEffect


def options(needs: Iterable[Need], interventions: Interventions, effects: Snapshot, outcome_sd: float) -> list[Option]:
    """List what could be done, by trainee and kind, at the usual dose.

    Kinds without any estimate, external or local, are left out: no effect without a source. `outcome_sd` is the SD of
    levels among trainees, which standardised effects are multiples of.
    """
    prices = {str(name): price for name, price in interventions.prices.units.items()}
    found = []
    for need in sorted(needs, key=lambda one: (one.trainee, one.competency)):
        for kind, one in sorted(interventions.kinds.items()):
            effect = effects.kinds.get(kind)
            if effect is None or effect.known is None or "trainees" not in one.targets:
                continue
            found.append(_option(need, kind, one, effect, prices, outcome_sd))
    return found


def _option(
    need: Need, kind: str, one: Intervention, effect: KindEffect, prices: Mapping[str, float], outcome_sd: float
) -> Option:
    uses = one.used(one.dose.default, one.weeks)
    cost = sum(amount * prices[name] for name, amount in uses.items())
    return Option(
        need, kind, one.dose.default, one.dose.unit, one.weeks, uses, cost, averted(need, effect, outcome_sd), effect
    )


def averted(need: Need, effect: KindEffect, outcome_sd: float) -> Benefit:
    """Give by how much the chance of missing the target falls when the level rises by an effect (in SDs).

    Whoever is far below misses it with or without, whoever is nearly there needs little: the most is gained in between,
    which is why the lowest score is not the best reason.
    """
    told = effect.known
    if told is None:
        return Benefit(0.0, 0.0, 0.0)
    spread = sqrt(need.sd**2 + (told.sd * outcome_sd) ** 2)

    def gain(by: float, sd: float) -> float:
        gap = need.wanted - need.level
        return float(norm.cdf(gap / need.sd) - norm.cdf((gap - by * outcome_sd) / sd))

    return Benefit(gain(told.mean, spread), gain(told.p05, need.sd), gain(told.p95, need.sd))
