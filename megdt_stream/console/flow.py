"""The flow of events as a live picture: a frame of figures in, something to draw out. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from megdt_stream.console import notices
from megdt_stream.console.notices import Notice
from megdt_stream.console.twin import bar, header
from megdt_stream.console.words import Words
from megdt_stream.evidence import topics
from megdt_stream.runtime.query import Flow
from megdt_stream.twin.view import TwinView

_BARS: Final = "▁▂▃▄▅▆▇█"
_NOTHING: Final = Flow(0, 0, 0, 0, {})
_FIXED_LINES: Final = 19
"""What the picture takes beside warnings and twin: title, bar, table, reasons, rate, headings."""
_WIDE: Final = 110


@dataclass(frozen=True, slots=True)
class Frame:
    """What is known at one moment.

    `rates` are events applied a second, oldest first; `share` is how much of the play is done, 0 to 1.
    """

    phase: str
    share: float
    seconds: float
    published: Mapping[str, int] = field(default_factory=dict)
    flow: Mapping[str, Flow] = field(default_factory=dict)
    rates: Sequence[float] = ()
    twins: int = 0
    open_warnings: int = 0
    opened: int = 0
    recovered: int = 0
    latest: Sequence[Notice] = ()
    focus: str = ""
    focus_view: TwinView | None = None
    focus_now: int = 0

    @property
    def applied(self) -> int:
        """Count the events whose fate is settled."""
        return sum(flow.accepted + flow.duplicate + flow.rejected for flow in self.flow.values())


def picture(frame: Frame, words: Words, width: int, height: int) -> RenderableType:
    """Draw a frame within so many columns and lines."""
    free = max(4, height - _FIXED_LINES)
    parts: list[RenderableType] = [_title(frame, width), _table(frame, words), _reasons(frame, words)]
    parts.append(_rate(frame, words, width))
    if width >= _WIDE:
        half = (width - 4) // 2
        columns = [_warnings(frame, words, free), _twin(frame, words, free)]
        parts.append(Columns(columns, width=half, expand=False))
    else:
        warnings = min(free // 2, max(2, len(frame.latest)))
        parts += [_warnings(frame, words, warnings), _twin(frame, words, free - warnings)]
    return Group(*parts)


def sparkline(values: Sequence[float], cells: int) -> str:
    """Draw the latest values as bars between nothing and the largest."""
    shown = list(values)[-cells:]
    top = max(shown, default=0.0)
    if top <= 0:
        return _BARS[0] * len(shown)
    return "".join(_BARS[min(7, int(value / top * 7.999))] for value in shown)


def summary_line(frame: Frame, words: Words) -> str:
    """Write a frame as one plain line."""
    published = sum(frame.published.values())
    rate = frame.rates[-1] if frame.rates else 0.0
    return (
        f"{frame.seconds:5.1f} s  {frame.phase}  {words['published']} {published:,}  "
        f"{words['settled']} {frame.applied:,} ({rate:,.0f}/s)  {words['twins']} {frame.twins:,}  "
        f"{words['open warnings']} {frame.open_warnings:,}"
    )


def flow_table(published: Mapping[str, int], flow: Mapping[str, Flow], words: Words, *, waiting: bool) -> Table:
    """Show what became of each topic's events; with `waiting` also what is still under way."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_footer=True, footer_style="bold")
    names = ("published", "accepted", "duplicate", "rejected") + (("waiting",) if waiting else ())
    rows = {topic.short: _row(published, flow, topic.short, waiting) for topic in topics.INPUTS}
    totals = [sum(row[column] for row in rows.values()) for column in range(len(names))]
    table.add_column(words["topic"], footer=words["total"], justify="right")
    for name, total in zip(names, totals, strict=True):
        table.add_column(words[name], footer=f"{total:,}", justify="right")
    for short, row in rows.items():
        table.add_row(words[short], *(f"{number:,}" for number in row))
    return table


def _row(published: Mapping[str, int], flow: Mapping[str, Flow], short: str, waiting: bool) -> list[int]:
    sent, found = published.get(short, 0), flow.get(short, _NOTHING)
    row = [sent, found.accepted, found.duplicate, found.rejected]
    # Counts of two moments: what was applied since the publisher was looked at is not "less than none".
    return [*row, max(0, sent - sum(row[1:]))] if waiting else row


def _title(frame: Frame, width: int) -> RenderableType:
    title = Text(no_wrap=True, overflow="ellipsis")
    title.append("MEGDT stream ", style="bold cyan")
    title.append(f" {frame.phase}")
    title.append(f"  {frame.seconds:.0f} s", style="dim")
    return Group(title, ProgressBar(total=1.0, completed=frame.share, width=max(10, width - 2)))


def _table(frame: Frame, words: Words) -> Table:
    return flow_table(frame.published, frame.flow, words, waiting=True)


def _reasons(frame: Frame, words: Words) -> Text:
    reasons: Counter[str] = Counter()
    for flow in frame.flow.values():
        reasons.update(flow.reasons)
    told = " · ".join(f"{reason} {count}" for reason, count in reasons.most_common()) or "-"
    return Text(f"{words['rejected']}: {told}", no_wrap=True, overflow="ellipsis", style="dim")


def _rate(frame: Frame, words: Words, width: int) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    rate = frame.rates[-1] if frame.rates else 0.0
    text.append(sparkline(frame.rates, min(30, width // 3)), style="green")
    text.append(f" {rate:,.0f} {words['rate']}", style="bold")
    text.append(f"   {words['twins']} ")
    text.append(f"{frame.twins:,}", style="bold")
    text.append(f"   {words['open warnings']} ")
    text.append(f"{frame.open_warnings:,}", style="bold yellow")
    text.append(f"  ({words['opened']} {frame.opened:,}, {words['recovered']} {frame.recovered:,})", style="dim")
    return text


def _warnings(frame: Frame, words: Words, lines: int) -> RenderableType:
    shown = list(frame.latest)[:lines]
    body = [notices.line(notice, words) for notice in shown] or [Text(words["no warnings"], style="dim")]
    return Group(Text(words["latest warnings"], style="bold"), *body)


def _twin(frame: Frame, words: Words, lines: int) -> RenderableType:
    heading = Text(words["one trainee"], style="bold")
    if frame.focus_view is None:
        return Group(heading, Text(f"{frame.focus} {words['no twin']}", style="dim"))
    view = frame.focus_view
    heading.append("  ")
    heading.append_text(header(frame.focus, view, frame.focus_now, words))
    heading.no_wrap, heading.overflow = True, "ellipsis"
    grid = Table.grid(padding=(0, 1))
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    for one in view.levels[: max(1, lines - 1)]:
        told = f"{one.mean:.1f} ({one.low:.1f} – {one.high:.1f})  n={one.scores}"
        grid.add_row(words[one.competency], bar(one), told)
    return Group(heading, grid)
