"""Faculty, base, resource and process twins for `megdt twin show`, and `megdt twins list`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from megdt_stream.cli import absent
from megdt_stream.cli.output import DataDir, Json, Lang, console, emit, examples, fail, out, say

if TYPE_CHECKING:
    from megdt_stream.session import Session


def register(app: typer.Typer) -> None:
    """Add `megdt twins`."""
    group = typer.Typer(no_args_is_help=True, help="List twins.")
    group.command(
        "list",
        epilog=examples(
            "megdt twins list",
            "megdt twins list --base 内科-01 --where 'weak=true'",
            "megdt twins list --where 'level.patient-care<3, warnings>0' --json",
        ),
    )(list_)
    group.callback()(_twins)
    app.add_typer(group, name="twins", rich_help_panel="Look at it")


def _twins() -> None:
    """List twins."""


def read(kind: str, session: Session, id_: str) -> tuple[dict[str, Any], Callable[[Any], Any]] | None:
    """Give an entity's document and how it is drawn; None where there is none."""
    from megdt_stream.console.entity import render
    from megdt_stream.runtime.entities import Assumed, read_entity
    from megdt_stream.seed_files import load_estimation, load_library, load_norms

    folder = session.settings.seeds_dir
    assumed = Assumed(load_estimation(folder), load_norms(folder), load_library(folder).outcomes)
    with session.query() as query:
        found = read_entity(query, kind, id_, assumed, say=say)
    return None if found is None else (found, partial(render, found))


def missing(kind: str, session: Session, id_: str) -> str:
    """Say which entities there are."""
    with session.query() as query:
        return absent.entity(query, kind, id_, say)


def list_(
    base: Annotated[str | None, typer.Option("--base", metavar="BASE", help="Only trainees of this base.")] = None,
    where: Annotated[
        str,
        typer.Option(
            "--where",
            metavar="EXPRESSION",
            help="Conditions `name operator value`, joined by commas; all have to hold. Names: stage, base, programme,"
            " cohort, weak (true or false), warnings, missing, evidence, quota (0 to 1), level.<competency> (1 to 5).",
        ),
    ] = "",
    data_dir: DataDir = None,
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """List trainees with what needs attention: open warnings, weak competencies, quota.

    Exit code 1 where nobody meets the conditions.
    """
    from megdt_stream.console.entity import roster
    from megdt_stream.console.words import choose
    from megdt_stream.local import ConsoleProgress
    from megdt_stream.runtime.roster import WhereError, list_trainees, parse
    from megdt_stream.seed_files import load_estimation, load_norms
    from megdt_stream.session import open_session

    try:
        parse(where)
    except WhereError as error:
        raise typer.BadParameter(str(error), param_hint="--where") from None
    progress = ConsoleProgress(console(err=True))
    with open_session(data_dir=data_dir, store_only=True, progress=progress) as session, session.query() as query:
        folder = session.settings.seeds_dir
        rows = list_trainees(query, load_estimation(folder), load_norms(folder), base=base, where=where, say=say)
    found = [row.to_dict() for row in rows]
    if as_json:
        emit(found)
    elif found:
        out(roster(found, choose(lang)))
    if not found:
        fail(["no trainee meets the conditions"])
