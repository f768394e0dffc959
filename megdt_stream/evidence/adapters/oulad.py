"""Open University Learning Analytics Dataset: its tables as input events.

Kuzilek J, Hlosta M, Zdrahal Z. Open University Learning Analytics dataset. Sci Data 4:170171 (2017),
CC BY 4.0.

A student is a trainee, a module presentation both a rotation and a specialty base (code such as
`BBB-2013J`), a piece of coursework an expected assessment. OULAD counts days from a presentation's start
and knows no hours, so each kind of event has its hour, in the order in which things happen within a day:
registered, started, submitted, unregistered, closed. It does not tell when a mark was returned either: a
mark counts as available when the work was submitted, earlier than in life.

A student without a registration date is taken as registered at the presentation's start, or on the day they
unregistered if that is earlier: a plan later than its cancellation would bring the rotation back.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from megdt_stream.evidence.adapters import AdapterReason, Evidence, NotRelevant, Outgoing, Refused, Result
from megdt_stream.evidence.times import rfc3339

Row = Mapping[str, str]

SOURCE: Final = "/oulad"
SCALE: Final = "oulad-percent@1"
_FIRST_MONTH: Final = {"B": 2, "J": 10}
_ABSENT: Final = frozenset({"", "?"})
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?")
_COLUMNS: Final = {
    "courses": ("code_module", "code_presentation", "module_presentation_length"),
    "assessments": ("code_module", "code_presentation", "id_assessment", "assessment_type", "date"),
    "studentInfo": ("code_module", "code_presentation", "id_student", "final_result"),
    "studentRegistration": (
        *("code_module", "code_presentation", "id_student"),
        *("date_registration", "date_unregistration"),
    ),
    "studentAssessment": ("id_assessment", "id_student", "date_submitted", "is_banked", "score"),
}

_SECOND: Final = 1000
_HOUR: Final = 3600 * _SECOND
_DAY: Final = 24 * _HOUR
_REGISTERED: Final = 0
_STARTED: Final = 6 * _HOUR
_SUBMITTED: Final = 12 * _HOUR
_UNREGISTERED: Final = 22 * _HOUR
_END_OF_DAY: Final = _DAY - _SECOND
"""Of a due date, and of the presentation's last day."""


@dataclass(frozen=True)
class OuladTables:
    """The tables, as mappings of column name to text; each is read once."""

    courses: Iterable[Row]
    assessments: Iterable[Row]
    student_info: Iterable[Row]
    student_registration: Iterable[Row]
    student_assessment: Iterable[Row]


@dataclass
class Summary:
    """What went in and what came out.

    `rows` by table; `events` by type; `skipped` counts student rows that refer to a presentation or an
    assessment that is not in the tables, by reason; `without_score` are submissions sent as `missing`;
    `without_registration` students whose registration date was filled in.
    """

    rows: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    without_score: int = 0
    banked: int = 0
    without_registration: int = 0


@dataclass(frozen=True)
class _Presentation:
    """A module's run; `starts` and `ends` in ms."""

    code: str
    module: str
    cohort: str
    starts: int
    ends: int
    expects: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class _Assessment:
    presentation: _Presentation
    instrument: str


def events(tables: OuladTables, summary: Summary | None = None) -> Iterator[Outgoing]:
    """Give the events of all tables, ordered by `available`; counts are added to `summary` when given.

    Raises ValueError, naming the row, where a column is lacking or a number or presentation code unreadable.
    """
    converter = _Converter(tables, Summary() if summary is None else summary)
    yield from sorted(converter.outgoing(), key=lambda event: event.available)


def results(tables: OuladTables) -> Iterator[Result]:
    """Give one result a row of every table, table by table; what is malformed is refused and the rest goes on.

    Presentations and coursework are no evidence by themselves: they say what the students' rows are about.
    """
    plans: list[Result] = []
    works = _readable("assessments", tables.assessments, _check_work, plans)
    courses = _readable("courses", tables.courses, lambda row: _presentation(row, works), plans)
    yield from plans
    students = (tables.student_info, tables.student_registration, tables.student_assessment)
    converter = _Converter(OuladTables(courses, works, *students), Summary())
    for table, rows, convert in converter.student_tables():
        for number, row in enumerate(rows, 1):
            place = f"{table}:{number}"
            try:
                converter.check(table, row)
                events = tuple(convert(row))
            except (ValueError, OverflowError) as error:
                yield Refused(AdapterReason.MALFORMED, "", str(error), place)
                continue
            if events:
                yield Evidence(events, place)
            else:
                hint = "the row is about a presentation or an assessment that is in no table"
                yield Refused(AdapterReason.UNKNOWN_TARGET, "", hint, place)


def _readable(table: str, rows: Iterable[Row], check: Callable[[Row], Any], seen: list[Result]) -> list[Row]:
    """Give the rows of a table of plans that can be read, and add a result for each row to `seen`."""
    readable = []
    for number, row in enumerate(rows, 1):
        place = f"{table}:{number}"
        try:
            _check_columns(table, row, number)
            check(row)
        except (ValueError, OverflowError) as error:
            seen.append(Refused(AdapterReason.MALFORMED, "", str(error), place))
        else:
            readable.append(row)
            seen.append(NotRelevant(f"table {table}: goes into the plans of rotations", place))
    return readable


def _check_columns(table: str, row: Row, number: int) -> None:
    lacking = [column for column in _COLUMNS[table] if row.get(column) is None]
    if lacking:
        raise ValueError(f"row {number} of {table} lacks {', '.join(lacking)}: export the table again")


def _check_work(row: Row) -> None:
    if row["date"] not in _ABSENT:
        rfc3339(_whole(row, "date") * _DAY)


class _Converter:
    """One pass over the tables; the small ones are held, the students' rows stream."""

    def __init__(self, tables: OuladTables, summary: Summary) -> None:
        self._tables = tables
        self._summary = summary
        works = list(self._rows("assessments", tables.assessments))
        self._presentations = {
            presentation.code: presentation
            for presentation in (_presentation(row, works) for row in self._rows("courses", tables.courses))
        }
        self._assessments = {
            row["id_assessment"]: _Assessment(self._presentations[_code(row)], row["assessment_type"].lower())
            for row in works
            if _code(row) in self._presentations
        }
        self._unregistered: dict[tuple[str, str], int] = {}

    def outgoing(self) -> Iterator[Outgoing]:
        """Give the events, table by table."""
        for table, rows, convert in self.student_tables():
            for row in self._rows(table, rows):
                yield from convert(row)

    def student_tables(self) -> Iterator[tuple[str, Iterable[Row], Callable[[Row], Iterator[Outgoing]]]]:
        """Give the tables about students in the order they are read, each with what converts its rows."""
        yield "studentRegistration", self._tables.student_registration, self._registration
        yield "studentInfo", self._tables.student_info, self._result
        yield "studentAssessment", self._tables.student_assessment, self._submission

    def _rows(self, table: str, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            self.check(table, row)
            yield row

    def check(self, table: str, row: Row) -> None:
        """Count a row. Raises ValueError where it lacks a column."""
        self._summary.rows[table] += 1
        _check_columns(table, row, self._summary.rows[table])

    def _registration(self, row: Row) -> Iterator[Outgoing]:
        presentation = self._presentation_of(row, "registration of an unknown presentation")
        if presentation is None:
            return
        student, record = row["id_student"], f"{presentation.code}/{row['id_student']}"
        rotation = {"rotation": presentation.code}
        left = _at(row, "date_unregistration", presentation, _UNREGISTERED)
        joined = self._joined(row, presentation, left)
        yield self._event("identities", "identity.enrolled", record, student, joined, _enrolment(presentation))
        yield self._event("rotations", "rotation.planned", record, student, joined, _plan(presentation))
        if left is None or left >= presentation.starts:
            started = max(presentation.starts, joined) + _STARTED
            yield self._event("rotations", "rotation.started", record, student, started, _plan(presentation))
        if left is None or left > presentation.ends:
            yield self._event("rotations", "rotation.ended", record, student, presentation.ends, rotation)
        if left is not None:
            self._unregistered[presentation.code, student] = left
            yield self._event("rotations", "rotation.cancelled", record, student, left, rotation)

    def _joined(self, row: Row, presentation: _Presentation, left: int | None) -> int:
        joined = _at(row, "date_registration", presentation, _REGISTERED)
        if joined is not None:
            return joined
        self._summary.without_registration += 1
        return presentation.starts if left is None else min(presentation.starts, left - _UNREGISTERED)

    def _result(self, row: Row) -> Iterator[Outgoing]:
        presentation = self._presentation_of(row, "result of an unknown presentation")
        if presentation is None:
            return
        student, result = row["id_student"], row["final_result"].lower()
        at = presentation.ends
        if result == "withdrawn":
            at = self._unregistered.get((presentation.code, student), at)
        data = {"outcome": "module-result", "result": result, "rotation": presentation.code}
        record = f"{presentation.code}/{student}"
        yield self._event("outcomes", "outcome.recorded", record, student, at, data)

    def _submission(self, row: Row) -> Iterator[Outgoing]:
        assessment = self._assessments.get(row["id_assessment"])
        if assessment is None:
            self._summary.skipped["submission to an unknown assessment"] += 1
            return
        presentation, student = assessment.presentation, row["id_student"]
        at = presentation.starts + _whole(row, "date_submitted") * _DAY + _SUBMITTED
        data: dict[str, Any] = {
            "instrument": assessment.instrument,
            "scale": SCALE,
            "rotation": presentation.code,
            "item": row["id_assessment"],
            "scores": [self._mark(row, presentation.module)],
        }
        if row["is_banked"] == "1":
            self._summary.banked += 1
            data["carried_over"] = True
        record = f"{row['id_assessment']}/{student}"
        yield self._event("assessments", "assessment.recorded", record, student, at, data)

    def _mark(self, row: Row, module: str) -> dict[str, Any]:
        if row["score"] in _ABSENT:
            self._summary.without_score += 1
            return {"competency": module, "missing": "not-recorded"}
        return {"competency": module, "value": _number(row, "score")}

    def _presentation_of(self, row: Row, otherwise: str) -> _Presentation | None:
        presentation = self._presentations.get(_code(row))
        if presentation is None:
            self._summary.skipped[otherwise] += 1
        return presentation

    def _event(self, topic: str, kind: str, record: str, student: str, at: int, data: Mapping[str, Any]) -> Outgoing:
        """Write an event; its id is unique per kind, presentation (or assessment) and student."""
        self._summary.events[kind] += 1
        subject, moment = f"oulad.{student}", rfc3339(at)
        event = {
            "specversion": "1.0",
            "source": SOURCE,
            "id": f"{kind}/{record}",
            "type": f"megdt.{kind}.v1",
            "subject": subject,
            "time": moment,
            "recorded": moment,
            "available": moment,
            "datacontenttype": "application/json",
            "data": data,
        }
        return Outgoing(topic, subject, orjson.dumps(event), at)


def _presentation(row: Row, works: list[Row]) -> _Presentation:
    starts, length = start_of(row), _whole(row, "module_presentation_length")
    return _Presentation(
        code=_code(row),
        module=row["code_module"],
        cohort=row["code_presentation"],
        starts=starts,
        ends=starts + length * _DAY + _END_OF_DAY,
        expects=tuple(
            {
                "instrument": work["assessment_type"].lower(),
                "item": work["id_assessment"],
                "due": rfc3339(starts + _whole(work, "date") * _DAY + _END_OF_DAY),
            }
            for work in works
            if _code(work) == _code(row) and work["date"] not in _ABSENT
        ),
    )


def _enrolment(presentation: _Presentation) -> dict[str, Any]:
    return {
        "stage": "continuing",
        "base": presentation.code,
        "programme": presentation.module,
        "cohort": presentation.cohort,
    }


def _plan(presentation: _Presentation) -> dict[str, Any]:
    return {
        "rotation": presentation.code,
        "base": presentation.code,
        "starts": rfc3339(presentation.starts),
        "ends": rfc3339(presentation.ends),
        "expects": presentation.expects,
    }


def _code(row: Row) -> str:
    return f"{row['code_module']}-{row['code_presentation']}"


def start_of(row: Row) -> int:
    """Give a presentation's start in ms: 1 February (B) or 1 October (J), 00:00 UTC. Raises ValueError for another."""
    code = row["code_presentation"]
    year, letter = code[:-1], code[-1:]
    if letter not in _FIRST_MONTH or not (year.isascii() and year.isdigit() and len(year) == 4):
        raise ValueError(f"code_presentation {code!r} is not a year and B or J, such as 2013J: correct {dict(row)}")
    return int(datetime(int(year), _FIRST_MONTH[letter], 1, tzinfo=UTC).timestamp()) * 1000


def _at(row: Row, column: str, presentation: _Presentation, hour: int) -> int | None:
    if row[column] in _ABSENT:
        return None
    return presentation.starts + _whole(row, column) * _DAY + hour


def _number(row: Row, column: str) -> int | float:
    text = row[column].strip()
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{column} is {text!r}, not a number: correct {dict(row)}")
    number = float(text)
    return int(number) if number.is_integer() else number


def _whole(row: Row, column: str) -> int:
    number = _number(row, column)
    if not isinstance(number, int):
        raise ValueError(f"{column} is {row[column]!r}, not a whole number: correct {dict(row)}")
    return number
