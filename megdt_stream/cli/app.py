"""The application: all commands, and how errors end them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from megdt_stream.cli import (
    bench,
    entities,
    evaluate,
    importing,
    inspect,
    learning,
    play,
    pseudonym,
    recommendations,
    reference,
    rehearse,
    rejects,
    report,
    scenarios,
    schemas,
    serve,
    spool,
    twin,
    validate,
    warnings,
    write,
)
from megdt_stream.cli.output import INTERRUPTED, exit_codes, say

if TYPE_CHECKING:
    from megdt_stream.errors import MegdtError
    from megdt_stream.local.errors import LocalStackError


class Commands(TyperGroup):
    """Ends a command that fails with one line on stderr and its exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            say("megdt: interrupted")
            raise typer.Exit(INTERRUPTED) from None
        except (typer.TyperException, typer.Exit, typer.Abort):
            raise  # Typer's own, `--help` among them
        except Exception as error:
            if ctx.params.get("debug") or not isinstance(error, _ours()):
                raise
            say(f"megdt: {error}")
            raise typer.Exit(error.exit_code) from None


def _ours() -> tuple[type[MegdtError], type[LocalStackError]]:
    """Give the errors that say in one line what is wrong; loaded when there is one, not for `--help`."""
    from megdt_stream.errors import MegdtError
    from megdt_stream.local.errors import LocalStackError

    return MegdtError, LocalStackError


app = typer.Typer(
    cls=Commands,
    name="megdt",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog=exit_codes(),
)


def _tell_version(asked: bool) -> None:
    if asked:
        inspect.version()
        raise typer.Exit


@app.callback()
def megdt(
    _version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the whole traceback of an error.")] = False,
) -> None:
    """Live digital twins of medical training, on Kafka and Redis.

    Try `megdt demo`. Without MEGDT_KAFKA and MEGDT_REDIS every command uses a local broker and store, started
    for it and kept in one place, so that commands in a row see the same data.
    """


for group in (
    play,
    serve,
    scenarios,
    write,
    importing,
    validate,
    spool,
    pseudonym,
    reference,
    schemas,
    twin,
    entities,
    report,
    rehearse,
    inspect,
    rejects,
    warnings,
    bench,
    evaluate,
    recommendations,
    learning,
):
    group.register(app)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # Under a plain C locale Python would refuse to write Chinese.
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    app(args=arguments, prog_name="megdt")
