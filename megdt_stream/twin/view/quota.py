"""Cases, procedures and simulations held against the quota standard of a trainee's programme."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal, NamedTuple

from megdt_stream.evidence.record import PERIOD_MS
from megdt_stream.evidence.reference.quotas import QuotaItem, QuotaRotation, QuotaStandard
from megdt_stream.evidence.times import DAY_MS
from megdt_stream.twin.rotation import CANCELLED
from megdt_stream.twin.view.estimation import Estimation
from megdt_stream.twin.view.facts import Exposure, Rotation
from megdt_stream.twin.view.intervals import CountAhead, Interval
from megdt_stream.twin.view.norms import Norms
from megdt_stream.twin.view.reading import TwinView
from megdt_stream.twin.view.times import MONTH_MS
from megdt_stream.twin.view.training import Training, training

_ROLES: Final = ("observed", "assisted", "performed")
_LEAST_OBSERVED_MS: Final = 7 * DAY_MS
"""A rate is told after a week; before, one case more or less would be all."""

_LEAST_OWED_MS: Final = 7 * DAY_MS

Basis = Literal["rotation", "programme"]
NO_CLOCK, NO_ROTATION, NO_BEGINNING, TOO_EARLY = "no-clock", "no-rotation", "no-beginning", "too-early"


class Span(NamedTuple):
    """The time in which an item is counted: what of it is over and what is to come, at `now`; times in ms.

    `stays` are its parts (begin, end); `basis` tells whether they are rotations in the item's department or the whole
    programme. `owed` is what the standard gives the department beyond the rotations that are known, as far as the
    training still has room for it; it is to come until `closes`.
    """

    basis: Basis
    stays: tuple[tuple[int, int], ...]
    now: int
    owed: int
    closes: int

    @property
    def observed(self) -> int:
        """Give how much of it is over."""
        return sum(max(0, min(end, self.now) - begin) for begin, end in self.stays)

    @property
    def ahead(self) -> int:
        """Give how much of it is to come."""
        return self.owed + sum(max(0, end - max(begin, self.now)) for begin, end in self.stays)

    def covers(self, period: int) -> bool:
        """Tell whether a period of four weeks overlaps what is over of it."""
        begins, ends = period * PERIOD_MS, (period + 1) * PERIOD_MS
        return any(begin < ends and begins < min(end, self.now) for begin, end in self.stays)


class Projection(NamedTuple):
    """The count at the end of a span (median) with its interval, and the probability that it is below the minimum.

    `seen` were counted in the periods of four weeks that overlap what is over of the span.
    """

    total: Interval
    short: float
    seen: int
    span: Span


class QuotaProgress(NamedTuple):
    """An item of the standard: how many count, how many do not (a lesser role, or none told), and what will be.

    `share` of the minimum that is done, at most 1. `short`: below the minimum in the end with more than the threshold's
    probability; None where there is no projection, and then `unknown` says why.
    """

    item: QuotaItem
    rotation: QuotaRotation
    done: int
    uncounted: int
    projection: Projection | None
    short: bool | None
    unknown: str | None

    @property
    def share(self) -> float:
        """Give the share of the minimum that is done."""
        return min(1.0, self.done / self.item.minimum)


class Coverage(NamedTuple):
    """A standard by its id, and each of its items; None where the programme has no standard."""

    programme: str | None
    standard: str | None
    items: tuple[QuotaProgress, ...]

    @property
    def met(self) -> int:
        """Give how many items have reached their minimum."""
        return sum(one.done >= one.item.minimum for one in self.items)


def coverage(view: TwinView, estimation: Estimation, as_of: int, norms: Norms) -> Coverage | None:
    """Hold exposures against the standard; None without an enrolment. `as_of` in ms, 0 for not known."""
    since = training(view)
    if since is None:
        return None
    found = norms.standard(since.stage, since.programme)
    if found is None:
        return Coverage(since.programme, None, ())
    name, standard = found
    return Coverage(since.programme, name, tuple(_progress(view, estimation, as_of, norms, standard, since)))


def _progress(
    view: TwinView, estimation: Estimation, as_of: int, norms: Norms, standard: QuotaStandard, since: Training
) -> Iterator[QuotaProgress]:
    exposures = {(one.kind, one.item): one for one in view.exposures}
    spans = _spans(view, as_of, standard, since)
    for rotation in standard.rotations:
        span = spans[rotation.department]
        for item in rotation.items:
            exposure = exposures.get((item.kind, item.code))
            done = _counting(exposure, item)
            uncounted = exposure.total - done if exposure is not None else 0
            projection = _project(exposure, item, done, span, estimation) if isinstance(span, Span) else None
            unknown = span if isinstance(span, str) else TOO_EARLY if projection is None else None
            if done >= item.minimum:
                short: bool | None = False
            else:
                short = None if projection is None else projection.short >= norms.targets.quota.probability
            yield QuotaProgress(item, rotation, done, uncounted, projection, short, unknown)


def _counting(exposure: Exposure | None, item: QuotaItem, span: Span | None = None) -> int:
    """Count what was done in the least role or a higher one, all of it or in what is over of a span."""
    if exposure is None:
        return 0
    return sum(
        cell.times
        for cell in exposure.cells
        if _counts(cell.role, item.role) and (span is None or span.covers(cell.period))
    )


def _counts(role: str, least: str | None) -> bool:
    return least is None or (role in _ROLES and _ROLES.index(role) >= _ROLES.index(least))


def _project(
    exposure: Exposure | None, item: QuotaItem, done: int, span: Span, estimation: Estimation
) -> Projection | None:
    """Project a count to the end of a span at the rate of what is over of it; None where that is too little."""
    if not span.ahead:
        return Projection(Interval(done, done, done), float(done < item.minimum), done, span)
    if span.observed < _LEAST_OBSERVED_MS:
        return None
    seen = _counting(exposure, item, span)
    more = CountAhead(seen, span.observed, span.ahead)
    tail = (1 - estimation.interval.coverage) / 2
    total = Interval(*(done + more.quantile(part) for part in (0.5, tail, 1 - tail)))
    return Projection(total, more.below(item.minimum - done), seen, span)


def _spans(view: TwinView, as_of: int, standard: QuotaStandard, since: Training) -> Mapping[str, Span | str]:
    """Give by department the time in which its items are counted, or why that is not known.

    Where the twin knows of no rotation in any department of the standard, all items are counted over the programme.
    """
    departments = [rotation.department for rotation in standard.rotations]
    if not as_of:
        return dict.fromkeys(departments, NO_CLOCK)
    stays: dict[str, list[tuple[int, int]]] = {department: [] for department in departments}
    for rotation in view.rotations:
        if rotation.department in stays and (stay := _stay(rotation, as_of)) is not None:
            stays[rotation.department].append(stay)
    closes = since.began + round(standard.months * MONTH_MS)
    if not any(stays.values()):
        return dict.fromkeys(departments, _programme(view, as_of, since, closes))
    return {
        one.department: _department(one, _union(stays[one.department]), as_of, closes) for one in standard.rotations
    }


def _department(rotation: QuotaRotation, stays: tuple[tuple[int, int], ...], now: int, closes: int) -> Span | str:
    """Give the time in a department: the rotations known, and what the standard gives it beyond them."""
    if not stays:
        return NO_ROTATION
    known = Span("rotation", stays, now, 0, max(end for _, end in stays))
    missing = round(rotation.months * MONTH_MS) - sum(end - begin for begin, end in stays)
    owed = min(missing, closes - now - known.ahead)
    # A rotation of four weeks that stands for a month owes nothing.
    if owed < _LEAST_OWED_MS:
        return known
    return known._replace(owed=owed, closes=max(closes, known.closes))


def _stay(rotation: Rotation, as_of: int) -> tuple[int, int] | None:
    """Give when a rotation is; one that is told to be over does not last longer than now."""
    if rotation.status == CANCELLED or rotation.starts is None or rotation.ends is None:
        return None
    ends = min(rotation.ends, as_of) if rotation.status == "ended" else rotation.ends
    return rotation.starts, max(rotation.starts, ends)


def _union(stays: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Join what overlaps, so that no day counts twice."""
    joined: list[tuple[int, int]] = []
    for begin, end in sorted(stays):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((begin, end))
    return tuple(joined)


def _programme(view: TwinView, as_of: int, since: Training, closes: int) -> Span | str:
    """Give the time from the first exposure on record in this training to its end: before, none was recorded."""
    periods = [cell.period * PERIOD_MS for exposure in view.exposures for cell in exposure.cells]
    recorded = [begin for begin in periods if begin + PERIOD_MS > since.began]
    if not recorded:
        return NO_BEGINNING
    begin = max(since.began, min(recorded))
    return Span("programme", ((begin, max(begin, closes)),), as_of, 0, closes)
