"""Compares what was said with what was planted, after the triage that reviewers see it through."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from statistics import median
from typing import Any, Final, NamedTuple

from megdt_stream.evaluate.warnings.hospital import Played
from megdt_stream.evaluate.warnings.standards import CASES_PER_WEEK
from megdt_stream.evidence.record import week_of
from megdt_stream.evidence.times import DAY_MS
from megdt_stream.governance import linkage
from megdt_stream.governance.triage import Raised, Sorted
from megdt_stream.runtime.warning_list import fates
from megdt_stream.synth.plan import HospitalPlan
from megdt_stream.synth.problems import (
    CONDUCT,
    DECLINE,
    DRIFT,
    HARSH,
    KINDS,
    OVERWORK,
    SHORT,
    SILENT,
    Planted,
    TroubledHospital,
)

CAP: Final = 10
"""Most warnings a reviewer is notified of in a week; the rest is listed."""

_RIGHT: Final[Mapping[str, frozenset[tuple[str, str]]]] = {
    DECLINE: frozenset({("trainee-in-decline", "level-fell")}),
    CONDUCT: frozenset({("professionalism-concern", "rated-below-rest")}),
    OVERWORK: frozenset({("duty-hours-over-limit", "week-over"), ("duty-hours-over-limit", "mean-over")}),
    HARSH: frozenset({("assessor-outlier", "severe")}),
    SHORT: frozenset({("base-short-of-cases", "short")}),
    SILENT: frozenset({("source-silent", "silent")}),
    DRIFT: frozenset({("form-drift", "shifted-down")}),
}
_OVERDUE: Final = linkage.OVERDUE
_FACTS: Final = frozenset({"assessor-overloaded", "feedback-late", "forms-incomplete", "supervision-thin"})
_TRULY: Final = 0.5
"""So many levels beyond all others an assessor's true severity is a reason to talk."""


class Warned(NamedTuple):
    """A warning after triage, with the code of its reason."""

    sorted: Sorted
    code: str


def evaluate(trainees: int, seed: int, tell: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Play a hospital with problems and judge the warnings; about half a second a trainee. The keys are stable."""
    began = time.process_time()
    plan = HospitalPlan(
        seed=seed,
        trainees=trainees,
        base_size=(14, 20),
        medical_school_share=0.1,
        continuing_share=0.05,
        cases_per_week=CASES_PER_WEEK,
    )
    played = Played(TroubledHospital(plan), tell)
    played.play()
    warned = _triaged(played)
    return _report(played, warned) | {
        "trainees": trainees,
        "seed": seed,
        "cpu_seconds": round(time.process_time() - began, 1),
    }


# --- triage ---


def _triaged(played: Played) -> list[Warned]:
    by_id = {event["id"]: event for event in played.said}
    return [Warned(one, by_id[id_]["data"]["reason"]["code"]) for id_, one in fates(played.said, CAP).items()]


# --- the report ---


def _report(played: Played, warned: list[Warned]) -> dict[str, Any]:
    hospital = played.hospital
    told = [one for one in warned if one.sorted.fate not in {"repeated", "inhibited"}]
    wrong = [one for one in told if _wrong(one, hospital)]
    notified = [one for one in wrong if one.sorted.fate == "notified"]
    return {
        "planted": {kind: _kind(kind, hospital.planted, told) for kind in KINDS},
        "benign": {kind: _benign(kind, hospital.benign, told) for kind in KINDS},
        "false_per_100_trainee_weeks": round(100 * len(wrong) / played.trainee_weeks, 4),
        "false_notified_per_100_trainee_weeks": round(100 * len(notified) / played.trainee_weeks, 4),
        "false": sorted(f"{one.sorted.raised.rule} {one.sorted.raised.about}" for one in wrong)[:50],
        "false_by_rule": dict(sorted(Counter(one.sorted.raised.rule for one in wrong).items())),
        "per_reviewer_week_max": max(_per_reviewer(warned).values(), default=0),
        "cap": CAP,
        "blamed_for_assessor": sum((one.sorted.raised.id, one.sorted.raised.at) in played.blamed for one in told),
        "fates": dict(sorted(Counter(one.sorted.fate for one in warned).items())),
        "raised_by_rule": dict(sorted(Counter(one.sorted.raised.rule for one in warned).items())),
        "trainee_weeks": played.trainee_weeks,
    }


def _per_reviewer(warned: Iterable[Warned]) -> Counter[tuple[str, int]]:
    notified = (one.sorted.raised for one in warned if one.sorted.fate == "notified")
    return Counter((one.owner, week_of(one.at)) for one in notified)


def _kind(kind: str, planted: Iterable[Planted], told: Iterable[Warned]) -> dict[str, Any]:
    told = list(told)
    mine = [one for one in planted if one.kind == kind]
    about = {one: [w for w in told if _concerns(w, one)] for one in mine}
    right = {one: [w for w in found if (w.sorted.raised.rule, w.code) in _RIGHT[kind]] for one, found in about.items()}
    delays = [(min(w.sorted.raised.at for w in found) - one.since) / DAY_MS for one, found in right.items() if found]
    return {
        "n": len(mine),
        "warned": sum(bool(found) for found in about.values()),
        "right_reason": len(delays),
        "median_delay_days": round(median(delays), 1) if delays else None,
    }


def _benign(kind: str, benign: Iterable[Planted], told: Iterable[Warned]) -> dict[str, int]:
    told = list(told)
    mine = [one for one in benign if one.kind == kind]
    found = [w for one in mine for w in told if _concerns(w, one) and (w.sorted.raised.rule, w.code) in _RIGHT[kind]]
    return {"n": len(mine), "warned": len({w.sorted.raised.about for w in found})}


def _concerns(warned: Warned, planted: Planted) -> bool:
    raised = warned.sorted.raised
    if raised.rule == _OVERDUE:
        return False
    name = raised.about.split("/", 1)[1] if raised.about.startswith(_ENTITIES) else raised.about
    return name == planted.subject and raised.at >= planted.since


_ENTITIES: Final = ("base/", "faculty/", "source/", "instrument/")


def _wrong(warned: Warned, hospital: TroubledHospital) -> bool:
    """Tell whether nothing is so that a warning could be of.

    A form that has not come, a full roster and a late answer are facts that the rule only counts; but a form that a
    silent source keeps is the source's. Trainees of a base that is short of cases are short of them. An assessor counts
    as an outlier who truly is half a level from zero.
    """
    raised = warned.sorted.raised
    if raised.rule == _OVERDUE:
        return any(_kept(raised, one) for one in hospital.planted)
    if raised.rule == "assessor-outlier":
        severity = _severity(hospital, raised.about.partition("/")[2])
        return (severity if warned.code == "severe" else -severity) < _TRULY
    if raised.rule == "quota-projected-short" and any(
        one.kind == SHORT and one.subject == raised.base for one in hospital.planted
    ):
        return False
    return raised.rule not in _FACTS and not any(_concerns(warned, one) for one in hospital.planted)


def _kept(raised: Raised, one: Planted) -> bool:
    silent = one.kind == SILENT and one.until is not None and one.subject in raised.sources
    return silent and one.since <= raised.at < (one.until or 0)


def _severity(hospital: TroubledHospital, name: str) -> float:
    staff = (one for staff in hospital.people.staff.values() for one in staff.assessors)
    return next((one.severity for one in staff if one.pseudonym == name), 0.0)
