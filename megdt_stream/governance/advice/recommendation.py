"""Recommendations as events on the alerts topic: made, withheld, withdrawn, superseded (docs/recommendations.md)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from megdt_stream.evidence.record import digest
from megdt_stream.evidence.times import rfc3339
from megdt_stream.governance.advice.capacity import Capacity
from megdt_stream.governance.advice.choice import Chosen, Plan, Policy
from megdt_stream.governance.advice.options import Benefit, Need, Option

MADE: Final = "megdt.recommendation.made.v1"
WITHHELD: Final = "megdt.recommendation.withheld.v1"
WITHDRAWN: Final = "megdt.recommendation.withdrawn.v1"
SUPERSEDED: Final = "megdt.recommendation.superseded.v1"
SOURCE: Final = "/megdt/advisor"
DAY_MS: Final = 86_400_000
_DIGITS: Final = 6


class Names(NamedTuple):
    """What an intervention is called."""

    en: str
    zh: str


class Round(NamedTuple):
    """One time of advising: at domain time `now` (ms), with a policy, effects of a version, and a seed.

    `capacity` is what it may book from, `snapshot` the name of these effects on the models topic. `turn`: the moment
    (ms) that made it due, None where somebody asked for it.
    """

    now: int
    policy: Policy
    effects: str
    seed: int
    outcome_sd: float
    currency: str
    capacity: Capacity
    snapshot: str | None = None
    turn: int | None = None

    def id(self, needs: Iterable[Need]) -> str:
        """Name it by all that decides what comes out."""
        about = sorted((one.trainee, one.competency, one.partition, one.offset) for one in needs)
        free = sorted(self.capacity.free.items())
        parts = [self.now, self.policy.model_dump(), self.effects, self.snapshot, self.seed, about, free, self.turn]
        return digest(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode())


class Standing(NamedTuple):
    """A recommendation that nobody has answered yet: its event, as it was made."""

    id: str
    data: Mapping[str, Any]


def events(
    round_: Round, needs: Sequence[Need], plan: Plan, names: Mapping[str, Names], standing: Iterable[Standing] = ()
) -> list[dict[str, Any]]:
    """Write what a round says: what is taken back, what is recommended, and who was considered and got nothing.

    A standing recommendation is superseded where its trainee gets another one, withdrawn where it lapsed or the need is
    gone, and otherwise left alone: whoever has one is not to be among `needs` with the same competency.
    """
    name = round_.id(needs)
    made = {one.option.need.trainee: _made(round_, name, one, plan, names[one.option.kind]) for one in plan.chosen}
    found = [_taken_back(round_, name, one, made) for one in standing]
    withheld = [_withheld(round_, name, one, plan) for one in needs if one.trainee not in made]
    return [one for one in found if one is not None] + [made[key] for key in sorted(made)] + withheld


def _event(kind: str, round_: Round, subject: str, parts: Sequence[str], data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": digest("\0".join((kind, *parts)).encode()),
        "source": SOURCE,
        "type": kind,
        "subject": subject,
        "time": rfc3339(round_.now, "milliseconds"),
        "datacontenttype": "application/json",
        "data": data,
    }


def _made(round_: Round, name: str, one: Chosen, plan: Plan, called: Names) -> dict[str, Any]:
    option, need, known = one.option, one.option.need, one.option.effect.known
    assert known is not None  # noqa: S101 - options have an effect, else they are none
    own = option.effect.pooled
    data = _about(round_, name, need, plan) | {
        "intervention": option.kind,
        "name": called._asdict(),
        "dose": option.dose,
        "unit": option.unit,
        "starts": round_.now,
        "weeks": option.weeks,
        "owner": round_.policy.owner,
        "uses": dict(sorted(option.uses.items())),
        "capacity": {
            "told_by": round_.capacity.told_by,
            "weeks": round_.capacity.weeks,
            "free": {name: _round(amount) for name, amount in sorted(round_.capacity.free.items())},
        },
        "cost": {"amount": round(option.cost, 2), "currency": round_.currency},
        "benefit": {"measure": "chance-of-missing-the-target-averted"} | _benefit(option.benefit),
        "effect": {
            "version": round_.effects,
            "snapshot": round_.snapshot,
            "mean": _round(known.mean),
            "p05": _round(known.p05),
            "p95": _round(known.p95),
            "source": None if option.effect.prior is None else option.effect.prior.source,
            "decisions": option.effect.decisions,
            "evidence_only": None if own is None else {"estimate": _round(own.estimate), "se": _round(own.se)},
            "benefit_shown": option.effect.claimed,
        },
        "alternatives": [_alternative(other, less) for other, less in one.beaten],
        "loss_without": _round(one.loss),
        "propensity": _round(one.propensity),
        "expires": round_.now + round_.policy.days * DAY_MS,
        "reason": _reason(option, called),
        "next_step": _NEXT,
    }
    return _event(MADE, round_, need.trainee, (name, need.trainee, need.competency, option.kind), data)


def _about(round_: Round, name: str, need: Need, plan: Plan) -> dict[str, Any]:
    """Give what is logged of everybody considered, recommended something or not."""
    return {
        "round": name,
        "considered": round_.now,
        "turn": round_.turn,
        "policy": round_.policy.version,
        "trainee": need.trainee,
        "base": need.base,
        "group": need.group,
        "competency": need.competency,
        "level": {"mean": _round(need.level), "sd": _round(need.sd), "wanted": _round(need.wanted)},
        "severity": need.severity,
        "outcome_sd": _round(round_.outcome_sd),
        "covariates": {key: _round(value) for key, value in sorted(need.covariates.items())},
        "propensities": {kind: _round(p) for kind, p in sorted(plan.offered.get(need.trainee, {}).items())},
        "warnings": list(need.warnings),
        "cause": {"partition": need.partition, "offset": need.offset},
    }


def _withheld(round_: Round, name: str, need: Need, plan: Plan) -> dict[str, Any]:
    return _event(
        WITHHELD, round_, need.trainee, (name, need.trainee, need.competency), _about(round_, name, need, plan)
    )


def _taken_back(
    round_: Round, name: str, one: Standing, made: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any] | None:
    trainee = one.data["trainee"]
    if trainee in made:
        new = made[trainee]["id"]
        data = {"on": one.id, "trainee": trainee, "round": name, "by": new, "reason": "another-recommendation"}
        return _event(SUPERSEDED, round_, trainee, (one.id, new), data)
    why = "lapsed" if one.data["expires"] <= round_.now else one.data.get("gone")
    if why is None:
        return None
    data = {"on": one.id, "trainee": trainee, "round": name, "reason": why}
    return _event(WITHDRAWN, round_, trainee, (one.id, name, why), data)


def _alternative(other: Option, less: float) -> dict[str, Any]:
    return {
        "intervention": other.kind,
        "dose": other.dose,
        "unit": other.unit,
        "cost": round(other.cost, 2),
        "benefit": _benefit(other.benefit),
        "less_by": _round(less),
    }


_NEXT: Final = {
    "en": "Accept, modify or override with a reason; whoever decides may know more than this does.",
    "zh": "请接受、修改，或说明理由后否决；决策者可能掌握系统所不知的情况。",
}


def _reason(option: Option, called: Names) -> dict[str, str]:
    need, benefit = option.need, option.benefit
    share = 100 * benefit.mean
    low, high = 100 * benefit.low, 100 * benefit.high
    return {
        "code": "below-target",
        "en": f"{need.competency}: level {need.level:.1f}, wanted {need.wanted:.1f}; {called.en} "
        f"({option.dose:g} {option.unit}) is expected to avert {share:.0f} % of missing it ({low:.0f} to {high:.0f} %)",
        "zh": f"{need.competency}：当前水平 {need.level:.1f}，目标 {need.wanted:.1f}；{called.zh}"
        f"（{option.dose:g} {option.unit}）预计可降低未达标概率 {share:.0f} 个百分点（{low:.0f} 至 {high:.0f}）",
    }


def _benefit(one: Benefit) -> dict[str, float]:
    return {"mean": _round(one.mean), "low": _round(one.low), "high": _round(one.high)}


def _round(value: float) -> float:
    return round(float(value), _DIGITS)
