"""Rules `model-drift` and `model-switched`: what the trainer saw in the latest closed cohort, and what it did.

The trainer acts by itself (docs/risk.md, "Drift and what is done"); the warning tells people, with the metrics of that
cohort before and after. They are read off what a version in force says of its learning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final

from megdt_stream.governance.groups import contract
from megdt_stream.governance.groups.contract import CLEAR, WARNS, Found, Group, milli

DRIFT: Final = "model-drift"
SWITCHED: Final = "model-switched"
ACTIONS: Final = ("degraded", "reset-challenger", "recalibrate", "warn")
"""What is done about a drift, the gravest first."""

_METRICS: Final = ("auc", "brier", "log_loss")
_FIGURES: Final = ("persons", *(f"{name}_{when}_milli" for name in _METRICS for when in ("before", "after")))

Said = Sequence[Mapping[str, Any]]


class DriftTerms(contract.Terms):
    """No limits of its own: the trainer's hold (calibration/risk/drift.py)."""

    CODES: ClassVar = dict.fromkeys(ACTIONS, _FIGURES)


class SwitchedTerms(contract.Terms):
    """No limits of its own: the contest's hold (calibration/risk/contest.py)."""

    CODES: ClassVar = {"switched": ("persons", "gain_low_milli", "gain_high_milli")}


def judge(said: Said, version: str) -> Iterator[Found]:
    """Look at what a version says of its learning (the part `said`), of its latest cohort alone."""
    last = max((at for at, one in enumerate(said) if one["kind"] == "closed"), default=len(said))
    model = {"name": "risk", "version": version}
    drifts = [one for one in said[last:] if one["kind"] == "drift"]
    switches = [one for one in said[last:] if one["kind"] == "switch"]
    yield Found(DRIFT, _drift(drifts)._replace(model=model))
    yield Found(SWITCHED, _switch(switches)._replace(model=model))


def _drift(drifts: Said) -> Group:
    if not drifts:
        return Group("model", "risk", CLEAR, ACTIONS[-1])
    first = min(drifts, key=lambda one: ACTIONS.index(one["action"]))
    figures = {"persons": int(first["before"]["n"])}
    for name in _METRICS:
        # There is no area under the curve where all outcomes are of one kind; nothing drifts in discrimination then.
        values = {when: first[when][name] for when in ("before", "after")}
        figures |= {f"{name}_{when}_milli": milli(value) for when, value in values.items() if value is not None}
    names = tuple(f"{one['what']}: {one['action']}" for one in drifts)
    return Group("model", "risk", WARNS, first["action"], figures, names)


def _switch(switches: Said) -> Group:
    if not switches:
        return Group("model", "risk", CLEAR, "switched")
    one = switches[-1]
    gains = {f"{name}_milli": milli(one[name]) for name in ("gain_low", "gain_high")}
    figures = {"persons": int(one["persons"]), **gains}
    return Group("model", "risk", WARNS, "switched", figures, (one["from"], one["to"]))
