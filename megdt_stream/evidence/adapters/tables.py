"""Tables (CSV) as input events, by a site's mapping (`table_mapping.py`).

A row gives one event or several. What names a person becomes a pseudonym, a record's id a hash; an empty cell is an
absent field. A row marked as deleted withdraws its record: where a mapping knows deletions, version n of a row is
revision 2n and its deletion 2n + 1, so a deletion follows its row whether or not the source counts it as a version.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, tzinfo
from typing import Any, Final

from megdt_stream.evidence.adapters import AdapterReason, Entry, Item, Outgoing, Result
from megdt_stream.evidence.adapters.people import People
from megdt_stream.evidence.adapters.reading import short
from megdt_stream.evidence.adapters.settling import Beside, Converted, Unusable, settle
from megdt_stream.evidence.adapters.table_mapping import (
    Cell,
    Condition,
    Constant,
    ScoreColumn,
    TableEvent,
    TableFile,
    TableMapping,
    Value,
    kind_of,
)
from megdt_stream.evidence.adapters.times import NOON, rfc3339, settled
from megdt_stream.evidence.adapters.writing import Writer, topic_of
from megdt_stream.evidence.reasons import Reason

_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?")
_HOUR: Final = re.compile(r"[Tt :]")
_HOUR_FORM: Final = re.compile(r"%[HIcXT]")
_BETWEEN: Final = "\x1f"


def results(
    entries: Iterable[Entry], people: People, mapping: TableMapping, zone: tzinfo, *, historical: bool = False
) -> Iterator[Result]:
    """Give one result a row: a mapping of column to text. `zone` is that of the mapping."""
    converter = _Converter(people, mapping, zone, Writer(mapping.source, historical))
    for entry in entries:
        yield settle(entry, converter.row)


class _Converter:
    def __init__(self, people: People, mapping: TableMapping, zone: tzinfo, writer: Writer) -> None:
        self._people = people
        self._mapping = mapping
        self._writer = writer
        self._reader = _Reader(mapping.file, zone, people)
        self._columns = {use.column for use in mapping.uses()}

    def row(self, item: Item) -> Converted:
        cells = self._cells(item.value)
        for one in self._mapping.filter:
            if self._reader.holds(one, cells):
                raise Beside(one.why)
        applying = [
            event
            for event in self._mapping.event
            if all(self._reader.holds(condition, cells) for condition in event.when)
        ]
        if not applying:
            raise Beside("no event of the mapping applies")
        return [self._event(event, cells) for event in applying], ()

    def _cells(self, row: object) -> Mapping[str, str]:
        if not isinstance(row, dict):
            raise Unusable(AdapterReason.MALFORMED, "", "a row is a mapping of column to text")
        for column in self._columns:
            if not isinstance(row.get(column), str):
                raise Unusable(AdapterReason.MALFORMED, column, "the row has no such column")
        return row

    def _event(self, event: TableEvent, cells: Mapping[str, str]) -> Outgoing:
        record = self._record(event, cells)
        subject = self._subject(event.subject, cells)
        happened = self._reader.time(event.time, cells)
        if happened is None:
            raise Unusable(AdapterReason.MISSING_TIME, _place(event.time), "the row does not say when it happened")
        recorded = None if event.recorded is None else self._reader.time(event.recorded, cells)
        deleted = event.deleted is not None and self._reader.holds(event.deleted, cells)
        revision = self._revision(event, cells, deleted=deleted)
        if deleted:
            topic = topic_of(event.type)
            return self._writer.retraction(topic, record, subject, happened, recorded=recorded, revision=revision)
        kind = "assessment.amended" if event.type == "assessment.recorded" and revision else event.type
        data = self._data(event, cells)
        return self._writer.event(kind, record, subject, happened, data, recorded=recorded, revision=revision)

    def _subject(self, cell: Cell, cells: Mapping[str, str]) -> str:
        subject = self._reader.value("person", cell, cells)
        if not isinstance(subject, str):
            raise Unusable(AdapterReason.MISSING_PERSON, _place(cell), "the row does not say whom it is about")
        return subject

    def _record(self, event: TableEvent, cells: Mapping[str, str]) -> str:
        parts = [cells[column].strip() for column in event.id.columns]
        for column, part in zip(event.id.columns, parts, strict=True):
            if self._reader.is_empty(part):
                raise Unusable(AdapterReason.MISSING_VALUE, column, "what names the record is empty")
        named = "/".join(parts) if event.id.plain else self._people.opaque(_BETWEEN.join(parts), self._writer.source)
        return f"{event.key}/{named}"

    def _revision(self, event: TableEvent, cells: Mapping[str, str], *, deleted: bool) -> int:
        stated = None if event.revision is None else self._reader.value("integer", event.revision, cells)
        revision = 0 if stated is None else stated
        if not isinstance(revision, int) or not 0 <= revision <= event.most_revision:
            place = "" if event.revision is None else _place(event.revision)
            raise Unusable(Reason.INVALID, place, f"a revision is a whole number from 0 to {event.most_revision}")
        return revision if event.deleted is None else 2 * revision + deleted

    def _data(self, event: TableEvent, cells: Mapping[str, str]) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for name, value in event.data.items():
            data[name] = self._reader.value(kind_of(name), value, cells)
        if event.scores:
            data["scores"] = [self._reader.score(score, cells) for score in event.scores]
        return data


def _place(cell: Cell) -> str:
    return ", ".join(cell.columns)


class _Reader:
    """Reads cells as the file writes them."""

    def __init__(self, file: TableFile, zone: tzinfo, people: People) -> None:
        self._file = file
        self._zone = zone
        self._people = people
        self._empty = frozenset(file.empty) | {""}
        self._words = {
            **{word.casefold(): False for word in file.no},
            **{word.casefold(): True for word in file.yes},
        }

    def is_empty(self, text: str) -> bool:
        return text.strip() in self._empty

    def holds(self, condition: Condition, cells: Mapping[str, str]) -> bool:
        text = cells[condition.column].strip()
        if condition.equals is not None:
            return text in condition.equals
        return self.is_empty(text) != condition.filled

    def value(self, kind: str, value: Value, cells: Mapping[str, str]) -> Constant | None:
        """Give a value of a kind, None where its cell is empty and there is no default. Raises Unusable."""
        if not isinstance(value, Cell):
            return value
        if kind == "time":
            moment = self.time(value, cells)
            return None if moment is None else rfc3339(moment, _place(value))
        text, place = self._text(value, cells), _place(value)
        if text is None:
            return value.default
        if value.map is not None:
            mapped: Constant = self._mapped(value.map, text, place, quoted=kind != "person")
            return mapped
        if kind == "person":
            return text if value.plain else self._people.of(text, place, value.system)
        return self._read(kind, text, place)

    def time(self, cell: Cell, cells: Mapping[str, str]) -> datetime | None:
        """Give the moment of a cell, None where it is empty. Raises Unusable."""
        text = self._text(cell, cells)
        if text is None:
            text = cell.default if isinstance(cell.default, str) else None
        return None if text is None else self._moment(text, _place(cell))

    def score(self, score: ScoreColumn, cells: Mapping[str, str]) -> dict[str, Any]:
        """Give a score, or why it is missing. Raises Unusable."""
        text = cells[score.column].strip()
        if text in score.missing:
            return {"competency": score.competency, "missing": score.missing[text]}
        if self.is_empty(text):
            return {"competency": score.competency, "missing": "not-recorded"}
        value = self._mapped(score.map, text, score.column) if score.map and text in score.map else None
        return {"competency": score.competency, "value": self._number(text, score.column) if value is None else value}

    def _text(self, cell: Cell, cells: Mapping[str, str]) -> str | None:
        """Give the text of a cell, None where any column of it is empty."""
        if any(self.is_empty(cells[column]) for column in cell.columns):
            return None
        return cell.fill({column: cells[column].strip() for column in cell.columns})

    def _mapped(self, map_: Mapping[str, Any], text: str, place: str, *, quoted: bool = True) -> Any:
        if text not in map_:
            hint = f"{short(text)} is none of {', '.join(list(map_)[:12])}" if quoted else "it is not in the map"
            raise Unusable(AdapterReason.UNMAPPED_VALUE, place, hint)
        return map_[text]

    def _read(self, kind: str, text: str, place: str) -> Constant:
        if kind == "text":
            return text
        if kind == "boolean":
            word = self._words.get(text.casefold())
            if word is None:
                words = f"{', '.join(self._file.yes)}; {', '.join(self._file.no)}"
                raise Unusable(AdapterReason.UNMAPPED_VALUE, place, f"{short(text)} is none of {words}")
            return word
        number = self._number(text, place)
        if kind == "integer" and not isinstance(number, int):
            raise Unusable(AdapterReason.UNMAPPED_VALUE, place, f"{short(text)} is no whole number")
        return number

    def _number(self, text: str, place: str) -> int | float:
        plain = unicodedata.normalize("NFKC", text)
        if self._file.decimal == ",":
            # A point in a number with a decimal comma groups digits, or is a mistake: not to be guessed.
            plain = "" if "." in plain else plain.replace(",", ".")
        if not _NUMBER.fullmatch(plain):
            raise Unusable(AdapterReason.UNMAPPED_VALUE, place, f"{short(text)} is no number, and not in the map")
        number = float(plain)
        return int(number) if number.is_integer() else number

    def _moment(self, text: str, place: str) -> datetime:
        for form in self._file.dates:
            try:
                moment = datetime.fromisoformat(text) if form == "iso" else datetime.strptime(text, form)  # noqa: DTZ007
            except ValueError:
                continue
            if moment.tzinfo is not None:
                return moment
            whole_day = not (_HOUR.search(text) if form == "iso" else _HOUR_FORM.search(form))
            local = datetime.combine(moment.date(), NOON) if whole_day else moment
            return settled(local, self._zone, place, ambiguous=self._file.ambiguous)
        hint = f"{short(text)} is none of {', '.join(self._file.dates)}"
        raise Unusable(AdapterReason.UNMAPPED_VALUE, place, hint)
