"""Where frames are shown: redrawn in place on a terminal, as plain lines elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Final, Protocol, Self

from rich.console import Console
from rich.live import Live

from megdt_stream.console.flow import Frame, picture, summary_line
from megdt_stream.console.words import Words

_LINE_SECONDS: Final = 2.0


class FrameStage(Protocol):
    """Shows frames between entering and leaving."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, frame: Frame) -> None:
        """Show a frame."""


class LiveStage:
    """Redraws frames in place, within the terminal's size.

    The picture is opened by the first frame, so that what is printed before it stays readable.
    """

    def __init__(self, console: Console, words: Words) -> None:
        self._console = console
        self._words = words
        self._live: Live | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, frame: Frame) -> None:
        """Draw a frame over the one before."""
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        size = self._console.size
        self._live.update(picture(frame, self._words, size.width, size.height - 1), refresh=True)


class LineStage:
    """Prints a line when the phase changes, and every two seconds within it."""

    def __init__(self, console: Console, words: Words) -> None:
        self._console = console
        self._words = words
        self._phase = ""
        self._printed = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to close."""

    def show(self, frame: Frame) -> None:
        """Print a frame as a line, unless the last line is fresh."""
        phase = frame.phase.partition(" ")[0]
        if phase == self._phase and time.monotonic() - self._printed < _LINE_SECONDS:
            return
        self._phase, self._printed = phase, time.monotonic()
        self._console.print(summary_line(frame, self._words), markup=False, highlight=False, soft_wrap=True)


def stage(console: Console, words: Words) -> FrameStage:
    """Choose by what the console is."""
    return LiveStage(console, words) if console.is_terminal else LineStage(console, words)
