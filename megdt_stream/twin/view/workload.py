"""Duty hours by week, and on average, held against a limit where there is one."""

from __future__ import annotations

from typing import Final, NamedTuple

from megdt_stream.evidence.record import WEEK_MS
from megdt_stream.evidence.reference.targets import WorkloadLimit
from megdt_stream.twin.view.reading import TwinView
from megdt_stream.twin.view.tallies import DutyWeek
from megdt_stream.twin.view.times import week_start

_WEEKS: Final = 8
_AVERAGED: Final = 4


class Workload(NamedTuple):
    """The latest weeks with duty hours, the oldest first; a week without a record in between has no hours.

    `mean` and `highest` are hours a week: over the latest `averaged` whole weeks, and in the fullest week. A week that
    is not over is left out of both, unless there is no other. `over` is None without a limit, and with fewer
    whole weeks than it speaks of.
    """

    weeks: tuple[DutyWeek, ...]
    running: bool
    mean: float
    averaged: int
    highest: float
    limit: WorkloadLimit | None
    over: bool | None


def workload(view: TwinView, as_of: int, limit: WorkloadLimit | None) -> Workload | None:
    """Give the workload of the latest weeks on record; None without any. `as_of` in ms, 0 for not known."""
    if not view.duty:
        return None
    weeks = _latest(view.duty)
    running = bool(as_of) and len(weeks) > 1 and week_start(weeks[-1].week) + WEEK_MS > as_of
    whole = weeks[:-1] if running else weeks
    latest = whole[-(limit.weeks if limit is not None else _AVERAGED) :]
    mean = sum(_hours(week) for week in latest) / len(latest)
    over = None if limit is None or len(latest) < limit.weeks else mean > limit.hours
    return Workload(weeks, running, mean, len(latest), max(map(_hours, whole)), limit, over)


def _latest(duty: tuple[DutyWeek, ...]) -> tuple[DutyWeek, ...]:
    """Give the last weeks up to the newest one with a record, none before the first."""
    known = {week.week: week for week in duty}
    newest = duty[-1].week
    first = max(duty[0].week, newest - _WEEKS + 1)
    return tuple(known.get(week, DutyWeek(week, 0, 0, 0)) for week in range(first, newest + 1))


def _hours(week: DutyWeek) -> float:
    return week.minutes / 60
