"""`megdt twin`: reading twins, now and at a past moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple, TypeAlias

import typer

from megdt_stream.cli import absent, entities, twin_risk
from megdt_stream.cli.output import DataDir, Json, Lang, console, emit, examples, fail, out, say

if TYPE_CHECKING:
    from megdt_stream.driver.replay import Chronicle
    from megdt_stream.runtime.active_risk import Found as Risk
    from megdt_stream.session import Session
    from megdt_stream.twin.state import Twin
    from megdt_stream.twin.view import Estimator

_SAY_SECONDS: Final = 2.0
_TIME_HELP: Final = "RFC 3339 with a zone, or a date: the start of that day, UTC."


Told: TypeAlias = tuple[Mapping[str, Any], Callable[[Any], Any]]
"""What is told of something: the document, and what draws it in a language's words (`console.words.Words`)."""


class Reader(NamedTuple):
    """How twins of a kind are read.

    `now` reads the store; None where there is no such twin, of which `missing` says what may be meant. `past` tells of
    a moment (ms) and ends the command where nothing was known. `records`: whether `history` and `diff` tell of it.
    """

    now: Callable[[Session, str], Told | None]
    missing: Callable[[Session, str], str]
    past: Callable[[Session, str, int], Told]
    records: bool = False


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Read twins.")
    group.command(
        epilog=examples(
            "megdt twin show trainee oulad.11391",
            "megdt twin show trainee syn.t000003 --at 2025-03-01 --json",
            "megdt twin show trainee syn.t000003 --lang zh --less-severity",
            "megdt twin show base 内科-01",
            "megdt twin show base 内科-01 --at 2025-03-01",
        )
    )(show)
    group.command(
        epilog=examples(
            "megdt twin history trainee syn.t000003",
            "megdt twin history trainee syn.t000003 --since 2025-03-01 --until 2025-04-01T00:00:00+08:00 --json",
        )
    )(history)
    group.command(
        epilog=examples(
            "megdt twin diff trainee syn.t000003 --from 2025-03-01",
            "megdt twin diff trainee syn.t000003 --from 2025-03-01 --to 2025-04-01T08:00:00+08:00 --json",
        )
    )(diff)
    group.callback()(_twins)
    app.add_typer(group, name="twin", rich_help_panel="Look at it")


def _twins() -> None:
    """Read twins."""


# --- arguments ---


def _kind(context: typer.Context, text: str) -> str:
    if text not in READERS:
        form = f"{context.command_path} trainee {text}"
        raise typer.BadParameter(f"{text!r} is none of: {', '.join(READERS)}. For a trainee write `{form}`")
    return text


def moment(text: str) -> int:
    """Read a time (ms)."""
    from megdt_stream.evidence import times

    try:
        return times.milliseconds(f"{text}T00:00:00Z" if len(text) == len("2025-03-04") else text)
    except times.NaiveTime:
        raise typer.BadParameter(f"{text} has no zone; write {text}Z or {text}+08:00") from None
    except times.NotATime as error:
        said = str(error) if str(error).startswith("a time") else f"{text} {error}"
        raise typer.BadParameter(f"{said}; or a date such as 2025-03-04 (its start, UTC)") from None


_KIND_HELP: Final = "What kind of twin: trainee, faculty, base, resource or process."
_ID_HELP: Final = "Whose: a pseudonym of a trainee, teacher or resource; the code of a base, also for its process."

_LEARN_HELP: Final = (
    "Take the severity of assessors off a trainee's levels, learnt from all twins in the store: "
    "some seconds for some hundred trainees."
)

Kind = Annotated[str, typer.Argument(callback=_kind, metavar="KIND", help=_KIND_HELP)]
Id = Annotated[str, typer.Argument(metavar="ID", help=_ID_HELP)]


def _time(name: str, what: str) -> Any:
    return typer.Option(name, parser=moment, metavar="TIME", help=f"{what} {_TIME_HELP}")


# --- commands ---


def show(
    kind: Kind,
    id_: Id,
    at: Annotated[int | None, _time("--at", "Show what was known then.")] = None,
    learn: Annotated[bool, typer.Option("--less-severity", help=_LEARN_HELP)] = False,
    data_dir: DataDir = None,
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Show a twin: levels with their uncertainty, rotations, exposures, outcomes, open warnings, risk.

    With --at as it was known at a past moment, by what had become available until then; this reads the evidence topic.
    """
    from megdt_stream.console.words import choose

    reader = READERS[kind]
    if learn:
        if kind != "trainee" or at is not None:
            raise typer.BadParameter("goes with `trainee`, and not with --at", param_hint="--less-severity")
        reader = reader._replace(now=_trainee_less_severity)
    with _opened(data_dir, store_only=at is None) as session:
        told = reader.now(session, id_) if at is None else reader.past(session, id_, at)
        if told is None:
            fail([reader.missing(session, id_)])
            return
    if as_json:
        emit(told[0])
    else:
        out(told[1](choose(lang)))


def history(
    kind: Kind,
    id_: Id,
    since: Annotated[int | None, _time("--since", "Leave out what became available before.")] = None,
    until: Annotated[int | None, _time("--until", "Leave out what became available after.")] = None,
    data_dir: DataDir = None,
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """List the evidence of a twin as it became available, what became of each record, and what it changed.

    Reads the evidence topic.
    """
    from megdt_stream.console import history as tables
    from megdt_stream.console.words import choose
    from megdt_stream.driver.replay import events
    from megdt_stream.seed_files import load_rule
    from megdt_stream.twin.view import rfc3339

    _has_records(kind)
    begin, end = (-(2**62) if since is None else since), (2**62 if until is None else until)
    with _opened(data_dir) as session:
        chronicle = _chronicle(session, id_)
        found = events(chronicle, load_rule(session.settings.seeds_dir))
        rows = tables.history_rows((one for one in found if begin <= one.fact.available <= end), choose(lang))
    if as_json:
        bounds = {name: None if at is None else rfc3339(at) for name, at in (("since", since), ("until", until))}
        emit({"id": id_, "kind": kind, **bounds, "records": rows})
    else:
        out(tables.history(id_, rows, choose(lang)))


def diff(
    kind: Kind,
    id_: Id,
    begin: Annotated[int, _time("--from", "The earlier moment.")],
    end: Annotated[
        int | None, _time("--to", "The later moment; without it the latest one that the log tells of.")
    ] = None,
    data_dir: DataDir = None,
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Show which properties of a twin differ between two moments, with their values and intervals at each.

    Reads the evidence topic.
    """
    from megdt_stream.console import history as tables
    from megdt_stream.console.words import choose

    _has_records(kind)
    if end is not None and end < begin:
        raise typer.BadParameter("--to lies before --from")
    with _opened(data_dir) as session:
        chronicle = _chronicle(session, id_)
        documents = [_at(session, chronicle, at)[0] for at in (begin, chronicle.latest if end is None else end)]
    moments = documents[0]["as_of"], documents[1]["as_of"]
    rows = tables.difference(*documents)
    if as_json:
        emit({"id": id_, "kind": kind, "from": moments[0], "to": moments[1], "changed": rows})
    else:
        out(tables.difference_table(id_, moments, rows, choose(lang)))


def _has_records(kind: str) -> None:
    if not READERS[kind].records:
        kinds = ", ".join(name for name, reader in READERS.items() if reader.records)
        raise typer.BadParameter(
            f"records are told of: {kinds}; of others there is `megdt twin show {kind} ID --at TIME`"
        )


@contextmanager
def _opened(data_dir: Path | None, *, store_only: bool = False) -> Iterator[Session]:
    from megdt_stream.local import ConsoleProgress
    from megdt_stream.session import open_session

    progress = ConsoleProgress(console(err=True))
    with open_session(data_dir=data_dir, store_only=store_only, progress=progress) as session:
        yield session


# --- trainees ---


def _trainee(session: Session, trainee: str) -> Told | None:
    from megdt_stream.runtime import active_risk
    from megdt_stream.runtime.active_severity import trainee_estimator
    from megdt_stream.twin.view import cells

    with session.query() as query:
        stored = query.find(trainee)
        if stored is None:
            return None
        found, risk = trainee_estimator(query, trainee, list(cells(stored.twin))), active_risk.in_force(query)
    return _told(session, trainee, stored.twin, stored.now, risk, found.estimator, found.degraded)


def _trainee_less_severity(session: Session, trainee: str) -> Told | None:
    from megdt_stream.runtime import active_risk
    from megdt_stream.runtime.entities import trainee_estimator

    with session.query() as query:
        stored = query.find(trainee)
        if stored is None:
            return None
        estimator, risk = trainee_estimator(query, trainee, say), active_risk.in_force(query)
    return _told(session, trainee, stored.twin, stored.now, risk, estimator)


def _told(
    session: Session,
    trainee: str,
    twin: Twin,
    as_of: int,
    risk: Risk,
    estimator: Estimator | None = None,
    degraded: str | None = None,
) -> Told:
    from rich.console import Group

    from megdt_stream.console import twin as tables
    from megdt_stream.seed_files import load_estimation, load_norms
    from megdt_stream.twin.view import document, estimate, read

    folder = session.settings.seeds_dir
    estimation, norms = load_estimation(folder), load_norms(folder)
    view = read(twin, estimation, estimator or estimate)
    told = document(trainee, view, estimation, as_of, norms)
    told["properties"]["risk"] = found = twin_risk.told(risk, twin, as_of)
    lacking = [why for why in (degraded, risk.degraded) if why is not None]
    if lacking:
        say("\n".join(lacking))
        told["degraded"] = "; ".join(lacking)
    return told, lambda words: Group(
        tables.render(trainee, view, estimation, as_of, words, norms), tables.risk(found, words)
    )


def _no_trainee(session: Session, trainee: str) -> str:
    with session.query() as query:
        return absent.trainee(query, trainee)


def _trainee_at(session: Session, trainee: str, at: int) -> Told:
    return _at(session, _chronicle(session, trainee), at)


def _at(session: Session, chronicle: Chronicle, at: int) -> Told:
    """Tell of a past moment; ends the command where nothing was known then, or it lies ahead."""
    from megdt_stream.driver.replay import twin_at
    from megdt_stream.seed_files import load_rule
    from megdt_stream.twin.view import rfc3339

    trainee = chronicle.trainee
    if at > chronicle.latest:
        reach = rfc3339(chronicle.latest)
        fail(
            [f"{rfc3339(at)} lies ahead of the log, which reaches until {reach}; give an earlier time, or none for now"]
        )
    twin = twin_at(chronicle, load_rule(session.settings.seeds_dir), at)
    if not twin.fields() and twin.head is None:
        begins = rfc3339(chronicle.first or 0)
        fail([f"nothing was known of {trainee} at {rfc3339(at)}: what is on the log became available from {begins} on"])
    from megdt_stream.runtime import active_risk

    said = chronicle.active(active_risk.KIND, at)
    risk = active_risk.at_version(session.settings.brokers, session.security, said)
    return _told(session, trainee, twin, at, risk, *_then(session, chronicle, at))


def _then(session: Session, chronicle: Chronicle, at: int) -> tuple[Estimator | None, str | None]:
    """Give what estimated levels at a moment, by the severities in force then, and why not where they are lost."""
    from megdt_stream.runtime import active_severity
    from megdt_stream.runtime.severity_parts import KIND

    said = chronicle.active(KIND, at)
    if said is None:
        return None, None
    reading = active_severity.at_version(session.settings.brokers, session.security, said, chronicle.trainee)
    found = asyncio.run(reading)
    return found.estimator, found.degraded


def _chronicle(session: Session, trainee: str) -> Chronicle:
    """Read a trainee's evidence from the log; ends the command where there is none."""
    from megdt_stream.runtime.past import read_chronicle

    options = session.security
    chronicle = asyncio.run(read_chronicle(session.settings.brokers, options, trainee, _saying()))
    if not chronicle.entries:
        fail([_no_trainee(session, trainee)])
    return chronicle


def _saying() -> Callable[[int, int], None]:
    """Say now and then how far the reading is."""
    last = [time.monotonic()]

    def progress(done: int, total: int) -> None:
        if time.monotonic() - last[0] >= _SAY_SECONDS:
            last[0] = time.monotonic()
            say(f"{done:,} of {total:,} records of evidence read")

    return progress


def _entity(kind: str) -> Reader:
    def past(session: Session, id_: str, at: int) -> Told:
        return entities.read_at(kind, session, id_, at, _saying())

    return Reader(partial(entities.read, kind), partial(entities.missing, kind), past)


READERS: Final[Mapping[str, Reader]] = MappingProxyType(
    {
        "trainee": Reader(_trainee, _no_trainee, _trainee_at, records=True),
        **{kind: _entity(kind) for kind in ("faculty", "base", "resource", "process")},
    }
)
"""What can be shown. A kind is added here, and to the help of KIND."""
