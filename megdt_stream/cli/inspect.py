"""`megdt verify`, `rebuild`, `doctor` and `version`: commands that look."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from megdt_stream.cli.output import DataDir, Json, console, emit, examples, out, say


def register(app: typer.Typer) -> None:
    """Add the commands."""
    panel = "Look at it"
    app.command(rich_help_panel=panel, epilog=examples("megdt verify", "megdt verify --wait 60 --json"))(verify)
    app.command(rich_help_panel=panel, epilog=examples("megdt rebuild --json"))(rebuild)
    app.command(rich_help_panel=panel, epilog=examples("megdt doctor", "megdt doctor --json"))(doctor)
    app.command(rich_help_panel=panel, epilog=examples("megdt version"))(version)


def verify(
    wait: Annotated[
        float,
        typer.Option(min=0, metavar="SECONDS", help="How long to wait for what is published to be applied."),
    ] = 30.0,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Recompute twins, counts and warnings from the log with an independent implementation, and compare.

    Exit code 1 when anything differs or is still waiting.
    """
    from megdt_stream.local import ConsoleProgress
    from megdt_stream.session import open_session

    with open_session(worker=True, data_dir=data_dir, progress=ConsoleProgress(console(err=True))) as session:
        if session.kind == "own":
            session.settle()
        found = session.verify(wait, say)
    if as_json:
        emit(found.to_dict())
    else:
        _judge(found.to_dict())
    raise typer.Exit(0 if found.ok else 1)


def _judge(report: dict[str, Any]) -> None:
    from megdt_stream.cli.tables import facts, rows

    flat = [
        {"topic": name, **{key: value for key, value in found.items() if key != "reasons"}}
        for name, found in report["topics"].items()
    ]
    screen = console()
    screen.print(rows(flat))
    names = ("twins", "alerts", "lost", "doubled", "differing_twins", "missing_alerts", "unexpected_alerts")
    screen.print("", facts({name: report[name] for name in names}))
    for name in ("kinds", "backlog"):
        if report[name]:
            screen.print(facts({name: report[name]}))
    for difference in report["differences"]:
        screen.print(str(difference), markup=False, soft_wrap=True)
    screen.print("[bold green]✓ everything agrees[/]" if report["ok"] else "[bold red]✗ it does not agree[/]")


def rebuild(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Build all twins anew from the evidence topic, compare with those there, and switch to them."""
    from megdt_stream.cli.tables import facts
    from megdt_stream.local import ConsoleProgress
    from megdt_stream.runtime.rebuild import rebuild as build
    from megdt_stream.session import open_session

    with open_session(worker=True, data_dir=data_dir, progress=ConsoleProgress(console(err=True))) as session:
        if session.has_worker:
            session.settle()
        result: Any = asyncio.run(build(session.settings, say))
    found: dict[str, Any] = result if isinstance(result, dict) else result.to_dict()
    if as_json:
        emit(found)
    else:
        console().print(facts(found))
    raise typer.Exit(0 if found["equal"] else 1)


def doctor(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Look for what would keep the system from working here, and say what to do about each."""
    from megdt_stream.cli.diagnosis import examine

    findings = examine(data_dir)
    healthy = all(finding.ok for finding in findings)
    if as_json:
        emit({"ok": healthy, "checks": [finding._asdict() for finding in findings]})
        raise typer.Exit(0 if healthy else 1)
    screen = console()
    for finding in findings:
        mark = "[green]✓[/]" if finding.ok else "[bold red]✗[/]"
        screen.print(f"{mark} [bold]{finding.check}[/]: ", end="")
        screen.print(finding.found, markup=False, soft_wrap=True)
        if finding.remedy:
            screen.print(f"    {finding.remedy}", markup=False, soft_wrap=True, style="yellow")
    raise typer.Exit(0 if healthy else 1)


def version() -> None:
    """Print the version."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        out(f"megdt {installed('megdt-stream')}")
    except PackageNotFoundError:
        out("megdt (not installed: run from its source tree)")
