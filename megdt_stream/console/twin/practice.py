"""What a trainee did, as tables: rotations, quotas, exposures, hours, teaching, feedback, outcomes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from megdt_stream.console.twin.parts import day, estimate, share, table
from megdt_stream.console.words import Words
from megdt_stream.twin.view import Comparison, Estimation, Rotation, TwinView
from megdt_stream.twin.view.intervals import Interval, wilson
from megdt_stream.twin.view.quota import Coverage, QuotaProgress
from megdt_stream.twin.view.times import week_start
from megdt_stream.twin.view.workload import Workload


def rotations(view: TwinView, words: Words) -> Table:
    """Show rotations and what came of what they expect."""
    shown = table(words["rotation"])
    shown.add_column(words["department"], justify="right")
    shown.add_column(words["rotation"], overflow="fold")
    shown.add_column(words["status"])
    shown.add_column(words["dates"])
    shown.add_column(words["arrived"], overflow="fold")
    for one in view.rotations:
        dates = f"{day(one.starts)} … {day(one.ends)}" if one.starts is not None and one.ends is not None else ""
        shown.add_row(one.department or "", one.code, words[one.status], dates, _arrivals(one, words))
    return shown


def _arrivals(one: Rotation, words: Words) -> Text:
    text = Text()
    for number, expected in enumerate(one.expected):
        short = expected.arrived < expected.needed
        text.append(", " if number else "")
        text.append(f"{expected.key}:{expected.arrived}/{expected.needed}", style="yellow" if short else "")
    others = sum(count for _, count in one.others)
    if others:
        text.append(f"{'; ' if one.expected else ''}{words['others']} {others}", style="dim")
    return text


def quotas(found: Coverage, words: Words) -> Table:
    """Show the quota by department: items met, short, not to be told yet, and how much of the minimum is done."""
    shown = table(f"{words['quota']} ({found.standard}): {words['met']} {found.met} / {len(found.items)}")
    shown.add_column(words["department"], justify="right")
    for name in ("met", "short", "not told yet", "done share"):
        shown.add_column(words[name], justify="right")
    shown.add_column(words["why"])
    for items in _departments(found.items):
        short = sum(one.short is True for one in items)
        shown.add_row(
            words.of(items[0].rotation.name),
            f"{sum(one.done >= one.item.minimum for one in items)} / {len(items)}",
            Text(str(short), style="yellow" if short else ""),
            str(sum(one.short is None for one in items)),
            f"{sum(one.share for one in items) / len(items):.0%}",
            ", ".join(sorted({words[one.unknown] for one in items if one.short is None and one.unknown is not None})),
        )
    return shown


def _departments(items: Sequence[QuotaProgress]) -> Iterator[list[QuotaProgress]]:
    together: dict[str, list[QuotaProgress]] = {}
    for one in items:
        together.setdefault(one.rotation.department, []).append(one)
    yield from together.values()


def exposures(view: TwinView, compared: Comparison, words: Words) -> Table:
    """Show cases, procedures and simulations, with the minimum of those that the quota names."""
    quota_items = () if compared.quotas is None else compared.quotas.items
    wanted: dict[tuple[str, str], QuotaProgress] = {(one.item.kind, one.item.code): one for one in quota_items}
    shown = table(words["exposure"])
    shown.add_column(words["item"], justify="right")
    shown.add_column(words["kind"])
    shown.add_column(words["count"], justify="right")
    if wanted:
        shown.add_column(words["counting"], justify="right")
    shown.add_column(words["by role"])
    for one in sorted(view.exposures, key=lambda exposure: (exposure.kind, -exposure.total, exposure.item)):
        roles = ", ".join(f"{words[role]} {count}" for role, count in one.roles if role != "-")
        quota = wanted.get((one.kind, one.item))
        counting = [f"{quota.done} / {quota.item.minimum}" if quota is not None else ""] if wanted else []
        shown.add_row(one.item, words[one.kind], str(one.total), *counting, roles)
    return shown


def workload(found: Workload, words: Words) -> Table:
    """Show hours by week, the average and the limit."""
    shown = table(words["workload"])
    for name in ("week from", "hours", "on call", "records of"):
        shown.add_column(words[name], justify="left" if name == "week from" else "right")
    for week in found.weeks:
        running = f" {words['running']}" if found.running and week is found.weeks[-1] else ""
        begins = f"{day(week_start(week.week))}{running}"
        shown.add_row(begins, f"{week.minutes / 60:.1f}", f"{week.on_call / 60:.1f}", str(week.records))
    shown.add_section()
    shown.add_row(words["mean of weeks"].format(count=found.averaged), f"{found.mean:.1f}")
    shown.add_row(words["highest"], f"{found.highest:.1f}")
    if found.limit is not None:
        shown.add_row(words["limit"].format(count=found.limit.weeks), f"{found.limit.hours:g}")
    return shown


def learning(view: TwinView, compared: Comparison, estimation: Estimation, words: Words) -> Table:
    """Show feedback received, attendance of teaching, and own ratings beside the assessors'."""
    shown = table(words["learning"])
    for name in ("what", "how it stands", "rests on"):
        shown.add_column(words[name], overflow="fold")
    for row in (*_feedback(view, estimation, words), *_attendance(view, estimation, words)):
        shown.add_row(*row)
    for one in compared.own_views:
        if one.difference is not None and one.level is not None:
            level = estimate(Interval(one.level.mean, one.level.low, one.level.high))
            beside = words["own beside"].format(own=f"{one.own.rating.value:.1f}", level=level)
            name = f"{words['own rating']}: {words[one.own.competency]}"
            shown.add_row(name, estimate(one.difference, "+"), beside)
    return shown


def _feedback(view: TwinView, estimation: Estimation, words: Words) -> Iterator[tuple[str, str, str]]:
    found = view.feedback
    if found is None:
        return
    yield words["feedback"], str(found.received), words["from assessors"].format(count=found.assessors)
    specific = wilson(found.specific, found.specific + found.general, estimation.z)
    if specific is not None:
        yield words["specific"], share(specific), f"{found.specific} / {found.specific + found.general}"
    if found.timed:
        delay = f"{found.delay / found.timed / 60:.1f} h"
        yield words["mean delay"], delay, words["timed"].format(count=found.timed)


def _attendance(view: TwinView, estimation: Estimation, words: Words) -> Iterator[tuple[str, str, str]]:
    found = view.attendance
    attended = None if found is None else wilson(found.attended, found.recorded, estimation.z)
    if found is not None and attended is not None:
        minutes = words["minutes"].format(count=found.minutes)
        yield words["attendance"], share(attended), f"{found.attended} / {found.recorded}, {minutes}"


def outcomes(view: TwinView, words: Words) -> Table:
    """Show what was decided outside."""
    shown = table(words["outcome"])
    for name in ("date", "outcome", "result"):
        shown.add_column(words[name])
    for one in view.outcomes:
        result = one.result if one.value is None else f"{one.result} ({one.value:g})"
        shown.add_row(day(one.happened), one.outcome, result)
    return shown
