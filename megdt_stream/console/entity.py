"""Faculty, base, resource and process twins as tables, drawn from their documents; trainees as a list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from megdt_stream.console.entity_words import word
from megdt_stream.console.words import Words

Properties: TypeAlias = Mapping[str, Mapping[str, Any]]

_DASH: Final = "—"
_STATES: Final = ("planned", "started", "ended", "cancelled")
_WAITING: Final = ("overdue", "late-start", "late-end")
_SHARES: Final = frozenset({"completion", "pass", "feedback|specific"})


def render(document: Mapping[str, Any], words: Words) -> RenderableType:
    """Show an entity's document, as `runtime.entities.read_entity` gives it."""
    properties: Properties = document["properties"]
    parts: list[RenderableType] = [_header(document, words)]
    for table in _TABLES[document["kind"]](properties, words):
        parts += ["", table]
    if any(map(_kept_back, properties.values())):
        parts += ["", Text(word(words, "suppressed note"), style="dim")]
    return Group(*parts)


def roster(rows: Sequence[Mapping[str, Any]], words: Words) -> RenderableType:
    """Show trainees, given as the dicts of `runtime.roster.Row.to_dict`."""
    table = _table("", words, "pseudonym", "stage", "base", "cohort", ">warnings", ">quota", "weak")
    for row in rows:
        weak = ", ".join(words[name] for name in row["weak"] or ())
        quota = "" if row["quota"] is None else f"{row['quota']:.0%}"
        who = (row["trainee"], words[row["stage"] or ""], row["base"] or "", row["cohort"] or "")
        table.add_row(*who, str(row["warnings"]), quota, weak)
    return Group(table, Text(word(words, "found").format(n=len(rows)), style="dim"))


def _header(document: Mapping[str, Any], words: Words) -> Text:
    text = Text(document["id"], style="bold cyan")
    text.append(f"  {word(words, document['kind'])}", style="default")
    if document["as_of"]:
        text.append(f"  {words['as of']} {document['as_of'][:10]}", style="dim")
    return text


# --- the kinds ---


def _faculty(properties: Properties, words: Words) -> Iterator[RenderableType]:
    yield _figures(properties, words)


def _base(properties: Properties, words: Words) -> Iterator[RenderableType]:
    apart = ("level|", "against-peers|", "supply|", "short|")
    yield _figures({name: one for name, one in properties.items() if not name.startswith(apart)}, words)
    yield _levels(properties, words)
    supply = _supply(properties, words)
    if supply.row_count:
        yield supply
    for name, one in properties.items():
        if name.startswith("short|") and one["provenance"]["of"]:
            counts = {"short": len(one["value"]), "of": one["provenance"]["of"]}
            yield Text(f"{name.partition('|')[2]}: {word(words, 'below demand').format(**counts)}", style="yellow")


def _resource(properties: Properties, words: Words) -> Iterator[RenderableType]:
    for name, one in properties.items():
        if not name.startswith("weeks|"):
            continue
        _, kind, unit, base, department = name.split("|")
        place = " · ".join(part for part in (word(words, kind), base, department) if part != "-")
        table = _table(f"{place} ({word(words, unit)})", words, "week", ">capacity", ">trainees", ">committed", ">free")
        for week in one["value"]:
            figures = (_number(week[field]) for field in ("capacity", "trainees", "committed", "free"))
            table.add_row(week["from"], *figures)
        yield table
        if "free" in one["provenance"]:
            yield Text(word(words, "unknown free"), style="dim")


def _process(properties: Properties, words: Words) -> Iterator[RenderableType]:
    names = sorted({name.partition("|")[2] for name in properties})
    states = _table("", words, "department", *(f">{name}" for name in (*_STATES, "trainees", "completion")))
    waiting = _table(word(words, "waiting"), words, "department", *(f">{name}" for name in _WAITING))
    for name in names:
        end = f"|{name}" if name else ""
        shown = name or word(words, "whole")
        figures = (f"{what}{end}" for what in (*_STATES, "trainees", "completion"))
        states.add_row(
            shown, *(_DASH if _kept_back(properties[one]) else _value(one, properties, words) for one in figures)
        )
        waiting.add_row(shown, *(_waiting(properties[f"{what}{end}"], words) for what in _WAITING))
    yield states
    yield waiting


_TABLES: Final[Mapping[str, Callable[[Properties, Words], Iterator[RenderableType]]]] = {
    "faculty": _faculty,
    "base": _base,
    "resource": _resource,
    "process": _process,
}


# --- tables ---


def _table(title: str, words: Words, *columns: str) -> Table:
    """Make a table; a column whose name begins with `>` is set to the right."""
    table = Table(title=title or None, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(word(words, column.removeprefix(">")), justify="right" if column[0] == ">" else "left")
    return table


def _figures(properties: Properties, words: Words) -> Table:
    table = _table("", words, "figure", ">value", ">interval", "notes")
    for name, one in properties.items():
        table.add_row(
            _label(name, words), _value(name, properties, words), _interval(name, one), _notes(one["provenance"], words)
        )
    return table


def _levels(properties: Properties, words: Words) -> Table:
    columns = ("competency", ">mean level", ">interval", ">against-peers", ">interval", ">trainees")
    table = _table(word(words, "levels"), words, *columns)
    for name, one in properties.items():
        if not name.startswith("level|"):
            continue
        competency = name.partition("|")[2]
        peers = f"against-peers|{competency}"
        table.add_row(
            words[competency],
            _value(name, properties, words),
            _interval(name, one),
            _value(peers, properties, words, signed=True),
            _interval(peers, properties[peers], signed=True),
            str(one["provenance"].get("trainees", "")),
        )
    return table


def _supply(properties: Properties, words: Words) -> Table:
    table = _table(word(words, "supply"), words, "department", "item", ">supplied", ">demand", ">ratio")
    for name, one in properties.items():
        if not name.startswith("supply|"):
            continue
        _, _standard, department, *item = name.split("|")
        if one["value"] is None:
            table.add_row(department, "", word(words, "suppressed"), "", "")
            continue
        about = one["provenance"]
        figures = (f"{one['value']:.2f}", f"{about['demand']:.2f}", f"{about['ratio']:.2f}")
        table.add_row(department, *item, *figures, style="yellow" if about["ratio"] < 1 else "")
    return table


# --- cells ---


def _label(name: str, words: Words) -> str:
    whole = word(words, name)
    first, *rest = name.split("|")
    if whole != name or not rest:
        return whole
    return ": ".join((word(words, first), " · ".join(word(words, part) for part in rest)))


def _value(name: str, properties: Properties, words: Words, *, signed: bool = False) -> str:
    one = properties[name]
    value = one["value"]
    if value is None:
        return word(words, "suppressed" if _kept_back(one) else one["unknown"])
    if isinstance(value, list):
        return ", ".join(value)
    if _is_share(name):
        return f"{value:.0%}"
    return f"{value:+.2f}" if signed or name.startswith("severity") else _number(value)


def _interval(name: str, one: Mapping[str, Any], *, signed: bool = False) -> str:
    if "interval" not in one:
        return ""
    form = ".0%" if _is_share(name) else "+.2f" if signed or name.startswith("severity") else ".2f"
    low, high = one["interval"]
    return f"{low:{form}} … {high:{form}}"


def _is_share(name: str) -> bool:
    return name in _SHARES or name.partition("|")[0] in _SHARES


def _notes(provenance: Mapping[str, Any], words: Words) -> str:
    """Write the numbers that a figure rests on; what is in words stays in the document."""
    found: Iterable[str] = (
        f"{word(words, name)} {_number(value)}" for name, value in provenance.items() if isinstance(value, int | float)
    )
    return ", ".join(found)


def _kept_back(one: Mapping[str, Any]) -> bool:
    return "suppressed" in one["provenance"]


def _waiting(one: Mapping[str, Any], words: Words) -> str:
    if _kept_back(one):
        return _DASH
    if not one["value"]:
        return "0"
    about = one["provenance"]
    days = ", ".join(f"{word(words, name)} {about[name]:.0f}" for name in ("mean_days", "longest_days"))
    return f"{one['value']} ({days})"


def _number(value: float | None) -> str:
    if value is None:
        return "?"
    return str(value) if isinstance(value, int) else f"{value:.2f}".rstrip("0").rstrip(".")
