"""A chain from evidence to advice as people read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from megdt_stream.twin.view import rfc3339

_HEADINGS: Final = {
    "evidence": {"en": "Evidence", "zh": "证据"},
    "read_as": {"en": "Read as", "zh": "由此得出"},
    "models": {"en": "Models and versions", "zh": "模型与版本"},
    "warnings": {"en": "Warnings", "zh": "预警"},
    "chosen": {"en": "Chosen", "zh": "选择"},
    "decisions": {"en": "Decisions", "zh": "决定"},
}
_MOST: Final = 20


def render(story: Mapping[str, Any], lang: str) -> list[RenderableType]:
    """Draw a chain, evidence first."""
    log = story["log"]
    found: list[RenderableType] = [
        Text(f"{story['id']}  {story['trainee']}  {story['time']}", style="bold"),
        Text(str(story["reason"].get(lang) or story["reason"]["code"])),
    ]
    for name, heading in _HEADINGS.items():
        if story.get(name):
            found += [Text(""), Text(heading[lang], style="bold")]
            if name == "evidence":
                found += [Text(f"{log['topic']}/{log['partition']} < {log['before_offset']}", style="dim")]
                found += [_evidence(story["evidence"])]
            else:
                found += _lines(story[name], lang)
    return found


def _evidence(records: list[Mapping[str, Any]]) -> Table:
    table = Table("offset", "source", "id", "rev", "happened", "level", box=None)
    for one in records[-_MOST:]:
        levels = ", ".join(f"{score['level']:.1f}" for score in one.get("scores", []))
        told = str(one["offset"]), one["source"], one["id"], str(one["rev"]), rfc3339(one["happened"]), levels
        table.add_row(*(Text(text) for text in told))
    if len(records) > _MOST:
        table.add_row(f"(+{len(records) - _MOST})")
    return table


def _lines(value: Any, lang: str) -> list[RenderableType]:
    if isinstance(value, Mapping):
        return [Text(f"{name}: {_flat(one, lang)}") for name, one in value.items()]
    return [Text(_flat(one, lang)) for one in value]


def _flat(value: Any, lang: str) -> str:
    if isinstance(value, Mapping):
        if {"en", "zh"} <= value.keys():
            return str(value[lang])
        return ", ".join(f"{name} {_flat(one, lang)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(_flat(one, lang) for one in value) or "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
