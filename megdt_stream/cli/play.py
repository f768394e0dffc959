"""`megdt demo` and `megdt chaos`: commands that bring their own data and leave none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from megdt_stream.cli.output import Json, Lang, console, emit, examples, say, stdout_aside

if TYPE_CHECKING:
    from megdt_stream.demo import Source

Oulad = Annotated[
    Path | None,
    typer.Option("--oulad", metavar="DIR", help="Folder with the OULAD tables (CSV).", show_default=False),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    panel = "See it work"
    app.command(
        rich_help_panel=panel,
        epilog=examples(
            "megdt demo",
            "megdt demo --trainees 50 --lang zh",
            "megdt demo --oulad ~/oulad --json",
            "megdt demo --loop",
            "megdt demo --loop --trainees 200 --rounds 4 --lang zh",
        ),
    )(demo)
    app.command(
        rich_help_panel=panel,
        epilog=examples("megdt chaos --kills 10 --seed 7", "megdt chaos --oulad ~/oulad --json"),
    )(chaos)


def demo(
    oulad: Oulad = None,
    trainees: Annotated[
        int | None,
        typer.Option(min=1, max=5_000, help="Size of the synthetic hospital.", show_default="200, and 120 with --loop"),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="Length of its year.")] = 365,
    seed: Annotated[int, typer.Option(help="Equal seeds give equal hospitals.")] = 1,
    seconds: Annotated[float, typer.Option(min=0, help="How long the year takes on screen; 0: no pacing.")] = 15.0,
    loop: Annotated[
        bool, typer.Option("--loop", help="Two years, the second with advice that is followed, against none.")
    ] = False,
    rounds: Annotated[int, typer.Option(min=1, max=12, help="Rounds of advice in year two of --loop.")] = 5,
    lang: Lang = None,
    as_json: Json = False,
) -> None:
    """Play a synthetic teaching hospital's year through a system of its own, watch it live, check the end."""
    from rich.console import Console

    from megdt_stream.console.live import LineStage, stage
    from megdt_stream.console.words import choose
    from megdt_stream.demo import Demonstration, run
    from megdt_stream.demo.report import render
    from megdt_stream.local import ConsoleProgress

    words = choose(lang)
    screen: Console = console(err=as_json)
    if loop:
        _loop(oulad, trainees or 120, seed, rounds, words.lang, as_json)
    source = _source(oulad, trainees or 200, days, seed)
    screen.print(f"[bold cyan]MEGDT stream[/] · {source.title}", soft_wrap=True)
    plan = Demonstration(source, 0.0 if oulad else seconds, words, ConsoleProgress(screen))
    with LineStage(screen, words) if as_json else stage(screen, words) as shown:
        outcome = run(plan, shown)
    if as_json:
        emit(outcome.to_dict())
    else:
        screen.print(render(outcome, words))
    raise typer.Exit(0 if outcome.ok else 1)


def _loop(oulad: Path | None, trainees: int, seed: int, rounds: int, lang: str, as_json: bool) -> NoReturn:
    """Close the loop: docs/loop.md."""
    from megdt_stream.demo.loop import LoopPlan, Teller, run
    from megdt_stream.demo.loop.report import render
    from megdt_stream.demo.loop.words import LoopWords
    from megdt_stream.local import ConsoleProgress

    if oulad is not None:
        raise typer.BadParameter(
            "nobody knows what would have been of real trainees: leave out --oulad", param_hint="--loop"
        )
    words, plan = LoopWords(lang), LoopPlan(trainees, seed, rounds)
    say(words("title", trainees=trainees, seed=seed, rounds=rounds))
    with stdout_aside():
        outcome = run(plan, Teller(words, say).tell, ConsoleProgress(console(err=True)))
    if as_json:
        emit(outcome.to_dict())
    else:
        console().print(render(outcome, words))
    raise typer.Exit(0 if outcome.ok else 1)


def _source(oulad: Path | None, trainees: int, days: int, seed: int) -> Source:
    from dataclasses import replace

    from megdt_stream.demo import oulad_source, synthetic_source
    from megdt_stream.errors import ConfigError
    from megdt_stream.synth import HospitalPlan

    if oulad is None:
        plan = HospitalPlan.demo(seed=seed, trainees=trainees)
        return synthetic_source(replace(plan, days=days))
    try:
        return oulad_source(oulad)
    except (OSError, ValueError) as error:
        raise ConfigError(str(error), remedy="name a folder with the OULAD tables") from error


def chaos(
    oulad: Oulad = None,
    kills: Annotated[int, typer.Option(min=0, help="How often something is killed.")] = 10,
    seed: Annotated[int, typer.Option(help="Equal seeds kill the same things at the same points.")] = 1,
    as_json: Json = False,
) -> None:
    """Kill workers, broker and store while events flow, then check that nothing was lost or counted twice."""
    from megdt_stream.chaos import chaos as unleash

    found: dict[str, Any] = unleash(oulad=oulad, kills=kills, seed=seed, progress=say)
    _finish(found, as_json)


def _finish(found: dict[str, Any], as_json: bool) -> None:
    from megdt_stream.cli.tables import facts

    if as_json:
        emit(found)
    else:
        console().print(facts(found))
    raise typer.Exit(0 if found.get("ok", True) else 1)
