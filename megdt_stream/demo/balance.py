"""Whether the end adds up: published against read, parts against the whole, all of it against the truth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any

from megdt_stream.synth import Truth
from megdt_stream.twin.view import TwinView

Key = tuple[str, str, str]
"""An expectation: trainee, rotation, key."""


@dataclass(frozen=True)
class Comparison:
    """One figure of the generator's truth beside what the system says."""

    what: str
    truth: int
    found: int
    differing: int = 0

    @property
    def equal(self) -> bool:
        """Tell whether they agree."""
        return self.truth == self.found and not self.differing


@dataclass(frozen=True)
class Coverage:
    """How many true levels lie within the intervals that the twins give.

    `error`: root mean square of the estimates' errors, `width`: mean of the intervals', both in levels.
    """

    inside: int
    of: int
    error: float
    width: float


def reconcile(published: Mapping[str, int], report: Mapping[str, Any]) -> list[str]:
    """Give the topics where published = read = accepted + duplicate + rejected does not hold."""
    problems = []
    for short, sent in published.items():
        found = report["topics"][f"megdt.{short}.v1"]
        parts = found["accepted"] + found["duplicate"] + found["rejected"]
        if not sent == found["read"] == parts:
            problems.append(f"{short}: published {sent}, read {found['read']}, accounted for {parts}")
    return problems


def compare(
    truth: Truth, report: Mapping[str, Any], twins: Mapping[str, TwinView], open_until: int
) -> Iterator[Comparison]:
    """Compare with what the generator knows.

    `open_until` (ms): expectations due at or before it, and not met, must stand as open warnings.
    """
    for fate in ("accepted", "duplicate", "rejected"):
        by_topic = {short: counts[fate] for short, counts in truth.counts.items()}
        found = {short: report["topics"][f"megdt.{short}.v1"][fate] for short in by_topic}
        yield Comparison(fate, *_sums(by_topic, found))
    reasons: dict[str, int] = {}
    for figures in report["topics"].values():
        for reason, count in figures["reasons"].items():
            reasons[reason] = reasons.get(reason, 0) + count
    yield Comparison("rejected, reason by reason", *_sums(truth.reasons, reasons))
    known = {name for name, subject in truth.subjects.items() if subject.twin}
    yield Comparison("twins", len(known), len(twins), len(known ^ set(twins)))
    missed = {(u.trainee, u.rotation, u.key) for u in truth.undelivered if u.due <= open_until}
    warned = {(name, one.rotation, one.key) for name, view in twins.items() for one in view.warnings}
    yield Comparison("overdue and open", len(missed), len(warned), len(missed ^ warned))


def coverage(truth: Truth, twins: Mapping[str, TwinView], opens: int, closes: int) -> Coverage:
    """Count true levels within their interval, at the time that the estimate is of.

    That is the middle of the scores that a mean is made of, and the newest score of an estimate by snapshot.
    Only of persons: what came under a second pseudonym counts with the person it is linked to.
    """
    inside, errors, width = 0, [], 0.0
    for name in truth.trainees.keys() & twins.keys():
        for one in twins[name].levels:
            real = truth.trainees[name].competencies[one.competency]
            moment = (one.since + one.until) / 2 if one.snapshot is None else one.until
            share = min(1.0, max(0.0, (moment - opens) / (closes - opens)))
            level = real.start + share * (real.end - real.start)
            errors.append(one.mean - level)
            width += one.high - one.low
            inside += one.low <= level <= one.high
    total = max(1, len(errors))
    return Coverage(inside, len(errors), sqrt(sum(error**2 for error in errors) / total), width / total)


def _sums(truth: Mapping[str, int], found: Mapping[str, int]) -> tuple[int, int, int]:
    differing = sum(truth.get(name, 0) != found.get(name, 0) for name in truth.keys() | found.keys())
    return sum(truth.values()), sum(found.values()), differing
