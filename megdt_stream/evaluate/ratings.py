"""Ratings from a CSV file: rater, subject, item, score, time."""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TextIO

from megdt_stream.errors import ConfigError

REQUIRED: Final = ("rater", "subject", "score")
OPTIONAL: Final = ("item", "time")
LARGEST: Final = 1e9
"""Largest score either way: squares of larger ones lose their digits beside a scale's."""

TELL_EVERY: Final = 65_536
_SHOWN: Final = 40


class BadRatings(ConfigError):
    """A file of ratings cannot be evaluated; the message names line and column."""

    exit_code = 65
    default_remedy = "correct the file; it is CSV in UTF-8 with the columns rater, subject, score and maybe item, time"


@dataclass
class Ratings:
    """Ratings in time order: four lists of one length. `item` is None where the file, or the row, names none.

    `skipped` counts the rows left out for having no score.
    """

    rater: list[str] = field(default_factory=list)
    subject: list[str] = field(default_factory=list)
    item: list[str | None] = field(default_factory=list)
    score: list[float] = field(default_factory=list)
    skipped: int = 0

    def __len__(self) -> int:
        return len(self.score)


def read(path: str, tell: Callable[[int], None] = lambda _: None) -> Ratings:
    """Read a file, or standard input for `-`; `tell` is told now and then how many rows were read.

    Rows come in the order of their times (stable), or as the file has them where there is no column `time`.

    Raises:
        BadRatings: the file is not what it should be.
        OSError: it cannot be read.
    """
    with _opened(path) as stream:
        return parse(stream, tell)


def parse(lines: Iterable[str], tell: Callable[[int], None] = lambda _: None) -> Ratings:
    """Read ratings from lines of CSV, the header first. See `read`."""
    reader = csv.reader(lines, strict=True)
    try:
        places = _places(next(reader, []))
        ratings, times = _rows(reader, places, tell)
    except csv.Error as error:
        raise BadRatings(f"line {reader.line_num}: not CSV: {error}") from error
    except UnicodeDecodeError as error:
        raise BadRatings(f"after line {reader.line_num}: not UTF-8: {error.reason}") from error
    if not len(ratings):
        raise BadRatings("the file holds no rating with a score")
    return _sorted(ratings, times) if times else ratings


@contextmanager
def _opened(path: str) -> Iterator[TextIO]:
    if path == "-":
        sys.stdin.reconfigure(encoding="utf-8-sig", errors="strict", newline="")  # type: ignore[union-attr]
        yield sys.stdin
        return
    with Path(path).open(encoding="utf-8-sig", newline="") as stream:
        yield stream


def _places(header: list[str]) -> dict[str, int]:
    names = [name.strip().lower() for name in header]
    wanted = [name for name in (*REQUIRED, *OPTIONAL) if name in names]
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        shown = ", ".join(name[:_SHOWN] for name in header) or "nothing"
        raise BadRatings(f"line 1: no column {' or '.join(missing)}; the header names {shown}")
    twice = [name for name in wanted if names.count(name) > 1]
    if twice:
        raise BadRatings(f"line 1: column {twice[0]} comes twice")
    return {name: names.index(name) for name in wanted}


def _rows(
    reader: Iterable[list[str]], places: dict[str, int], tell: Callable[[int], None]
) -> tuple[Ratings, list[float]]:
    """Read the rows. The loop looks things up once: it runs for every rating."""
    ratings, times = Ratings(), _Times()
    at_rater, at_subject, at_score = (places[name] for name in REQUIRED)
    at_item, at_time = (places.get(name) for name in OPTIONAL)
    least = max(places.values())
    moments: list[float] = []
    add_rater, add_subject, add_item = ratings.rater.append, ratings.subject.append, ratings.item.append
    for row in reader:
        if len(row) <= least:
            if not row:
                continue
            raise _bad(reader, _first_beyond(places, len(row)), "missing: the row is short")
        text = row[at_score].strip()
        if not text:
            ratings.skipped += 1
            continue
        rater, subject = row[at_rater].strip(), row[at_subject].strip()
        if not rater or not subject:
            raise _bad(reader, "subject" if rater else "rater", "empty")
        ratings.score.append(_score(text, reader))
        add_rater(rater)
        add_subject(subject)
        add_item(None if at_item is None else row[at_item].strip() or None)
        if at_time is not None:
            moments.append(times.read(row[at_time].strip(), reader))
        if not len(ratings.score) % TELL_EVERY:
            tell(len(ratings.score))
    return ratings, moments


def _score(text: str, reader: Iterable[list[str]]) -> float:
    try:
        score = float(text)
    except ValueError:
        raise _bad(reader, "score", f"{text[:_SHOWN]!r} is no number") from None
    # Python also reads 1_000 as a number; nobody writes a score like that on purpose.
    if not abs(score) <= LARGEST or "_" in text:
        raise _bad(reader, "score", f"{text[:_SHOWN]!r} is not a number from -1e9 to 1e9")
    return score


class _Times:
    """Reads times as numbers that can be ordered: all of a file are numbers, or all are ISO dates or RFC 3339."""

    def __init__(self) -> None:
        self._numbers: bool | None = None

    def read(self, text: str, reader: Iterable[list[str]]) -> float:
        """Read one; a time without a zone counts as UTC."""
        try:
            moment, number = float(text), True
        except ValueError:
            try:
                moment, number = _seconds(text), False
            except ValueError:
                why = f"{text[:_SHOWN]!r} is no time: RFC 3339, an ISO date or a number" if text else "empty"
                raise _bad(reader, "time", why) from None
        if self._numbers is None:
            self._numbers = number
        if number is not self._numbers or math.isnan(moment):
            raise _bad(reader, "time", f"{text[:_SHOWN]!r} cannot be ordered with the times before it")
        return moment


def _seconds(text: str) -> float:
    moment = datetime.fromisoformat(text)
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    return since.total_seconds()


def _first_beyond(places: dict[str, int], cells: int) -> str:
    return min((place, name) for name, place in places.items() if place >= cells)[1]


def _bad(reader: Iterable[list[str]], column: str, why: str) -> BadRatings:
    line = getattr(reader, "line_num", 0)
    return BadRatings(f"line {line}, column {column}: {why}")


def _sorted(ratings: Ratings, times: list[float]) -> Ratings:
    order = sorted(range(len(times)), key=times.__getitem__)
    lists = (ratings.rater, ratings.subject, ratings.item, ratings.score)
    rater, subject, item, score = ([values[i] for i in order] for values in lists)
    return Ratings(rater, subject, item, score, ratings.skipped)  # type: ignore[arg-type]
