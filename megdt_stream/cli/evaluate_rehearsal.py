"""`megdt evaluate rehearse`: how far rehearsals may be trusted, where the truth is known."""

from __future__ import annotations

from typing import Annotated

import typer

from megdt_stream.cli.output import Json, emit, examples, out, say


def add(group: typer.Typer) -> None:
    """Add the command to `megdt evaluate`."""
    group.command(
        "rehearse",
        epilog=examples("megdt evaluate rehearse", "megdt evaluate rehearse --seeds 10 --worlds 500 --json"),
    )(rehearse)


def rehearse(
    seeds: Annotated[int, typer.Option(min=1, help="Synthetic hospitals of the back-test.")] = 5,
    worlds: Annotated[int, typer.Option(min=2, help="Simulated worlds with known effects.")] = 200,
    as_json: Json = False,
) -> None:
    """Rehearse from a past twin, and score what was foretold; rehearse schemes whose true effects are known.

    Back-test: coverage of 80 and 90 % intervals of levels five months ahead, CRPS beside persistence and the mean
    (below 1 is better). Effects: bias and coverage of 90 % intervals. Takes about 8 s a hospital and 0.3 s a world.
    """
    from megdt_stream.cli.tables import facts, rows
    from megdt_stream.evaluate.rehearsal import evaluate

    found = evaluate(seeds, say, worlds=worlds)
    if as_json:
        emit(found)
        return
    out(facts(found["backtest"]), "", rows([{"scheme": name, **one} for name, one in found["effects"].items()]))
