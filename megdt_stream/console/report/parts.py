"""What sections and findings of both kinds of page share: strips, plain cells, how a page was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from megdt_stream.console.report.charts import Charts
from megdt_stream.console.report.language import Language
from megdt_stream.console.report.model import Cell, Column, Fact, Section, Table
from megdt_stream.console.report.names import Names
from megdt_stream.console.report.properties import Properties
from megdt_stream.evidence.reference import Targets
from megdt_stream.evidence.reference.targets import StageTarget
from megdt_stream.twin.view import Estimation

_LEVELS = (1.0, 5.0)


@dataclass(frozen=True)
class Terms:
    """What a page is written with: its language, names, charts, and what the estimates assume."""

    say: Language
    names: Names
    charts: Charts
    estimation: Estimation
    targets: Targets

    @property
    def coverage(self) -> str:
        """Give the coverage of intervals in per cent."""
        return self.say.percent(self.estimation.interval.coverage)

    def column(self, key: str, *, number: bool = False, short: bool = False) -> Column:
        """Make a column with a heading."""
        return Column(self.say(key), number, short=short)

    def level_axis(self) -> Column:
        """Make the column of level strips, with the numbers of the scale above."""
        labels = [(float(level), str(level)) for level in range(1, 6)]
        return Column(self.say("scale"), chart=self.charts.axis(_LEVELS, labels, self.say("axis", low=1, high=5)))

    def share_axis(self, highest: float = 1.0) -> Column:
        """Make the column of strips of shares."""
        labels = [(share, f"{share:.0%}") for share in (0.0, 0.5, 1.0)]
        title = self.say("axis", low="0%", high=f"{highest:.0%}")
        return Column(self.say("scale"), chart=self.charts.axis((0.0, highest), labels, title))

    def share_strip(self, found: Mapping[str, Any], title: str) -> Markup:
        """Draw a share with its interval."""
        return self.charts.interval(bounds(found), title, (0.0, 1.0), (0, 0.25, 0.5, 0.75, 1))


def bounds(found: Mapping[str, Any]) -> tuple[float, float, float]:
    """Give value, low and high of an estimate."""
    low, high = found["interval"]
    return found["value"], low, high


def texts(*cells: str, marked: bool = False) -> tuple[Cell, ...]:
    """Make cells of text."""
    return tuple(Cell(text, marked=marked) for text in cells)


def section(
    say: Language, id_: str, blocks: Sequence[Any], lead: Sequence[str] = (), *, title: str | None = None
) -> Section:
    """Make a section of the blocks that have something; where none has, it says so."""
    shown = tuple(block for block in blocks if not isinstance(block, Table) or block.rows)
    told = tuple(part for part in lead if part)
    return Section(id_, say(title or id_), told if shown or told else (say("no data"),), shown)


def method(
    terms: Terms, properties: Properties, severity: str, stage: str | None, window: str | None = None
) -> tuple[Fact, ...]:
    """Say how the page was made: coverage, severity, evidence, targets, and where the assumptions come from."""
    say, estimation = terms.say, terms.estimation
    target = None if stage is None else next((t for s, t in terms.targets.stages.items() if s == stage), None)
    records = say.listed(
        f"{say.code(kind).lower()} {say.number(found['value'])}" for (kind,), found in properties.group("evidence")
    )
    sources = [estimation.rater.source, estimation.interval.source, "" if target is None else target.source]
    facts = [
        (say("coverage"), terms.coverage),
        (say("severity"), severity),
        (say("window"), window or say("window text", n=estimation.window.periods)),
        (say("targets"), "" if target is None else _wanted(say, target)),
        (say("assumption"), " · ".join(dict.fromkeys(filter(None, sources)))),
        (say("evidence counted"), records),
        (say("privacy"), say("not identifying")),
    ]
    return tuple((name, text) for name, text in facts if text)


def _wanted(say: Language, target: StageTarget) -> str:
    stage = say.of(target.name)
    if target.by_year is None:
        return say("target one", stage=stage, level=say.number(target.level))
    levels = say.listed(map(say.number, target.by_year))
    return say("target line", stage=stage, entry=say.number(target.entry), levels=levels)


def page_words(terms: Terms, n: int) -> dict[str, str]:
    """Give the words of the page's frame."""
    say = terms.say
    keys = ("people decide", "attention", "what", "sure", "why", "next", "limits", "no limits", "details", "numbers")
    return {
        **{key.replace(" ", "_"): say(key) for key in keys},
        "method": say("method"),
        "reading": say("reading"),
        "reading_text": say.sentences(say("reading text", coverage=terms.coverage), say("scale text")),
        "summary": say("found", n=n) if n else say("nothing found"),
    }
