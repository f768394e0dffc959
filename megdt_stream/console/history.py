"""What changed in a twin: record by record, and between two moments; as data and as tables, in English and Chinese."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import orjson
from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from megdt_stream.console import history_words
from megdt_stream.console.history_words import word
from megdt_stream.console.words import Words
from megdt_stream.driver.replay import Change, Event
from megdt_stream.evidence.record import PERIOD_MS, WEEK_MS
from megdt_stream.twin.view import rfc3339

_DASH: Final = "–"
_ARROW: Final = " → "
_MONDAY_MS: Final = 3 * 24 * 3600 * 1000  # the epoch began on a Thursday


# --- history ---


def history_rows(events: Iterable[Event], words: Words) -> list[dict[str, Any]]:
    """Give events as plain data; `words` of a change are in the language of `words`, all else is codes."""
    return [
        {
            "available": rfc3339(one.fact.available),
            "happened": rfc3339(one.fact.happened),
            "kind": _kind(one),
            "trainee": one.fact.trainee,
            "source": one.fact.source,
            "id": one.fact.id,
            "revision": one.fact.rev,
            "verdict": one.verdict,
            "reason": one.reason,
            "changes": [{**change._asdict(), "words": said_of(change, words)} for change in one.changes],
        }
        for one in events
    ]


def _kind(event: Event) -> str:
    return str(event.fact.__struct_config__.tag)


def history(trainee: str, rows: Sequence[Mapping[str, Any]], words: Words) -> RenderableType:
    """Draw what `history_rows` gives."""
    title = Text(trainee, style="bold cyan")
    if not rows:
        return Group(title, Text(word(words, "no records"), style="dim"))
    table = _table(words, "available", "happened", "kind", "record", "verdict", "changed")
    for row in rows:
        record = f"{row['source']} {row['id']} @{row['revision']}"
        if row["trainee"] != trainee:
            record += f"\n{word(words, 'as')} {row['trainee']}"
        verdict = word(words, row["verdict"]) + (f": {row['reason']}" if row["reason"] else "")
        changed = "\n".join(change["words"] for change in row["changes"] if change["words"]) or word(words, "nothing")
        cells = (row["available"], row["happened"], history_words.kind(words, row["kind"]), record, verdict, changed)
        table.add_row(*map(Text, cells))
    return Group(title, table)


# --- a change in words ---


def said_of(change: Change, words: Words) -> str:
    """Say a change in words; "" for the counts of records, which the others tell."""
    kind, *parts = change.field.split("|")
    if kind == "k" or parts[-1:] == ["timed"]:
        return ""
    subject, value = _SUBJECTS[kind](parts, words), _VALUES.get(kind, _count)(words)
    before, after = (_DASH if text is None else value(text) for text in (change.before, change.after))
    return f"{subject}: {before}{_ARROW}{after}"


def _day(ms: int) -> str:
    return rfc3339(ms)[:10]


def _from(period: str) -> str:
    return _day(int(period) * PERIOD_MS)


def _rater(code: str, words: Words) -> str:
    return word(words, "unnamed") if code == "-" else code


def _role(code: str, words: Words) -> str:
    return word(words, "not told") if code == "-" else word(words, code)


def _assessment(parts: Sequence[str], words: Words) -> str:
    rotation, key = parts
    return word(words, "assessment of none", key) if rotation == "-" else word(words, "assessment of", *parts)


def _duty(parts: Sequence[str], words: Words) -> str:
    week, kind = parts
    shift = word(words, "duty shift" if kind == "duty" else kind)
    return word(words, "duty", shift, _day(int(week) * WEEK_MS - _MONDAY_MS))


Subject = Callable[[Sequence[str], Words], str]
_SUBJECTS: Final[Mapping[str, Subject]] = MappingProxyType(
    {
        "a": _assessment,
        "c": lambda p, w: word(w, "scores", w[p[0]], _rater(p[2], w), _from(p[1])),
        "m": lambda p, w: word(w, "missing", w[p[0]], _from(p[1])),
        "x": lambda p, w: word(w, "exposure", w[p[0]], p[1], _role(p[2], w), _from(p[3])),
        "f": lambda p, w: word(w, "feedback", _rater(p[0], w), _role(p[2], w), _from(p[1])),
        "t": lambda p, w: word(w, "activity", word(w, p[0]), p[1], _from(p[2])),
        "u": _duty,
        "v": lambda p, w: word(w, "self", w[p[0]], _from(p[1])),
        "r": lambda p, w: word(w, "rotation", p[0]),
        "o": lambda p, w: word(w, "outcome", p[0]),
        "e": lambda p, w: word(w, "enrolment"),
        "q": lambda p, w: word(w, "resource", p[0]),
        "d": lambda p, w: word(w, "decision", p[0]),
        "w": lambda p, w: word(w, "warning", *(p[1:] if len(p) > 2 else ("-", w[p[0]]))),
        "head": lambda p, w: word(w, "belongs to"),
        "persona": lambda p, w: word(w, "records of", p[0]),
    }
)
"""Kinds of changes (`Change`): what a field is about, of its parts after the kind."""

Value = Callable[[str], str]


def _count(_words: Words) -> Value:
    return lambda text: text.split(" ")[0]


def _level(words: Words) -> Value:
    def said(text: str) -> str:
        n, weight, weighted = map(int, text.split(" "))
        return word(words, "level", str(n), f"{weighted / weight / 1000:.2f}" if weight else _DASH)

    return said


def _minutes(words: Words) -> Value:
    return lambda text: word(words, "minutes", *text.split(" ")[:2])


def _slot(*places: int) -> Callable[[Words], Value]:
    """Say some places of a slot, those that are stated."""

    def of(words: Words) -> Value:
        def said(text: str) -> str:
            slot = orjson.loads(text)
            return " · ".join(words[str(slot[at])] for at in places if slot[at] is not None) or word(words, "step")

        return said

    return of


def _rotation(words: Words) -> Value:
    def said(text: str) -> str:
        _, _, status, starts, ends, base, department, supervisor, expects = orjson.loads(text)
        dates = f"{_when(starts)}/{_when(ends)}" if starts is not None or ends is not None else None
        keys = ", ".join(f"{count} {key} ({_day(due)})" for key, count, due in expects or ())
        if expects == []:
            keys = word(words, "nothing expected")
        named = (base, department, supervisor, dates, keys)
        status = words[status] if status else word(words, "step")
        return " · ".join([status, *(part for part in named if part)])

    return said


def _when(ms: int | None) -> str:
    return "" if ms is None else _day(ms)


_VALUES: Final[Mapping[str, Callable[[Words], Value]]] = MappingProxyType(
    {
        "c": _level,
        "v": _level,
        "t": _minutes,
        "u": _minutes,
        "r": _rotation,
        "o": _slot(2, 3),
        "e": _slot(2, 3, 4, 5),
        "q": _slot(2, 3, 4, 5),
        "d": _slot(2, 3, 4),
        "w": lambda words: lambda _text: word(words, "open"),
        "head": lambda words: str,
        "persona": lambda words: lambda _text: word(words, "on"),
    }
)


# --- difference ---

Told: TypeAlias = Mapping[str, Any]
_NOT_COMPARED: Final = frozenset({"provenance"})
_VALUE: Final = frozenset({"value", "interval"})
_DETAILS: Final = "…"
"""Stands in a table for lists and tables, which the JSON has whole."""


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give the properties that differ between two documents: `property`, `before`, `after`, None where absent.

    What is compared, and given, is all but the provenance: value, interval and what else a property tells.
    """
    old, new = (_compared(document["properties"]) for document in (before, after))
    return [
        {"property": name, "before": old.get(name), "after": new.get(name)}
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]


def _compared(properties: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        name: {part: value for part, value in one.items() if part not in _NOT_COMPARED}
        for name, one in properties.items()
    }


def difference_table(
    trainee: str, moments: tuple[str, str], rows: Sequence[Mapping[str, Any]], words: Words
) -> RenderableType:
    """Draw what `difference` gives; `moments` head the two columns."""
    title = Text(trainee, style="bold cyan")
    if not rows:
        return Group(title, Text(f"{moments[0]}{_ARROW}{moments[1]}: {word(words, 'no difference')}", style="dim"))
    table = _table(words, "property", *moments)
    for row in rows:
        before, after = row["before"], row["after"]
        cells = ("\n".join(_shown(*pair, words)) for pair in ((before, after), (after, before)))
        table.add_row(Text(history_words.property_name(words, row["property"])), *map(Text, cells))
    return Group(title, table)


def _shown(told: Told | None, other: Told | None, words: Words) -> Iterator[str]:
    """Say a value, and of what else a property tells that which the other side tells otherwise."""
    if told is None:
        yield _DASH
        return
    yield _plain(told, words)
    for name, part in told.items():
        if name not in _VALUE and part is not None and (other or {}).get(name) != part:
            estimate = part if isinstance(part, Mapping) else {"value": part}
            yield f"{name.replace('_', ' ')}: {_plain(estimate, words)}"


def _plain(told: Told, words: Words) -> str:
    value, interval = told.get("value", _DETAILS), told.get("interval")
    match value:
        case None:
            said = _DASH
        case bool():
            said = word(words, "yes" if value else "no")
        case [*several] if all(isinstance(one, str) for one in several):
            said = ", ".join(several)
        case dict() | list():
            said = _DETAILS
        case _:
            said = words[str(value)]
    return f"{said} [{interval[0]}, {interval[1]}]" if interval else said


def _table(words: Words, *columns: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim")
    for name in columns:
        table.add_column(word(words, name), overflow="fold")
    return table
