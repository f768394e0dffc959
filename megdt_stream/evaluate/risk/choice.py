"""Which presentations train and which test."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from megdt_stream.evidence.adapters.oulad import OuladTables, Row
from megdt_stream.publisher.oulad_files import read_oulad

_SAME_YEAR: Final = {"B": 0, "J": 1}


@dataclass(frozen=True)
class Choice:
    """Presentations such as `2013B`, each of one directory; `modules` empty means all."""

    train: tuple[str, ...]
    test: tuple[str, ...]
    modules: tuple[str, ...] = ()


def choose(
    train: Path,
    test: Path,
    modules: Iterable[str],
    train_presentations: Iterable[str],
    test_presentations: Iterable[str],
) -> Choice:
    """Settle what is played.

    Without presentations all of a directory's are taken, but none both trains and tests: where both directories have
    the same, the latest tests. Raises ValueError where something is not there or nothing is left, OSError as reading.
    """
    found = [presentations(train), presentations(test)]
    wanted = [tuple(train_presentations), tuple(test_presentations)]
    for directory, names, asked in zip((train, test), found, wanted, strict=True):
        unknown = sorted(set(asked) - set(names))
        if unknown:
            raise ValueError(f"{directory} has no presentation {', '.join(unknown)}, only {', '.join(names)}")
    trains = wanted[0] or found[0]
    tests = wanted[1] or tuple(name for name in found[1] if name not in wanted[0])
    if not wanted[1] and set(tests) & set(trains):
        fresh = tuple(name for name in tests if name not in trains)
        tests = fresh or tests[-1:]
    if not wanted[0]:
        trains = tuple(name for name in trains if name not in tests)
    if set(trains) & set(tests):
        raise ValueError(f"{', '.join(sorted(set(trains) & set(tests)))} cannot both train and test")
    if not trains or not tests:
        raise ValueError("nothing is left to train or to test on: give presentations of two times")
    return Choice(tuple(sorted(trains, key=_when)), tuple(sorted(tests, key=_when)), tuple(modules))


def presentations(directory: Path) -> tuple[str, ...]:
    """Give the presentations of a directory in the order of time. Raises OSError, ValueError as reading the tables."""
    named = {str(row["code_presentation"]) for row in read_oulad(directory).courses}
    return tuple(sorted(named, key=_when))


def chosen(directory: Path, named: tuple[str, ...], modules: tuple[str, ...]) -> OuladTables:
    """Give a directory's tables, of these presentations and modules only."""
    tables = read_oulad(directory)

    def ours(rows: Iterable[Row]) -> list[Row]:
        return [
            row for row in rows if row["code_presentation"] in named and (not modules or row["code_module"] in modules)
        ]

    works = ours(tables.assessments)
    ids = {row["id_assessment"] for row in works}
    return replace(
        tables,
        courses=ours(tables.courses),
        assessments=works,
        student_info=ours(tables.student_info),
        student_registration=ours(tables.student_registration),
        student_assessment=[row for row in tables.student_assessment if row["id_assessment"] in ids],
    )


def _when(name: str) -> tuple[str, int]:
    return name[:-1], _SAME_YEAR.get(name[-1:], 2)
