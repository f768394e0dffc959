"""What the tables of a twin have in common: how a day, a probability and an estimate are written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from rich.box import SIMPLE_HEAD
from rich.table import Table

from megdt_stream.twin.view.intervals import Interval


def table(title: str = "") -> Table:
    """Begin a table."""
    return Table(title=title or None, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)


def day(ms: int) -> str:
    """Write a day, UTC."""
    return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms):%Y-%m-%d}"


def chance(probability: float) -> str:
    """Write a probability in whole per cent; it is never said to be sure."""
    if probability > 0.99:
        return "> 99%"
    if probability < 0.01:
        return "< 1%"
    return f"{probability:.0%}"


def estimate(found: Interval, sign: str = "") -> str:
    """Write an estimate with its interval, one decimal; `sign` "+" writes signs."""
    return f"{found.value:{sign}.1f} ({found.low:{sign}.1f} – {found.high:{sign}.1f})"


def share(found: Interval) -> str:
    """Write a share with its interval in per cent."""
    return f"{found.value:.0%} ({found.low:.0%} – {found.high:.0%})"
