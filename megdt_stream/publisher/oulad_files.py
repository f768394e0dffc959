"""Reading the OULAD tables from their CSV files."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from megdt_stream.evidence.adapters.oulad import OuladTables

FILES = ("courses", "assessments", "studentInfo", "studentRegistration", "studentAssessment")


def read_oulad(directory: Path) -> OuladTables:
    """Give the tables under a directory as rows read on demand, each table once.

    Raises FileNotFoundError naming every file that is missing, before anything is read.
    """
    missing = [f"{name}.csv" for name in FILES if not (directory / f"{name}.csv").is_file()]
    if missing:
        raise FileNotFoundError(f"{directory} lacks {', '.join(missing)}: unpack the OULAD tables there")
    return OuladTables(
        courses=_rows(directory / "courses.csv"),
        assessments=_rows(directory / "assessments.csv"),
        student_info=_rows(directory / "studentInfo.csv"),
        student_registration=_rows(directory / "studentRegistration.csv"),
        student_assessment=_rows(directory / "studentAssessment.csv"),
    )


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
