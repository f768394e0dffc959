"""Reading from the store what advice rests on: who is below a target, and where levels went afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from megdt_stream.evidence.partition import partition_of
from megdt_stream.evidence.record import PERIOD_MS
from megdt_stream.governance.advice.options import Need
from megdt_stream.runtime.active_severity import estimators
from megdt_stream.runtime.query import Cursor, Query, Stored
from megdt_stream.twin.view import Comparison, Estimation, Estimator, Norms, TwinView, cells, compare, read

_LEAST_SD: Final = 0.2
"""Levels: no population is more alike than this, so a standardised effect is never made out to be nothing."""

_TELL_EVERY: Final = 2_000
_EVEN: Final = 0.5
_THOUSANDTHS: Final = 1000.0


@dataclass(frozen=True)
class Read:
    """What a pass over the store gave: needs, cells by trainee and competency, the SD of levels, domain time (ms).

    `scored` hold per cell the begin of its period (ms), weight and weighted level.
    """

    needs: list[Need]
    scored: Mapping[tuple[str, str], list[tuple[int, float, float]]]
    outcome_sd: float
    now: int

    def outcome(self, trainee: str, competency: str, at: int, horizon: int) -> float | None:
        """Give the mean level scored in the periods between the decision `at` and its horizon.

        None before the horizon, or where nobody scored. The estimate of a twin would not do: it reaches back to before
        the decision.
        """
        if self.now < horizon:
            return None
        since = [one for one in self.scored.get((trainee, competency), ()) if at <= one[0] < horizon]
        weight = sum(w for _, w, _ in since)
        return sum(wy for *_, wy in since) / weight if weight else None


def look(query: Query, estimation: Estimation, norms: Norms, say: Callable[[str], None] | None = None) -> Read:
    """Read all persons once. Raises Unavailable."""
    cursors = query.evidence_cursors()
    estimator_of, degraded = estimators(query)
    if degraded is not None and say is not None:
        say(degraded)
    needs: list[Need] = []
    scored: dict[tuple[str, str], list[tuple[int, float, float]]] = {}
    means: list[float] = []
    for view, compared, stored in _views(query.subjects(), estimation, norms, estimator_of, say):
        means += [one.mean for one in view.levels]
        for competency, theirs in cells(stored.twin).items():
            scored[stored.trainee, competency] = [
                (one.period * PERIOD_MS, float(one.w), one.wy / _THOUSANDTHS) for one in theirs
            ]
        need = _need(view, compared, stored, estimation, cursors)
        if need is not None:
            needs.append(need)
    spread = max(_LEAST_SD, float(np.std(means))) if means else _LEAST_SD
    return Read(needs, scored, spread, max((cursor.time for cursor in cursors.values()), default=0))


def _views(
    found: Iterable[Stored],
    estimation: Estimation,
    norms: Norms,
    estimator_of: Callable[[str], Estimator],
    say: Callable[[str], None] | None,
) -> Iterable[tuple[TwinView, Comparison, Stored]]:
    for number, stored in enumerate(found, 1):
        if say is not None and number % _TELL_EVERY == 0:
            say(f"{number:,} twins read")
        if stored.twin.head is None and stored.twin.slots.get("e"):
            view = read(stored.twin, estimation, estimator_of(stored.trainee))
            yield view, compare(view, estimation, stored.now, norms), stored


def _need(
    view: TwinView, compared: Comparison, stored: Stored, estimation: Estimation, cursors: Mapping[int, Cursor]
) -> Need | None:
    """Give a trainee's need in the competency that is most surely below its target.

    Called weak, or more likely below than not while a warning is open.
    """
    below = [goal for goal in compared.goals if goal.below is not None and goal.wanted is not None]
    worst = max(below, key=lambda goal: (goal.below or 0.0, goal.competency), default=None)
    if worst is None or worst.wanted is None or worst.below is None:
        return None
    if not worst.weak and not (view.warnings and worst.below > _EVEN):
        return None
    base = None if view.enrolment is None else view.enrolment.base
    partition = partition_of(stored.trainee, len(cursors))
    return Need(
        stored.trainee,
        base,
        base or "-",
        worst.competency,
        worst.level.mean,
        (worst.level.high - worst.level.low) / 2 / estimation.z,
        worst.wanted,
        partition,
        cursors[partition].offset,
        tuple(one.notice for one in view.warnings),
        {
            "below": worst.below,
            "scores": float(worst.level.scores),
            "warnings": float(len(view.warnings)),
            "weak": float(len(compared.weak)),
        },
        worst.level.snapshot,
    )
