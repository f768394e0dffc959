"""Faculty, base, resource and process twins for `megdt twin show`, and `megdt twins list`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from megdt_stream.cli import absent
from megdt_stream.cli.output import DataDir, Json, Lang, console, emit, examples, fail, out, say

if TYPE_CHECKING:
    from megdt_stream.runtime.entities import Assumed
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
    from megdt_stream.runtime.entities import read_entity

    with session.query() as query:
        found = read_entity(query, kind, id_, _assumed(session), say=say)
    return None if found is None else (found, partial(render, found))


def _assumed(session: Session) -> Assumed:
    from megdt_stream.runtime.entities import Assumed
    from megdt_stream.seed_files import load_estimation, load_library, load_norms

    folder = session.settings.seeds_dir
    return Assumed(load_estimation(folder), load_norms(folder), load_library(folder).outcomes)


def read_at(
    kind: str, session: Session, id_: str, at: int, progress: Callable[[int, int], None]
) -> tuple[dict[str, Any], Callable[[Any], Any]]:
    """Give the document as of a past moment (ms), added up from everybody's twins then; ends the command where nothing
    was known, or the moment lies ahead."""
    from megdt_stream.console.entity import render
    from megdt_stream.runtime import snapshots
    from megdt_stream.runtime.entities import gather, read_from
    from megdt_stream.seed_files import load_rule
    from megdt_stream.twin.view import rfc3339

    rule = load_rule(session.settings.seeds_dir)
    found, latest = asyncio.run(snapshots.past(session.settings.brokers, session.security, rule, at, progress))
    if at > latest:
        reach = rfc3339(latest)
        fail(
            [f"{rfc3339(at)} lies ahead of the log, which reaches until {reach}; give an earlier time, or none for now"]
        )
    document = read_from(gather(found), kind, id_, _assumed(session), as_of=at)
    if document is None:
        fail([f"nothing was known of {kind} {id_} at {rfc3339(at)}"])
        raise AssertionError  # the line above ends the command
    return document, partial(render, document)


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
