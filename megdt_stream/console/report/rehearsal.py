"""The report of a rehearsal: what schemes bring, how sure that is, what it costs, and who gains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from megdt_stream.console import rehearsal as told
from megdt_stream.console.rehearsal_words import Words
from megdt_stream.console.report.charts import Charts
from megdt_stream.console.report.model import Cell, Column, Finding, Page, Section, Table

_FRAME = (
    "people_decide",
    "attention",
    "what",
    "sure",
    "why",
    "next",
    "limits",
    "no_limits",
    "details",
    "numbers",
    "method",
    "reading",
    "reading_text",
)


def rehearsal_page(result: Mapping[str, Any], lang: str) -> Page:
    """Write the page of a result (docs/rehearse.md)."""
    say = Words(lang)
    names = list(result["against_nothing"])
    words = {key: say(key) for key in _FRAME}
    return Page(
        lang={"en": "en", "zh": "zh-CN"}[say.lang],
        title=say("title"),
        name="、".join(names) if say.lang == "zh" else ", ".join(names),
        facts=tuple((say(name), str(result[name])) for name in ("snapshot", "trainees", "weeks", "draws", "seed")),
        notices=(),
        findings=tuple(_finding(result, name, say) for name in names),
        limits=tuple(_limits(result, say)),
        sections=(_measures(result, say), _choices(result, say), _acceptability(result, say), _equity(result, say)),
        method=((say("snapshot"), result["snapshot"]), (say("interval"), say("reading_text"))),
        words={**words, "summary": say("summary", n=len(names))},
    )


def _finding(result: Mapping[str, Any], name: str, say: Words) -> Finding:
    one, change = result["schemes"][name], result["against_nothing"][name]["on_target"]
    n = result["trainees"]
    averted = {part: value * n for part, value in change.items()}
    why = [say("driver", of=part["of"], share=f"{part['share']:.0%}") for part in result["uncertainty"][name]]
    cost = f"{one['cost']['mean']:,.0f} {one['cost']['currency']}"
    return Finding(
        what=say("finding", scheme=name, value=f"{averted['mean']:+z.1f}", n=n),
        sure=say("best", interval=say.between(averted, 1), share=f"{one['p_best']:.0%}"),
        why=tuple(why) or ("-",),
        next=f"{cost} · {say('per')}: {told.per(one, say)}",
    )


def _limits(result: Mapping[str, Any], say: Words) -> list[str]:
    local = [
        say("limit local", scheme=name, kinds=", ".join(kinds)) for name, kinds in result["local_only"].items() if kinds
    ]
    return [*local, say("limit model")]


def _plain(title: str, rows: Sequence[Mapping[str, str]]) -> Table:
    names = list(rows[0]) if rows else []
    return Table(
        title,
        tuple(Column(name, number=place > 0) for place, name in enumerate(names)),
        tuple(tuple(Cell(row[name]) for name in names) for row in rows),
    )


def _measures(result: Mapping[str, Any], say: Words) -> Section:
    blocks = (
        _strips(result, say),
        _plain(say("absolute"), told.absolute(result, say)),
        _plain(say("against"), told.differences(result, say)),
    )
    return Section("measures", say("absolute"), (say("interval"),), blocks)


def _strips(result: Mapping[str, Any], say: Words) -> Table:
    """Draw the share on target of each scheme on one scale."""
    charts, span = Charts(), (0.0, 1.0)
    labels = [(share, f"{share:.0%}") for share in (0.0, 0.5, 1.0)]
    rows = []
    for name, one in result["schemes"].items():
        found = one["on_target"]
        drawn = charts.interval(
            (found["mean"], found["p05"], found["p95"]), told.named(name, say), span, (0, 0.25, 0.5, 0.75, 1)
        )
        rows.append((Cell(told.named(name, say)), Cell(say.between(found, percent=True)), Cell(chart=drawn)))
    axis = Column(say("on_target"), chart=charts.axis(span, labels, say("on_target")))
    return Table(say("on_target"), (Column(say("scheme")), Column(say("on_target"), number=True), axis), tuple(rows))


def _choices(result: Mapping[str, Any], say: Words) -> Section:
    return Section("choices", say("cost"), (), (_plain(say("cost"), told.choices(result, say)),))


def _acceptability(result: Mapping[str, Any], say: Words) -> Section:
    rows = [
        {
            say("scheme"): name,
            **{f"{one['willing']:,}": f"{one['probability']:.0%}" for one in found["cost"]["acceptability"]},
        }
        for name, found in result["schemes"].items()
        if "acceptability" in found["cost"]
    ]
    return Section("acceptability", say("acceptability"), (say("willing"),), (_plain(say("acceptability"), rows),))


def _equity(result: Mapping[str, Any], say: Words) -> Section:
    measures = (("exposure_p90_p10", False), ("gap_between_groups", True), ("share_below_quota", True))
    least = next(iter(result["schemes"].values()))["equity"]["suppressed_below"]
    rows = []
    for name, one in result["schemes"].items():
        equity = one["equity"]
        figures = {say(key): say.between(equity[key], percent=percent) for key, percent in measures}
        groups = {group: say.between(found, percent=True) for group, found in equity["groups"].items()}
        rows.append({say("scheme"): told.named(name, say), **figures, **groups})
    return Section("equity", say("equity"), (say("suppressed", n=least),), (_plain(say("equity"), rows),))
