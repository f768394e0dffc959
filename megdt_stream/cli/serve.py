"""`megdt up`, `worker`, `watch` and `topics`: what runs, and what is set up for it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from megdt_stream.cli.output import DataDir, Json, Lang, console, emit, examples, fail, out, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from megdt_stream.console.notices import Notice, NoticeReader
    from megdt_stream.console.words import Words
    from megdt_stream.session import Session

_RESTART: Final = 75
_LOOK_SECONDS: Final = 0.5


def register(app: typer.Typer) -> None:
    """Add the commands."""
    panel = "Run it"
    app.command(rich_help_panel=panel, epilog=examples("megdt up", "megdt up --data-dir /srv/megdt --clock event"))(up)
    app.command(
        rich_help_panel=panel,
        epilog=examples("MEGDT_KAFKA=localhost:9092 MEGDT_REDIS=redis://localhost:6379/0 megdt worker"),
    )(worker)
    app.command(rich_help_panel=panel, epilog=examples("megdt watch", "megdt watch --from-start --limit 20 --json"))(
        watch
    )
    topics = typer.Typer(no_args_is_help=True, help="Create or check the topics on the broker.")
    topics.command(epilog=examples("megdt topics create --replication 3"))(create)
    topics.command(epilog=examples("megdt topics check --json"))(check)
    app.add_typer(topics, name="topics", rich_help_panel=panel)


# --- up ---


def up(
    data_dir: DataDir = None,
    clock: Annotated[
        Literal["wall", "event"],
        typer.Option(help="What time it is: the wall clock's, or that of the events (history, trials)."),
    ] = "wall",
) -> None:
    """Run a local broker, store and worker until Ctrl-C. Other commands find and use them."""
    from megdt_stream.errors import ConfigError
    from megdt_stream.local import ConsoleProgress
    from megdt_stream.local.ports import free_port
    from megdt_stream.runtime.settings import load
    from megdt_stream.session import open_session

    settings = load()
    if settings.kafka or settings.redis:
        raise ConfigError(
            "MEGDT_KAFKA or MEGDT_REDIS is set, and `up` starts its own",
            remedy="unset both, or run `megdt worker` on those servers",
        )
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    http = settings.http_port if "http_port" in settings.model_fields_set else free_port()
    environment = {"MEGDT_HTTP_PORT": str(http)}
    if clock == "wall" and "tick_seconds" not in settings.model_fields_set:
        environment["MEGDT_TICK_SECONDS"] = "5"
    with open_session(
        worker=True,
        data_dir=data_dir,
        shared=True,
        clock=clock,
        progress=ConsoleProgress(console(err=True)),
        environment=environment,
    ) as session:
        if session.worker is None:
            raise ConfigError(f"`megdt up` runs already on {session.data_dir}", remedy="use it, or end it first")
        _greet(session, data_dir, http)
        _wait(session, stop)
        say("draining ...")
    say("stopped; the data is kept")


def _greet(session: Session, data_dir: Path | None, http: int) -> None:
    from rich.table import Table

    # Named on this command line alone, the others have to be told as well.
    where = f" --data-dir {data_dir}" if data_dir is not None and "MEGDT_DATA_DIR" not in os.environ else ""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", justify="right")
    grid.add_row("Kafka", session.kafka)
    grid.add_row("Redis", session.redis)
    grid.add_row("metrics", f"http://127.0.0.1:{http}/metrics")
    grid.add_row("data", str(session.data_dir))
    grid.add_row("worker log", str(session.worker.log) if session.worker else "-")
    grid.add_row("", "")
    grid.add_row("try", f"[cyan]megdt synth --trainees 20 | megdt publish -{where}[/]")
    grid.add_row("", f"[cyan]megdt watch --from-start{where}[/]")
    grid.add_row("", f"[cyan]megdt verify{where}[/]")
    out("[bold green]up[/], Ctrl-C ends it", grid)


def _wait(session: Session, stop: threading.Event) -> None:
    """Wait for the signal; a worker that asks to be restarted is, any other end of it ends the command."""
    from megdt_stream.session import WorkerEnded

    while not stop.wait(_LOOK_SECONDS):
        try:
            session.check()
        except WorkerEnded as error:
            if session.worker is None or session.worker.exit_code != _RESTART or stop.is_set():
                raise
            say(f"megdt: {error}; starting it again")
            session.worker.restart()


# --- worker ---


def worker() -> None:
    """Run one worker on MEGDT_KAFKA and MEGDT_REDIS until SIGTERM; JSON logs on stdout."""
    # It takes seconds until the worker listens; one that is told to end before owns nothing and just ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    from megdt_stream.runtime.app import run_worker
    from megdt_stream.runtime.settings import load

    raise typer.Exit(run_worker(load(("kafka", "redis"))))


# --- watch ---


def watch(
    from_start: Annotated[bool, typer.Option("--from-start", help="Begin with the first warning ever.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="End after so many.", show_default=False)] = None,
    data_dir: DataDir = None,
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Show warnings as they come; repeated ids are dropped."""
    from megdt_stream.console.notices import NoticeReader, Once
    from megdt_stream.console.words import choose
    from megdt_stream.session import open_session

    words, once, left = choose(lang), Once(), limit
    with open_session(data_dir=data_dir) as session:
        follow = session.kind != "own"
        if not follow:
            say("nothing is running: showing the warnings so far; `megdt up` brings new ones")
        start = from_start or not follow
        with NoticeReader(session.kafka, session.security, from_start=start) as reader:
            for notice in _notices(reader, follow):
                if once.first(notice.id):
                    _show(notice, words, as_json)
                    left = None if left is None else left - 1
                    if left == 0:
                        return


def _notices(reader: NoticeReader, follow: bool) -> Iterator[Notice]:
    if not follow:
        yield from reader.rest()
        return
    while True:
        yield from reader.poll(1.0)


def _show(notice: Notice, words: Words, as_json: bool) -> None:
    from megdt_stream.console.notices import line

    if as_json:
        emit(notice.event)
    else:
        text = line(notice, words)
        screen = console()
        screen.print(text, soft_wrap=not screen.is_terminal)


# --- topics ---


def create(
    partitions: Annotated[
        int | None,
        typer.Option(min=1, max=1000, help="Partitions, fixed for good.", show_default="MEGDT_PARTITIONS"),
    ] = None,
    replication: Annotated[int, typer.Option(min=1, help="Copies on the brokers.")] = 1,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Create the topics that are missing; what exists is compared, never altered."""
    from megdt_stream.runtime import admin
    from megdt_stream.session import open_session

    with open_session(data_dir=data_dir) as session:
        count = partitions or session.settings.partitions
        made = admin.create_topics(session.kafka, count, replication, say, security=session.security)
    if as_json:
        differences = [str(difference) for difference in made.differences]
        emit({"created": made.created, "existing": made.existing, "differences": differences})
    else:
        out(f"created {len(made.created)}, found {len(made.existing)}")
    if made.differences:
        fail([str(difference) for difference in made.differences])


def check(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Compare the topics on the broker with what is needed."""
    from megdt_stream.runtime import admin
    from megdt_stream.session import open_session

    with open_session(data_dir=data_dir) as session:
        differences = [str(one) for one in admin.check_topics(session.kafka, security=session.security)]
    if as_json:
        emit({"ok": not differences, "differences": differences})
    elif not differences:
        out("all topics are as they must be")
    if differences:
        fail(differences)
