"""Levels of a trainee: now, over time, and where they are heading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from megdt_stream.console.report.charts import Point
from megdt_stream.console.report.history import history
from megdt_stream.console.report.model import Cell as Shown
from megdt_stream.console.report.model import Figure, Figures, Section, Table
from megdt_stream.console.report.parts import Terms, bounds, section, texts
from megdt_stream.console.report.properties import Properties, Property, is_estimate
from megdt_stream.evidence.times import DAY_MS, milliseconds
from megdt_stream.twin.view import Cell, Estimator

_YEAR_MS = 365.25 * DAY_MS
_MONTHLY = 30 * DAY_MS


def now(terms: Terms, properties: Properties) -> Section:
    """Show levels beside the target at this point of training."""
    columns = (
        terms.column("competency"),
        terms.level_axis(),
        terms.column("level", number=True),
        terms.column("target", number=True),
        terms.column("below target", number=True),
        terms.column("scores", number=True),
        terms.column("assessors", number=True),
    )
    rows = tuple(
        _level(terms, code, found, properties.get(f"weak|{code}"))
        for (code,), found in properties.group("level")
        if is_estimate(found)
    )
    table = Table(terms.say("levels legend"), columns, rows)
    return section(terms.say, "levels", [table])


def _level(terms: Terms, code: str, found: Property, weak: Property | None) -> tuple[Shown, ...]:
    say, name, about = terms.say, terms.names.competency(code), found["provenance"]
    target = None if weak is None else weak["target"]
    title = say("chart level", competency=name, level=say.estimate(found))
    if target is not None:
        title += say("chart target", target=say.number(target))
    return (
        Shown(name),
        Shown(chart=terms.charts.interval(bounds(found), title, target=target)),
        Shown(say.estimate(found)),
        Shown(say.number(target)),
        Shown(say.chance(None if weak is None else weak["value"]), marked=bool(weak is not None and weak.get("weak"))),
        Shown(say.number(about.get("scores"))),
        Shown(say.number(about.get("raters"))),
    )


# --- over time ---


def over_time(
    terms: Terms, properties: Properties, cells: Mapping[str, Sequence[Cell]], estimator: Estimator, as_of: int
) -> Section:
    """Show what could be told of each level at the end of each period, by what had happened then."""
    figures = []
    for (code,), found in properties.group("level"):
        if is_estimate(found) and cells.get(code):
            points = history(code, cells[code], terms.estimation, estimator, as_of)
            figures.append(_history(terms, properties, code, points))
    blocks = [Figures(terms.say("history legend"), tuple(figures))] if figures else []
    return section(terms.say, "history", blocks)


def _history(terms: Terms, properties: Properties, code: str, points: Sequence[Point]) -> Figure:
    say, name = terms.say, terms.names.competency(code)
    shown = [say.estimate({"value": one.value, "interval": (one.low, one.high)}) for one in points]
    ends = [say.day_of(one.at) for one in points]
    title = say("chart history", competency=name, first=shown[0], since=ends[0], last=shown[-1], day=ends[-1])
    rows = tuple(
        texts(end, level, say.number(one.seen), say.number(one.scores))
        for end, level, one in zip(ends, shown, points, strict=True)
    )
    columns = (
        terms.column("period until"),
        *(terms.column(key, number=True) for key in ("level", "mean seen", "scores")),
    )
    chart = terms.charts.history(points, _wanted(terms, properties, code, points), title)
    return Figure(name, chart, Table("", columns, rows, folded=True))


def _wanted(terms: Terms, properties: Properties, code: str, points: Sequence[Point]) -> list[tuple[int, float]]:
    """Give the target over the time of the points, month by month; nothing where it is not known."""
    found = properties.get(f"target|{code}")
    since = None if found is None else found["provenance"].get("training_since")
    stage = properties.value("stage")
    target = next((one for name, one in terms.targets.stages.items() if name == stage), None)
    if since is None or target is None:
        return []
    began = milliseconds(since)
    first, last = max(points[0].at, began), points[-1].at
    wanted = []
    for at in [*range(first, last, _MONTHLY), last]:
        level = target.wanted(max(0.0, (at - began) / _YEAR_MS))
        if level is not None:
            wanted.append((at, level))
    return wanted


# --- where they are heading ---


def growth(terms: Terms, properties: Properties) -> Section:
    """Show growth, the next target and the forecast for its date, which intervals surround."""
    say = terms.say
    columns = (
        terms.column("competency"),
        *(terms.column(key, number=True) for key in ("growth year", "wanted")),
        terms.column("by"),
        terms.column("forecast column", number=True),
    )
    rows = []
    for (code,), _ in properties.group("level"):
        rate, target = properties.get(f"growth|{code}"), properties.known(f"target|{code}")
        if not is_estimate(rate) and target is None:
            continue
        ahead = None if target is None else target.get("forecast")
        rows.append(
            texts(
                terms.names.competency(code),
                say.estimate(rate, signed=True) if rate is not None and is_estimate(rate) else say("none"),
                say.number(None if target is None else target["value"]),
                say.day(None if target is None else target["by"]),
                say.estimate(ahead) if ahead is not None and is_estimate(ahead) else say("none"),
            )
        )
    return section(say, "growth", [Table("", columns, tuple(rows))], [say("growth lead")] if rows else [])
