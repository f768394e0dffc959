"""Levels as a table: where a competency stands, how it grows, and what is wanted of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.table import Table
from rich.text import Text

from megdt_stream.console.twin.parts import chance, day, estimate, table
from megdt_stream.console.words import Words
from megdt_stream.twin.view import Estimation, Growth, Level, TwinView
from megdt_stream.twin.view.goals import Goal
from megdt_stream.twin.view.intervals import Interval

_BAR_CELLS: Final = 24
_LOWEST, _HIGHEST = 1.0, 5.0


def levels(found: Sequence[Level], estimation: Estimation, words: Words) -> Table:
    """Show levels with their intervals."""
    coverage = f"{estimation.interval.coverage:.0%}"
    shown = table(words["levels"])
    shown.add_column(words["competency"], justify="right")
    shown.add_column("1 ─ 2 ─ 3 ─ 4 ─ 5".center(_BAR_CELLS), no_wrap=True)
    shown.add_column(words["level"], justify="right")
    shown.add_column(f"{words['interval']} {coverage}", justify="right")
    shown.add_column(words["scores"], justify="right")
    shown.add_column(words["raters"], justify="right")
    for one in found:
        raters = str(one.raters) if not one.unnamed else f"{one.raters} (+{one.unnamed}?)"
        interval = f"{one.low:.1f} – {one.high:.1f}"
        shown.add_row(words[one.competency], bar(one), f"{one.mean:.1f}", interval, str(one.scores), raters)
    return shown


def outlook(view: TwinView, goals: Sequence[Goal], estimation: Estimation, words: Words) -> Table:
    """Show growth, and what is wanted beside what is reported and forecast."""
    shown = table(f"{words['outlook']} ({words['interval']} {estimation.interval.coverage:.0%})")
    shown.add_column(words["competency"], justify="right")
    for name in ("growth", "target", "below target", "forecast"):
        shown.add_column(words[name], justify="right")
    wanted = {one.competency: one for one in goals if one.unknown is None}
    slopes = {one.competency: one for one in view.growth}
    for one in view.levels:
        goal, slope = wanted.get(one.competency), slopes.get(one.competency)
        if goal is not None or slope is not None:
            shown.add_row(words[one.competency], _growth(slope), *_wanted(goal))
    return shown


def _growth(found: Growth | None) -> str:
    return "" if found is None else estimate(Interval(found.slope, found.low, found.high), "+")


def _wanted(goal: Goal | None) -> tuple[str, Text, str]:
    """Write the target, the probability of being below it, and the forecast."""
    if goal is None or goal.wanted is None or goal.below is None:
        return "", Text(), ""
    forecast = "" if goal.forecast is None else estimate(goal.forecast)
    return f"{goal.wanted:.1f}", Text(chance(goal.below), style="yellow" if goal.weak else ""), forecast


def targets_note(goals: Sequence[Goal], words: Words) -> str:
    """Say what is wanted next and by when, or why that cannot be said."""
    unknown = next((one.unknown for one in goals if one.unknown is not None), None)
    if unknown is not None:
        return words[unknown]
    one = next((goal for goal in goals if goal.by is not None and goal.training is not None), None)
    if one is None or one.by is None or one.training is None or one.desired is None:
        return ""
    year = int(one.training.years(one.at)) + 1
    return words["wanted next"].format(level=f"{one.desired:.1f}", day=day(one.by), year=year)


def bar(one: Level, cells: int = _BAR_CELLS) -> Text:
    """Draw an interval on the scale from 1 to 5."""
    low, mean, high = (_cell(value, cells) for value in (one.low, one.mean, one.high))
    drawn = Text()
    for cell in range(cells):
        if cell == mean:
            drawn.append("●", style="bold green")
        elif low <= cell <= high:
            drawn.append("━", style="green")
        else:
            drawn.append("·", style="dim")
    return drawn


def _cell(value: float, cells: int) -> int:
    share = (value - _LOWEST) / (_HIGHEST - _LOWEST)
    return min(cells - 1, max(0, round(share * (cells - 1))))
