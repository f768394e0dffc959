"""`megdt publish` and `synth`: commands that put events on the input topics, or into a file."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Final

import typer

from megdt_stream.cli.output import DataDir, Json, console, emit, examples, say

if TYPE_CHECKING:
    from megdt_stream.cli.files import Outgoing
    from megdt_stream.session import Session

_SAY_SECONDS: Final = 2.0


def register(app: typer.Typer) -> None:
    """Add the commands."""
    panel = "Bring events in"
    app.command(
        rich_help_panel=panel,
        epilog=examples(
            "megdt publish events.ndjson",
            "megdt synth --trainees 20 | megdt publish -",
            "megdt publish event.json --topic assessments",
            "megdt publish events.ndjson --check",
            "megdt publish events.ndjson --spool events.spool",
        ),
    )(publish)
    app.command(
        rich_help_panel=panel,
        epilog=examples("megdt synth --trainees 50 -o events.ndjson --truth truth.json"),
    )(synth)


def publish(
    file: Annotated[
        str, typer.Argument(metavar="FILE|-", help="Lines of JSON, a JSON list, or one event; - is stdin.")
    ],
    topic: Annotated[
        str | None,
        typer.Option(help="Publish everything there, whatever it is.", show_default="by the event's type"),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Publish nothing if any event would be rejected (`megdt validate`).")
    ] = False,
    spool: Annotated[
        Path | None,
        typer.Option(
            "--spool",
            metavar="FILE",
            help="Write the events to this file first; what Kafka does not take now waits there.",
            show_default=False,
        ),
    ] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Publish events from a file. Publishing an event again is harmless: copies are recognised."""
    from megdt_stream.cli.files import read

    if check:
        _check(file, topic)
    if spool is not None:
        with _opened(file) as stream:
            _spool(read(stream, topic), spool, data_dir, as_json)
        return
    if file != "-":
        with _opened(file) as stream:
            for _ in read(stream, topic):  # nothing is published of a file that cannot be published whole
                pass
    with _opened(file) as stream:
        publish_all(read(stream, topic), data_dir, as_json)


def _check(file: str, topic: str | None) -> None:
    """Refuse a file with an event that would be rejected. Raises InvalidEvent naming the first."""
    from megdt_stream.cli.validate import first_rejection
    from megdt_stream.errors import ConfigError
    from megdt_stream.publisher import InvalidEvent

    if file == "-":
        raise ConfigError("what comes from stdin can be read once", remedy="write it to a file to have it checked")
    found = first_rejection(file, topic)
    if found is not None:
        index, rejection = found
        say(f"megdt: event {index} of {file} would be rejected; nothing was published")
        raise InvalidEvent(rejection)


def _spool(events: Iterable[Outgoing], file: Path, data_dir: Path | None, as_json: bool) -> None:
    """Write events to a spool, all or none, then send what is in it if Kafka is there."""
    from megdt_stream.cli.spool import publisher_for, send
    from megdt_stream.errors import PublishError, Unavailable
    from megdt_stream.publisher.errors import SpoolBusy
    from megdt_stream.publisher.spool import Record, Spool

    sent, trouble = 0, None
    with Spool(file) as spool:
        taken = len(spool.put_all(Record(*event) for event in events))
        try:
            with publisher_for(data_dir) as publisher:
                sent = send(spool, publisher)
        except (PublishError, SpoolBusy, Unavailable) as error:
            trouble = str(error)
        status = spool.status()
    result = {"spooled": taken, "published": sent, "waiting": status.events, "refused": status.refused}
    if trouble:
        say(f"megdt: {trouble}")
        say(f"{status.events:,} events are safe in {file}; send them with `megdt spool drain {file}`")
    if as_json:
        emit(result)
    else:
        from megdt_stream.cli.tables import facts

        console().print(facts(result))


@contextmanager
def _opened(file: str) -> Iterator[IO[bytes]]:
    from megdt_stream.errors import ConfigError

    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        stream = Path(file).open("rb")  # noqa: SIM115 - closed two lines below; only opening may fail this way
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}", remedy="name a file, or - for stdin") from error
    with stream:
        yield stream


def synth(
    trainees: Annotated[int, typer.Option(min=1, max=100_000, help="Trainees.")] = 200,
    days: Annotated[int, typer.Option(min=1, max=366, help="Length of the stream.")] = 365,
    seed: Annotated[int, typer.Option(help="Equal seeds give equal events.")] = 1,
    truth: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write what is true, apart from the events.", show_default=False),
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", show_default="stdout")] = None,
) -> None:
    """Write the events of a synthetic teaching hospital as lines of JSON that `megdt publish` reads."""
    from dataclasses import replace

    from megdt_stream.cli.files import write
    from megdt_stream.synth import HospitalPlan, generate

    hospital = generate(replace(HospitalPlan.demo(seed=seed, trainees=trainees), days=days))
    lines = (write(event.topic, event.key, event.value) for event in hospital.events)
    count = _write_lines(lines, output)
    say(f"{count:,} events of {trainees:,} trainees")
    if truth is not None:
        _write_lines([hospital.truth.to_json()], truth)


def _write_lines(lines: Iterable[str], path: Path | None) -> int:
    from megdt_stream.errors import ConfigError

    count = 0
    if path is None:
        for line in lines:
            sys.stdout.write(line + "\n")
            count += 1
        return count
    try:
        with path.open("w", encoding="utf-8") as file:
            for line in lines:
                file.write(line + "\n")
                count += 1
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}", remedy="name another file") from error
    return count


# --- publishing and waiting ---


def publish_all(
    events: Iterable[Outgoing], data_dir: Path | None, as_json: bool, details: dict[str, Any] | None = None
) -> None:
    """Publish events, wait until local workers have applied them, and report.

    `details` stand in the report beside the counts; they may be filled while the events are read.
    """
    from megdt_stream.local import ConsoleProgress
    from megdt_stream.session import open_session

    begun = time.monotonic()
    with open_session(worker=True, data_dir=data_dir, progress=ConsoleProgress(console(err=True))) as session:
        before = _settled(session)
        published = _send(session, events)
        sent = time.monotonic() - begun
        applied = session.has_worker
        if applied:
            session.settle(_saying())
        after = _settled(session)
    result: dict[str, Any] = {
        "published": sum(published.values()),
        "topics": dict(published),
        "applied": applied,
        "seconds": round(time.monotonic() - begun, 1),
    }
    if applied:
        # What others published at the same time is counted with it, which only `megdt up` makes possible.
        result |= {name: after[name] - before[name] for name in ("accepted", "duplicate", "rejected")}
    _report(result | (details or {}), sent, as_json)


def _send(session: Session, events: Iterable[Outgoing]) -> Counter[str]:
    from megdt_stream.errors import MegdtError
    from megdt_stream.publisher import Publisher

    with Publisher(session.kafka, security=session.security) as publisher:
        try:
            tell = every(_SAY_SECONDS)
            for number, event in enumerate(events, 1):
                publisher.publish(event.topic, event.key, event.value)
                if number % 1000 == 0 and tell():
                    say(f"published {number:,}")
        except MegdtError:
            publisher.flush()
            say(f"megdt: {sum(publisher.acknowledged.values()):,} events before it were published")
            raise
    return Counter(publisher.acknowledged)


def _settled(session: Session) -> Counter[str]:
    """Give the store's counts, zero where nothing is to be waited for."""
    if not session.has_worker:
        return Counter()
    with session.query() as query:
        flows = query.flow().values()
    return Counter(
        accepted=sum(flow.accepted for flow in flows),
        duplicate=sum(flow.duplicate for flow in flows),
        rejected=sum(flow.rejected for flow in flows),
    )


def _saying() -> Callable[[Any], None]:
    """Say now and then what is still left to do."""
    tell = every(_SAY_SECONDS)

    def progress(standing: Any) -> None:
        if tell() and not standing.at_rest:
            say(f"{standing.unread + standing.unapplied:,} records left to apply")

    return progress


def every(seconds: float) -> Callable[[], bool]:
    """Give a function that tells whether so many seconds have passed since it last said yes."""
    last = [time.monotonic()]

    def due() -> bool:
        if time.monotonic() - last[0] < seconds:
            return False
        last[0] = time.monotonic()
        return True

    return due


def _report(result: dict[str, Any], sent: float, as_json: bool) -> None:
    if as_json:
        emit(result)
        return
    from megdt_stream.cli.tables import facts

    if not result["applied"]:
        say("the workers of these servers apply them; `megdt verify --wait 60` tells when they have")
    console().print(facts(result))
