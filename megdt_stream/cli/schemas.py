"""`megdt schemas`: what publishers may send and consumers may rely on, and whether a change breaks any of them."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from megdt_stream.cli.output import Json, console, emit, examples, fail

if TYPE_CHECKING:
    from collections.abc import Mapping

    from megdt_stream.schemas.catalogue import Catalogue, TopicSchema
    from megdt_stream.schemas.check import Report
    from megdt_stream.schemas.shape import Shape


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="See the published schemas, and check a change of them.")
    group.command("list", epilog=examples("megdt schemas list", "megdt schemas list --json"))(list_all)
    group.command(
        epilog=examples(
            "megdt schemas show assessments",
            "megdt schemas show megdt.exposure.recorded.v1",
            "megdt schemas show rotations --json > rotations.schema.json",
            "megdt schemas show --asyncapi > asyncapi.yaml",
        )
    )(show)
    group.command(
        epilog=examples(
            "megdt schemas check",
            "megdt schemas check --against schemas/released/1.0.0 --json",
            "megdt schemas check --schemas ./our-schemas --against ./our-schemas-last-year",
        )
    )(check)
    group.callback()(_schemas)
    app.add_typer(group, name="schemas", rich_help_panel="Look at it")


def _schemas() -> None:
    """See the published schemas, and check a change of them (schemas/README.md)."""


# --- list ---


def list_all(as_json: Json = False) -> None:
    """List the topics: what they carry, who owns them, their key, how they may change, how long they are kept."""
    from megdt_stream.schemas.catalogue import read

    topics = [_listed(schema) for schema in read().topics.values()]
    if as_json:
        emit(topics)
        return
    from megdt_stream.cli.tables import rows

    screen = console()
    for topic in topics:
        screen.print(f"\n{topic['topic']}", style="bold", end="  ")
        screen.print(topic["title"], markup=False)
        screen.print(f"  {', '.join(topic['types']) or '-'}", style="dim", markup=False)
    names = ("topic", "owner", "key", "compatibility", "retention")
    screen.print("", rows([{name: topic[name] for name in names} for topic in topics]))


def _listed(schema: TopicSchema) -> dict[str, Any]:
    return {
        "topic": schema.name,
        "title": schema.title,
        "owner": schema.owner,
        "key": schema.key,
        "compatibility": schema.mode,
        "retention": schema.retention,
        "types": [kind for kind in schema.kinds if kind],
    }


# --- show ---


def show(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="A topic (assessments, megdt.assessments.v1), or a type on one."),
    ] = None,
    asyncapi: Annotated[
        bool, typer.Option("--asyncapi", help="Print the AsyncAPI 3.0 document of all topics (YAML; --json for JSON).")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show the fields of a topic or type; with --json its JSON Schema 2020-12 as one file that needs no other."""
    from megdt_stream.schemas.catalogue import read

    if asyncapi == (name is not None):
        raise typer.BadParameter("give a topic, a type, or --asyncapi alone", param_hint="NAME")
    catalogue = read()
    if name is None:
        _print_asyncapi(catalogue, as_json)
        return
    schema, kinds = _find(catalogue, name)
    if as_json:
        emit(catalogue.bundle(schema.name))
    else:
        _print_fields(schema, kinds)


def _print_asyncapi(catalogue: Catalogue, as_json: bool) -> None:
    from megdt_stream.schemas.asyncapi import document
    from megdt_stream.schemas.catalogue import read_releases
    from megdt_stream.schemas.yaml_text import dump

    written = document(catalogue, read_releases()[-1].version)
    if as_json:
        emit(written)
    else:
        typer.echo(dump(written), nl=False)


def _find(catalogue: Catalogue, name: str) -> tuple[TopicSchema, Mapping[str, Shape]]:
    """Find a topic or one of its types by full or short name; leave with 1 and a suggestion where there is none."""
    known: dict[str, tuple[TopicSchema, Mapping[str, Shape]]] = {}
    for schema in catalogue.topics.values():
        for kind, shape in schema.kinds.items():
            short = kind.removeprefix("megdt.").removesuffix(".v1")
            known |= dict.fromkeys((kind, short), (schema, {kind: shape}))
    for schema in catalogue.topics.values():
        known |= dict.fromkeys((schema.name, schema.short), (schema, schema.kinds))
    if name not in known or not name:
        near = ", ".join(get_close_matches(name, known))
        hint = f"did you mean {near}?" if near else "`megdt schemas list` names topics and types"
        fail([f"there is no topic or type {name!r}; {hint}"])
    return known[name]


def _print_fields(schema: TopicSchema, kinds: Mapping[str, Shape]) -> None:
    from megdt_stream.cli.tables import facts, rows

    screen = console()
    screen.print(schema.title, style="bold", markup=False)
    about = _listed(schema)
    screen.print(facts({each: about[each] for each in ("topic", "owner", "key", "compatibility", "retention")}))
    for kind, shape in kinds.items():
        screen.print(f"\n{kind or schema.name}", style="bold", markup=False)
        screen.print(rows(_fields(shape)))


def _fields(shape: Shape) -> list[dict[str, Any]]:
    from megdt_stream.schemas.completeness import fields

    required = _required(shape)
    return [
        {
            "field": pointer,
            "type": _form(part),
            "required": pointer in required,
            "class": ", ".join(part.data_classes),
            "meaning": part.description,
        }
        for pointer, part in fields(shape)
    ]


def _required(shape: Shape, pointer: str = "") -> set[str]:
    found = {f"{pointer}/{name}" for name in shape.required}
    for name, part in shape.fields.items():
        found |= _required(part, f"{pointer}/{name}")
    for element in filter(None, (*shape.first, shape.rest)):
        found |= _required(element, f"{pointer}/*")
    return found


def _form(shape: Shape) -> str:
    if shape.values is not None:
        return ", ".join(shape.values)
    types = ", ".join(sorted(shape.types, key=lambda one: (one == "null", one))) if shape.types else "any"
    bounds = ", ".join(f"{name} {bound:,}" for name, bound in shape.bounds.items())
    return f"{types} ({bounds})" if bounds else types


# --- check ---


def check(
    against: Annotated[
        Path | None,
        typer.Option(
            "--against",
            metavar="DIR",
            show_default="every version in schemas/released",
            help="A folder with the schemas (and examples) of a release.",
        ),
    ] = None,
    schemas: Annotated[
        Path | None,
        typer.Option("--schemas", metavar="DIR", show_default="schemas", help="The folder to check."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check that the schemas are complete and break no publisher and no consumer of a release.

    Exit code 1 when anything is found; each finding says where, which rule, and what to do.
    """
    from megdt_stream.schemas.catalogue import read, read_releases
    from megdt_stream.schemas.check import check as examine

    current = read(schemas)
    releases = read_releases(current.folder) if against is None else [read(against, against.resolve().name)]
    report = examine(current, releases)
    if as_json:
        emit(_as_json(report))
    else:
        _print_report(report)
    raise typer.Exit(1 if report.findings else 0)


def _as_json(report: Report) -> dict[str, Any]:
    return {
        "ok": not report.findings,
        "against": report.against,
        "findings": [{**finding._asdict(), "remedy": finding.remedy} for finding in report.findings],
        "notes": [note._asdict() for note in report.notes],
    }


def _print_report(report: Report) -> None:
    screen = console()
    for finding in report.findings:
        place = f"{finding.topic} {finding.pointer}".rstrip()
        screen.print(f"[bold red]✗[/] [bold]{finding.rule}[/] ", end="")
        screen.print(f"{place}: {finding.detail}{_breaking(finding.against)}", markup=False, soft_wrap=True)
        if finding.kinds:
            screen.print(f"    of {', '.join(finding.kinds)}", markup=False, soft_wrap=True)
        screen.print(f"    {finding.remedy}", markup=False, soft_wrap=True, style="yellow")
    for note in report.notes:
        place = f"{note.topic} {note.pointer}".rstrip()
        screen.print(f"note {place}: {note.detail} (since {note.against})", markup=False, soft_wrap=True, style="dim")
    compared = ", ".join(report.against)
    if not report.findings:
        screen.print(f"[bold green]✓[/] the schemas are complete and break nothing of {compared}")


def _breaking(release: str) -> str:
    return f" (breaks {release})" if release else ""
