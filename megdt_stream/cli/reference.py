"""`megdt reference`: scales, competencies, quotas and the other reference data that are known here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

import typer

from megdt_stream.cli.output import Json, console, emit, examples, fail, say

if TYPE_CHECKING:
    from megdt_stream.evidence.reference import Library

_PARTS: Final = ("scales", "competencies", "instruments", "quotas", "indicators", "outcomes")

Seeds = Annotated[
    Path | None,
    typer.Option(
        "--seeds",
        envvar="MEGDT_SEEDS_DIR",
        show_default="what is shipped",
        help="A site's own folder, read as a worker with MEGDT_SEEDS_DIR reads it.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="See the reference data, and check a site's own.")
    group.command("list", epilog=examples("megdt reference list", "megdt reference list scales --json"))(list_all)
    group.command(
        epilog=examples(
            "megdt reference show mini-cex@1",
            "megdt reference show patient-care",
            "megdt reference show 心力衰竭 --json",
        )
    )(show)
    group.command(epilog=examples("megdt reference check ./our-seeds", "megdt reference check ./our-seeds --json"))(
        check
    )
    group.callback()(_reference)
    app.add_typer(group, name="reference", rich_help_panel="Look at it")


def _reference() -> None:
    """See the reference data, and check a site's own (docs/reference-data.md)."""


# --- list ---


def list_all(
    part: Annotated[str | None, typer.Argument(metavar="[PART]", help=f"One of {', '.join(_PARTS)}.")] = None,
    seeds: Seeds = None,
    as_json: Json = False,
) -> None:
    """List what is known: scales, competencies, instruments, quotas, indicators, outcomes."""
    from megdt_stream.seed_files import load_library

    if part is not None and part not in _PARTS:
        raise typer.BadParameter(f"{part!r} is not one of {', '.join(_PARTS)}", param_hint="PART")
    library = load_library(seeds)
    shown = {name: _listed(library, name) for name in _PARTS if part in (None, name)}
    if as_json:
        emit(shown)
        return
    from megdt_stream.cli.tables import rows

    screen = console()
    for name, entries in shown.items():
        screen.print(f"\n{name} ({len(entries)})", style="bold", markup=False)
        screen.print(rows([{"id": entry["id"], "name": _both(entry["name"]), **_more(entry)} for entry in entries]))


def _listed(library: Library, part: str) -> list[dict[str, Any]]:
    return [{"id": name, "name": entry.name, **_within(part, entry)} for name, entry in getattr(library, part).items()]


def _within(part: str, entry: Any) -> dict[str, Any]:
    """Give what a list tells of an entry beside its name."""
    match part:
        case "scales":
            return {"min": entry.min, "max": entry.max}
        case "competencies":
            return {"codes": list(entry.competencies)}
        case "instruments":
            return {"scales": entry.scales}
        case "quotas":
            return {"programmes": entry.programmes, "items": sum(1 for _ in entry.items())}
        case "indicators":
            return {"window": entry.window, "unit": entry.unit}
        case _:
            return {"results": list(entry.results)}


def _more(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in ("id", "name")}


# --- show ---


class Found(NamedTuple):
    """Something with the name asked for; `within` names the table it is part of, if it is none itself."""

    part: str
    id: str
    within: str | None
    entry: dict[str, Any]


def show(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="An id with or without version, a competency, or a quota item.")
    ],
    seeds: Seeds = None,
    as_json: Json = False,
) -> None:
    """Show all that has this name, with its source."""
    from megdt_stream.seed_files import load_library

    library = load_library(seeds)
    found = [one for one in _everything(library) if name in _names(one)]
    if not found:
        fail([_unknown(library, name)])
    if as_json:
        emit({"name": name, "found": [one._asdict() for one in found]})
        return
    from megdt_stream.cli.tables import facts

    screen = console()
    for one in found:
        place = f" of {one.within}" if one.within else ""
        screen.print(f"\n{one.id} ({one.part}{place})", style="bold", markup=False)
        screen.print(facts(_readable(one.entry)))


def _everything(library: Library) -> Iterator[Found]:
    for part in _PARTS:
        for table, entry in getattr(library, part).items():
            yield Found(part, table, None, entry.model_dump(mode="json", exclude_none=True))
    for table, framework in library.competencies.items():
        for code, competency in framework.competencies.items():
            yield Found("competencies", code, table, competency.model_dump(mode="json", exclude_none=True))
    for table, standard in library.quotas.items():
        for rotation in standard.rotations:
            for item in rotation.items:
                entry = {"department": rotation.department, **item.model_dump(mode="json", exclude_none=True)}
                entry["source"] = rotation.source or standard.source
                yield Found("quotas", item.code, table, entry)


def _names(one: Found) -> set[str]:
    return {one.id, one.id.partition("@")[0], *one.entry.get("aliases", ())}


def _unknown(library: Library, name: str) -> str:
    known = sorted({known for one in _everything(library) for known in _names(one)})
    near = get_close_matches(name, known)
    advice = f"did you mean {', '.join(near)}?" if near else "`megdt reference list` shows what there is"
    return f"nothing here is named {name}; {advice}"


def _readable(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Flatten what is nested, and put both languages on one line."""
    told: dict[str, Any] = {}
    for name, value in entry.items():
        if name in ("competencies", "results"):
            inner = [value[code] if "name" in value[code] else {"name": value[code]} for code in value]
            told[name] = [{"code": code, **_readable(one)} for code, one in zip(value, inner, strict=True)]
        elif name == "rotations":
            told["items"] = [
                {"department": rotation["department"], **_readable(item)}
                for rotation in value
                for item in rotation["items"]
            ]
            told[name] = [_readable({k: v for k, v in rotation.items() if k != "items"}) for rotation in value]
        else:
            told[name] = _both(value) if isinstance(value, Mapping) else value
    return told


def _both(text: Mapping[str, str]) -> str:
    return f"{text['en']} · {text['zh']}"


# --- check ---


def check(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that MEGDT_SEEDS_DIR will name.")],
    as_json: Json = False,
) -> None:
    """Check a site's own reference data together with what is shipped; every fault is named.

    Exit code 78 when a worker would refuse to start with it.
    """
    from megdt_stream.errors import ConfigError
    from megdt_stream.seed_files import check as faults_of
    from megdt_stream.seed_files import load_library

    faults = faults_of(folder)
    known = {} if faults else {part: len(tables) for part, tables in load_library(folder)._asdict().items()}
    if as_json:
        emit({"ok": not faults, "faults": [fault._asdict() for fault in faults], "known": known})
    else:
        for fault in faults:
            say(f"megdt: {fault}")
        if not faults:
            counts = ", ".join(f"{count} {part}" for part, count in known.items())
            console().print(f"[green]✓[/] everything agrees: {counts}")
    raise typer.Exit(ConfigError.exit_code if faults else 0)
