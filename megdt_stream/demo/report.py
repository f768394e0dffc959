"""The demonstration's end in words: the account, the comparison, one twin, one warning, what to try next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from megdt_stream.console import notices, twin
from megdt_stream.console.words import Words
from megdt_stream.demo.balance import Coverage
from megdt_stream.demo.choreography import Outcome

_NEXT: Final = (
    ("megdt up", "try up"),
    ("megdt synth -o events.ndjson", "try synth"),
    ("megdt publish events.ndjson", "try publish"),
    ("megdt watch --from-start", "try watch"),
    ("megdt twin show trainee ID", "try twin"),
    ("megdt verify", "try verify"),
)


def render(outcome: Outcome, words: Words) -> RenderableType:
    """Tell how it ended."""
    parts: list[RenderableType] = ["", _account(outcome, words), _verdict(outcome, words)]
    if outcome.comparisons:
        parts += ["", Text(words["truth title"], style="bold"), _comparison(outcome, words)]
    if outcome.coverage is not None and outcome.coverage[0].of:
        parts += [_covered(outcome, *outcome.coverage, words)]
    parts += _example(outcome, words)
    if outcome.told is not None:
        parts += ["", Text(f"{words['warning']}", style="bold"), notices.in_full(outcome.told, words)]
    parts += ["", Text(words["try next"], style="bold"), _next(outcome, words)]
    return Group(*parts)


def _account(outcome: Outcome, words: Words) -> Table:
    """The balance by topic, by the checker's own count."""
    table = Table(
        title=words["account"],
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        show_footer=True,
        footer_style="bold",
        pad_edge=False,
    )
    topics = outcome.report.to_dict()["topics"]
    names = ("read", "accepted", "duplicate", "rejected")
    totals = [sum(found[name] for found in topics.values()) for name in names]
    table.add_column(words["topic"], footer=words["total"], justify="right")
    table.add_column(words["published"], footer=f"{sum(outcome.published.values()):,}", justify="right")
    for name, total in zip(names, totals, strict=True):
        heading = f"{'+' if name in {'duplicate', 'rejected'} else '='} {words[name]}"
        table.add_column(heading, footer=f"{total:,}", justify="right")
    for topic, found in topics.items():
        short = topic.split(".")[1]
        sent = outcome.published.get(short, 0)
        table.add_row(words[short], f"{sent:,}", *(f"{found[name]:,}" for name in names))
    return table


def _verdict(outcome: Outcome, words: Words) -> Text:
    report = outcome.report
    reasons = _reasons(report.to_dict()["topics"])
    text = Text(f"{words['rejected because']}: {reasons or '-'}\n", style="dim")
    if outcome.ok:
        text.append("✓ ", style="bold green")
        agrees = words["agrees"].format(twins=f"{report.twins:,}", alerts=f"{report.alerts:,}")
        text.append(agrees, style="not dim")
        return text
    text.append(f"✗ {words['differs']}\n", style="bold red not dim")
    for line in _problems(outcome):
        text.append(f"  {line}\n", style="red not dim")
    text.rstrip()
    return text


def _problems(outcome: Outcome) -> Iterator[str]:
    yield from outcome.problems
    report = outcome.report
    yield from (f"{count} differences of kind {kind}" for kind, count in report.kinds.items())
    yield from (f"{count} records of {topic} are not applied" for topic, count in report.backlog.items())
    yield from (f"first: {difference}" for difference in report.differences[:1])
    for one in outcome.comparisons:
        if not one.equal:
            yield f"{one.what}: truth {one.truth:,}, found {one.found:,}, {one.differing:,} differ"


def _reasons(topics: dict[str, Any]) -> str:
    counts: dict[str, int] = {}
    for found in topics.values():
        for reason, count in found["reasons"].items():
            counts[reason] = counts.get(reason, 0) + count
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return " · ".join(f"{reason} {count}" for reason, count in ordered)


def _comparison(outcome: Outcome, words: Words) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    table.add_column(words["truth"], justify="right")
    table.add_column(words["system"], justify="right")
    table.add_column("")
    for one in outcome.comparisons:
        mark = (
            Text("✓", style="green") if one.equal else Text(f"✗ {one.differing:,} {words['differ']}", style="bold red")
        )
        table.add_row(words[one.what], f"{one.truth:,}", f"{one.found:,}", mark)
    return table


def _covered(outcome: Outcome, plain: Coverage, less: Coverage, words: Words) -> Text:
    asked = f"{outcome.estimation.interval.coverage:.0%}"
    told = [words["coverage"].format(asked=asked)]
    for name, one in (("as declared", plain), ("less severity", less)):
        figures = {"inside": f"{one.inside:,}", "of": f"{one.of:,}", "share": f"{one.inside / one.of:.0%}"}
        figures |= {"error": f"{one.error:.2f}", "width": f"{one.width:.2f}"}
        told.append(f"  {words[name]}: {words['covered'].format(**figures)}")
    return Text("\n".join(told), style="dim")


def _example(outcome: Outcome, words: Words) -> list[RenderableType]:
    view = outcome.focus_view
    if view is None or outcome.focus is None:
        return []
    stored = outcome.focus
    parts: list[RenderableType] = ["", Text(words["one trainee"], style="bold")]
    parts.append(twin.header(stored.trainee, view, stored.now, words))
    parts.append(twin.levels(view.levels, outcome.estimation, words))
    counts = ", ".join(f"{count:,} {kind}" for kind, count in view.evidence)
    parts.append(Text(f"{words['evidence']}: {counts}", style="dim"))
    return parts


def _next(outcome: Outcome, words: Words) -> Table:
    grid = Table.grid(padding=(0, 3))
    for command, what in _NEXT:
        grid.add_row(Text(f"  {command}", style="cyan"), words[what])
    took = words["took"].format(seconds=f"{outcome.seconds:.0f}")
    grid.add_row("", Text(took, style="dim"))
    return grid
