"""A twin as tables: who it is, what is wrong, then levels, practice, load and learning.

For somebody who has to act on it: every estimate with its uncertainty, and what cannot be told said so. Nothing is
computed here; that is done in `megdt_stream.twin.view`.
"""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from megdt_stream.console.twin import practice
from megdt_stream.console.twin.attention import attention
from megdt_stream.console.twin.levels import bar, levels, outlook, targets_note
from megdt_stream.console.twin.parts import day
from megdt_stream.console.twin.risk import risk
from megdt_stream.console.words import Words
from megdt_stream.twin.view import Comparison, Estimation, Norms, TwinView, compare
from megdt_stream.twin.view.training import chain

__all__ = ["bar", "day", "header", "levels", "render", "risk"]


def render(
    trainee: str, view: TwinView, estimation: Estimation, as_of: int, words: Words, norms: Norms | None = None
) -> RenderableType:
    """Show a whole twin; `as_of` in ms, 0 for not known. Without `norms` no targets, quotas and limits are shown."""
    compared = compare(view, estimation, as_of, norms)
    parts: list[RenderableType] = [header(trainee, view, as_of, words), *_stages(view, words)]
    wrong = attention(view, compared, words)
    if wrong.row_count:
        parts += ["", wrong]
    parts += _awaited(compared, words)
    if view.levels:
        parts += ["", levels(view.levels, estimation, words), Text(_severity(view, words), style="dim")]
        parts += _outlook(view, compared, estimation, words)
    parts += _without_standard(compared, words)
    for table in _tables(view, compared, estimation, words):
        if table.row_count:
            parts += ["", table]
    if view.missing:
        missing = " · ".join(f"{words[name]} {count}" for name, count in view.missing)
        parts += ["", Text(f"{words['missing']}: {missing}")]
    return Group(*parts)


def header(trainee: str, view: TwinView, as_of: int, words: Words) -> Text:
    """Write who this is, on one line."""
    text = Text()
    text.append(trainee, style="bold cyan")
    if view.enrolment is not None:
        who = view.enrolment
        named = [words[who.stage], who.base, who.programme, who.cohort]
        text.append("  " + " · ".join(part for part in named if part))
    if as_of:
        text.append(f"  {words['as of']} {day(as_of)}", style="dim")
    if view.head is not None:
        text.append(f"\n{words['belongs to']} {view.head}", style="yellow")
    if view.personas:
        text.append(f"\n{words['with']} {', '.join(view.personas)}", style="dim")
    return text


def _stages(view: TwinView, words: Words) -> list[Text]:
    """Write the chain of stages, where there is more than one step."""
    steps = [one for one, _ in chain(view.stages)]
    if len(steps) < 2:
        return []
    told = (" · ".join(part for part in (words[one.stage], one.base, day(one.happened)) if part) for one in steps)
    return [Text(" → ".join(told), style="dim")]


def _awaited(compared: Comparison, words: Words) -> list[Text]:
    found = compared.awaited
    if found is None:
        return []
    if not found.expected:
        return [Text(words["nothing due"], style="dim")]
    note = words["came of due"].format(
        came=found.came, expected=found.expected, share=f"{found.came / found.expected:.0%}"
    )
    return [Text(note, style="dim")]


def _severity(view: TwinView, words: Words) -> str:
    snapshots = sorted({one.snapshot for one in view.levels if one.snapshot is not None})
    if not snapshots:
        return words["severity note"]
    return words["severity snapshot"].format(snapshot=", ".join(snapshots))


def _outlook(view: TwinView, compared: Comparison, estimation: Estimation, words: Words) -> list[RenderableType]:
    shown = outlook(view, compared.goals, estimation, words)
    note = targets_note(compared.goals, words)
    parts: list[RenderableType] = ["", shown] if shown.row_count else []
    return [*parts, Text(note, style="dim")] if note else parts


def _without_standard(compared: Comparison, words: Words) -> list[Text]:
    found = compared.quotas
    if found is None or found.standard is not None:
        return []
    return [Text(words["no-standard"].format(programme=found.programme or "-"), style="dim")]


def _tables(view: TwinView, compared: Comparison, estimation: Estimation, words: Words) -> list[Table]:
    found = [practice.rotations(view, words)]
    if compared.quotas is not None and compared.quotas.standard is not None:
        found.append(practice.quotas(compared.quotas, words))
    found.append(practice.exposures(view, compared, words))
    if compared.workload is not None:
        found.append(practice.workload(compared.workload, words))
    return [*found, practice.learning(view, compared, estimation, words), practice.outcomes(view, words)]
