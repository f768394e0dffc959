"""What a page consists of: plain text and charts in a fixed order, laid out by the templates.

All text is text: the templates escape it. Only charts are markup, and they are made by `charts`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from markupsafe import Markup


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table: text, or a chart; `marked` ones stand out."""

    text: str = ""
    chart: Markup | None = None
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading, and a chart to stand in its place (an axis).

    `number` columns are set to the right, `short` ones stay on one line.
    """

    title: str
    number: bool = False
    chart: Markup | None = None
    short: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table; the first cell of a row names it. `folded` ones are opened by the reader."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart with its title, what its marks mean, and the numbers behind it."""

    title: str
    chart: Markup
    table: Table


@dataclass(frozen=True, slots=True)
class Figures:
    """Charts side by side under one legend."""

    legend: str
    figures: tuple[Figure, ...]


Block: TypeAlias = Table | Figures


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the details; one without blocks says in `lead` why there is nothing to show."""

    id: str
    title: str
    lead: tuple[str, ...] = ()
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that needs attention: what is wrong, how sure that is, why, and what next."""

    what: str
    sure: str
    why: tuple[str, ...]
    next: str


Fact: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Page:
    """A whole page in one language (`en` or `zh-CN`)."""

    lang: str
    title: str
    name: str
    facts: tuple[Fact, ...]
    notices: tuple[str, ...]
    findings: tuple[Finding, ...]
    limits: tuple[str, ...]
    sections: tuple[Section, ...]
    method: tuple[Fact, ...]
    words: dict[str, str]
