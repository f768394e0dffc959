"""`megdt recommendations`: what is recommended to whom, and what people decide about it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from megdt_stream.cli.output import DataDir, Json, Lang, console, emit, examples, out, say, stdout_aside
from megdt_stream.cli.write import every

if TYPE_CHECKING:
    from megdt_stream.governance.advice.ledger import Entry
    from megdt_stream.runtime.advice_log import AdviceLog
    from megdt_stream.session import Session

_SAY_SECONDS: Final = 2.0
_SOURCE: Final = "/megdt/cli"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Recommendations: make, list, and decide on them.")
    group.command(
        epilog=examples(
            "megdt recommendations make",
            "megdt recommendations make --free faculty-hour=60 --free simulator-hour=40",
            "megdt recommendations make --free faculty-hour=60 --most 5 --dry-run --json",
        )
    )(make)
    group.command(
        "list", epilog=examples("megdt recommendations list", "megdt recommendations list --state accepted --json")
    )(list_)
    group.command(epilog=examples("megdt recommendations show 1f0a2b3c4d5e6f70 --lang zh"))(show)
    by = "--by k1.office"
    group.command(epilog=examples(f"megdt recommendations accept 1f0a2b3c4d5e6f70 {by}"))(accept)
    group.command(epilog=examples(f"megdt recommendations override 1f0a2b3c4d5e6f70 {by} --reason already-arranged"))(
        override
    )
    group.command(epilog=examples(f"megdt recommendations modify 1f0a2b3c4d5e6f70 {by} --note '改为每周两小时'"))(
        modify
    )
    group.command(epilog=examples(f"megdt recommendations implement 1f0a2b3c4d5e6f70 {by}"))(implement)
    group.command(epilog=examples(f"megdt recommendations close 1f0a2b3c4d5e6f70 {by} --reason done"))(close)
    group.callback()(_recommendations)
    app.add_typer(group, name="recommendations", rich_help_panel="Decide")


def _recommendations() -> None:
    """Recommendations: make, list, and decide on them."""


# --- reading ---


@contextmanager
def opened(data_dir: Path | None, *, worker: bool = False) -> Iterator[Session]:
    """Open a session with progress on stderr."""
    from megdt_stream.local import ConsoleProgress
    from megdt_stream.session import open_session

    with open_session(worker=worker, data_dir=data_dir, progress=ConsoleProgress(console(err=True))) as session:
        yield session


def advice(session: Session, **options: Any) -> AdviceLog:
    """Read what was advised and decided."""
    from megdt_stream.runtime.advice_log import read

    tell = every(_SAY_SECONDS)

    def progress(done: int, total: int) -> None:
        if tell():
            say(f"{done:,} of {total:,} records read")

    return asyncio.run(read(session.kafka.split(","), session.security, progress=progress, **options))


def now_of(session: Session) -> int:
    """Give the latest domain time (ms) of any partition."""
    with session.query() as query:
        return max((cursor.time for cursor in query.evidence_cursors().values()), default=0)


def found(entries: dict[str, Entry], id_: str) -> Entry:
    """Give a recommendation by its id or an unambiguous beginning of it."""
    hits = [one for name, one in entries.items() if name == id_ or (len(id_) >= 4 and name.startswith(id_))]
    if len(hits) != 1:
        many = f"{len(hits)} recommendations begin so" if hits else "there is no such recommendation"
        raise typer.BadParameter(f"{id_}: {many}; see `megdt recommendations list`", param_hint="ID")
    return hits[0]


_STATES: Final = ("open", "accepted", "modified", "implemented", "closed", "overridden", "taken-back", "lapsed")


def list_(
    state: Annotated[
        str | None, typer.Option(metavar="STATE", help=f"Only these: {', '.join(_STATES)}.", show_default=False)
    ] = None,
    data_dir: DataDir = None,
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """List recommendations with what became of them, the largest expected benefit first."""
    if state is not None and state not in _STATES:
        raise typer.BadParameter(f"{state!r} is none of {', '.join(_STATES)}", param_hint="--state")
    with opened(data_dir) as session:
        entries = advice(session).ledger().at(now_of(session))
    some = [one for one in entries.values() if state in (None, one.state)]
    some.sort(key=lambda one: (-one.data["benefit"]["mean"], one.id))
    if as_json:
        emit([{"id": one.id, "state": one.state} | dict(one.data) for one in some])
        return
    from megdt_stream.cli.tables import rows
    from megdt_stream.console.words import choose

    words = choose(lang)
    out(rows([_row(one, words.lang) for one in some]) if some else "no recommendations")


def _row(one: Entry, lang: str) -> dict[str, Any]:
    data = one.data
    benefit = data["benefit"]
    return {
        "id": one.id,
        "state": one.state,
        "trainee": data["trainee"],
        "what": f"{data['name'][lang]} {data['dose']:g} {data['unit']}",
        "for": data["competency"],
        "averts missing the target": f"{benefit['mean']:.0%} ({benefit['low']:.0%} to {benefit['high']:.0%})",
        "cost": f"{data['cost']['amount']:,.0f} {data['cost']['currency']}",
    }


Id = Annotated[str, typer.Argument(metavar="ID", help="Of the recommendation; its first characters will do.")]


def show(id_: Id, data_dir: DataDir = None, lang: Lang = None, as_json: Json = False) -> None:
    """Show a recommendation with its reasons, what it was chosen over, and every decision about it."""
    with opened(data_dir) as session:
        one = found(advice(session).ledger().at(now_of(session)), id_)
    if as_json:
        decisions = [decided._asdict() for decided in one.decisions]
        emit({"state": one.state, "event": one.event, "decisions": decisions})
        return
    from megdt_stream.cli.tables import facts
    from megdt_stream.console.words import choose

    out(facts(_described(one, choose(lang).lang)))


def _described(one: Entry, lang: str) -> dict[str, Any]:
    from megdt_stream.evidence.times import rfc3339

    data, effect = one.data, one.data["effect"]
    others = [
        f"{o['intervention']}: {o['benefit']['mean']:.0%}, less by {o['less_by']:.1%}" for o in data["alternatives"]
    ]
    uses = ", ".join(f"{amount:g} {name}" for name, amount in data["uses"].items())
    return {
        "recommendation": one.id,
        "state": one.state,
        "reason": data["reason"][lang],
        "from, for": f"{rfc3339(data['starts'])}, {data['weeks']} weeks",
        "who answers": data["owner"],
        "books": uses,
        "of what is free": _capacity(data.get("capacity")),
        "cost": f"{data['cost']['amount']:,.0f} {data['cost']['currency']}",
        "instead of": "; ".join(others) or "-",
        "the best plan without it": f"{data['loss_without']:.3f} less",
        "chance of this advice": f"{data['propensity']:.2f}",
        "effects": f"{effect.get('snapshot') or effect['version']}, own decisions: {effect['decisions']}",
        "shown by own evidence": "yes" if effect["benefit_shown"] else "no",
        "lapses": rfc3339(data["expires"]),
        "decisions": "; ".join(f"{d.action} by {d.by} {rfc3339(d.at)} {d.reason or ''}" for d in one.decisions)
        or "none",
        "next step": data["next_step"][lang],
    }


def _capacity(capacity: dict[str, Any] | None) -> str:
    if capacity is None:
        return "-"
    free = ", ".join(f"{amount:g} {name}" for name, amount in capacity["free"].items()) or "nothing"
    within = "" if capacity["weeks"] is None else f" in {capacity['weeks']} weeks"
    return f"{free}{within}, by {capacity['told_by']}"


# --- making ---


def _free(texts: list[str]) -> dict[str, float]:
    free: dict[str, float] = {}
    for text in texts:
        name, _, amount = text.partition("=")
        try:
            free[name] = float(amount)
        except ValueError:
            raise typer.BadParameter(
                f"{text!r}: write RESOURCE=AMOUNT, as in faculty-hour=60", param_hint="--free"
            ) from None
        if not 0 <= free[name] < float("inf"):
            raise typer.BadParameter(f"{text!r}: an amount from 0 on", param_hint="--free")
    return free


def make(
    free: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RESOURCE=AMOUNT",
            help="What is free, in the place of what resource twins tell of the coming weeks; repeat it. What accepted"
            " recommendations have booked goes off it, what is not named is not there. Units: faculty-hour,"
            " simulator-hour, case-slot, rotation-week.",
            show_default=False,
        ),
    ] = None,
    most: Annotated[int, typer.Option(min=1, max=1000, help="Most recommendations.")] = 20,
    equity: Annotated[
        float, typer.Option(min=0, max=1, help="Least part of its share of the needs that each base gets.")
    ] = 0.8,
    seed: Annotated[int, typer.Option(help="Equal seeds, twins and effects give equal advice.")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Publish nothing.")] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Recommend what brings most within what is free, and publish it on megdt.alerts.v1.

    What is free is read off the resource twins, less what accepted recommendations have booked. Trainees below a target
    are considered; benefit is the chance of missing it that is averted, by the effects that `megdt effects` shows,
    which are published beside on megdt.models.v1. Earlier recommendations are superseded, or withdrawn where the need
    is gone. Who was considered and got nothing is logged with the propensities, so that effects can be learnt.
    """
    from megdt_stream.runtime import active_effects
    from megdt_stream.runtime.advisor import advise

    amounts = _free(free) if free else None
    with opened(data_dir) as session:
        log, folder = advice(session), session.settings.seeds_dir
        with session.query() as query, stdout_aside():
            result = advise(query, log, amounts, most=most, equity=equity, seed=seed, folder=folder, say=say)
        if not dry_run:
            from megdt_stream.publisher import Publisher

            servers = session.kafka.split(","), session.security, session.redis, session.redis_options
            active_effects.ensure(*servers, result.snapshot, result.effects)
            with Publisher(session.kafka, security=session.security) as publisher:
                for event in result.events:
                    publisher.publish("alerts", event["subject"], result.encode(event))
    if as_json:
        emit({"published": not dry_run} | result.to_json())
        return
    from megdt_stream.cli.tables import facts

    out(facts(result.described()))


# --- deciding ---

By = Annotated[str, typer.Option("--by", metavar="PSEUDONYM", help="Who decides, as a pseudonym.")]
Note = Annotated[str | None, typer.Option("--note", help="For people; evidence keeps its length.", show_default=False)]
Reason = Annotated[str | None, typer.Option("--reason", metavar="CODE", help="Why, as a code.", show_default=False)]
MustReason = Annotated[str, typer.Option("--reason", metavar="CODE", help="Why, as a code such as already-arranged.")]


def accept(id_: Id, by: By, note: Note = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Accept a recommendation: its resources are booked."""
    _decide(id_, "accepted", by, None, note, data_dir, as_json)


def override(
    id_: Id, by: By, reason: MustReason, note: Note = None, data_dir: DataDir = None, as_json: Json = False
) -> None:
    """Decide against a recommendation, with the reason."""
    _decide(id_, "overridden", by, reason, note, data_dir, as_json)


def modify(
    id_: Id, by: By, reason: Reason = None, note: Note = None, data_dir: DataDir = None, as_json: Json = False
) -> None:
    """Accept a recommendation with changes; the note tells which."""
    _decide(id_, "modified", by, reason, note, data_dir, as_json)


def implement(id_: Id, by: By, note: Note = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Say that what was accepted was carried out."""
    _decide(id_, "implemented", by, None, note, data_dir, as_json)


def close(
    id_: Id, by: By, reason: Reason = None, note: Note = None, data_dir: DataDir = None, as_json: Json = False
) -> None:
    """Close a recommendation; nothing more is expected of it."""
    _decide(id_, "closed", by, reason, note, data_dir, as_json)


_HINT: Final = {"open": " before it is accepted"}


def _decide(
    id_: str, action: Any, by: str, reason: str | None, note: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """Publish a decision, after looking whether it can follow what was decided before."""
    from megdt_stream.cli.deciding import of_session
    from megdt_stream.publisher import Client

    with opened(data_dir, worker=True) as session:
        one = found(advice(session).ledger().entries, id_)
        if not one.allows(action):
            raise typer.BadParameter(f"{one.id} is {one.state}: it cannot be {action}{_HINT.get(one.state, '')}")
        # Counted, not timed: the same decision sent twice at once is one record.
        record = f"{one.id}-{action}-{sum(d.action == action for d in one.decisions)}"
        with Client(
            session.kafka, source=_SOURCE, security=session.security, seeds_dir=session.settings.seeds_dir
        ) as client:
            client.decisions.made(
                subject=one.data["trainee"],
                id=record,
                **of_session(session),
                on=one.id,
                action=action,
                by=by,
                reason=reason,
                note=note,
            )
            client.flush()
        if session.has_worker:
            session.settle()
    if as_json:
        emit({"on": one.id, "action": action, "by": by, "was": one.state})
    else:
        say(f"{one.id}: {action}")
