"""Plain data as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text


def facts(data: Mapping[str, Any]) -> RenderableType:
    """Show names and values; lists of mappings become tables below."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", justify="right")
    grid.add_column(overflow="fold")
    below: list[RenderableType] = []
    for name, value in data.items():
        if isinstance(value, list) and value and all(isinstance(row, Mapping) for row in value):
            below += ["", Text(_words(name), style="bold"), rows(value)]
        elif isinstance(value, Mapping):
            grid.add_row(_words(name), ", ".join(f"{_words(key)} {shown(v)}" for key, v in value.items()) or "-")
        else:
            grid.add_row(_words(name), shown(value))
    return Group(grid, *below)


def rows(data: Sequence[Mapping[str, Any]]) -> Table:
    """Show mappings with the same names as rows."""
    names = list(dict.fromkeys(name for row in data for name in row))
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in names:
        numeric = all(isinstance(row.get(name), int | float | None) for row in data)
        table.add_column(_words(name), justify="right" if numeric else "left", overflow="fold")
    for row in data:
        table.add_row(*(shown(row.get(name)) for name in names))
    return table


def shown(value: Any) -> str:
    """Write a value for people."""
    match value:
        case None | [] | ():
            return "-"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.3f}".rstrip("0").rstrip(".")
        case list() | tuple():
            return ", ".join(shown(one) for one in value)
        case _:
            return str(value)


def _words(name: str) -> str:
    return str(name).replace("_", " ")
