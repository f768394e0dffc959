"""What is read off a teacher's twin: severity, load, feedback, and how far apart the given levels lie.

About the teacher, not about a group of trainees: nothing is suppressed here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from math import sqrt
from typing import Any, Final, NamedTuple

from megdt_stream.evidence.record import PERIOD_MS
from megdt_stream.evidence.times import rfc3339
from megdt_stream.twin.entities.contribution import WINDOW_PERIODS
from megdt_stream.twin.entities.document import Properties, Property, share, told, untold
from megdt_stream.twin.entities.intervals import LEAST_FOR_SD, of_sd
from megdt_stream.twin.entities.levels import Severity
from megdt_stream.twin.entities.state import EntityTwin

_AT_LEAST: Final = "at least so many: events are counted by score, and a form marks a competency once at most"
_MINUTES_PER_HOUR: Final = 60
_LEVEL_UNIT: Final = 1000


class Spread(NamedTuple):
    """Levels given one by one: how many, their sum and sum of squares (thousandths of a level)."""

    n: int
    total: int
    squares: int

    @property
    def deviation(self) -> float:
        """Give the sum of squared deviations from the mean (squared levels)."""
        return (self.squares - self.total**2 / self.n) / _LEVEL_UNIT**2


class Peers(NamedTuple):
    """The pooled SD of the levels that other assessors give (levels), each about their own mean."""

    sd: float
    assessors: int
    scores: int


def spread(twin: EntityTwin) -> Spread | None:
    """Give the spread of the levels that a teacher gave; None where no two are known one by one."""
    n, total, squares = twin.totals.get("v", (0, 0, 0))
    return Spread(n, total, squares) if n > 1 else None


def pooled(spreads: Iterable[Spread]) -> Peers | None:
    """Pool the spreads of assessors; None where they leave too few degrees of freedom to tell."""
    found = list(spreads)
    freedom = sum(one.n - 1 for one in found)
    if freedom < LEAST_FOR_SD:
        return None
    variance = sum(one.deviation for one in found) / freedom
    return Peers(sqrt(variance), len(found), sum(one.n for one in found))


def properties(
    twin: EntityTwin, as_of: int, z: float, severities: Mapping[str, Severity], peers: Peers | None
) -> Properties:
    """Read a teacher's twin at a moment (ms).

    `z` is the half width of intervals in standard deviations, `severities` are by competency.
    """
    return _severity(severities, z) | _load(twin, as_of) | _feedback(twin, z) | {"range": _range(twin, z, peers)}


def _severity(severities: Mapping[str, Severity], z: float) -> Properties:
    if not severities:
        return {"severity": untold("not-estimated", severity="not estimated")}
    return {f"severity|{competency}": _of_one(one, z) for competency, one in severities.items()}


def _of_one(one: Severity, z: float) -> Property:
    ties: dict[str, Any] = {
        "connected_assessors": one.raters,
        "connected_trainees": one.trainees,
        "snapshot": one.snapshot,
    }
    if not one.identified:
        return untold("not-identified", severity="no trainee ties this assessor to another", **ties)
    half = z * one.sd
    return told(
        one.severity,
        (one.severity - half, one.severity + half),
        meaning="levels below what the connected assessors give the same trainees",
        **ties,
    )


# --- load ---


class _Period(NamedTuple):
    forms: int
    scores: int
    trainees: int


def _load(twin: EntityTwin, as_of: int) -> Properties:
    periods = _periods(twin)
    now = as_of // PERIOD_MS
    window = range(now - WINDOW_PERIODS, now)
    used = [periods[one] for one in window if one in periods]
    about: dict[str, Any] = {
        "unit": "per 4 weeks",
        "from": rfc3339(window.start * PERIOD_MS),
        "until": rfc3339(window.stop * PERIOD_MS),
    }
    everyone = _trainees(twin, periods)
    return {
        "load|forms": told(
            sum(one.forms for one in used) / WINDOW_PERIODS,
            scores=sum(one.scores for one in used),
            counted=_AT_LEAST,
            **about,
        ),
        "load|trainees": told(sum(one.trainees for one in used) / WINDOW_PERIODS, **about),
        "forms": told(sum(one.forms for one in periods.values()), counted=_AT_LEAST),
        "scores": told(sum(one.scores for one in periods.values())),
        "trainees": told(len(everyone), counted="whom this assessor has scored"),
        "supervises": told(supervised(twin, as_of, as_of + 1), counted="trainees in a rotation under this teacher now"),
    }


def _periods(twin: EntityTwin) -> dict[int, _Period]:
    trainees: defaultdict[int, int] = defaultdict(int)
    for part in twin.parts.values():
        for field in part.sums:
            if field.startswith("n|"):
                trainees[int(field[2:])] += 1
    found = {}
    for period, count in sorted(trainees.items()):
        forms, scores = twin.totals[f"n|{period}"]
        found[period] = _Period(forms, scores, count)
    return found


def _trainees(twin: EntityTwin, periods: Collection[int]) -> list[str]:
    fields = [f"n|{period}" for period in periods]
    return [name for name, part in twin.parts.items() if any(field in part.sums for field in fields)]


def supervised(twin: EntityTwin, starts: int, ends: int) -> int:
    """Count the trainees planned or present under a teacher at some time between two moments (ms)."""
    return len(
        {
            trainee
            for trainee, _, (status, since, until) in twin.slots("s")
            if status in {"planned", "started"}
            and since is not None
            and since < ends
            and (until is None or until > starts)
        }
    )


# --- feedback ---


def _feedback(twin: EntityTwin, z: float) -> Properties:
    counts: defaultdict[str, int] = defaultdict(int)
    minutes = 0
    for field, total in twin.totals.items():
        kind, _, rest = field.partition("|")
        if kind != "f":
            continue
        what = rest.partition("|")[2]
        counts[what] += total[0]
        minutes += 0 if what == "timed" else total[2]
    timed, specific, general = (counts[name] for name in ("timed", "specific", "general"))
    given = specific + general + counts["-"]
    found: Properties = {"feedback": told(given)}
    if timed:
        found["feedback|hours"] = told(
            minutes / timed / _MINUTES_PER_HOUR,
            meaning="mean hours from what was observed to the feedback",
            timed=timed,
            timed_share=timed / given,
        )
    if specific + general:
        of = specific + general
        found["feedback|specific"] = share(specific, of, z, specific=specific, of=of, not_stated=counts["-"])
    return found


# --- range ---


def _range(twin: EntityTwin, z: float, peers: Peers | None) -> Property:
    found = spread(twin)
    scores = sum(total[1] for field, total in twin.totals.items() if field.startswith("n|"))
    if found is None or found.n < LEAST_FOR_SD:
        return untold("too-few", known_one_by_one=0 if found is None else found.n, least=LEAST_FOR_SD, scores=scores)
    sd = sqrt(max(0.0, found.deviation) / (found.n - 1))
    against: dict[str, Any] = (
        {} if peers is None else {"peers_sd": peers.sd, "peers": peers.assessors, "peers_scores": peers.scores}
    )
    return told(
        sd,
        of_sd(sd, found.n - 1, z),
        meaning="standard deviation of the levels given",
        known_one_by_one=found.n,
        scores=scores,
        **against,
    )
