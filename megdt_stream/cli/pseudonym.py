"""`megdt pseudonym`: make pseudonyms as the SDK makes them, and the key that they are made with."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from megdt_stream.cli.output import Json, emit, examples, say
from megdt_stream.errors import ConfigError

if TYPE_CHECKING:
    from megdt_stream.evidence.pseudonym import Pseudonymiser

_KEY_BYTES: Final = 32
_STDIN: Final = "-"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Make pseudonyms, and the key for them.")
    group.command("new-key", epilog=examples("megdt pseudonym new-key k1.key"))(new_key)
    group.command(
        "of",
        epilog=examples(
            "megdt pseudonym of - --key-file k1.key --prefix k1 < numbers.txt",
            "megdt pseudonym of 20231234 --key-file k1.key --prefix k1 --system his --json",
        ),
    )(of)
    group.callback()(_pseudonyms)
    app.add_typer(group, name="pseudonym", rich_help_panel="Bring events in")


def _pseudonyms() -> None:
    """Make pseudonyms, and the key for them."""


def new_key(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that is not there yet.")],
) -> None:
    """Write a new secret key (256 bits, in hex) into a file that only you can read. An old one is never overwritten."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise ConfigError(
            f"{file} exists", remedy="name another file: with a lost key, old pseudonyms can never be made again"
        ) from error
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}", remedy="name another file") from error
    with os.fdopen(descriptor, "w", encoding="ascii") as opened:
        opened.write(secrets.token_hex(_KEY_BYTES) + "\n")
    say(f"{file} holds a new key; keep a copy where only those may look who may know the trainees")


def of(
    identifiers: Annotated[
        list[str],
        typer.Argument(
            metavar="IDENTIFIER|-...", help="Identifiers; - reads one a line from stdin, out of the shell's history."
        ),
    ],
    key_file: Annotated[
        Path, typer.Option("--key-file", metavar="FILE", help="The key, of `megdt pseudonym new-key`.")
    ],
    prefix: Annotated[str, typer.Option(help="What the key's version is called; pseudonyms begin with it.")] = "p1",
    system: Annotated[
        str, typer.Option(help="The system that gave out the numbers, where several count on their own.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Give the pseudonym of each identifier, one a line, in order."""
    from megdt_stream.publisher.keys import load_pseudonymiser

    pseudonymiser = load_pseudonymiser(key_file, prefix)
    for position, identifier in enumerate(_each(identifiers), 1):
        pseudonym = _made(pseudonymiser, identifier, system, position)
        emit({"pseudonym": pseudonym}) if as_json else typer.echo(pseudonym)


class BadIdentifier(ConfigError):
    """An identifier has no pseudonym. It is named by its position: messages go to terminals and logs."""

    exit_code = 65


def _each(identifiers: list[str]) -> Iterator[str]:
    for identifier in identifiers:
        if identifier != _STDIN:
            yield identifier
            continue
        for number, line in enumerate(sys.stdin.buffer, 1):
            try:
                yield line.decode("utf-8").rstrip("\r\n")
            except UnicodeDecodeError as error:
                raise BadIdentifier(f"line {number} is not UTF-8", remedy="convert the list to UTF-8") from error


def _made(pseudonymiser: Pseudonymiser, identifier: str, system: str, position: int) -> str:
    try:
        return pseudonymiser.of(identifier, system)
    except ValueError as error:
        raise BadIdentifier(f"identifier {position}: {error}", remedy="leave it out") from error
