"""A twin as tables."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from megdt_stream.console.words import Words
from megdt_stream.twin.view import Estimation, Level, OpenWarning, Rotation, TwinView

_BAR_CELLS: Final = 24
_LOWEST, _HIGHEST = 1.0, 5.0


def render(trainee: str, view: TwinView, estimation: Estimation, as_of: int, words: Words) -> RenderableType:
    """Show a whole twin; `as_of` in ms, 0 for not known."""
    parts: list[RenderableType] = [header(trainee, view, as_of, words)]
    if view.warnings:
        parts.append(_warnings(view, words))
    if view.levels:
        parts.append(levels(view.levels, estimation, words))
        parts.append(Text(words["severity note"], style="dim"))
    for table in (_rotations(view, words), _exposures(view, words), _outcomes(view, words)):
        if table.row_count:
            parts += ["", table]
    if view.missing:
        missing = " · ".join(f"{words[name]} {count}" for name, count in view.missing)
        parts += ["", Text(f"{words['missing']}: {missing}")]
    return Group(*parts)


def header(trainee: str, view: TwinView, as_of: int, words: Words) -> Text:
    """Write who this is, on one line."""
    text = Text()
    text.append(trainee, style="bold cyan")
    if view.enrolment is not None:
        who = view.enrolment
        named = [words[who.stage], who.base, who.programme, who.cohort]
        text.append("  " + " · ".join(part for part in named if part))
    if as_of:
        text.append(f"  {words['as of']} {day(as_of)}", style="dim")
    if view.head is not None:
        text.append(f"\n{words['belongs to']} {view.head}", style="yellow")
    if view.personas:
        text.append(f"\n{words['with']} {', '.join(view.personas)}", style="dim")
    return text


def levels(found: tuple[Level, ...], estimation: Estimation, words: Words) -> Table:
    """Show levels with their intervals."""
    coverage = f"{estimation.interval.coverage:.0%}"
    table = _table(words["levels"])
    table.add_column(words["competency"], justify="right")
    table.add_column("1 ─ 2 ─ 3 ─ 4 ─ 5".center(_BAR_CELLS), no_wrap=True)
    table.add_column(words["level"], justify="right")
    table.add_column(f"{words['interval']} {coverage}", justify="right")
    table.add_column(words["scores"], justify="right")
    table.add_column(words["raters"], justify="right")
    for one in found:
        raters = str(one.raters) if not one.unnamed else f"{one.raters} (+{one.unnamed}?)"
        interval = f"{one.low:.1f} – {one.high:.1f}"
        table.add_row(words[one.competency], bar(one), f"{one.mean:.1f}", interval, str(one.scores), raters)
    return table


def bar(one: Level, cells: int = _BAR_CELLS) -> Text:
    """Draw an interval on the scale from 1 to 5."""
    low, mean, high = (_cell(value, cells) for value in (one.low, one.mean, one.high))
    text = Text("·" * cells, style="dim")
    drawn = Text()
    for cell in range(cells):
        if cell == mean:
            drawn.append("●", style="bold green")
        elif low <= cell <= high:
            drawn.append("━", style="green")
        else:
            drawn.append(text.plain[cell], style="dim")
    return drawn


def day(ms: int) -> str:
    """Write a day, UTC."""
    return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms):%Y-%m-%d}"


def _cell(value: float, cells: int) -> int:
    share = (value - _LOWEST) / (_HIGHEST - _LOWEST)
    return min(cells - 1, max(0, round(share * (cells - 1))))


def _table(title: str = "") -> Table:
    return Table(title=title or None, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)


def _warnings(view: TwinView, words: Words) -> Table:
    table = _table(f"{words['open warnings']}: {len(view.warnings)}")
    for name in ("item", "rotation", "arrived", "due", "since"):
        table.add_column(words[name], justify="right" if name in {"item", "arrived"} else "left")
    for one in view.warnings:
        table.add_row(*_warning(one), style="yellow")
    return table


def _warning(one: OpenWarning) -> Iterator[str]:
    yield one.key
    yield one.rotation
    yield f"{one.arrived} / {one.expected}"
    yield day(one.due)
    yield day(one.opened)


def _rotations(view: TwinView, words: Words) -> Table:
    table = _table(words["rotation"])
    table.add_column(words["department"], justify="right")
    table.add_column(words["rotation"], overflow="fold")
    table.add_column(words["status"])
    table.add_column(words["dates"])
    table.add_column(words["arrived"], overflow="fold")
    for one in view.rotations:
        dates = f"{day(one.starts)} … {day(one.ends)}" if one.starts is not None and one.ends is not None else ""
        table.add_row(one.department or "", one.code, words[one.status], dates, _arrivals(one, words))
    return table


def _arrivals(one: Rotation, words: Words) -> Text:
    text = Text()
    for number, expected in enumerate(one.expected):
        short = expected.arrived < expected.needed
        text.append(", " if number else "")
        text.append(f"{expected.key}:{expected.arrived}/{expected.needed}", style="yellow" if short else "")
    others = sum(count for _, count in one.others)
    if others:
        text.append(f"{'; ' if one.expected else ''}{words['others']} {others}", style="dim")
    return text


def _exposures(view: TwinView, words: Words) -> Table:
    table = _table(words["exposure"])
    table.add_column(words["item"], justify="right")
    table.add_column(words["kind"])
    table.add_column(words["count"], justify="right")
    table.add_column(words["by role"])
    for one in sorted(view.exposures, key=lambda exposure: (exposure.kind, -exposure.total, exposure.item)):
        roles = ", ".join(f"{words[role]} {count}" for role, count in one.roles if role != "-")
        table.add_row(one.item, words[one.kind], str(one.total), roles)
    return table


def _outcomes(view: TwinView, words: Words) -> Table:
    table = _table(words["outcome"])
    for name in ("date", "outcome", "result"):
        table.add_column(words[name])
    for one in view.outcomes:
        result = one.result if one.value is None else f"{one.result} ({one.value:g})"
        table.add_row(day(one.happened), one.outcome, result)
    return table
