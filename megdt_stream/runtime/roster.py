"""Trainees as rows, and a small grammar to choose among them: `weak=true, level.patient-care<3`.

Clauses `name operator value` are joined by commas and all have to hold. What is not known of a trainee (a level nobody
scored, a quota without a standard) meets no clause, not even `!=`.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

from megdt_stream.runtime.active_severity import estimators
from megdt_stream.runtime.query import Query, Stored
from megdt_stream.twin.view import Comparison, Estimation, Estimator, Norms, TwinView, compare, estimate, read

Say: TypeAlias = Callable[[str], None]
Value: TypeAlias = str | bool | float | None

_LEVEL: Final = "level."
_TELL_EVERY: Final = 20_000

NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "stage": "stage of training: medical-school, postgraduate, continuing (= and != only)",
        "base": "code of the specialty base (= and != only)",
        "programme": "code of the programme (= and != only)",
        "cohort": "code of the cohort (= and != only)",
        "weak": "true where a competency is below its target with the probability of targets.toml (= and != only)",
        "warnings": "number of open warnings",
        "missing": "number of scores that were given as missing",
        "evidence": "number of standing records",
        "quota": "share of the quota standard that is done, from 0 to 1, the mean over its items",
        "level.<competency>": "estimated level from 1 to 5, such as level.patient-care",
    }
)
"""The names that a clause may use, with what they mean."""

_TEXTS: Final = frozenset({"stage", "base", "programme", "cohort"})
_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = MappingProxyType(
    {
        "=": operator.eq,
        "!=": operator.ne,
        "<": operator.lt,
        "<=": operator.le,
        ">": operator.gt,
        ">=": operator.ge,
    }
)
_CLAUSE: Final = re.compile(r"\s*([^\s<>=!,]+)\s*(<=|>=|!=|=|<|>)\s*([^\s<>=!,]+)\s*")
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?")


class WhereError(ValueError):
    """An expression is not understood; the message says what would be."""


class Clause(NamedTuple):
    """One condition of a row."""

    name: str
    operator: str
    value: str | bool | float

    def holds(self, row: Row) -> bool:
        """Tell whether a row meets it."""
        found = row.value(self.name)
        return found is not None and _COMPARE[self.operator](found, self.value)


class Row(NamedTuple):
    """A trainee in short; `weak` names the competencies below target, the surest first, None without a target."""

    trainee: str
    stage: str | None
    base: str | None
    programme: str | None
    cohort: str | None
    weak: tuple[str, ...] | None
    warnings: int
    missing: int
    evidence: int
    quota: float | None
    levels: Mapping[str, float]

    def value(self, name: str) -> Value:
        """Give what a clause compares."""
        if name.startswith(_LEVEL):
            return self.levels.get(name[len(_LEVEL) :])
        if name == "weak":
            return None if self.weak is None else bool(self.weak)
        found: Value = getattr(self, name)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Give plain data for JSON."""
        quota = None if self.quota is None else round(self.quota, 3)
        levels = {name: round(level, 3) for name, level in self.levels.items()}
        weak = None if self.weak is None else list(self.weak)
        return {**self._asdict(), "weak": weak, "quota": quota, "levels": levels}


def parse(text: str) -> tuple[Clause, ...]:
    """Read an expression; an empty one holds for all. Raises WhereError."""
    return tuple(_clause(part) for part in text.split(",")) if text.strip() else ()


def _clause(text: str) -> Clause:
    found = _CLAUSE.fullmatch(text)
    if found is None:
        raise WhereError(
            f"{text.strip()!r} is no condition; write name, operator, value, such as warnings>0 or weak=true"
        )
    name, sign, value = found.groups()
    if name in _TEXTS or name == "weak":
        if sign not in {"=", "!="}:
            raise WhereError(f"{name} takes = or !=, not {sign}")
        return Clause(name, sign, value if name in _TEXTS else _truth(value))
    if name in NAMES or (name.startswith(_LEVEL) and name != _LEVEL):
        if not _NUMBER.fullmatch(value):
            raise WhereError(f"{name} is compared with a number, such as {name}>=3, not with {value!r}")
        return Clause(name, sign, float(value))
    raise WhereError(f"{name!r} is no name; there are {', '.join(NAMES)}")


def _truth(value: str) -> bool:
    if value not in {"true", "false"}:
        raise WhereError(f"weak is true or false, not {value!r}")
    return value == "true"


def list_trainees(
    query: Query,
    estimation: Estimation,
    norms: Norms,
    *,
    base: str | None = None,
    where: str = "",
    say: Say | None = None,
) -> list[Row]:
    """List trainees of a base, or all, who meet an expression, by pseudonym. Raises WhereError, Unavailable."""
    clauses = parse(where)
    if base is not None:
        clauses = (Clause("base", "=", base), *clauses)
    estimator_of, degraded = estimators(query)
    if degraded is not None and say is not None:
        say(degraded)
    everyone = rows(query.subjects(), estimation, norms, say, estimator_of)
    found = (row for row in everyone if all(one.holds(row) for one in clauses))
    return sorted(found, key=lambda row: row.trainee)


def rows(
    found: Iterable[Stored],
    estimation: Estimation,
    norms: Norms,
    say: Say | None = None,
    estimator_of: Callable[[str], Estimator] = lambda _: estimate,
) -> Iterator[Row]:
    """Give the rows of persons who have an enrolment; a pseudonym with a head is its head's."""
    for number, stored in enumerate(found, 1):
        if say is not None and number % _TELL_EVERY == 0:
            say(f"{number} twins read")
        # Reading everything off a twin is the dear part, so whoever is no trainee is left out before it.
        if stored.twin.head is None and stored.twin.slots.get("e"):
            view = read(stored.twin, estimation, estimator_of(stored.trainee))
            yield _row(stored.trainee, view, compare(view, estimation, stored.now, norms))


def _row(trainee: str, view: TwinView, compared: Comparison) -> Row:
    who = view.enrolment
    targets = any(goal.weak is not None for goal in compared.goals)
    quota = None
    if compared.quotas is not None and compared.quotas.items:
        quota = sum(one.share for one in compared.quotas.items) / len(compared.quotas.items)
    return Row(
        trainee,
        stage=None if who is None else who.stage,
        base=None if who is None else who.base,
        programme=None if who is None else who.programme,
        cohort=None if who is None else who.cohort,
        weak=tuple(goal.competency for goal in compared.weak) if targets else None,
        warnings=len(view.warnings) + sum(one.standing != "closed" for one in view.concerns),
        missing=sum(count for _, count in view.missing),
        evidence=sum(count for _, count in view.evidence),
        quota=quota,
        levels={one.competency: one.mean for one in view.levels},
    )
