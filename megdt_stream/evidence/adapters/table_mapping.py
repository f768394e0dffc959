"""The mapping of a table (CSV) to events: a TOML file, as models. docs/import.md explains it with examples."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, NamedTuple, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from megdt_stream.evidence.adapters.rules import Code, Source
from megdt_stream.evidence.events import BY_TYPE

Constant: TypeAlias = str | int | float | bool
Kind: TypeAlias = Literal["text", "person", "time", "integer", "number", "boolean"]

_KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        **dict.fromkeys(("assessor", "supervisor", "person", "into", "from", "by"), "person"),
        **dict.fromkeys(("starts", "ends", "observed", "until"), "time"),
        **dict.fromkeys(("count", "minutes"), "integer"),
        **dict.fromkeys(("value", "credits", "capacity"), "number"),
        **dict.fromkeys(("carried_over", "specific", "attended", "on_call"), "boolean"),
    }
)
_NOT_FROM_TABLES: Final = frozenset({"expects"})
_PLACEHOLDER: Final = re.compile(r"\{([^{}]+)\}")
_MOST_FOR_DELETION: Final = 4999
_SOME_DAY: Final = datetime(2025, 3, 4, 5, 6, 7, tzinfo=UTC)


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Cell(_Model):
    """A value made of a row: of one column, or of several by a template such as `{科室}-{年度}`.

    `map` says what becomes of each text, `default` what stands where the cell is empty. A person is pseudonymised
    (`system` keeps apart the numbers of systems that count on their own) unless the column holds pseudonyms (`plain`).
    """

    column: str | None = None
    template: str | None = None
    map: dict[str, Constant] | None = None
    default: Constant | None = None
    system: str = ""
    plain: bool = False

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.column is None) == (self.template is None):
            raise ValueError("give either column or template")
        if self.template is not None and not _PLACEHOLDER.search(self.template):
            raise ValueError("a template names a column in braces: {column}")
        return self

    @property
    def columns(self) -> list[str]:
        """Name the columns the value is made of."""
        return [self.column] if self.column is not None else _PLACEHOLDER.findall(self.template or "")

    def fill(self, cells: Mapping[str, str]) -> str:
        """Give the text that the cells make."""
        if self.column is not None:
            return cells[self.column]
        return _PLACEHOLDER.sub(lambda found: cells[found[1]], self.template or "")


Value: TypeAlias = Constant | Cell


class Condition(_Model):
    """A condition on a row: its cell is one of `equals`, or is filled or not."""

    column: str
    equals: list[str] | None = None
    filled: bool | None = None

    @model_validator(mode="after")
    def _one_test(self) -> Self:
        if (self.equals is None) == (self.filled is None):
            raise ValueError("give either equals or filled")
        return self


class Filter(Condition):
    """Rows that are not relevant, and why."""

    why: Annotated[str, Field(min_length=1, max_length=80)]


class RecordId(_Model):
    """The columns that together name a record. They are hashed with the key unless they tell nothing (`plain`)."""

    columns: Annotated[list[str], Field(min_length=1, max_length=16)]
    plain: bool = False


class ScoreColumn(_Model):
    """A column of scores on one competency. `missing` says for which texts there is no score, and why."""

    competency: Code
    column: str
    map: dict[str, int | float] | None = None
    missing: dict[str, Literal["not-recorded", "not-applicable", "not-observed"]] = {}


class TableEvent(_Model):
    """An event that a row gives, if all of `when` hold.

    `name` keeps apart the records of two events of one row; a record's id begins with it.
    """

    type: str
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,32}$")] | None = None
    id: RecordId
    subject: Cell
    time: Cell
    recorded: Cell | None = None
    revision: Cell | None = None
    deleted: Condition | None = None
    when: list[Condition] = []
    data: dict[str, Value] = {}
    scores: Annotated[list[ScoreColumn], Field(max_length=32)] = []

    @model_validator(mode="after")
    def _fits_its_type(self) -> Self:
        model = BY_TYPE.get(f"megdt.{self.type}.v1")
        if model is None or self.type.endswith((".retracted", ".amended")):
            raise ValueError(f"{self.type!r} is no type for tables; there are {', '.join(table_types())}")
        known = _data_fields(self.type)
        unknown = sorted(self.data.keys() - known.keys() - {"scores"})
        if unknown:
            raise ValueError(f"{self.type} has no {', '.join(unknown)}; there are {', '.join(sorted(known))}")
        lacking = [name for name, needed in known.items() if needed and name not in self.data and name != "scores"]
        if lacking:
            raise ValueError(f"{self.type} needs {', '.join(lacking)} under data")
        if ("scores" in known) != bool(self.scores):
            raise ValueError(f"{self.type} {'needs' if 'scores' in known else 'takes no'} scores")
        if _NOT_FROM_TABLES & self.data.keys():
            raise ValueError("expects is a list and cannot come from a table")
        if self.time.map is not None or (self.recorded is not None and self.recorded.map is not None):
            raise ValueError("times take no map")
        return self

    @property
    def key(self) -> str:
        """Name the event within the mapping."""
        return self.name or self.type

    @property
    def most_revision(self) -> int:
        """Give the highest revision the column may state: a deletion takes the one after, so two go to a version."""
        return 9999 if self.deleted is None else _MOST_FOR_DELETION


class TableFile(_Model):
    """How the file is written."""

    encoding: str = "auto"
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    quote: Annotated[str, Field(min_length=1, max_length=1)] = '"'
    decimal: Literal[".", ","] = "."
    zone: str = "UTC"
    dates: Annotated[list[str], Field(min_length=1, max_length=16)] = [
        "iso",
        *("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"),
        *("%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d"),
        *("%Y年%m月%d日 %H:%M:%S", "%Y年%m月%d日 %H:%M", "%Y年%m月%d日"),
    ]
    ambiguous: Literal["refuse", "earlier", "later"] = "refuse"
    empty: list[str] = ["", "-", "—", "NULL", "N/A"]
    yes: list[str] = ["1", "true", "yes", "y", "是", "有", "√"]
    no: list[str] = ["0", "false", "no", "n", "否", "无", "×"]

    @model_validator(mode="after")
    def _readable_dates(self) -> Self:
        for form in self.dates:
            if form != "iso":
                _check_date_format(form)
        return self


def _check_date_format(form: str) -> None:
    try:
        datetime.strptime(_SOME_DAY.strftime(form), form)  # noqa: DTZ007 - only whether it can be read
    except (ValueError, re.error) as error:
        raise ValueError(f"{form!r} is no date format: write iso, or as in %Y-%m-%d %H:%M") from error
    if "%Y" not in form and "%y" not in form:
        raise ValueError(f"{form!r} names no year")


class Use(NamedTuple):
    """What a column is used for: `where` in the mapping, and whether only a pseudonym or hash of it passes."""

    column: str
    where: str
    hidden: bool
    plain_text: bool


class TableMapping(_Model):
    """A whole mapping file."""

    source: Source
    file: TableFile = TableFile()
    filter: list[Filter] = []
    event: Annotated[list[TableEvent], Field(min_length=1, max_length=16)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [event.key for event in self.event]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"events need a name each of their own: {', '.join(twice)} occurs twice")
        persons = {use.column for use in self.uses() if use.where.endswith(_PERSON_PLACES) and use.hidden}
        shown = sorted({use.column for use in self.uses() if use.plain_text} & persons)
        if shown:
            raise ValueError(f"{', '.join(shown)} names persons and would also pass as it is: take it out there")
        return self

    def uses(self) -> Iterator[Use]:
        """Say what each column is used for, column by column as the mapping names them."""
        for position, one in enumerate(self.filter):
            yield Use(one.column, f"filter.{position}", hidden=False, plain_text=False)
        for event in self.event:
            yield from _uses(event)


_PERSON_PLACES: Final = (".subject", *(f".{name}" for name, kind in _KINDS.items() if kind == "person"))


def _uses(event: TableEvent) -> Iterator[Use]:
    for column in event.id.columns:
        yield Use(column, f"{event.key}.id", hidden=not event.id.plain, plain_text=event.id.plain)
    for name in ("subject", "time", "recorded", "revision"):
        yield from _cell_uses(event, name, getattr(event, name), "person" if name == "subject" else "time")
    conditions = [*event.when, *([event.deleted] if event.deleted is not None else [])]
    for condition in conditions:
        yield Use(condition.column, f"{event.key}.when", hidden=False, plain_text=False)
    for name, value in event.data.items():
        yield from _cell_uses(event, name, value, kind_of(name))
    for score in event.scores:
        yield Use(score.column, f"{event.key}.scores.{score.competency}", hidden=False, plain_text=False)


def _cell_uses(event: TableEvent, name: str, value: Value | None, kind: Kind) -> Iterator[Use]:
    if not isinstance(value, Cell):
        return
    hidden = kind == "person" and not value.plain
    # What a map gives is the mapping's own word, not the cell's.
    plain_text = kind in ("text", "person") and not hidden and value.map is None
    for column in value.columns:
        yield Use(column, f"{event.key}.{name}", hidden=hidden, plain_text=plain_text)


def kind_of(name: str) -> Kind:
    """Tell what a field of `data` holds."""
    return _KINDS.get(name, "text")


def table_types() -> list[str]:
    """Name the types that rows may become."""
    names = (type_.removeprefix("megdt.").removesuffix(".v1") for type_ in BY_TYPE)
    return sorted(name for name in names if not name.endswith((".retracted", ".amended")))


def _data_fields(kind: str) -> dict[str, bool]:
    """Name the fields of a type's data, and whether each is needed."""
    model: Any = BY_TYPE[f"megdt.{kind}.v1"].model_fields["data"].annotation
    return {field.alias or name: field.is_required() for name, field in model.model_fields.items()}
