"""`megdt import`: what other systems wrote, as events."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from megdt_stream.cli.output import DataDir, Json, emit, examples, out, say
from megdt_stream.errors import ConfigError

if TYPE_CHECKING:
    from megdt_stream.cli.files import Outgoing
    from megdt_stream.evidence.adapters import Outgoing as Made
    from megdt_stream.evidence.adapters import Result
    from megdt_stream.evidence.adapters.tally import Tally, Verdict
    from megdt_stream.publisher.importing.formats import Plan

_SAY_SECONDS: Final = 2.0
_LISTED: Final = 20
"""Most rejections that are written out one by one."""

Where = Annotated[str, typer.Argument(metavar="PATH|-", help="A file, a folder of files, or - for stdin.")]
Mapping = Annotated[
    Path | None,
    typer.Option(
        "--mapping", metavar="FILE", help="What becomes of what (TOML, docs/import.md).", show_default="built in"
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Publish nothing; say what would become of everything.")]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--key-file",
        metavar="FILE",
        envvar="MEGDT_PSEUDONYM_KEY_FILE",
        help="The key of `megdt pseudonym new-key`, or MEGDT_PSEUDONYM_KEY with its hex digits. A dry run needs none.",
        show_default=False,
    ),
]
KeyVersion = Annotated[
    str, typer.Option("--key-version", "--prefix", help="What the key's version is called; pseudonyms begin with it.")
]
SourceName = Annotated[
    str | None,
    typer.Option("--source", metavar="URI", help="The system it comes from.", show_default="the mapping's"),
]
Historical = Annotated[
    bool,
    typer.Option("--historical", help="It was available here when it was recorded, not only now: for old data."),
]
Seeds = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        envvar="MEGDT_SEEDS_DIR",
        help="The site's scales and competencies.",
        show_default="those shipped",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Import what other systems wrote.")
    for name, command, lines in (
        (
            "csv",
            csv,
            (
                "megdt import csv minicex.csv --draft-mapping > minicex.toml",
                "megdt import csv minicex.csv --mapping minicex.toml --dry-run",
                "megdt import csv minicex.csv --mapping minicex.toml --key-file site.key",
            ),
        ),
        (
            "xapi",
            xapi,
            (
                "megdt import xapi statements.ndjson --dry-run",
                "megdt import xapi statements.json --mapping lms.toml --key-file site.key",
            ),
        ),
        (
            "fhir",
            fhir,
            (
                "megdt import fhir export/ --dry-run --json",
                "megdt import fhir Encounter.ndjson --mapping his.toml --key-file site.key",
            ),
        ),
        (
            "caliper",
            caliper,
            (
                "megdt import caliper envelopes.ndjson --dry-run",
                "megdt import caliper envelopes.ndjson --key-file site.key",
            ),
        ),
        ("oulad", oulad, ("megdt import oulad ~/oulad", "megdt import oulad ~/oulad --dry-run --json")),
    ):
        group.command(name, epilog=examples(*lines))(command)
    group.callback()(_importing)
    app.add_typer(group, name="import", rich_help_panel="Bring events in")


def _importing() -> None:
    """Import what other systems wrote. Every item is evidence, rejected with a reason, or not relevant: counted."""


def csv(
    path: Where,
    mapping: Annotated[
        Path | None,
        typer.Option(
            "--mapping", metavar="FILE", help="What each column is (TOML, docs/import.md).", show_default=False
        ),
    ] = None,
    draft_mapping: Annotated[
        bool, typer.Option("--draft-mapping", help="Write a mapping to begin with, from the first row.")
    ] = False,
    dry_run: DryRun = False,
    key_file: KeyFile = None,
    key_version: KeyVersion = "p1",
    source: SourceName = None,
    historical: Historical = False,
    seeds: Seeds = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Import tables by a mapping file; UTF-8, GB18030 and other encodings.

    Exit code 1 when any row was rejected.
    """
    if draft_mapping:
        _draft(path)
        return
    with _plan("csv", path, mapping, key_file, key_version, source, dry_run=dry_run, historical=historical) as plan:
        _run("csv", plan, seeds, data_dir, dry_run=dry_run, as_json=as_json)


def xapi(
    path: Where,
    mapping: Mapping = None,
    dry_run: DryRun = False,
    key_file: KeyFile = None,
    key_version: KeyVersion = "p1",
    source: SourceName = None,
    historical: Historical = False,
    seeds: Seeds = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Import xAPI 1.0.3 and 2.0 statements: one, a list, lines, or a StatementResult.

    Exit code 1 when any statement was rejected.
    """
    with _plan("xapi", path, mapping, key_file, key_version, source, dry_run=dry_run, historical=historical) as plan:
        _run("xapi", plan, seeds, data_dir, dry_run=dry_run, as_json=as_json)


def fhir(
    path: Where,
    mapping: Mapping = None,
    dry_run: DryRun = False,
    key_file: KeyFile = None,
    key_version: KeyVersion = "p1",
    source: SourceName = None,
    historical: Historical = False,
    seeds: Seeds = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Import HL7 FHIR R4 encounters (as cases) and procedures: resources, bundles, or lines of them.

    Exit code 1 when any resource was rejected.
    """
    with _plan("fhir", path, mapping, key_file, key_version, source, dry_run=dry_run, historical=historical) as plan:
        _run("fhir", plan, seeds, data_dir, dry_run=dry_run, as_json=as_json)


def caliper(
    path: Where,
    mapping: Mapping = None,
    dry_run: DryRun = False,
    key_file: KeyFile = None,
    key_version: KeyVersion = "p1",
    source: SourceName = None,
    historical: Historical = False,
    seeds: Seeds = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Import Caliper 1.2 grades and assessments: envelopes, events, or lines of them.

    Exit code 1 when any event was rejected.
    """
    with _plan("caliper", path, mapping, key_file, key_version, source, dry_run=dry_run, historical=historical) as plan:
        _run("caliper", plan, seeds, data_dir, dry_run=dry_run, as_json=as_json)


def oulad(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with the OULAD tables (CSV).")],
    dry_run: DryRun = False,
    seeds: Seeds = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Import the Open University Learning Analytics Dataset (Kuzilek et al. 2017, CC BY 4.0)."""
    from megdt_stream.cli.files import Outgoing
    from megdt_stream.cli.write import publish_all
    from megdt_stream.evidence.adapters import oulad as adapter
    from megdt_stream.publisher.importing.formats import import_oulad
    from megdt_stream.publisher.oulad_files import read_oulad

    if dry_run:
        _dry_run(import_oulad(directory), seeds, {}, as_json=as_json)
    summary = adapter.Summary()
    try:
        history = list(adapter.events(read_oulad(directory), summary))
    except (OSError, ValueError) as error:
        raise ConfigError(str(error), remedy="name a folder with the OULAD tables") from error
    say(f"{sum(summary.rows.values()):,} rows read, {len(history):,} events")
    details = {
        "rows": dict(summary.rows),
        "events": dict(summary.events),
        "skipped": dict(summary.skipped),
        "without_score": summary.without_score,
        "banked": summary.banked,
        "without_registration": summary.without_registration,
    }
    publish_all((Outgoing(e.topic, e.key, e.value) for e in history), data_dir, as_json, details)


# --- what is imported ---


@contextmanager
def _plan(
    format_: str,
    path: str,
    mapping: Path | None,
    key_file: Path | None,
    key_version: str,
    source: str | None,
    *,
    dry_run: bool,
    historical: bool,
) -> Iterator[Plan]:
    from megdt_stream.publisher.importing.formats import SUFFIXES, Plan
    from megdt_stream.publisher.importing.site import pseudonymiser
    from megdt_stream.publisher.importing.sources import sources

    key = pseudonymiser(key_file, key_version, os.environ, dry_run=dry_run)
    with sources(path, SUFFIXES[format_]) as found:
        yield Plan(found, key, mapping, source, historical)


def _draft(path: str) -> None:
    from megdt_stream.publisher.importing.formats import SUFFIXES, draft_csv
    from megdt_stream.publisher.importing.sources import sources

    with sources(path, SUFFIXES["csv"]) as found:
        typer.echo(draft_csv(found[0]), nl=False)


def _run(format_: str, plan: Plan, seeds: Path | None, data_dir: Path | None, *, dry_run: bool, as_json: bool) -> None:
    from megdt_stream.publisher.importing.formats import IMPORTS, columns_csv

    results = IMPORTS[format_](plan)
    if dry_run:
        _dry_run(results, seeds, {"columns": columns_csv(plan)} if format_ == "csv" else {}, as_json=as_json)
    _publish(results, seeds, data_dir, as_json=as_json)


def _dry_run(results: Iterable[Result], seeds: Path | None, details: dict[str, Any], *, as_json: bool) -> None:
    from megdt_stream.evidence.adapters.tally import Tally

    tally = Tally()
    for _ in _counted(results, tally, seeds):
        pass
    report = tally.as_json() | details
    if as_json:
        emit(report)
    else:
        _show(report)
    raise typer.Exit(1 if tally.rejected else 0)


def _publish(results: Iterable[Result], seeds: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    from megdt_stream.cli.write import publish_all
    from megdt_stream.evidence.adapters.tally import Tally

    tally, details = Tally(), {}
    valid = _counted(results, tally, seeds, tell=_tell_rejection)
    # What is wrong with the mapping or the first file shall be said before servers are started for it.
    begun = list(_first(valid))

    def events() -> Iterator[Outgoing]:
        yield from chain(begun, valid)
        counts = tally.as_json()
        details["import"] = {name: counts[name] for name in ("read", "evidence", "rejected", "not_relevant")}

    publish_all(events(), data_dir, as_json, details)
    if tally.rejected:
        say(f"megdt: {tally.rejected.total():,} of {tally.read:,} items were rejected; --dry-run shows examples")
        raise typer.Exit(1)


def _first(events: Iterator[Outgoing]) -> Iterator[Outgoing]:
    event = next(events, None)
    if event is not None:
        yield event


def _counted(
    results: Iterable[Result],
    tally: Tally,
    seeds: Path | None,
    tell: Callable[[Result, int], None] | None = None,
) -> Iterator[Outgoing]:
    """Count each result as intake would take it, and give the events of those that it takes."""
    from megdt_stream.cli.files import Outgoing
    from megdt_stream.cli.write import every
    from megdt_stream.evidence.adapters import Evidence
    from megdt_stream.evidence.adapters.tally import judged

    verdict, due = _verdict(seeds), every(_SAY_SECONDS)
    for result in results:
        final = judged(result, verdict)
        tally.add(final)
        if tally.read % 1000 == 0 and due():
            say(f"read {tally.read:,}")
        if isinstance(final, Evidence):
            yield from (Outgoing(event.topic, event.key, event.value) for event in final.events)
        elif tell is not None:
            tell(final, tally.rejected.total())


def _verdict(seeds: Path | None) -> Verdict:
    """Give intake's verdict on an event that arrives now."""
    from megdt_stream.evidence.intake import decide
    from megdt_stream.evidence.reasons import Rejection
    from megdt_stream.evidence.topics import BY_SHORT
    from megdt_stream.seed_files import load_reference

    reference, now = load_reference(seeds), int(time.time() * 1000)

    def verdict(event: Made) -> Rejection | None:
        decision = decide(event.value, BY_SHORT[event.topic], (event.topic, 0, 0), now, reference)
        return decision if isinstance(decision, Rejection) else None

    return verdict


# --- what is said of it ---


def _tell_rejection(result: Result, rejected: int) -> None:
    """Write a rejection on stderr, the first ones only: the rest are counted."""
    from megdt_stream.evidence.adapters import Refused

    if isinstance(result, Refused) and rejected <= _LISTED:
        where = f" at {result.path}" if result.path else ""
        say(f"megdt: {result.at}: {result.reason}{where}: {result.hint}")
        if rejected == _LISTED:
            say("megdt: further rejections are counted only")


def _show(report: dict[str, Any]) -> None:
    from megdt_stream.cli.tables import facts, rows

    shown = {name: value for name, value in report.items() if name not in ("examples", "columns") and value != {}}
    out(facts(shown))
    if report.get("columns"):
        out("", rows(report["columns"]))
    if report["examples"]:
        out("", rows([_brief(example) for example in report["examples"]]))


def _brief(example: dict[str, Any]) -> dict[str, str]:
    """Put an example on one line."""
    match example:
        case {"events": [event, *more]}:
            what = f"{event['type']} of {event['subject']}{f' and {len(more)} more' if more else ''}"
            details = ", ".join(f"{name} {value}" for name, value in event["data"].items())
            return {"at": example["at"], "becomes": "evidence", "what": what, "details": details}
        case {"reason": reason, "path": path, "hint": hint}:
            return {"at": example["at"], "becomes": f"rejected: {reason}", "what": path, "details": hint}
        case _:
            return {"at": example["at"], "becomes": "not relevant", "what": example["why"], "details": ""}
