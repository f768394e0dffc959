"""What can be read off a twin: where a trainee stands, how sure that is, and what it rests on.

Pure: a twin and the declared assumptions in, plain values out. A level always has its interval and what it
rests on; bare numbers are counts. The severity of assessors is not estimated here: it is carried as
uncertainty instead.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import NormalDist
from typing import Annotated, Any, Final, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field

from megdt_stream.evidence.record import PERIOD_MS
from megdt_stream.twin.contribution import progress_field
from megdt_stream.twin.rotation import rotation_state
from megdt_stream.twin.state import Slot, Sum, Twin

_UNNAMED: Final = "-"
_WEIGHT_UNIT: Final = 1000
"""Weights are thousandths of inverse variance, levels are thousandths (docs/records.md, section 2)."""


class Assumption(BaseModel):
    """A number that no score told, with where it comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Annotated[str, Field(min_length=1)]


class _Rater(Assumption):
    variance: Annotated[float, Field(gt=0, le=4)]


class _Window(Assumption):
    periods: Annotated[int, Field(ge=1, le=1000)]


class _Interval(Assumption):
    coverage: Annotated[float, Field(gt=0.5, lt=1)]


class Estimation(BaseModel):
    """The assumptions of an estimate, from `seeds/estimation.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rater: _Rater
    window: _Window
    interval: _Interval

    @classmethod
    def from_tables(cls, tables: Mapping[str, Any]) -> Self:
        """Check the file's tables. Raises `pydantic.ValidationError`."""
        return cls.model_validate(tables)

    @property
    def z(self) -> float:
        """Give the half width of the interval in standard deviations."""
        return NormalDist().inv_cdf(0.5 + self.interval.coverage / 2)


class Level(NamedTuple):
    """A competency's level with its interval (levels), and what it rests on.

    `scores` by `raters` named assessors, of which `unnamed` name none; from `since` up to `until` (ms).
    """

    competency: str
    mean: float
    low: float
    high: float
    scores: int
    raters: int
    unnamed: int
    since: int
    until: int


class Enrolment(NamedTuple):
    """The latest enrolment (`happened` in ms) and which record says so."""

    stage: str
    base: str
    programme: str | None
    cohort: str | None
    happened: int
    record: str


class Expected(NamedTuple):
    """An assessment that a rotation expects: how many, how many came, and when they were due (ms)."""

    key: str
    needed: int
    arrived: int
    due: int


class Rotation(NamedTuple):
    """A rotation; `others` counts assessments that came without being expected."""

    code: str
    status: str
    base: str | None
    department: str | None
    starts: int | None
    ends: int | None
    expected: tuple[Expected, ...]
    others: tuple[tuple[str, int], ...]


class Exposure(NamedTuple):
    """How often something was seen or done, in all and by role (`-`: not told)."""

    kind: str
    item: str
    total: int
    roles: tuple[tuple[str, int], ...]


class Outcome(NamedTuple):
    """A result that was decided outside and recorded here; times in ms, `starts` and `ends` of a leave."""

    outcome: str
    result: str
    value: float | None
    rotation: str | None
    starts: int | None
    ends: int | None
    happened: int
    record: str


class OpenWarning(NamedTuple):
    """An open warning: since when, which notice opened it, when it was due (times in ms)."""

    rule: str
    rotation: str
    key: str
    opened: int
    notice: str
    due: int
    expected: int
    arrived: int


@dataclass(frozen=True, slots=True)
class TwinView:
    """All that is read off a twin.

    `head` is the person that this pseudonym belongs to, `personas` are the pseudonyms whose records are counted here
    as well. `missing` counts scores given as missing, by competency; `evidence` counts standing records, by kind.
    """

    head: str | None
    personas: tuple[str, ...]
    enrolment: Enrolment | None
    levels: tuple[Level, ...]
    rotations: tuple[Rotation, ...]
    exposures: tuple[Exposure, ...]
    outcomes: tuple[Outcome, ...]
    missing: tuple[tuple[str, int], ...]
    warnings: tuple[OpenWarning, ...]
    evidence: tuple[tuple[str, int], ...]


def read(twin: Twin, estimation: Estimation) -> TwinView:
    """Read a twin."""
    return TwinView(
        head=twin.head,
        personas=tuple(sorted(name for name, register in (twin.personas or {}).items() if register.on)),
        enrolment=_enrolment(twin),
        levels=tuple(_levels(twin, estimation)),
        rotations=tuple(_rotations(twin)),
        exposures=tuple(_exposures(twin)),
        outcomes=tuple(_outcomes(twin)),
        missing=tuple(_missing(twin)),
        warnings=tuple(_warnings(twin)),
        evidence=tuple((parts[1], total[0]) for parts, total in _sums(twin, "k")),
    )


# --- levels ---


class Cell(NamedTuple):
    """One competency's scores by one assessor in one period: how many, their weight, weight times level."""

    period: int
    rater: str
    n: int
    w: int
    wy: int


def level(competency: str, cells: Iterable[Cell], estimation: Estimation) -> Level:
    """Estimate a level from a competency's cells (at least one).

    Scores of one assessor share that assessor's severity, so their mean m_r has variance 1000 / W_r + s2, with
    W_r the sum of weights and s2 the declared variance between assessors; assessors are combined by inverse
    variance (the fixed-effect mean of a random-intercept model with known variances, e.g. Searle, Casella,
    McCulloch: Variance Components, 1992, ch. 3). Scores without an assessor count as one assessor's.
    """
    everything = list(cells)
    newest = max(cell.period for cell in everything)
    used = [cell for cell in everything if cell.period > newest - estimation.window.periods]
    raters: defaultdict[str, list[Cell]] = defaultdict(list)
    for cell in used:
        raters[cell.rater].append(cell)
    precision = weighted = 0.0
    for theirs in raters.values():
        weight = sum(cell.w for cell in theirs)
        share = 1 / (_WEIGHT_UNIT / weight + estimation.rater.variance)
        precision += share
        weighted += share * sum(cell.wy for cell in theirs) / weight / 1000
    mean, half = weighted / precision, estimation.z * precision**-0.5
    return Level(
        competency,
        mean,
        mean - half,
        mean + half,
        scores=sum(cell.n for cell in used),
        raters=len(raters) - (_UNNAMED in raters),
        unnamed=sum(cell.n for cell in raters.get(_UNNAMED, ())),
        since=min(cell.period for cell in used) * PERIOD_MS,
        until=(newest + 1) * PERIOD_MS,
    )


def cells(twin: Twin) -> dict[str, list[Cell]]:
    """Give a twin's cells by competency."""
    found: defaultdict[str, list[Cell]] = defaultdict(list)
    for (_, competency, period, rater), (n, w, wy) in _sums(twin, "c"):
        found[competency].append(Cell(int(period), rater, n, w, wy))
    return dict(found)


def _levels(twin: Twin, estimation: Estimation) -> Iterator[Level]:
    for competency, theirs in cells(twin).items():
        yield level(competency, theirs, estimation)


# --- the rest ---


def _sums(twin: Twin, kind: str) -> Iterator[tuple[list[str], Sum]]:
    """Give the sums of a kind with their field split into parts, in the field's order."""
    for field in sorted(twin.sums):
        if field.startswith(f"{kind}|"):
            yield field.split("|"), twin.sums[field]


def _slots(twin: Twin, kind: str) -> Iterator[tuple[list[str], Slot]]:
    """Give the slots of a kind with their field split into parts, the oldest first."""
    found = [
        (field.split("|"), slot)
        for group, slots in twin.slots.items()
        if group.split("|")[0] == kind
        for field, slot in slots.items()
    ]
    yield from sorted(found, key=lambda item: (item[1][0], item[1][1], item[0]))


def _enrolment(twin: Twin) -> Enrolment | None:
    latest = None
    for (_, record), (happened, _rev, stage, base, programme, cohort) in _slots(twin, "e"):
        latest = Enrolment(stage, base, programme, cohort, happened, record)
    return latest


def _rotations(twin: Twin) -> Iterator[Rotation]:
    came: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for (_, code, key), total in _sums(twin, "a"):
        came[code][key] = total[0]
    rotations = [
        _rotation(group.split("|")[1], slots, came.pop(group.split("|")[1], {}))
        for group, slots in twin.slots.items()
        if group.startswith("r|")
    ]
    yield from sorted(rotations, key=lambda rotation: (rotation.starts or 0, rotation.code))
    # Assessments of rotations that nobody planned, or of none at all.
    for code, keys in sorted(came.items()):
        yield Rotation(code, "unplanned", None, None, None, None, (), tuple(sorted(keys.items())))


def _rotation(code: str, slots: Mapping[str, Slot], came: Mapping[str, int]) -> Rotation:
    state = rotation_state(slots)
    expected = tuple(Expected(key, count, came.get(key, 0), due) for key, count, due in state.expects)
    named = {one.key for one in expected}
    others = tuple(sorted((key, count) for key, count in came.items() if key not in named))
    return Rotation(code, state.status, state.base, state.department, state.starts, state.ends, expected, others)


def _exposures(twin: Twin) -> Iterator[Exposure]:
    roles: defaultdict[tuple[str, str], defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for (_, kind, item, role, _period), total in _sums(twin, "x"):
        roles[kind, item][role] += total[0]
    for (kind, item), by_role in roles.items():
        yield Exposure(kind, item, sum(by_role.values()), tuple(sorted(by_role.items())))


def _outcomes(twin: Twin) -> Iterator[Outcome]:
    for (_, outcome, record), (happened, _rev, result, value, rotation, starts, ends) in _slots(twin, "o"):
        yield Outcome(outcome, result, value, rotation, starts, ends, happened, record)


def _missing(twin: Twin) -> Iterator[tuple[str, int]]:
    counts: defaultdict[str, int] = defaultdict(int)
    for (_, competency, _period), total in _sums(twin, "m"):
        counts[competency] += total[0]
    yield from counts.items()


def _warnings(twin: Twin) -> Iterator[OpenWarning]:
    for field, (opened, notice, due, count) in sorted(twin.standing.items()):
        _, rule, rotation, key = field.split("|")
        arrived = twin.sums.get(progress_field(rotation, key), (0,))[0]
        yield OpenWarning(rule, rotation, key, opened, notice, due, count, arrived)


# --- as data ---

Properties = dict[str, dict[str, Any]]


def document(trainee: str, view: TwinView, estimation: Estimation, as_of: int) -> dict[str, Any]:
    """Give a view as plain data, ready for JSON: id, kind, as_of and properties.

    Each property has a `value`, an `interval` where it is an estimate, and its `provenance`. Names are parts
    joined by `|`, which no code contains. `as_of` in ms; 0 for not known.
    """
    properties: Properties = {}
    for part in (_who, _standing_levels, _practice, _results, _open_warnings, _tally):
        properties |= part(view, estimation)
    return {
        "id": trainee,
        "kind": "trainee",
        "as_of": rfc3339(as_of) if as_of else None,
        "properties": properties,
    }


def _who(view: TwinView, _: Estimation) -> Properties:
    linked = {} if view.head is None else {"head": {"value": view.head, "provenance": {"field": "i"}}}
    if view.personas:
        linked["personas"] = {"value": list(view.personas), "provenance": {"field": "p"}}
    return linked | _enrolled(view)


def _enrolled(view: TwinView) -> Properties:
    if view.enrolment is None:
        return {}
    provenance = {"record": view.enrolment.record, "happened": rfc3339(view.enrolment.happened)}
    return {
        name: {"value": getattr(view.enrolment, name), "provenance": provenance}
        for name in ("stage", "base", "programme", "cohort")
        if getattr(view.enrolment, name) is not None
    }


def _standing_levels(view: TwinView, estimation: Estimation) -> Properties:
    return {
        f"level|{one.competency}": {
            "value": round(one.mean, 3),
            "interval": [round(one.low, 3), round(one.high, 3)],
            "provenance": {
                "coverage": estimation.interval.coverage,
                "scores": one.scores,
                "raters": one.raters,
                "scores_without_rater": one.unnamed,
                "from": rfc3339(one.since),
                "until": rfc3339(one.until),
                "rater_severity": "not estimated; carried as uncertainty",
                "rater_variance": estimation.rater.variance,
            },
        }
        for one in view.levels
    }


def _practice(view: TwinView, _: Estimation) -> Properties:
    rotations = {
        f"rotation|{one.code}": {
            "value": one.status,
            "provenance": {
                "base": one.base,
                "department": one.department,
                "starts": _time(one.starts),
                "ends": _time(one.ends),
                "expected": [
                    {"key": e.key, "count": e.needed, "arrived": e.arrived, "due": rfc3339(e.due)} for e in one.expected
                ],
                "others": dict(one.others),
            },
        }
        for one in view.rotations
    }
    exposures = {
        f"exposure|{one.kind}|{one.item}": {"value": one.total, "provenance": {"roles": dict(one.roles)}}
        for one in view.exposures
    }
    return rotations | exposures


def _results(view: TwinView, _: Estimation) -> Properties:
    outcomes = {
        f"outcome|{one.outcome}|{one.record}": {
            "value": one.result,
            "provenance": {
                "recorded_value": one.value,
                "rotation": one.rotation,
                "starts": _time(one.starts),
                "ends": _time(one.ends),
                "happened": rfc3339(one.happened),
                "record": one.record,
            },
        }
        for one in view.outcomes
    }
    return outcomes | {f"missing|{name}": {"value": count} for name, count in view.missing}


def _open_warnings(view: TwinView, _: Estimation) -> Properties:
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
    }


def _tally(view: TwinView, _: Estimation) -> Properties:
    return {f"evidence|{kind}": {"value": count} for kind, count in view.evidence}


def rfc3339(ms: int) -> str:
    """Write a time in UTC, to the second."""
    return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms):%Y-%m-%dT%H:%M:%SZ}"


def _time(ms: int | None) -> str | None:
    return None if ms is None else rfc3339(ms)
