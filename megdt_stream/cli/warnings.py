"""`megdt warnings`: read early warnings and answer them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from megdt_stream.cli.output import DataDir, Json, Lang, emit, examples, out, say

if TYPE_CHECKING:
    from megdt_stream.runtime.warning_list import Listed
    from megdt_stream.session import Session

_SOURCE: Final = "/megdt/warnings"
_APPLIED_SECONDS: Final = 60.0
_STATES: Final = "open, acknowledged, assigned, snoozed, escalated, resolved, flagged-incorrect or cleared."

Id = Annotated[str, typer.Argument(metavar="ID", help="Id of the warning, or its beginning, as `list` shows it.")]
By = Annotated[
    str,
    typer.Option("--by", metavar="PSEUDONYM", envvar="MEGDT_BY", help="Who decides, a pseudonym such as k1.9c2e."),
]
Note = Annotated[str | None, typer.Option("--note", help="For people; evidence keeps only its length.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Read early warnings and answer them.")
    group.command(
        "list", epilog=examples("megdt warnings list", "megdt warnings list --owner education-office --json")
    )(list_)
    group.command("show", epilog=examples("megdt warnings show 620ca4f6"))(show)
    group.command("ack", epilog=examples("megdt warnings ack 620ca4f6 --by k1.9c2e"))(ack)
    group.command("assign", epilog=examples("megdt warnings assign 620ca4f6 --to k1.77aa --by k1.9c2e"))(assign)
    group.command("snooze", epilog=examples("megdt warnings snooze 620ca4f6 --days 14 --by k1.9c2e"))(snooze)
    group.command("resolve", epilog=examples("megdt warnings resolve 620ca4f6 --note 已面谈 --by k1.9c2e"))(resolve)
    group.command("flag", epilog=examples("megdt warnings flag 620ca4f6 --reason wrong-rotation --by k1.9c2e"))(flag)
    group.callback()(_warnings)
    app.add_typer(group, name="warnings", rich_help_panel="Look at it")


def _warnings() -> None:
    """Read early warnings and answer them. Decisions are evidence: they show in the twin and outlive a rebuild."""


# --- reading ---


def list_(
    owner: Annotated[str | None, typer.Option("--owner", help="Only what this reviewer answers.")] = None,
    rule: Annotated[str | None, typer.Option("--rule", help="Only warnings of this rule.")] = None,
    trainee: Annotated[str | None, typer.Option("--trainee", help="Only warnings about this trainee.")] = None,
    state: Annotated[
        str | None,
        typer.Option(
            "--state", help="open, acknowledged, assigned, snoozed, escalated, resolved, flagged-incorrect, cleared."
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
    cap: Annotated[
        int, typer.Option(min=1, help="Most that a reviewer is notified of in a week; the rest is listed.")
    ] = 10,
    data_dir: DataDir = None,
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """List warnings with their state, the oldest first.

    `reaches` says whether a reviewer is notified: grouped ones come with the first of their rotation, repeated ones
    came before, listed ones are beyond the cap of their week; inhibited ones follow from an open warning about a
    base, a source or a severe assessor (`under` in --json names it).
    """
    with _open(data_dir) as session:
        found = [
            one
            for one in _collect(session, cap)
            if (everything or state is not None or not one.ends)
            and owner in (None, one.data["owner"])
            and rule in (None, one.data["rule"])
            and trainee in (None, one.data.get("trainee"))
            and state in (None, one.state)
        ]
    if as_json:
        emit([one.to_json() for one in found])
    else:
        _table(found, lang)


def show(id_: Id, data_dir: DataDir = None, lang: Lang = None, as_json: Json = False) -> None:
    """Show one warning in full: why, how sure, on what evidence, what to do, and what was decided."""
    from megdt_stream.console.notices import Notice, in_full
    from megdt_stream.console.words import choose

    with _open(data_dir) as session:
        one = _pick(_collect(session), id_)
    if as_json:
        emit(one.to_json())
        return
    words = choose(lang)
    out(
        in_full(Notice(b"", one.event), words),
        f"{words['state']}: {words[one.state]} · {words['reaches']}: {words[one.fate]}",
    )
    if one.decided is not None:
        to = f" → {one.decided.assignee}" if one.decided.assignee else ""
        out(f"{words[one.decided.state]} · {one.decided.by}{to}")


def _table(found: list[Listed], lang: str | None) -> None:
    from megdt_stream.cli.tables import rows
    from megdt_stream.console.words import choose

    words = choose(lang)
    table = [
        {
            "id": one.id[:8],
            words["since"]: str(one.event["time"])[:10],
            words["trainee"]: one.data.get("trainee") or one.data["entity"]["id"],
            words["title"]: words.of(one.data["title"]) if one.data.get("title") else one.data["rule"],
            words["reason"]: words.of(one.data["reason"]),
            words["owner"]: words[one.data["owner"]],
            words["state"]: words[one.state],
            words["reaches"]: words[one.fate],
        }
        for one in found
    ]
    if table:
        out(rows(table))
    else:
        say(words["no warnings"])


def _open(data_dir: Any, *, worker: bool = False) -> Any:
    from megdt_stream.session import open_session

    return open_session(data_dir=data_dir, worker=worker)


def _collect(session: Session, cap: int | None = None) -> list[Listed]:
    from megdt_stream.console.notices import NoticeReader
    from megdt_stream.runtime.warning_list import CAP, collect

    with NoticeReader(session.kafka, session.security) as reader, session.query() as query:

        def find(name: str) -> Any:
            stored = query.find(name)
            return None if stored is None else (stored.twin, stored.now)

        return collect((notice.event for notice in reader.rest()), find, cap or CAP)


def _pick(found: list[Listed], id_: str) -> Listed:
    fitting = [one for one in found if one.id.startswith(id_)] if id_ else []
    if len(fitting) == 1:
        return fitting[0]
    many = (
        f"{len(fitting)} warnings begin with {id_}; give more of the id"
        if fitting
        else f"no warning {id_}; see `megdt warnings list --all`"
    )
    raise typer.BadParameter(many, param_hint="ID")


# --- answering ---


def ack(id_: Id, by: By, note: Note = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Say that it was read: it does not escalate any more."""
    _decide(id_, "acknowledged", by, data_dir, as_json, note=note)


def assign(
    id_: Id,
    by: By,
    to: Annotated[str, typer.Option("--to", metavar="PSEUDONYM", help="Who is to answer it.")],
    note: Note = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Give it to somebody to answer."""
    _decide(id_, "assigned", by, data_dir, as_json, assignee=to, note=note)


def snooze(
    id_: Id,
    by: By,
    days: Annotated[int, typer.Option("--days", min=1, max=365, help="From now on.")] = 7,
    note: Note = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Put it off; when the time is over it is open again and may escalate."""
    _decide(id_, "snoozed", by, data_dir, as_json, days=days, note=note)


def resolve(id_: Id, by: By, note: Note = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Say that it is done: it is closed, and the same cause does not raise it again."""
    _decide(id_, "resolved", by, data_dir, as_json, note=note)


def flag(
    id_: Id,
    by: By,
    reason: Annotated[str, typer.Option("--reason", metavar="CODE", help="Why it is wrong, as a code without spaces.")],
    note: Note = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Say that it is wrong: it is closed, and counts against the rule."""
    _decide(id_, "flagged-incorrect", by, data_dir, as_json, reason=reason, note=note)


def _decide(
    id_: str, action: Any, by: str, data_dir: Any, as_json: bool, *, days: int | None = None, **stated: Any
) -> None:
    """Publish a decision and wait until it is in the twin; `days`: for how long it holds."""
    from megdt_stream.cli.deciding import of_session
    from megdt_stream.publisher.client import Client
    from megdt_stream.publisher.errors import InvalidEvent

    with _open(data_dir, worker=True) as session:
        one = _pick(_collect(session), id_)
        trainee = one.data.get("trainee")
        if trainee is None:
            raise typer.BadParameter(f"{one.id} is not about a trainee; nothing keeps decisions on it", param_hint="ID")
        times = of_session(session)
        until = None if days is None else times["time"] + timedelta(days=days)
        made = int(datetime.now(UTC).timestamp() * 1000)
        with Client(
            session.kafka,
            source=_SOURCE,
            redis=session.redis,
            seeds_dir=session.settings.seeds_dir,
            security=session.security,
            redis_options=session.redis_options,
        ) as client:
            try:
                receipt = client.decisions.made(
                    subject=trainee,
                    id=f"{one.id}-{made}",
                    **times,
                    on=one.id,
                    action=action,
                    by=by,
                    until=until,
                    **stated,
                )
            except InvalidEvent as error:
                raise typer.BadParameter(str(error)) from error
            receipt.wait_applied(_APPLIED_SECONDS)
        after = _pick(_collect(session), one.id)
    if as_json:
        emit(after.to_json())
    else:
        say(f"{one.id} about {trainee}: {after.state}")
