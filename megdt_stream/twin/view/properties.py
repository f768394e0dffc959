"""What a twin tells by itself, as properties ready for JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from megdt_stream.evidence.record import PERIOD_MS
from megdt_stream.evidence.times import rfc3339
from megdt_stream.twin.view.estimation import Estimation
from megdt_stream.twin.view.facts import Concern, Rotation
from megdt_stream.twin.view.intervals import Interval, wilson
from megdt_stream.twin.view.levels import Level
from megdt_stream.twin.view.reading import TwinView
from megdt_stream.twin.view.tallies import Feedback
from megdt_stream.twin.view.times import rfc3339_or_none
from megdt_stream.twin.view.training import chain

Property: TypeAlias = dict[str, Any]
Properties: TypeAlias = dict[str, Property]
_PERIODS: Final = 6
"""How many of the latest periods the feedback is told for."""


def estimated(found: Interval) -> Property:
    """Give a value with its interval."""
    return {"value": round(found.value, 3), "interval": [round(found.low, 3), round(found.high, 3)]}


def told(view: TwinView, estimation: Estimation, as_of: int) -> Properties:
    """Give all properties that are not held against anything; `as_of` in ms, 0 for not known."""
    return (
        _who(view)
        | _stages(view)
        | _levels(view, estimation)
        | _growth(view, estimation)
        | _rotations(view)
        | _exposures(view)
        | _feedback(view, estimation, as_of)
        | _attendance(view, estimation)
        | _outcomes(view)
        | _missing_marks(view)
        | _open_warnings(view)
        | _tally(view)
    )


def _who(view: TwinView) -> Properties:
    linked = {} if view.head is None else {"head": {"value": view.head, "provenance": {"field": "i"}}}
    if view.personas:
        linked["personas"] = {"value": list(view.personas), "provenance": {"field": "p"}}
    if view.enrolment is None:
        return linked
    provenance = {"record": view.enrolment.record, "happened": rfc3339(view.enrolment.happened)}
    return linked | {
        name: {"value": getattr(view.enrolment, name), "provenance": provenance}
        for name in ("stage", "base", "programme", "cohort")
        if getattr(view.enrolment, name) is not None
    }


def _stages(view: TwinView) -> Properties:
    steps = chain(view.stages)
    if not steps:
        return {}
    value = [
        {
            "stage": one.stage,
            "base": one.base,
            "programme": one.programme,
            "cohort": one.cohort,
            "since": rfc3339(one.happened),
            "records": list(records),
        }
        for one, records in steps
    ]
    return {"stages": {"value": value, "provenance": {"records": [one.record for one in view.stages]}}}


def _levels(view: TwinView, estimation: Estimation) -> Properties:
    return {
        f"level|{one.competency}": {
            **estimated(Interval(one.mean, one.low, one.high)),
            "provenance": {
                "coverage": estimation.interval.coverage,
                "scores": one.scores,
                "raters": one.raters,
                "scores_without_rater": one.unnamed,
                "from": rfc3339(one.since),
                "until": rfc3339(one.until),
                **_severity(one, estimation),
            },
        }
        for one in view.levels
    }


def _severity(level: Level, estimation: Estimation) -> dict[str, Any]:
    """Tell what became of the severity of assessors: its declared variance, or the snapshot of what is known of it."""
    if level.snapshot is not None:
        return {"rater_severity": level.severity, "snapshot": level.snapshot}
    return {"rater_severity": level.severity, "rater_variance": estimation.rater.variance}


def _growth(view: TwinView, estimation: Estimation) -> Properties:
    levels = {one.competency: one for one in view.levels}
    return {
        f"growth|{one.competency}": {
            **estimated(Interval(one.slope, one.low, one.high)),
            "provenance": {
                "unit": "levels per year",
                "coverage": estimation.interval.coverage,
                "scores": one.scores,
                "periods": one.periods,
                "from": rfc3339(one.since),
                "until": rfc3339(one.until),
                **_severity(levels[one.competency], estimation),
            },
        }
        for one in view.growth
    }


def _rotations(view: TwinView) -> Properties:
    return {f"rotation|{one.code}": _rotation(one) for one in view.rotations}


def _rotation(one: Rotation) -> Property:
    expected = [{"key": e.key, "count": e.needed, "arrived": e.arrived, "due": rfc3339(e.due)} for e in one.expected]
    return {
        "value": one.status,
        "provenance": {
            "base": one.base,
            "department": one.department,
            "supervisor": one.supervisor,
            "starts": rfc3339_or_none(one.starts),
            "ends": rfc3339_or_none(one.ends),
            "expected": expected,
            "others": dict(one.others),
            "records": list(one.records),
        },
    }


def _exposures(view: TwinView) -> Properties:
    return {
        f"exposure|{one.kind}|{one.item}": {
            "value": one.total,
            "provenance": {"roles": dict(one.roles), **_periods(cell.period for cell in one.cells)},
        }
        for one in view.exposures
    }


def _periods(periods: Iterable[int]) -> dict[str, str]:
    """Give from when until when periods of four weeks reach."""
    known = sorted(periods)
    if not known:
        return {}
    return {"from": rfc3339(known[0] * PERIOD_MS), "until": rfc3339((known[-1] + 1) * PERIOD_MS)}


def _feedback(view: TwinView, estimation: Estimation, as_of: int) -> Properties:
    found = view.feedback
    if found is None:
        return {}
    specific = wilson(found.specific, found.specific + found.general, estimation.z)
    return {
        "feedback": {
            "value": found.received,
            "assessors": found.assessors,
            "without_assessor": found.unnamed,
            "specific": None if specific is None else estimated(specific),
            "mean_delay_hours": round(found.delay / found.timed / 60, 1) if found.timed else None,
            "periods": _latest_periods(found, as_of),
            "provenance": {
                "fields": "f",
                "specific": found.specific,
                "general": found.general,
                "not_told": found.received - found.specific - found.general,
                "timed": found.timed,
                "coverage": estimation.interval.coverage,
                "method": "Wilson score interval",
                **_periods(period for period, _ in found.periods),
            },
        }
    }


def _latest_periods(found: Feedback, as_of: int) -> list[dict[str, Any]]:
    """Count by period, the latest last: those up to now, or up to the newest feedback where now is not known."""
    counts = dict(found.periods)
    newest = max(as_of // PERIOD_MS, found.periods[-1][0]) if as_of else found.periods[-1][0]
    return [
        {"from": rfc3339(period * PERIOD_MS), "count": counts.get(period, 0)}
        for period in range(newest - _PERIODS + 1, newest + 1)
    ]


def _attendance(view: TwinView, estimation: Estimation) -> Properties:
    found = view.attendance
    share = None if found is None else wilson(found.attended, found.recorded, estimation.z)
    if found is None or share is None:
        return {}
    return {
        "attendance": {
            **estimated(share),
            "attended": found.attended,
            "recorded": found.recorded,
            "minutes": found.minutes,
            "provenance": {
                "fields": "t|teaching",
                "coverage": estimation.interval.coverage,
                "method": "Wilson score interval",
                "from": rfc3339(found.since),
                "until": rfc3339(found.until),
            },
        }
    }


def _outcomes(view: TwinView) -> Properties:
    return {
        f"outcome|{one.outcome}|{one.record}": {
            "value": one.result,
            "provenance": {
                "recorded_value": one.value,
                "rotation": one.rotation,
                "starts": rfc3339_or_none(one.starts),
                "ends": rfc3339_or_none(one.ends),
                "happened": rfc3339(one.happened),
                "record": one.record,
            },
        }
        for one in view.outcomes
    }


def _missing_marks(view: TwinView) -> Properties:
    return {f"missing|{name}": {"value": count, "provenance": {"fields": "m"}} for name, count in view.missing}


def _open_warnings(view: TwinView) -> Properties:
    return {
        f"warning|{one.rule}|{one.rotation}|{one.key}": {
            "value": "open",
            "provenance": {
                "since": rfc3339(one.opened),
                "notice": one.notice,
                "due": rfc3339(one.due),
                "expected": one.expected,
                "arrived": one.arrived,
            },
        }
        for one in view.warnings
    } | {
        f"warning|{one.rule}|{one.horizon_days}": {
            "value": one.standing,
            "provenance": {"since": rfc3339(one.since), "notice": one.notice, "decision": _decision(one)},
        }
        for one in view.concerns
    }


def _decision(one: Concern) -> dict[str, Any] | None:
    """Give the last decision on a warning: who did what when, until when, and whom it was assigned to."""
    if one.decision is None:
        return None
    happened, _rev, action, by, _reason, until, *assignee = one.decision
    found: dict[str, Any] = {"action": action, "by": by, "at": rfc3339(happened)}
    return found | ({"until": rfc3339(until)} if until else {}) | ({"assignee": assignee[0]} if assignee else {})


def _tally(view: TwinView) -> Properties:
    return {f"evidence|{kind}": {"value": count, "provenance": {"fields": "k"}} for kind, count in view.evidence}
