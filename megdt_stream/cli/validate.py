"""`megdt validate`: what would become of events, without sending them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Final, NamedTuple

import typer

from megdt_stream.cli.output import Json, emit, examples, say

if TYPE_CHECKING:
    from megdt_stream.cli.files import Piece
    from megdt_stream.evidence.reasons import Rejection
    from megdt_stream.evidence.topics import Topic

STDIN: Final = "-"
_SHOWN: Final = 400
"""Characters of a hint that people see on one line."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of one event: `index` counts from 0 in its file; the last three are None where it is valid."""

    file: str
    index: int
    ok: bool
    reason: str | None = None
    path: str | None = None
    hint: str | None = None


class Finding(NamedTuple):
    """Why an event would be rejected, and what to do about it."""

    rejection: Rejection
    hint: str


Judge = Callable[[bytes, "Topic | None"], Finding | None]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        rich_help_panel="Bring events in",
        epilog=examples(
            "megdt validate event.json",
            "megdt validate events.ndjson batch.json --json",
            "megdt synth --trainees 5 | megdt validate -",
            "megdt validate event.json --topic assessments",
            "megdt validate others/*.json --envelope-only",
        ),
    )(validate)


def validate(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE|-...", help="One event, lines of JSON, or a JSON list; - is stdin."),
    ],
    topic: Annotated[
        str | None,
        typer.Option(help="The topic they shall go to, to find those that do not belong there.", show_default="any"),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="When they would arrive, for events from the future.", show_default="now"),
    ] = None,
    envelope_only: Annotated[
        bool, typer.Option("--envelope-only", help="Check the CloudEvents envelope alone, of any type.")
    ] = False,
    seeds: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            envvar="MEGDT_SEEDS_DIR",
            help="The site's scales and competencies.",
            show_default="those shipped",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Tell of each event whether it would be accepted; if not: the reason, where, and what to do.

    The same check as on arrival. Exit code 1 when any event is not valid.
    """
    _check_readable(files)
    judge = _of_envelopes() if envelope_only else _of_events(_moment(at), seeds)
    chosen = _topic(topic)
    bad = total = 0
    for file in files:
        for verdict in _verdicts(file, judge, chosen):
            total += 1
            bad += not verdict.ok
            emit(asdict(verdict)) if as_json else typer.echo(_line(verdict))
    say(f"{total:,} {'event' if total == 1 else 'events'}, {bad:,} not valid")
    raise typer.Exit(1 if bad else 0)


# --- what is asked ---


def _check_readable(files: list[str]) -> None:
    """Refuse the command line if a file cannot be opened, before anything is said of another one."""
    for file in files:
        if file == STDIN:
            continue
        if Path(file).is_dir():
            raise typer.BadParameter(f"{file} is a folder; name the files in it", param_hint="FILE")
        try:
            with Path(file).open("rb"):
                pass
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise typer.BadParameter(f"{file} cannot be read: {why}", param_hint="FILE") from error


def _moment(text: str | None) -> int:
    """Give a moment in milliseconds."""
    if text is None:
        return int(time.time() * 1000)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no RFC 3339 time", param_hint="--at") from error
    if moment.tzinfo is None:
        raise typer.BadParameter(f"{text} has no zone; write {text}+08:00", param_hint="--at")
    return int(moment.timestamp() * 1000)


def _topic(name: str | None) -> Topic | None:
    from megdt_stream.cli.files import BadFile, input_topic
    from megdt_stream.evidence.topics import BY_SHORT

    try:
        return None if name is None else BY_SHORT[input_topic(name)]
    except BadFile as error:
        raise typer.BadParameter(str(error), param_hint="--topic") from error


@contextmanager
def _stream(file: str) -> Iterator[IO[bytes]]:
    if file == STDIN:
        yield sys.stdin.buffer
        return
    with Path(file).open("rb") as stream:
        yield stream


def first_rejection(file: str, topic: str | None) -> tuple[int, Rejection] | None:
    """Give the index of the first event of a file that would be rejected, and why."""
    from megdt_stream.runtime.settings import load

    judge = _of_events(_moment(None), load().seeds_dir)
    found = ((index, one.rejection) for index, one in enumerate(_findings(file, judge, _topic(topic))) if one)
    return next(found, None)


# --- the verdicts ---


def _verdicts(file: str, judge: Judge, topic: Topic | None) -> Iterator[Verdict]:
    for index, found in enumerate(_findings(file, judge, topic)):
        if found is None:
            yield Verdict(file, index, ok=True)
        else:
            rejection, hint = found
            yield Verdict(file, index, False, rejection.reason.value, rejection.path, hint)


def _findings(file: str, judge: Judge, topic: Topic | None) -> Iterator[Finding | None]:
    """Judge each event of a file, in order; None: it is valid."""
    from megdt_stream.cli.files import pieces
    from megdt_stream.evidence.topics import MAX_EVENT_BYTES

    with _stream(file) as stream:
        for piece in pieces(stream, MAX_EVENT_BYTES):
            yield _of_piece(piece, judge, topic)


def _of_piece(piece: Piece, judge: Judge, topic: Topic | None) -> Finding | None:
    from megdt_stream.cli.files import BadFile, opened
    from megdt_stream.evidence.reasons import Reason, Rejection
    from megdt_stream.evidence.topics import BY_SHORT, MAX_EVENT_BYTES

    if piece.fault:
        return _found(Rejection(Reason.UNDECODABLE, piece.fault))
    if piece.value is None:
        return _found(Rejection(Reason.TOO_LARGE, f"{piece.size} bytes, at most {MAX_EVENT_BYTES} are taken"))
    try:
        envelope = opened(piece.value)
    except (BadFile, ValueError):
        envelope = None  # then it is an event that has an attribute of that name
    if envelope is None:
        return judge(piece.value, topic)
    return judge(envelope.value, topic or BY_SHORT[envelope.topic])


def _of_events(appended: int, seeds: Path | None) -> Judge:
    from megdt_stream.evidence.intake import decide
    from megdt_stream.evidence.reasons import Rejection
    from megdt_stream.seed_files import load_reference

    reference = load_reference(seeds)

    def judge(value: bytes, topic: Topic | None) -> Finding | None:
        # A place has to be named and decides nothing.
        decision = decide(value, topic, ("assessments", 0, 0), appended, reference)
        return _found(decision) if isinstance(decision, Rejection) else None

    return judge


def _of_envelopes() -> Judge:
    from megdt_stream.evidence import cloudevents, json_text
    from megdt_stream.evidence.reasons import Reason, Rejection
    from megdt_stream.evidence.refused import Refused

    def judge(value: bytes, _topic: Topic | None) -> Finding | None:
        if not value:
            return _found(Rejection(Reason.EMPTY, "there is nothing"))
        try:
            document = json_text.parse(value)[0]
        except Refused as refused:
            return _found(refused.rejection)
        if not isinstance(document, dict):
            kind = json_text.kind_of(document)
            return _found(Rejection(Reason.NOT_AN_OBJECT, f"a JSON {kind}, not an object"))
        problem = cloudevents.check(document)
        if problem is None:
            return None
        return Finding(Rejection(Reason.INVALID, problem.message, problem.path), f"{problem.message}. {problem.hint}")

    return judge


def _found(rejection: Rejection) -> Finding:
    from megdt_stream.publisher.errors import hint

    return Finding(rejection, hint(rejection))


def _line(verdict: Verdict) -> str:
    place = f"{verdict.file}[{verdict.index}]"
    if verdict.ok:
        return f"{place}: ok"
    where = f" at {verdict.path}" if verdict.path else ""
    text = verdict.hint or ""
    text = text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
    return f"{place}: {verdict.reason}{where}: {text}"
