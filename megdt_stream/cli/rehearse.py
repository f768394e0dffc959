"""`megdt rehearse`: what would follow if something were done."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from megdt_stream.cli.output import DataDir, Json, Lang, console, emit, examples, fail, out, say
from megdt_stream.cli.twin import moment

if TYPE_CHECKING:
    from megdt_stream.scenario.interventions import Interventions
    from megdt_stream.scenario.rehearsal import Rehearsal
    from megdt_stream.scenario.scheme import Scheme
    from megdt_stream.scenario.world import World
    from megdt_stream.session import Session

_SAY_SECONDS: Final = 2.0
_STDIN: Final = "-"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        epilog=examples(
            "megdt rehearse scheme.yaml",
            "megdt rehearse supervise.yaml simulate.yaml --weeks 26 -o report.html",
            "megdt rehearse scheme.yaml --at 2025-03-01 --json",
            "megdt rehearse scheme.yaml --synthetic 200 --lang zh",
            "megdt effects --json > effects.json && megdt rehearse scheme.yaml --at 2025-03-01 --effects effects.json",
            "",
            "A scheme (docs/rehearse.md has all fields; `megdt reference` shows departments):",
            "",
            "name: 督导与模拟训练",
            "interventions:",
            "  - kind: reinforced-supervision",
            "    target: {department: 心内科}",
            "    dose: 0.5          # faculty-hours a week for each trainee",
            "    weeks: 12",
            "  - kind: simulation-training",
            "    target: {weakest: 0.1}",
            "    start: 4           # a week, or a date such as 2025-03-03",
        ),
        rich_help_panel="Look ahead",
    )(rehearse)


def rehearse(
    schemes: Annotated[
        list[str], typer.Argument(metavar="SCHEME...", help="YAML files with one scheme or several; - for stdin.")
    ],
    output: Annotated[
        str | None, typer.Option("-o", "--output", metavar="FILE", help="Write a report as one HTML file, too.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds and snapshots give equal results.")] = 1,
    draws: Annotated[int, typer.Option(min=10, max=10_000, help="Draws; 200 is enough for two digits.")] = 200,
    weeks: Annotated[int, typer.Option(min=1, max=260, help="How far to look ahead.")] = 52,
    at: Annotated[
        int | None,
        typer.Option(
            "--at", parser=moment, metavar="TIME", help="Start from what was known then; this reads the evidence topic."
        ),
    ] = None,
    synthetic: Annotated[
        int | None, typer.Option("--synthetic", min=1, max=100_000, help="Try it on so many invented trainees.")
    ] = None,
    effects: Annotated[
        Path | None,
        typer.Option(
            "--effects",
            metavar="FILE",
            help="Effects as `megdt effects --json` prints them, in the place of those in force.",
        ),
    ] = None,
    processes: Annotated[int, typer.Option(min=1, max=64, help="Processes to spread the work over.")] = 2,
    data_dir: DataDir = None,
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Rehearse schemes on the twins as they are: what follows in a year, how sure that is, what it costs, who gains.

    Each scheme is compared with going on as now, draw by draw with the same chance. Nothing is written, nothing is
    decided: a rehearsal says what to expect, people choose. A scheme that cannot be rehearsed ends with 2 and says
    which field is wrong and what to do about it.
    """
    from megdt_stream.console.words import choose

    if at is not None and synthetic is not None:
        raise typer.BadParameter("goes with real twins, not with --synthetic", param_hint="--at")
    lines = choose(lang).lang
    write = _writer(output, lines) if output is not None else None
    if synthetic is not None:
        from megdt_stream.scenario.synthetic import synthetic_world
        from megdt_stream.seed_files import load_interventions

        known = load_interventions(_seeds())
        wanted = _schemes(schemes, known)
        world, version = synthetic_world(known, synthetic, weeks), None
    else:
        known, wanted, world, version = _real(schemes, weeks, at, data_dir, believe=effects is None)
    if effects is not None:
        known, version = _learnt(known, str(effects))
    result = _run(_prepared(world, wanted, known, seed, draws), processes) | {"effects": version}
    if write is not None:
        write(result)
    if as_json:
        emit(result)
    else:
        _show(result, lines)


def _seeds() -> Path | None:
    from megdt_stream.runtime.settings import load

    return load().seeds_dir


# --- schemes ---


def _schemes(files: list[str], known: Interventions) -> list[Scheme]:
    from megdt_stream.scenario.errors import BadScheme
    from megdt_stream.scenario.scheme import parse

    found: dict[str, Scheme] = {}
    for file in files:
        try:
            read = parse(_document(file), known)
        except BadScheme as error:
            raise _refused(file, error) from None
        for one in read:
            if one.name in found:
                raise typer.BadParameter(
                    f"{file}: name: {one.name!r} stands twice; choose another", param_hint="SCHEME"
                )
            found[one.name] = one
    return list(found.values())


def _learnt(known: Interventions, file: str) -> tuple[Interventions, str]:
    from megdt_stream.scenario.errors import BadScheme
    from megdt_stream.scenario.learnt import learnt

    try:
        document = _document(file)
        return learnt(known, document), str(document["version"])
    except BadScheme as error:
        raise typer.BadParameter(f"{file}: {error}", param_hint="--effects") from None


def _document(file: str) -> Any:
    import sys

    import yaml

    try:
        text = sys.stdin.read() if file == _STDIN else Path(file).read_text("utf-8")
        return _plain(yaml.safe_load(text))
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise typer.BadParameter(f"{file} cannot be read: {why}", param_hint="SCHEME") from None
    except yaml.YAMLError as error:
        why = " ".join(str(error).split())
        raise typer.BadParameter(f"{file} is no YAML: {why}", param_hint="SCHEME") from None


def _plain(value: Any) -> Any:
    """Make dates texts again: YAML reads 2025-03-03 as one, a scheme takes it as it was written."""
    match value:
        case datetime() | date():
            return value.isoformat()
        case dict():
            return {str(name): _plain(part) for name, part in value.items()}
        case list():
            return [_plain(part) for part in value]
        case _:
            return value


def _refused(where: str, error: Exception) -> typer.BadParameter:
    return typer.BadParameter(f"{where}: {error}", param_hint="SCHEME")


def _prepared(world: World, wanted: list[Scheme], known: Interventions, seed: int, draws: int) -> Rehearsal:
    from megdt_stream.scenario.errors import BadScheme
    from megdt_stream.scenario.plan import lay_out
    from megdt_stream.scenario.rehearsal import prepare

    for one in wanted:
        try:
            lay_out(world, one, known)
        except BadScheme as error:
            raise _refused(one.name, error) from None
    return prepare(world, wanted, known, seed, draws)


# --- worlds ---


def _real(
    files: list[str], weeks: int, at: int | None, data_dir: Path | None, *, believe: bool
) -> tuple[Interventions, list[Scheme], World, str | None]:
    """Read interventions, schemes, the world of now or of `at`, and the version of the effects in force now.

    Of the past the seeds' effects: what was learnt since then is not to tell what could have been known.
    """
    from megdt_stream.local import ConsoleProgress
    from megdt_stream.seed_files import load_interventions
    from megdt_stream.session import open_session

    # A bad file is told before servers are started.
    wanted = _schemes(files, load_interventions(_seeds()))
    progress = ConsoleProgress(console(err=True))
    with open_session(data_dir=data_dir, store_only=at is None, progress=progress) as session:
        known = load_interventions(session.settings.seeds_dir)
        world = read_world(session, known, weeks, at)
        version = None
        if believe and at is None:
            known, version = _believed(session, known)
    if world is None:
        fail(["no trainee is in training by what is known; publish enrolments first, or try --synthetic 200"])
        raise AssertionError
    return known, wanted, world, version


def _believed(session: Session, known: Interventions) -> tuple[Interventions, str | None]:
    from megdt_stream.runtime import active_effects

    with session.query() as query:
        found, version, degraded = active_effects.believed(query, known)
    if degraded is not None:
        say(degraded)
    return found, version


def read_world(session: Session, known: Interventions, weeks: int, at: int | None) -> World | None:
    """Read the world of now, or of a past moment (ms); None where nobody is in training."""
    from megdt_stream.runtime import snapshots
    from megdt_stream.scenario import reading
    from megdt_stream.seed_files import load_estimation, load_library, load_norms, load_rule

    folder = session.settings.seeds_dir
    estimation = load_estimation(folder)
    if at is None:
        with session.query() as query:
            twins = snapshots.current(query, estimation)
    else:
        saying = _saying("records of evidence read")
        found, latest = asyncio.run(
            snapshots.past(session.settings.brokers, session.security, load_rule(folder), at, saying)
        )
        if at > latest:
            fail(["--at lies ahead of the log; give an earlier time, or none for now"])
        twins = snapshots.twins_of(found, estimation, at)
    judged = snapshots.adverse(load_library(folder).outcomes)
    return reading.world(twins, known, estimation, load_norms(folder), weeks, judged)


# --- for people ---


def _show(result: dict[str, Any], lang: str) -> None:
    from rich.text import Text

    from megdt_stream.cli.tables import rows
    from megdt_stream.console import rehearsal as told
    from megdt_stream.console.rehearsal_words import Words

    words = Words(lang)
    head = " · ".join(f"{words(name)} {result[name]}" for name in ("snapshot", "seed", "draws", "weeks", "trainees"))
    out(Text(head, style="dim"))
    for title, found in (("absolute", told.absolute(result, words)), ("against", told.differences(result, words))):
        out("", Text(f"{words(title)} · {words('interval')}", style="bold"), rows(found))
    out("", rows(told.choices(result, words)), "")
    for line in told.drivers(result, words):
        out(Text(line))
    out(Text(words("people_decide"), style="dim"))


# --- running ---


def _run(rehearsal: Rehearsal, processes: int) -> dict[str, Any]:
    from megdt_stream.runtime.rehearsing import rehearse as pooled
    from megdt_stream.scenario.rehearsal import rehearse as alone

    if processes == 1 or rehearsal.world.size * rehearsal.draws * rehearsal.world.weeks < _SMALL:
        return alone(rehearsal, _saying("blocks of draws done"))
    return pooled(rehearsal, processes, progress=_saying("blocks of draws done"))


_SMALL: Final = 2_000_000
"""Trainee-weeks below which starting processes takes longer than the work."""


def _saying(what: str) -> Callable[[int, int], None]:
    """Say every two seconds how far the work is."""
    last = [time.monotonic()]

    def tell(done: int, total: int) -> None:
        if time.monotonic() - last[0] >= _SAY_SECONDS:
            last[0] = time.monotonic()
            say(f"{done:,} of {total:,} {what}")

    return tell


def _writer(output: str, lang: Any) -> Callable[[dict[str, Any]], None]:
    """See before the work that the report may be written; gives what writes it."""
    from megdt_stream.cli.report import insist_on_libraries, put, usable

    insist_on_libraries()
    usable(output)

    def write(result: dict[str, Any]) -> None:
        from megdt_stream.console.report.rehearsal import rehearsal_page
        from megdt_stream.console.report.render import render

        written = render(rehearsal_page(result, lang)).encode()
        put(output, written)
        say(f"{output} written ({len(written) // 1024} KiB)")

    return write
