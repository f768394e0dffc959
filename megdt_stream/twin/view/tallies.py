"""What is counted of a trainee: duty, teaching, feedback, own ratings, marks given as missing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from megdt_stream.evidence.record import PERIOD_MS
from megdt_stream.twin.state import Twin
from megdt_stream.twin.view.estimation import Estimation
from megdt_stream.twin.view.fields import sums_of
from megdt_stream.twin.view.intervals import Interval
from megdt_stream.twin.view.levels import UNNAMED, WEIGHT_UNIT


class DutyWeek(NamedTuple):
    """Duty that began in a week: minutes in all and on call, and how many records say so."""

    week: int
    minutes: int
    on_call: int
    records: int


class Attendance(NamedTuple):
    """Teaching sessions: recorded and attended, minutes of all that were recorded; from `since` to `until` (ms)."""

    recorded: int
    attended: int
    minutes: int
    since: int
    until: int


class Feedback(NamedTuple):
    """Narrative feedback received.

    `specific` and `general` count those that say which they are, `unnamed` those of nobody named; `delay` is the sum of
    minutes from what was observed to the feedback, over the `timed` ones. `periods`: (period, count), the oldest first.
    """

    received: int
    assessors: int
    unnamed: int
    specific: int
    general: int
    delay: int
    timed: int
    periods: tuple[tuple[int, int], ...]


class OwnRating(NamedTuple):
    """A trainee's own rating of a competency (levels): the weighted mean with its interval.

    `variance` is that of the mean, from the scales; `scores` from `since` up to `until` (ms).
    """

    competency: str
    rating: Interval
    variance: float
    scores: int
    since: int
    until: int


class Marks(NamedTuple):
    """How many scores of a competency were given, and how many given as missing."""

    competency: str
    given: int
    missing: int


def duty(twin: Twin) -> tuple[DutyWeek, ...]:
    """Give the weeks in which duty is recorded, the oldest first."""
    minutes: Counter[int] = Counter()
    on_call: Counter[int] = Counter()
    records: Counter[int] = Counter()
    for (_, text, kind), (count, length, _) in sums_of(twin, "u"):
        week = int(text)
        records[week] += count
        minutes[week] += length
        if kind == "on-call":
            on_call[week] += length
    return tuple(DutyWeek(week, minutes[week], on_call[week], records[week]) for week in sorted(records))


def attendance(twin: Twin) -> Attendance | None:
    """Give attendance of teaching; learning cases are no sessions."""
    found = [(int(period), total) for (_, kind, _, period), total in sums_of(twin, "t") if kind == "teaching"]
    if not found:
        return None
    recorded, minutes, attended = (sum(total[part] for _, total in found) for part in range(3))
    first, last = min(period for period, _ in found), max(period for period, _ in found)
    return Attendance(recorded, attended, minutes, first * PERIOD_MS, (last + 1) * PERIOD_MS)


def feedback(twin: Twin) -> Feedback | None:
    """Give the feedback received, None where there is none."""
    kinds: Counter[str] = Counter()
    periods: Counter[int] = Counter()
    assessors: Counter[str] = Counter()
    delay = timed = 0
    for (_, assessor, period, kind), total in sums_of(twin, "f"):
        if kind == "timed":
            timed += total[0]
            continue
        kinds[kind] += total[0]
        periods[int(period)] += total[0]
        assessors[assessor] += total[0]
        delay += total[2]
    if not kinds:
        return None
    return Feedback(
        kinds.total(),
        len(assessors) - (UNNAMED in assessors),
        assessors[UNNAMED],
        kinds["specific"],
        kinds["general"],
        delay,
        timed,
        tuple(sorted(periods.items())),
    )


def own_ratings(twin: Twin, estimation: Estimation) -> Iterator[OwnRating]:
    """Give own ratings by competency, over as many periods as a level has, the newest own rating last."""
    found: defaultdict[str, list[tuple[int, int, int, int]]] = defaultdict(list)
    for (_, competency, period), (n, w, wy) in sums_of(twin, "v"):
        found[competency].append((int(period), n, w, wy))
    for competency, rows in found.items():
        newest = max(period for period, *_ in rows)
        used = [row for row in rows if row[0] > newest - estimation.window.periods]
        _, n, w, wy = (sum(row[part] for row in used) for part in range(4))
        mean, variance = wy / w / 1000, WEIGHT_UNIT / w
        half = estimation.z * variance**0.5
        since = min(period for period, *_ in used)
        rating = Interval(mean, mean - half, mean + half)
        yield OwnRating(competency, rating, variance, n, since * PERIOD_MS, (newest + 1) * PERIOD_MS)


def marks(twin: Twin) -> Iterator[Marks]:
    """Give how many scores came, and how many came as missing, by competency."""
    given: Counter[str] = Counter()
    missing: Counter[str] = Counter()
    for (_, competency, _, _), total in sums_of(twin, "c"):
        given[competency] += total[0]
    for (_, competency, _), total in sums_of(twin, "m"):
        missing[competency] += total[0]
    for competency in sorted(given | missing):
        yield Marks(competency, given[competency], missing[competency])
