"""Logs to learn from, joined from what was advised (or withheld), what people did, and what came of it later."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np

from megdt_stream.governance.effects.combining import Evidence
from megdt_stream.governance.effects.logged import Log, Unidentified, learn

WEEK_MS: Final = 7 * 86_400_000
_OTHERS: Final = "others"

Outcome: TypeAlias = Callable[[str, str, int, int], float | None]
"""Gives a trainee's level in a competency when the horizon after a decision closed, both in ms; None where it has not,
or nobody scored it since."""


class Considered(NamedTuple):
    """One trainee in one round: what was logged, the kind offered (None: nothing), and whether it was carried out."""

    data: Mapping[str, Any]
    at: int
    offered: str | None
    taken: bool
    weeks: int


class Row(NamedTuple):
    """A considered trainee with the outcome (SDs) that came later."""

    considered: Considered
    outcome: float


class Study(NamedTuple):
    """What own decisions say of one kind: estimates by group, how many decisions, and why nothing where nothing."""

    groups: Mapping[str, Evidence]
    decisions: int
    why_not: str | None


def studies(kinds: Iterable[str], considered: Iterable[Considered], outcome: Outcome, weeks: int) -> dict[str, Study]:
    """Estimate each kind against nothing offered, `weeks` after the decision; a base with enough decisions is a group.

    A kind's propensity is its chance among this kind or nothing, as logged before anybody knew what would come.
    """
    rows = []
    for one in considered:
        horizon = one.at + weeks * WEEK_MS
        level = outcome(one.data["trainee"], one.data["competency"], one.at, horizon)
        if level is not None:
            rows.append(Row(one, level / one.data["outcome_sd"]))
    return {kind: _study(kind, rows) for kind in kinds}


def _study(kind: str, rows: list[Row]) -> Study:
    own = [row for row in rows if row.considered.offered in (kind, None) and _chance(kind, row) is not None]
    by_base: defaultdict[str, list[Row]] = defaultdict(list)
    for row in own:
        by_base[row.considered.data["base"] or _OTHERS].append(row)
    groups: dict[str, Evidence] = {}
    rest: list[Row] = []
    for base, found in sorted(by_base.items()):
        evidence = None if base == _OTHERS else _evidence(kind, found)
        if evidence is None:
            rest += found
        else:
            groups[base] = evidence
    why = None
    try:
        if rest:
            groups[_OTHERS] = _learnt(kind, rest)
    except Unidentified as error:
        why = str(error)
    if not own:
        why = "no decision about it has an outcome yet"
    return Study(groups, len(own), None if groups else why)


def _evidence(kind: str, rows: list[Row]) -> Evidence | None:
    try:
        return _learnt(kind, rows)
    except Unidentified:
        return None


def _learnt(kind: str, rows: list[Row]) -> Evidence:
    found = learn(log(kind, rows))
    return Evidence(found.effect, found.se)


def log(kind: str, rows: list[Row]) -> Log:
    """Arrange rows (n) as arrays; covariates are those of all rows, a missing one 0 with the level and its SD added."""
    names = sorted({name for row in rows for name in row.considered.data["covariates"]})
    return Log(
        np.array(
            [
                [*(row.considered.data["covariates"].get(name, 0.0) for name in names), *_level(row.considered.data)]
                for row in rows
            ]
        ),
        np.array([float(row.considered.offered == kind) for row in rows]),
        np.array([_chance(kind, row) or 0.0 for row in rows]),
        np.array([float(row.considered.taken and row.considered.offered == kind) for row in rows]),
        np.array([row.outcome for row in rows]),
    )


def _level(data: Mapping[str, Any]) -> tuple[float, float]:
    level, sd = data["level"], data["outcome_sd"]
    return level["mean"] / sd, (level["wanted"] - level["mean"]) / sd


def _chance(kind: str, row: Row) -> float | None:
    """Give the logged chance of this kind among this kind or nothing; None where it was never open."""
    logged = row.considered.data["propensities"]
    own = logged.get(kind, 0.0)
    nothing = 1.0 - sum(logged.values())
    return own / (own + nothing) if own > 0 and own + nothing > 0 else None
