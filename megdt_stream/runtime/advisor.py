"""One round of advice over a running system: read, choose, write events. Whoever calls it publishes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from megdt_stream.evidence.record import WEEK_MS
from megdt_stream.governance.advice.capacity import STATED, Capacity
from megdt_stream.governance.advice.capacity import free as free_of
from megdt_stream.governance.advice.choice import Plan, Policy, choose
from megdt_stream.governance.advice.ledger import Ledger, used
from megdt_stream.governance.advice.options import Need, options
from megdt_stream.governance.advice.recommendation import Names, Round, Standing, events
from megdt_stream.governance.effects.journal import Study, studies
from megdt_stream.governance.effects.snapshot import Snapshot, snapshot
from megdt_stream.runtime import active_effects
from megdt_stream.runtime.advice_log import AdviceLog
from megdt_stream.runtime.advising import Read, look
from megdt_stream.runtime.entities import Assumed, gathered, ids, read_from
from megdt_stream.runtime.models import Active
from megdt_stream.runtime.query import Query
from megdt_stream.scenario.interventions import Interventions
from megdt_stream.seed_files import load_estimation, load_interventions, load_library, load_norms

_CHANGED: Final = 1.0
"""SDs of its own error by which a level has to move for standing advice to be reconsidered."""


@dataclass(frozen=True)
class Result:
    """A round: its events in the order to publish them, the plan, and how many were considered."""

    events: list[dict[str, Any]]
    plan: Plan
    considered: int
    capacity: Capacity
    snapshot: Snapshot
    effects: Active

    @staticmethod
    def encode(event: Mapping[str, Any]) -> bytes:
        """Write an event as it goes on the topic."""
        return orjson.dumps(event)

    def to_json(self) -> dict[str, Any]:
        """Give it for `--json`."""
        return {
            "considered": self.considered,
            "free": dict(self.capacity.free),
            "free_by": self.capacity.told_by,
            "free_weeks": self.capacity.weeks,
            "left": dict(self.plan.left),
            "expected": round(self.plan.total, 6),
            "best": round(self.plan.best, 6),
            "effects": self.snapshot.version,
            "effects_snapshot": self.effects.version,
            "events": self.events,
        }

    def described(self) -> dict[str, Any]:
        """Give it for people."""
        by_type: dict[str, int] = {}
        for event in self.events:
            name = event["type"].split(".")[2]
            by_type[name] = by_type.get(name, 0) + 1
        left = ", ".join(f"{amount:g} {name}" for name, amount in sorted(self.plan.left.items()))
        return {
            "trainees considered": self.considered,
            **by_type,
            "missed targets averted, expected": f"{self.plan.total:.2f} (at most {self.plan.best:.2f})",
            "left free": left or "nothing",
            "free by": self.capacity.told_by,
            "effects": self.effects.version,
        }


def learnt(log: AdviceLog, read: Read, interventions: Interventions) -> tuple[Snapshot, dict[str, Study]]:
    """Combine priors with what own decisions say so far, each kind after its usual duration."""
    considered = log.considered()
    found: dict[str, Study] = {}
    for kind, one in interventions.kinds.items():
        found |= studies([str(kind)], considered, read.outcome, one.weeks)
    evidence = {kind: study.groups for kind, study in found.items()}
    return snapshot(interventions, evidence, {kind: study.decisions for kind, study in found.items()}), found


def advise(
    query: Query,
    log: AdviceLog,
    free: Mapping[str, float] | None,
    *,
    most: int,
    equity: float,
    seed: int,
    chance: float = Policy().chance,
    draws: int = Policy().draws,
    folder: Path | None = None,
    say: Callable[[str], None] | None = None,
    turn: int | None = None,
) -> Result:
    """Make one round; `folder` is the site's reference data, `chance` and `draws` as in `Policy`.

    `free` states what is free, without it resource twins tell. Off it go what accepted recommendations have booked and
    what those that stand would. `turn`: the moment (ms) that made the round due, where nobody asked for it.
    Raises Unavailable, ConfigError.
    """
    interventions = load_interventions(folder)
    estimation, norms = load_estimation(folder), load_norms(folder)
    read = look(query, estimation, norms, say)
    effects, _ = learnt(log, read, interventions)
    ledger = log.ledger()
    needs, standing = _to_consider(read.needs, ledger)
    if free is None:
        assumed = Assumed(estimation, norms, load_library(folder).outcomes)
        found = capacity(query, interventions, assumed)
    else:
        found = Capacity(free, None, STATED)
    until = None if found.weeks is None else read.now + found.weeks * WEEK_MS
    waiting = (one.data for one in standing if one.data["gone"] is None and one.data["expires"] > read.now)
    held = used(waiting, read.now, until)
    booked = ledger.booked(read.now, until)
    left = {name: max(0.0, n - booked.get(name, 0.0) - held.get(name, 0.0)) for name, n in found.free.items()}
    policy = Policy(most=most, equity=equity, chance=chance, draws=draws)
    plan = choose(options(needs, interventions, effects, read.outcome_sd), left, policy, seed)
    version = active_effects.named(query, effects, read.now)
    found = found._replace(free=left)
    round_ = Round(
        read.now,
        policy,
        effects.version,
        seed,
        read.outcome_sd,
        interventions.prices.currency,
        found,
        version.version,
        turn,
    )
    names = {str(kind): Names(one.name["en"], one.name["zh"]) for kind, one in interventions.kinds.items()}
    return Result(events(round_, needs, plan, names, standing), plan, len(needs), found, effects, version)


def capacity(query: Query, interventions: Interventions, assumed: Assumed) -> Capacity:
    """Read what is free off the resource twins of a running system. Raises Unavailable, TwinCorrupt."""
    scan = gathered(query, "resource")
    documents = [read_from(scan, "resource", name, assumed) for name in ids(scan, "resource")]
    committed = interventions.committed
    per_trainee = {str(unit): share for unit, share in committed.per_trainee.items()}
    return free_of((one["properties"] for one in documents if one is not None), per_trainee, committed.weeks)


def _to_consider(needs: list[Need], ledger: Ledger) -> tuple[list[Need], list[Standing]]:
    """Leave out whose advice stands or is being carried out; say of standing advice whether its reason is gone."""
    by_trainee = {one.trainee: one for one in needs}
    busy: set[str] = set()
    standing = []
    for one in ledger.standing():
        need = by_trainee.get(one.data["trainee"])
        stated = one.data["level"]
        if need is None or need.competency != one.data["competency"]:
            gone = "need-gone"
        elif abs(need.level - stated["mean"]) > _CHANGED * stated["sd"]:
            gone = "twin-changed"
        else:
            gone = None
            busy.add(need.trainee)
        standing.append(Standing(one.id, {**one.data, "gone": gone}))
    busy |= {one.data["trainee"] for one in ledger.entries.values() if one.state in ("accepted", "modified")}
    return [one for one in needs if one.trainee not in busy], standing
