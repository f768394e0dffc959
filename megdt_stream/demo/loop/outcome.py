"""What came out: rounds, the account, what each kind was believed to do and truly does, and the checker's word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from megdt_stream.demo.loop.account import Hospital
from megdt_stream.demo.loop.effects import TrueEffect
from megdt_stream.governance.effects.combining import combine
from megdt_stream.governance.effects.snapshot import KindEffect
from megdt_stream.verify import Report

_DIGITS: Final = 4
_Z95: Final = 1.959964


@dataclass(frozen=True)
class RoundOutcome:
    """A round: when (ms), how many it looked at, and what became of its recommendations.

    `free` is what earlier advice had left (resource -> amount), `believed` the combined mean effect (SDs) of the
    kinds that it recommended, `expected` the chances of missing a target, summed, that the accepted ones were to avert.
    """

    at: int
    considered: int
    recommended: int
    accepted: int
    expected: float
    free: Mapping[str, float]
    believed: Mapping[str, float]
    effects: str

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain data."""
        return {
            "at": self.at,
            "considered": self.considered,
            "recommended": self.recommended,
            "accepted": self.accepted,
            "overridden": self.recommended - self.accepted,
            "expected_averted": round(self.expected, _DIGITS),
            "free": {name: round(amount, _DIGITS) for name, amount in sorted(self.free.items())},
            "believed": {kind: round(mean, _DIGITS) for kind, mean in sorted(self.believed.items())},
            "effects_version": self.effects,
        }


@dataclass(frozen=True)
class Learnt:
    """A kind at the end: what is believed of it, how often it was carried out, and its true effect (SDs).

    `given` is the mean true effect on those who got it; None where nobody did. `why_not` says what own evidence lacks.
    """

    kind: str
    effect: KindEffect
    carried_out: int
    true: TrueEffect
    given: float | None
    why_not: str | None

    @property
    def truth(self) -> float:
        """Give what the estimates are held against: the effect on those treated, else the table's."""
        return self.true.mean if self.given is None else self.given

    @property
    def before(self) -> float:
        """Give the mean that was believed before any evidence: the prior with the doubt about it."""
        return combine(self.effect.prior, {}).site.mean

    @property
    def undecided(self) -> bool:
        """Tell whether own evidence agrees with the prior and the truth alike (95 %)."""
        own, prior = self.effect.pooled, self.effect.prior
        if own is None or prior is None:
            return False
        return all(abs(own.estimate - value) <= _Z95 * own.se for value in (prior.mean, self.truth))

    @property
    def shift(self) -> float | None:
        """Give by how much nearer to the truth evidence brought the belief (SDs); None without evidence."""
        known = self.effect.known
        if known is None or not self.effect.evidence:
            return None
        return abs(self.before - self.truth) - abs(known.mean - self.truth)

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain data."""
        told = self.effect.to_json()
        combined = None if told["combined"] is None else told["combined"]["site"]
        prior = self.effect.prior
        return {
            "prior": None
            if prior is None
            else {"mean": round(prior.mean, _DIGITS), "sd": round(prior.prediction_sd, _DIGITS)},
            "before": round(self.before, _DIGITS),
            "decisions": self.effect.decisions,
            "evidence_only": told["evidence_only"],
            "combined": combined,
            "benefit_shown": self.effect.claimed,
            "carried_out": self.carried_out,
            "true_mean": self.true.mean,
            "true_sd": self.true.sd,
            "true_of_those_treated": None if self.given is None else round(self.given, _DIGITS),
            "undecided": self.undecided,
            "nearer_to_truth_by": None if self.shift is None else round(self.shift, _DIGITS),
            "why_not": self.why_not,
        }


@dataclass(frozen=True)
class Account:
    """The hospital at the end of year two: with the loop, without it, by lot among those considered, and among all."""

    wanted: float
    levels: int
    with_loop: Hospital
    without: Hospital
    lot_considered: Hospital
    lot_all: Hospital

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain data."""
        told = {
            "without": self.without,
            "with": self.with_loop,
            "lot_among_considered": self.lot_considered,
            "lot_among_all": self.lot_all,
        }
        figures = {
            name: {key: round(value, _DIGITS) for key, value in one._asdict().items()} for name, one in told.items()
        }
        gained = self.with_loop.mean_level - self.without.mean_level
        averted = self.without.missed - self.with_loop.missed
        return {
            "wanted": self.wanted,
            "levels": self.levels,
            **figures,
            "gain": {"mean_level": round(gained, _DIGITS), "missed_averted": round(averted, _DIGITS)},
        }


@dataclass(frozen=True)
class LoopOutcome:
    """How it ended. `cost` is what was booked for what was carried out, `uses` the same in resources."""

    seed: int
    trainees: int
    published: Mapping[str, int]
    rounds: Sequence[RoundOutcome]
    account: Account
    effects: Sequence[Learnt]
    cost: float
    currency: str
    uses: Mapping[str, float]
    report: Report
    problems: Sequence[str]
    seconds: float

    @property
    def ok(self) -> bool:
        """Tell whether the independent checker agrees and everything published is accounted for."""
        return self.report.ok and not self.problems

    @property
    def cost_per_averted(self) -> float | None:
        """Give the cost of a missed target truly averted; None where none was."""
        averted = self.account.without.missed - self.account.with_loop.missed
        return self.cost / averted if averted > 0 else None

    def to_dict(self) -> dict[str, Any]:
        """Give the document of `--json` (docs/loop.md)."""
        report = self.report.to_dict()
        dear = self.cost_per_averted
        return {
            "seed": self.seed,
            "trainees": self.trainees,
            "events_published": sum(self.published.values()),
            "rounds": [one.to_dict() for one in self.rounds],
            "account": self.account.to_dict(),
            "cost": {
                "amount": round(self.cost, 2),
                "currency": self.currency,
                "uses": {name: round(amount, 2) for name, amount in sorted(self.uses.items())},
                "per_missed_averted": None if dear is None else round(dear, 2),
            },
            "effects": {one.kind: one.to_dict() for one in self.effects},
            **{name: report[name] for name in ("read", "accepted", "duplicate", "rejected", "twins")},
            "problems": list(self.problems),
            "seconds": round(self.seconds, 1),
            "ok": self.ok,
        }
