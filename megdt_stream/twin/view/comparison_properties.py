"""What comes of holding a twin against norms, as properties ready for JSON."""

from __future__ import annotations

from typing import Any

from megdt_stream.evidence.times import DAY_MS, rfc3339
from megdt_stream.twin.view.awaited import Awaited
from megdt_stream.twin.view.comparison import Comparison, OwnView
from megdt_stream.twin.view.estimation import Estimation
from megdt_stream.twin.view.goals import Goal
from megdt_stream.twin.view.intervals import Interval
from megdt_stream.twin.view.norms import Norms
from megdt_stream.twin.view.properties import Properties, Property, estimated
from megdt_stream.twin.view.quota import Coverage, Projection, QuotaProgress
from megdt_stream.twin.view.reading import TwinView
from megdt_stream.twin.view.times import date_of, rfc3339_or_none, week_start
from megdt_stream.twin.view.workload import Workload


def compared_properties(
    view: TwinView, compared: Comparison, estimation: Estimation, as_of: int, norms: Norms | None
) -> Properties:
    """Give all properties that come of a comparison; `as_of` in ms, 0 for not known."""
    properties: Properties = {}
    if norms is not None:
        for goal in compared.goals:
            properties |= _goal(goal, estimation, norms)
        properties |= _quotas(compared.quotas, estimation, as_of, norms)
    return (
        properties
        | _workload(compared.workload, as_of, norms)
        | _awaited(view, compared.awaited, as_of)
        | {f"self-assessment|{one.own.competency}": _own(one, estimation) for one in compared.own_views}
    )


def _seed(norms: Norms, key: str) -> dict[str, Any]:
    return {"file": "targets.toml", "version": norms.targets.version, "key": key}


# --- targets ---


def _goal(goal: Goal, estimation: Estimation, norms: Norms) -> Properties:
    target: Property = {
        "value": _rounded(goal.desired),
        "by": rfc3339_or_none(goal.by),
        "reported": _reported(goal),
        "forecast": None if goal.forecast is None else estimated(goal.forecast),
        "provenance": _target_provenance(goal, estimation, norms),
    }
    if goal.unknown is not None:
        return {f"target|{goal.competency}": target | {"unknown": goal.unknown}}
    weak: Property = {
        "value": _rounded(goal.below),
        "weak": goal.weak,
        "target": _rounded(goal.wanted),
        "provenance": {
            **_target_provenance(goal, estimation, norms),
            "at": rfc3339(goal.at),
            "threshold": norms.targets.weak.probability,
            "method": "normal distribution of the level's estimate",
        },
    }
    return {f"weak|{goal.competency}": weak, f"target|{goal.competency}": target}


def _reported(goal: Goal) -> Property:
    level = goal.level
    return {**estimated(Interval(level.mean, level.low, level.high)), "until": rfc3339(level.until)}


def _target_provenance(goal: Goal, estimation: Estimation, norms: Norms) -> dict[str, Any]:
    found: dict[str, Any] = {"coverage": estimation.interval.coverage}
    if goal.training is not None:
        found |= {
            "seeds": _seed(norms, f"stages.{goal.training.stage}"),
            "training_since": rfc3339(goal.training.began),
            "training_basis": goal.training.basis,
            "year_of_training": int(goal.training.years(goal.at)) + 1,
            "records": list(goal.training.records),
        }
    return found


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


# --- quotas ---


def _quotas(found: Coverage | None, estimation: Estimation, as_of: int, norms: Norms) -> Properties:
    if found is None:
        return {}
    summary: Property = {
        "value": found.met if found.standard is not None else None,
        "items": len(found.items),
        "short": sum(one.short is True for one in found.items),
        "not_told": sum(one.short is None for one in found.items),
        "provenance": {"programme": found.programme, "standard": found.standard, "as_of": _as_of(as_of)},
    }
    if found.standard is None:
        return {"quota": summary | {"unknown": "no-standard"}}
    items = {
        f"quota|{one.item.kind}|{one.item.code}": _item(one, found.standard, estimation, as_of, norms)
        for one in found.items
    }
    return {"quota": summary} | items


def _item(one: QuotaProgress, standard: str, estimation: Estimation, as_of: int, norms: Norms) -> Property:
    property_: Property = {
        "value": one.done,
        "required": one.item.minimum,
        "share": round(one.share, 3),
        "projected": None if one.projection is None else _projection(one.projection),
        "short": one.short,
        "provenance": {
            "seeds": {"file": "quotas.toml", "key": standard},
            "department": one.rotation.department,
            "least_role": one.item.role,
            "not_counted": one.uncounted,
            "threshold": norms.targets.quota.probability,
            "coverage": estimation.interval.coverage,
            "as_of": _as_of(as_of),
        },
    }
    return property_ if one.unknown is None else property_ | {"unknown": one.unknown}


def _projection(found: Projection) -> Property:
    return {
        **estimated(found.total),
        "by": rfc3339(found.span.closes),
        "probability_short": round(found.short, 3),
        "basis": found.span.basis,
        "seen": found.seen,
        "days_observed": round(found.span.observed / DAY_MS, 1),
        "days_ahead": round(found.span.ahead / DAY_MS, 1),
        "days_not_planned": round(found.span.owed / DAY_MS, 1),
        "method": "median of a negative binomial (Poisson counts, Gamma(1/2, 0) prior)",
    }


def _as_of(as_of: int) -> str | None:
    return rfc3339(as_of) if as_of else None


# --- load, what is missing, own ratings ---


def _workload(found: Workload | None, as_of: int, norms: Norms | None) -> Properties:
    if found is None:
        return {}
    limit = None if found.limit is None else {"hours": found.limit.hours, "weeks": found.limit.weeks}
    summary: Property = {
        "value": round(found.mean, 1),
        "maximum": round(found.highest, 1),
        "limit": limit,
        "over": found.over,
        "provenance": {
            "unit": "hours per week",
            "weeks_averaged": found.averaged,
            "seeds": _seed(norms, "workload") if limit is not None and norms is not None else None,
            "as_of": _as_of(as_of),
        },
    }
    weeks = {
        f"workload|{date_of(week_start(one.week))}": {
            "value": round(one.minutes / 60, 1),
            "on_call": round(one.on_call / 60, 1),
            "whole": not (found.running and one is found.weeks[-1]),
            "provenance": {"unit": "hours", "records": one.records, "fields": f"u|{one.week}"},
        }
        for one in found.weeks
    }
    return {"workload": summary} | weeks


def _awaited(view: TwinView, found: Awaited | None, as_of: int) -> Properties:
    if found is None:
        return {}
    items = [
        {
            "rotation": one.rotation.code,
            "department": one.rotation.department,
            "key": one.expected.key,
            "due": rfc3339(one.expected.due),
            "expected": one.expected.needed,
            "arrived": one.expected.arrived,
            "records": list(one.rotation.records),
        }
        for one in found.items
    ]
    return {
        "missing": {
            "value": found.missing,
            "expected": found.expected,
            "came": found.came,
            "share": round(found.came / found.expected, 3) if found.expected else None,
            "items": items,
            "marks": {one.competency: {"given": one.given, "missing": one.missing} for one in view.marks},
            "provenance": {"fields": "r, a, c, m", "as_of": _as_of(as_of)},
        }
    }


def _own(one: OwnView, estimation: Estimation) -> Property:
    level = None if one.level is None else estimated(Interval(one.level.mean, one.level.low, one.level.high))
    difference = {"value": None} if one.difference is None else estimated(one.difference)
    return {
        **difference,
        "own": estimated(one.own.rating),
        "assessors": level,
        "provenance": {
            "unit": "levels, own less assessors'",
            "coverage": estimation.interval.coverage,
            "scores": one.own.scores,
            "from": rfc3339(one.own.since),
            "until": rfc3339(one.own.until),
        },
    }
