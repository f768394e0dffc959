"""`megdt spool`: look into the file where events wait while Kafka is away, and send them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from megdt_stream.cli.output import DataDir, Json, console, emit, examples, fail, say

if TYPE_CHECKING:
    from megdt_stream.publisher.producer import Publisher
    from megdt_stream.publisher.spool import Spool

File = Annotated[Path, typer.Argument(metavar="FILE", help="The spool of a publisher.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Events that wait in a file while Kafka is away.")
    group.command(epilog=examples("megdt spool status events.spool", "megdt spool status events.spool --json"))(status)
    group.command(
        "drain", epilog=examples("megdt spool drain events.spool", "megdt spool drain events.spool --retry-refused")
    )(drain_file)
    group.callback()(_spools)
    app.add_typer(group, name="spool", rich_help_panel="Bring events in")


def _spools() -> None:
    """Events that wait in a file while Kafka is away."""


def status(file: File, as_json: Json = False) -> None:
    """Say what waits, since when, and what the broker would not take."""
    from megdt_stream.cli.tables import facts
    from megdt_stream.publisher.spool import Spool

    with Spool(file, create=False) as spool:
        found = _described(spool)
    emit(found) if as_json else console().print(facts(found))


def drain_file(
    file: File,
    retry_refused: Annotated[
        bool, typer.Option("--retry-refused", help="Also what the broker refused before, now that its cause is gone.")
    ] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Send what waits to Kafka, in order, and end. Exit code 1 when the broker refused some of it."""
    from megdt_stream.cli.tables import facts
    from megdt_stream.publisher.spool import Spool

    with Spool(file, create=False) as spool:
        if retry_refused:
            spool.take_back()
        with publisher_for(data_dir) as publisher:
            sent = send(spool, publisher)
        found = {"sent_now": sent, **_described(spool)}
    emit(found) if as_json else console().print(facts(found))
    if found["refused"]:
        fail([f"the broker refused {found['refused']:,} events; the first: {found['refusals'][0]['why']}"])


def send(spool: Spool, publisher: Publisher) -> int:
    """Send what waits in a spool; give how many events. Raises PublishError, SpoolBusy."""
    from megdt_stream.publisher.forward import drain

    with spool.sending():
        return drain(spool, publisher)


@contextmanager
def publisher_for(data_dir: Path | None) -> Iterator[Publisher]:
    """Open a publisher to the servers that are configured, or to the local ones; a publisher needs Kafka alone."""
    from megdt_stream.local import ConsoleProgress
    from megdt_stream.publisher import Publisher
    from megdt_stream.runtime.settings import load
    from megdt_stream.session import open_session

    settings = load()
    if settings.kafka:
        with Publisher(settings.kafka, security=settings.kafka_security.options()) as publisher:
            yield publisher
        return
    with (
        open_session(worker=True, data_dir=data_dir, progress=ConsoleProgress(console(err=True))) as session,
        Publisher(session.kafka, security=session.security) as publisher,
    ):
        yield publisher
        publisher.flush()
        if session.has_worker:
            say("waiting until they are applied")
            session.settle()


def _described(spool: Spool) -> dict[str, Any]:
    found = spool.status()
    waited = None if found.oldest is None else round(time.time() - found.oldest / 1000, 1)
    refusals = [{"event": seq, "why": why} for seq, why in spool.refusals()[:10]]
    return {**found._asdict(), "oldest_seconds": waited, "refusals": refusals}
