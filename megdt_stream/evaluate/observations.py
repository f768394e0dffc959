"""Treatment, outcome and covariates from a CSV file as people have them."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TextIO

import numpy as np
from numpy.typing import NDArray

from megdt_stream.errors import ConfigError

TREATMENT: Final = ("treatment", "treated", "treat", "干预", "处理")
OUTCOME: Final = ("outcome", "结局", "结果")
_YES: Final = frozenset({"1", "true", "t", "yes", "y", "treated", "treatment", "是", "有", "干预", "处理"})
_NO: Final = frozenset({"0", "false", "f", "no", "n", "control", "untreated", "否", "无", "对照"})
_MISSING: Final = frozenset({"", "na", "n/a", "nan", "null", "none", ".", "-", "缺失"})
_RARE: Final = 0.01
_MOST_GROUPS: Final = 20
_LARGEST: Final = 1e15
_SHOWN: Final = 40


class BadTable(ConfigError):
    """A table cannot be evaluated; the message names line and column."""

    exit_code = 65
    default_remedy = "correct the file; it is CSV in UTF-8 with columns treatment (0 or 1), outcome and covariates"


@dataclass
class Table:
    """Treatment (n), outcome (n) and covariates (n, d) with their names; what was done to get them is in `notes`."""

    treated: NDArray[np.float64]
    outcome: NDArray[np.float64]
    covariates: NDArray[np.float64]
    names: list[str]
    skipped: int = 0
    notes: list[str] = field(default_factory=list)


def read(path: str, treatment: str | None = None, outcome: str | None = None) -> Table:
    """Read a file, or standard input for `-`. Raises BadTable, OSError."""
    with _opened(path) as stream:
        return parse(stream, treatment, outcome)


@contextmanager
def _opened(path: str) -> Iterator[TextIO]:
    if path == "-":
        sys.stdin.reconfigure(encoding="utf-8-sig", errors="strict", newline="")  # type: ignore[union-attr]
        yield sys.stdin
        return
    with Path(path).open(encoding="utf-8-sig", newline="") as stream:
        yield stream


def parse(lines: Iterable[str], treatment: str | None = None, outcome: str | None = None) -> Table:
    """Read a table from lines of CSV, the header first. See `read`."""
    reader = csv.reader(lines, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        at_treatment = _place(header, (treatment,) if treatment else TREATMENT, "treatment")
        at_outcome = _place(header, (outcome,) if outcome else OUTCOME, "outcome")
        rows, treated, values, skipped = [], [], [], 0
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(header):
                raise BadTable(f"line {reader.line_num}: {len(row)} cells, the header has {len(header)}")
            cells = [cell.strip() for cell in row]
            if _absent(cells[at_treatment]) or _absent(cells[at_outcome]):
                skipped += 1
                continue
            treated.append(_arm(cells[at_treatment], reader.line_num, header[at_treatment]))
            values.append(_value(cells[at_outcome], reader.line_num, header[at_outcome]))
            rows.append(cells)
    except csv.Error as error:
        raise BadTable(f"line {reader.line_num}: not CSV: {error}") from error
    except UnicodeDecodeError as error:
        raise BadTable(f"after line {reader.line_num}: not UTF-8: {error.reason}") from error
    if not rows:
        raise BadTable("the file holds no row with treatment and outcome")
    table = Table(np.array(treated), np.array(values), np.empty((len(rows), 0)), [], skipped)
    columns = [place for place in range(len(header)) if place not in (at_treatment, at_outcome)]
    _fill(table, [(header[place], [row[place] for row in rows]) for place in columns])
    return table


def _place(header: list[str], names: Sequence[str], what: str) -> int:
    lower = [name.lower() for name in header]
    found = [name.lower() for name in names if name.lower() in lower]
    if not found:
        shown = ", ".join(name[:_SHOWN] for name in header) or "nothing"
        raise BadTable(f"line 1: no column {names[0]}; the header names {shown}")
    if lower.count(found[0]) > 1:
        raise BadTable(f"line 1: column {found[0]} ({what}) comes twice")
    return lower.index(found[0])


def _absent(text: str) -> bool:
    return text.lower() in _MISSING


def _arm(text: str, line: int, column: str) -> float:
    number = _number(text)
    if text.lower() in _YES or number == 1:
        return 1.0
    if text.lower() in _NO or number == 0:
        return 0.0
    raise BadTable(f"line {line}, column {column}: {text[:_SHOWN]!r} is neither treated (1, true) nor not (0, false)")


def _value(text: str, line: int, column: str) -> float:
    number = _number(text)
    if number is None and text.lower() in _YES | _NO:
        return float(text.lower() in _YES)
    if number is None:
        raise BadTable(f"line {line}, column {column}: {text[:_SHOWN]!r} is no number")
    return number


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if abs(number) <= _LARGEST and "_" not in text else None


# --- covariates ---


def _fill(table: Table, columns: list[tuple[str, list[str]]]) -> None:
    """Turn columns of text into covariates, and say what was left out or made up."""
    made: list[tuple[str, NDArray[np.float64]]] = []
    for name, cells in columns:
        numbers = [None if _absent(cell) else _number(cell) for cell in cells]
        present = [not _absent(cell) for cell in cells]
        if not any(present):
            table.notes.append(f"column {name!r} is empty: left out")
        elif all(number is not None for number, there in zip(numbers, present, strict=True) if there):
            made += _numeric(table, name, numbers)
        else:
            made += _groups(table, name, cells)
    table.names = [name for name, _ in made]
    table.covariates = np.column_stack([column for _, column in made]) if made else table.covariates


def _numeric(table: Table, name: str, numbers: list[float | None]) -> list[tuple[str, NDArray[np.float64]]]:
    known = np.array([np.nan if number is None else number for number in numbers])
    missing = np.isnan(known)
    if _counts_rows(name, known, missing):
        table.notes.append(f"column {name!r} only numbers the rows: left out")
        return []
    filled = np.where(missing, np.median(known[~missing]), known)
    if not missing.any():
        return [(name, filled)]
    table.notes.append(f"column {name!r}: {missing.sum():,} missing, filled with the median and marked")
    return [(name, filled), (f"{name} missing", missing.astype(float))]


def _counts_rows(name: str, known: NDArray[np.float64], missing: NDArray[np.bool_]) -> bool:
    if missing.any() or len(known) < 3:
        return False
    if name.lower() in ("", "id", "unnamed: 0", "index", "rownames", "序号", "编号"):
        return len(np.unique(known)) == len(known)
    return bool((np.diff(known) == 1).all() and known[0] in (0, 1))


def _groups(table: Table, name: str, cells: list[str]) -> list[tuple[str, NDArray[np.float64]]]:
    """Mark each group of a column of words; rare ones share a mark, and so do missing ones."""
    named = ["missing" if _absent(cell) else cell for cell in cells]
    counts = Counter(named)
    if len(counts) > len(named) / 2 and len(counts) > _MOST_GROUPS:
        table.notes.append(f"column {name!r} names nearly every row differently: left out")
        return []
    treated = {group for group, arm in zip(named, table.treated, strict=True) if arm}
    control = {group for group, arm in zip(named, table.treated, strict=True) if not arm}
    if not treated & control:
        table.notes.append(f"column {name!r} tells the treated from the controls exactly, nothing to compare: left out")
        return []
    ranked = [group for group, number in counts.most_common() if number >= max(2, _RARE * len(named))][:_MOST_GROUPS]
    ranked = ranked if set(ranked) < set(counts) else ranked[1:]
    return [(f"{name}={group}", np.array([float(one == group) for one in named])) for group in ranked]
