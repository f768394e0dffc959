"""`megdt effects`, `audit` and `explain`: what was learnt, that nothing was changed, and where a number comes from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from megdt_stream.cli.output import DataDir, Json, Lang, emit, examples, fail, out, say
from megdt_stream.cli.recommendations import advice, opened

if TYPE_CHECKING:
    from megdt_stream.governance.audit import Claim, Verdict
    from megdt_stream.runtime.advice_log import AdviceLog

_PANEL: Final = "Decide"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(rich_help_panel=_PANEL, epilog=examples("megdt effects", "megdt effects --json > effects.json"))(
        effects
    )
    app.command(
        rich_help_panel=_PANEL,
        epilog=examples("megdt explain 1f0a2b3c4d5e6f70", "megdt explain 1f0a2b3c4d5e6f70 --json --lang zh"),
    )(explain)
    group = typer.Typer(no_args_is_help=True, help="Show that advice and decisions were not changed afterwards.")
    group.command(epilog=examples("megdt audit head > heads.json"))(head)
    group.command(epilog=examples("megdt audit verify", "megdt audit verify heads.json --json"))(verify)
    group.callback()(_audit)
    app.add_typer(group, name="audit", rich_help_panel=_PANEL)


def _audit() -> None:
    """Show that advice and decisions were not changed afterwards."""


# --- effects ---


def effects(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Show what each kind of intervention is believed to do, and what own decisions say of it.

    In standard deviations of trainees' levels; above zero is better. The external prior dominates until own evidence
    speaks. Whether a benefit is shown is judged by own evidence alone. `version` names this state of belief:
    recommendations and rehearsals state it.
    """
    from megdt_stream.runtime.advising import look
    from megdt_stream.runtime.advisor import learnt
    from megdt_stream.seed_files import load_estimation, load_interventions, load_norms

    with opened(data_dir) as session:
        folder = session.settings.seeds_dir
        with session.query() as query:
            read = look(query, load_estimation(folder), load_norms(folder), say)
        found, studied = learnt(advice(session), read, load_interventions(folder))
    document = found.to_json()
    for kind, study in studied.items():
        document["kinds"][kind]["why_no_evidence"] = study.why_not
    if as_json:
        emit(document)
        return
    from megdt_stream.cli.tables import rows

    out(rows([_kind(name, one) for name, one in document["kinds"].items()]), f"version {document['version']}")


def _kind(name: str, one: dict[str, Any]) -> dict[str, Any]:
    prior, own, both = one["prior"], one["evidence_only"], one["combined"]
    return {
        "intervention": name,
        "external": "none: local estimate only"
        if prior is None
        else f"{prior['mean']:+.2f} ± {prior['prediction_sd']:.2f}",
        "own decisions": one["decisions"],
        "own evidence, 95 %": (one["why_no_evidence"] or "-")
        if own is None
        else f"{own['estimate']:+.2f} ({own['ci_low']:+.2f} to {own['ci_high']:+.2f})",
        "together, 90 %": "-"
        if both is None
        else f"{both['site']['mean']:+.2f} ({both['site']['p05']:+.2f} to {both['site']['p95']:+.2f})",
        "benefit shown": "yes" if one["benefit_shown"] else "no",
    }


# --- audit ---


def _heads(log: AdviceLog) -> list[dict[str, Any]]:
    return [
        {
            "topic": place.topic,
            "partition": place.partition,
            "length": link.length,
            "offset": link.offset,
            "hash": link.hash,
        }
        for place, link in sorted(log.chains.heads.items())
    ]


def head(data_dir: DataDir = None) -> None:
    """Print the heads of the chains over recommendations and decisions, as JSON, to be kept out of reach.

    One chain a partition of megdt.alerts.v1 (recommendations) and megdt.evidence.v1 (decisions and retractions).
    """
    with opened(data_dir) as session:
        emit({"heads": _heads(advice(session))})


def _claims(file: str | None) -> tuple[Claim, ...]:
    from megdt_stream.governance.audit import Claim, Link, Place

    if file is None:
        return ()
    try:
        text = Path(file).read_text("utf-8")
        return tuple(
            Claim(
                Place(one["topic"], int(one["partition"])),
                Link(int(one["length"]), int(one["offset"]), str(one["hash"])),
            )
            for one in json.loads(text)["heads"]
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not what `megdt audit head` prints"
        raise typer.BadParameter(f"{file}: {why}", param_hint="HEADS.json") from error


def verify(
    file: Annotated[
        str | None, typer.Argument(metavar="HEADS.json", help="What `megdt audit head` printed.", show_default=False)
    ] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Recompute the chains from the log and compare them with heads that were kept.

    A head that holds proves that up to it no recommendation and no decision was altered, removed or put in between. It
    proves nothing about what came later, who wrote a record, or whether it is true. Without a file: that no id stands
    for two contents, and which decisions could not follow. Exit code 1 where something is wrong.
    """
    claims = _claims(file)
    with opened(data_dir) as session:
        log = advice(session, claims=claims)
    verdicts = log.chains.verdicts()
    entries = log.ledger().entries
    known = entries.keys() | log.warnings.keys()
    unequal, heads = sorted(set(log.unequal)), _heads(log)
    late = sorted({f"{one.on} {one.action}" for entry in entries.values() for one in entry.refused})
    wrong = [f"the chain of {v.claim.place} differs at offset {v.claim.link.offset}" for v in verdicts if not v.holds]
    wrong += [f"id {id_} came with two contents" for id_ in unequal]
    if as_json:
        emit(
            {
                "ok": not wrong,
                "heads": heads,
                "claims": [_judged(one) for one in verdicts],
                "unequal_copies": unequal,
                "decisions": len(log.decisions),
                "decisions_on_nothing": sorted({one.on for one in log.decisions if one.on not in known}),
                "decisions_out_of_order": late,
            }
        )
    else:
        held = f"{sum(v.holds for v in verdicts)} of {len(verdicts)} heads hold" if claims else "no heads to compare"
        links = sum(int(one["length"]) for one in heads)
        out(f"{links:,} records in the chains, {len(log.decisions):,} decisions; {held}")
        for one in late:
            say(f"passed over, since it could not follow: {one}")
    if wrong:
        fail(wrong)


def _judged(one: Verdict) -> dict[str, Any]:
    place, link = one.claim.place, one.claim.link
    return {"topic": place.topic, "partition": place.partition, "offset": link.offset, "holds": one.holds}


# --- explain ---


def explain(
    id_: Annotated[str, typer.Argument(metavar="ID", help="Of a recommendation or a warning, in full.")],
    data_dir: DataDir = None,
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Print the chain from evidence to advice: events, what they were read as, versions, what was chosen over what.

    Of a recommendation: the trainee's scores that its level rests on, as they stood in the log when it was made.
    """
    import asyncio

    from megdt_stream.cli.recommendations import found
    from megdt_stream.runtime.explaining import chain

    with opened(data_dir) as session:
        log = advice(session)
        event = log.warnings.get(id_)
        if event is None:
            event = dict(found(log.ledger().entries, id_).event)
        story = asyncio.run(chain(session.kafka.split(","), session.security, event, log))
    if as_json:
        emit(story)
        return
    from rich.console import Group

    from megdt_stream.console.explained import render
    from megdt_stream.console.words import choose

    out(Group(*render(story, choose(lang).lang)))
