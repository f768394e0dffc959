"""What commands print: results on standard output, progress and errors on standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from megdt_stream.errors import EXIT_CODES

Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines, and nothing else, on stdout.")]
DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        envvar="MEGDT_DATA_DIR",
        show_default="in the user's data folder",
        help="Where the local broker and store keep their data, when no servers are named.",
    ),
]
Lang = Annotated[
    str | None,
    typer.Option("--lang", metavar="en|zh", help="Language of warnings and tables.", show_default="locale"),
]

INTERRUPTED: Final = 130


def examples(*lines: str) -> str:
    """Write a command's examples for its help, each on a line of its own."""
    return "\n".join(["Examples:", "", *lines])


def exit_codes() -> str:
    """Write the exit codes for the help."""
    codes = {**EXIT_CODES, INTERRUPTED: "interrupted by Ctrl-C"}
    return "\n".join(["Exit codes:", "", *(f"{code:<4} {meaning}" for code, meaning in codes.items())])


def say(text: str) -> None:
    """Print a line of progress on standard error."""
    typer.echo(text, err=True)


def emit(data: Any) -> None:
    """Print one JSON value on one line of standard output."""
    typer.echo(json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(", ", ": ")))


@contextmanager
def stdout_aside() -> Iterator[None]:
    """Send to standard error what a library prints on standard output: HiGHS has a line that it always prints."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def console(*, err: bool = False) -> Any:
    """Give a rich console; wide enough where there is no terminal to be as wide as."""
    from rich.console import Console

    stream = sys.stderr if err else sys.stdout
    return Console(stderr=err, highlight=False, width=None if stream.isatty() else 120)


def out(*renderables: Any) -> None:
    """Print for people on standard output."""
    console().print(*renderables)


def fail(found: Sequence[str]) -> None:
    """Print findings on standard error and leave with 1."""
    for line in found:
        say(f"megdt: {line}")
    raise typer.Exit(1)
