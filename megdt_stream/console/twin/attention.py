"""What is wrong, first: weak competencies, open warnings, what has not come, short quotas, too many hours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from rich.table import Table

from megdt_stream.console.twin.parts import chance, day, table
from megdt_stream.console.words import Words
from megdt_stream.twin.view import Comparison, TwinView
from megdt_stream.twin.view.awaited import Awaited
from megdt_stream.twin.view.facts import Concern, OpenWarning
from megdt_stream.twin.view.quota import QuotaProgress
from megdt_stream.twin.view.workload import Workload

Row: TypeAlias = tuple[str, str, str, str, str]
_MOST: Final = 8
"""So many short items are listed, the surest first; the rest is counted."""


def attention(view: TwinView, compared: Comparison, words: Words) -> Table:
    """List what needs somebody's attention: what, where, how it stands, how sure that is, since or until when."""
    found = table(words["attention"])
    for name in ("what", "where", "how it stands", "how sure", "when"):
        found.add_column(words[name], overflow="fold")
    for row in _rows(view, compared, words):
        found.add_row(*row, style="yellow")
    return found


def _rows(view: TwinView, compared: Comparison, words: Words) -> Iterator[Row]:
    yield from _weak(compared, words)
    for warning in view.warnings:
        yield _warning(warning, words)
    for concern in view.concerns:
        yield _concern(concern, words)
    if compared.awaited is not None:
        # What a warning is open for is not told twice.
        yield from _missing(compared.awaited, {(one.rotation, one.key) for one in view.warnings}, words)
    if compared.quotas is not None:
        yield from _short([one for one in compared.quotas.items if one.short], words)
    if compared.workload is not None and compared.workload.over:
        yield _too_much(compared.workload, words)


def _weak(compared: Comparison, words: Words) -> Iterator[Row]:
    for one in compared.weak:
        level = one.level
        stands = f"{level.mean:.1f} ({level.low:.1f} – {level.high:.1f}), {words['target']} {one.wanted:.1f}"
        yield words["weak"], words[one.competency], stands, chance(one.below or 0.0), f"{words['as of']} {day(one.at)}"


def _warning(one: OpenWarning, words: Words) -> Row:
    where = f"{one.rotation} · {one.key}"
    return words["warning"], where, f"{one.arrived} / {one.expected}", "", f"{words['due']} {day(one.due)}"


def _concern(one: Concern, words: Words) -> Row:
    action = one.decision[2] if one.decision is not None and one.standing != "closed" else one.standing
    return words["warning"], words[one.rule], words[action], "", f"{words['since']} {day(one.since)}"


def _missing(found: Awaited, warned: set[tuple[str, str]], words: Words) -> Iterator[Row]:
    for one in found.items:
        if (one.rotation.code, one.expected.key) not in warned:
            stands = f"{one.expected.arrived} / {one.expected.needed}"
            where = f"{one.rotation.code} · {one.expected.key}"
            yield words["not come"], where, stands, "", f"{words['due']} {day(one.expected.due)}"


def _short(items: list[QuotaProgress], words: Words) -> Iterator[Row]:
    surest = sorted(items, key=lambda one: (-(one.projection.short if one.projection else 0.0), one.share))
    for one in surest[:_MOST]:
        if one.projection is not None:
            total = one.projection.total
            stands = f"{one.done} / {one.item.minimum} → {total.value:.0f} ({total.low:.0f} – {total.high:.0f})"
            where = f"{words.of(one.rotation.name)} · {words.of(one.item.name)}"
            yield (
                words["short"],
                where,
                stands,
                chance(one.projection.short),
                f"{words['by']} {day(one.projection.span.closes)}",
            )
    if len(items) > _MOST:
        yield words["short"], words["and further"].format(count=len(items) - _MOST), "", "", ""


def _too_much(found: Workload, words: Words) -> Row:
    limit = "" if found.limit is None else f" > {found.limit.hours:g}"
    stands = f"{found.mean:.0f}{limit} {words['hours a week']}"
    return words["workload"], words["mean of weeks"].format(count=found.averaged), stands, "", ""
