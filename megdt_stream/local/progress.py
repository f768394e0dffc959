"""What a person sees while jars are fetched and servers start."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, SpinnerColumn, TaskID, TextColumn, TransferSpeedColumn
from rich.progress import Progress as RichProgress


class Progress(Protocol):
    """Be told of one piece of work at a time: `start`, any number of `advance`, `done`."""

    def start(self, what: str, total: int | None) -> None:
        """Begin `what`; `total` is its size in bytes, or None where there is no size."""

    def advance(self, n: int) -> None:
        """Count `n` more bytes; negative when a broken transfer begins anew."""

    def done(self) -> None:
        """End what was started, complete or not."""


class SilentProgress:
    """Show nothing."""

    def start(self, what: str, total: int | None) -> None:
        """Ignore it."""

    def advance(self, n: int) -> None:
        """Ignore it."""

    def done(self) -> None:
        """Ignore it."""


class ConsoleProgress:
    """Show progress on standard error: a live bar on a terminal, plain lines elsewhere."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._bar: RichProgress | None = None
        self._task = TaskID(0)
        self._what, self._total, self._seen, self._began = "", 0, 0, 0.0

    def start(self, what: str, total: int | None) -> None:
        """Open the bar, or print the first line."""
        self._what, self._total, self._seen, self._began = what, total or 0, 0, time.monotonic()
        if self._console.is_terminal:
            self._open_bar(total)
        else:
            size = f" ({decimal(total)})" if total else ""
            self._console.print(f"{what}{size} ...", markup=False, soft_wrap=True)

    def advance(self, n: int) -> None:
        """Move the bar by `n` bytes."""
        self._seen += n
        if self._bar is not None:
            self._bar.advance(self._task, n)

    def done(self) -> None:
        """Close the bar; leave one line with the time taken if the work was completed."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        if self._seen >= self._total:
            took = time.monotonic() - self._began
            self._console.print(f"{self._what}: {took:.1f} s", markup=False, soft_wrap=True)

    def _open_bar(self, total: int | None) -> None:
        columns = [SpinnerColumn(), TextColumn("{task.description}", markup=False)]
        if total:
            columns += [BarColumn(), DownloadColumn(), TransferSpeedColumn()]
        self._bar = RichProgress(*columns, console=self._console, transient=True)
        self._task = self._bar.add_task(self._what, total=total)
        self._bar.start()


@contextmanager
def step(progress: Progress, what: str, total: int | None = None) -> Iterator[Progress]:
    """Bracket one piece of work, so that a display is closed when the work fails."""
    progress.start(what, total)
    try:
        yield progress
    finally:
        progress.done()
