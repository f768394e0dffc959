"""OULAD tables played through adapter, intake and fold, and features cut on the way."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, Final, NamedTuple

import orjson

from megdt_stream.calibration.risk.features import features
from megdt_stream.calibration.risk.schedule import DAY_MS
from megdt_stream.evidence import intake, record, topics
from megdt_stream.evidence.adapters import Outgoing
from megdt_stream.evidence.adapters.oulad import OuladTables, Row, events, start_of
from megdt_stream.evidence.reference import Reference
from megdt_stream.twin.fold import fold
from megdt_stream.twin.state import Twin

DAYS: Final = (30, 60, 90, 120)
"""Days of a presentation that are reported on."""
WEEKLY: Final = 7
_FIRST_DAY: Final = 23
_LAST_DAY: Final = 150
"""Weekly cuts are learnt from between these: as long as anything is predicted, and a month more."""
_EDUCATION: Final = {
    "No Formal quals": 0.0,
    "Lower Than A Level": 0.25,
    "A Level or Equivalent": 0.5,
    "HE Qualification": 0.75,
    "Post Graduate Qualification": 1.0,
}
_FULL_TIME_CREDITS: Final = 60.0
_ADVERSE: Final = frozenset({"fail", "withdrawn"})
GROUPS: Final = ("gender", "age_band", "disability", "imd_band")
"""Columns of `studentInfo` whose groups are compared; none of the first three is a feature."""


class Cut(NamedTuple):
    """Features frozen at a day of a presentation: of whom, when (ms), and what they were."""

    cohort: str
    trainee: str
    day: int
    at: int
    features: tuple[float, ...]


@dataclass
class Cohort:
    """A presentation: its dates (ms), the outcome and groups of each student, when (ms) who withdrew."""

    code: str
    programme: str
    starts: int
    ends: int
    adverse: dict[str, bool] = field(default_factory=dict)
    groups: dict[str, dict[str, str]] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)


@dataclass
class Played:
    """All cohorts by code, and all cuts in the order of time."""

    cohorts: dict[str, Cohort]
    cuts: list[Cut]
    events: int = 0


def play(parts: Iterable[OuladTables], reference: Reference, tell: Callable[[int], None]) -> Played:
    """Play tables in the order in which their events became available; cut features weekly and at `DAYS`.

    `tell` is called with the number of events so far. Raises ValueError for an event that intake refuses.
    """
    cohorts: dict[str, Cohort] = {}
    streams: list[Iterator[Outgoing]] = []
    for tables in parts:
        _read(tables, cohorts)
        streams += [events(tables), iter(_entries(tables, cohorts))]
    twins: dict[str, Twin] = {}
    members: defaultdict[str, dict[str, None]] = defaultdict(dict)
    cuts: list[Cut] = []
    due = _moments(cohorts.values())
    count = 0
    for outgoing in heapq.merge(*streams, key=attrgetter("available")):
        while due and due[0][0] < outgoing.available:
            at, code, day = heapq.heappop(due)
            cuts += _cut(twins, members[code], code, day, at)
        _take(twins, members, outgoing, reference, count)
        count += 1
        tell(count)
    while due:
        at, code, day = heapq.heappop(due)
        cuts += _cut(twins, members[code], code, day, at)
    return Played(cohorts, cuts, count)


def _moments(cohorts: Iterable[Cohort]) -> list[tuple[int, str, int]]:
    found = []
    for cohort in cohorts:
        length = (cohort.ends - cohort.starts) // DAY_MS
        days = set(range(_FIRST_DAY, min(length, _LAST_DAY), WEEKLY)) | {day for day in DAYS if day < length}
        # At the end of the day, so that what came on it counts.
        found += [(cohort.starts + (day + 1) * DAY_MS - 1, cohort.code, day) for day in days]
    heapq.heapify(found)
    return found


def _cut(twins: dict[str, Twin], members: Iterable[str], code: str, day: int, at: int) -> Iterator[Cut]:
    for trainee in members:
        found = features(twins[trainee], at, code)
        if found is not None:
            yield Cut(code, trainee, day, at, found)


def _take(
    twins: dict[str, Twin],
    members: defaultdict[str, dict[str, None]],
    outgoing: Outgoing,
    reference: Reference,
    number: int,
) -> None:
    topic = topics.BY_SHORT[outgoing.topic]
    decision = intake.decide(outgoing.value, topic, (topic.short, 0, number), outgoing.available, reference)
    if not isinstance(decision, intake.Accepted):
        raise ValueError(f"intake refuses {outgoing.value.decode()}: {decision.detail}")
    fact: Any = record.decode(decision.value)
    twin = twins.get(fact.trainee)
    if twin is None:
        twin = twins[fact.trainee] = Twin()
    # Each id is there once, so there is no earlier version to know of.
    fold(twin, (), fact)
    if isinstance(fact, record.Rotation):
        members[fact.rotation][fact.trainee] = None


# --- what the events do not say ---


def _read(tables: OuladTables, cohorts: dict[str, Cohort]) -> None:
    """Learn dates and outcomes: these judge, and are known to a model when their cohort closes."""
    for row in tables.courses:
        code, starts = _code(row), start_of(row)
        ends = starts + (int(row["module_presentation_length"]) + 1) * DAY_MS - 1000
        cohorts[code] = Cohort(code, row["code_module"], starts, ends)
    for row in tables.student_info:
        cohort, trainee = cohorts[_code(row)], f"oulad.{row['id_student']}"
        cohort.adverse[trainee] = row["final_result"].lower() in _ADVERSE
        cohort.groups[trainee] = {name: row.get(name) or "-" for name in GROUPS}
    for row in tables.student_registration:
        cohort = cohorts[_code(row)]
        if row["date_unregistration"] not in ("", "?"):
            cohort.left[f"oulad.{row['id_student']}"] = cohort.starts + int(row["date_unregistration"]) * DAY_MS


def _entries(tables: OuladTables, cohorts: dict[str, Cohort]) -> list[Outgoing]:
    """Say what students came with as outcomes recorded at registration, which the adapter leaves out."""
    joined = {(_code(row), row["id_student"]): row["date_registration"] for row in tables.student_registration}
    found = []
    for row in tables.student_info:
        cohort, student = cohorts[_code(row)], row["id_student"]
        day = joined.get((cohort.code, student), "")
        at = cohort.starts + (0 if day in ("", "?") else int(day)) * DAY_MS
        for name, value in _entry_values(row):
            found.append(_recorded(cohort.code, student, name, value, at))
    return sorted(found, key=attrgetter("available"))


def _entry_values(row: Row) -> Iterator[tuple[str, float]]:
    education = _EDUCATION.get(row.get("highest_education") or "")
    if education is not None:
        yield "qualification", education
    attempts, studied = row.get("num_of_prev_attempts") or "", row.get("studied_credits") or ""
    if attempts.isdigit():
        yield "attempts", float(attempts)
    if studied.isdigit():
        yield "load", int(studied) / _FULL_TIME_CREDITS
    band = (row.get("imd_band") or "").split("-")[0].rstrip("%")
    if band.isdigit():
        yield "area", int(band) / 100


def _recorded(code: str, student: str, name: str, value: float, at: int) -> Outgoing:
    moment = datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    event = {
        "specversion": "1.0",
        "source": "/oulad",
        "id": f"entry/{name}/{code}/{student}",
        "type": "megdt.outcome.recorded.v1",
        "subject": f"oulad.{student}",
        "time": moment,
        "recorded": moment,
        "available": moment,
        "data": {"outcome": f"entry/{name}", "result": "recorded", "value": value},
    }
    return Outgoing("outcomes", event["subject"], orjson.dumps(event), at)  # type: ignore[arg-type]


def _code(row: Row) -> str:
    return f"{row['code_module']}-{row['code_presentation']}"
