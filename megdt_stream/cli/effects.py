"""`megdt evaluate effects` and `evaluate loop`: what a treatment did, and how good deciding and learning are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from megdt_stream.cli.output import Json, emit, examples, out, say

if TYPE_CHECKING:
    from megdt_stream.governance.effects.observed import Effect

_DIGITS: Final = 6


def register(group: typer.Typer) -> None:
    """Add the commands to `megdt evaluate`."""
    group.command(
        "effects",
        epilog=examples(
            "megdt evaluate effects courses.csv",
            "megdt evaluate effects courses.csv --estimand ATE --json",
            "megdt evaluate effects 补训.csv --treatment 补训 --outcome 出科成绩",
            "megdt evaluate effects --look-alikes 20",
        ),
    )(effects)
    group.command("loop", epilog=examples("megdt evaluate loop --seeds 500 --json > loop.json"))(loop)


def effects(
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE.csv|-",
            help="CSV in UTF-8 with a header: treatment (0/1, true/false, 是/否), outcome (a number), and covariates"
            " known before the treatment: numbers or words, gaps allowed.",
            show_default=False,
        ),
    ] = None,
    estimand: Annotated[
        str, typer.Option(metavar="ATT|ATE", help="On those treated, or on everybody who can be compared.")
    ] = "ATT",
    treatment: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Name of that column.", show_default="treatment")
    ] = None,
    outcome: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Name of that column.", show_default="outcome")
    ] = None,
    look_alikes: Annotated[
        int | None,
        typer.Option(
            "--look-alikes",
            min=1,
            metavar="SEEDS",
            help="Instead of a file: tables drawn with a known effect; shows bias and coverage.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Estimate what a treatment did, from a table of treatment, outcome and covariates.

    The plain difference of means compares people who were never alike. Here controls unlike anybody treated are set
    aside, the rest is weighted until the covariates balance, and what is left is taken off by regression, both learnt
    out of fold. `overlap` says how far the groups can be compared at all. Right only if the covariates hold what made
    the groups differ: no figure can show that.
    """
    if (file is None) == (look_alikes is None):
        raise typer.BadParameter("name a file, or --look-alikes", param_hint="FILE.csv")
    if look_alikes is not None:
        _look_alikes(look_alikes, as_json)
        return
    found = _estimated(str(file), estimand, treatment, outcome)
    if as_json:
        emit(_to_json(found))
    else:
        _show(found)


def _estimated(file: str, estimand: str, treatment: str | None, outcome: str | None) -> Effect:
    from megdt_stream.evaluate.observations import BadTable, read
    from megdt_stream.governance.effects.observed import TooFew, estimate

    named = {"ATT": "ATT", "ATE": "ATE"}.get(estimand.upper())
    if named is None:
        raise typer.BadParameter(f"{estimand!r} is neither ATT nor ATE", param_hint="--estimand")
    try:
        table = read(file, treatment, outcome)
    except (OSError, BadTable) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise typer.BadParameter(f"{file} cannot be read: {why}", param_hint="FILE.csv") from error
    for note in table.notes:
        say(note)
    if table.skipped:
        say(f"{table.skipped:,} {'row' if table.skipped == 1 else 'rows'} without treatment or outcome skipped")
    if len(table.outcome) > 5_000:
        say(f"{len(table.outcome):,} rows, {table.covariates.shape[1]} covariates: this takes some seconds")
    try:
        return estimate(table.covariates, table.treated, table.outcome, named)  # type: ignore[arg-type]
    except TooFew as error:
        raise typer.BadParameter(f"{file}: {error}", param_hint="FILE.csv") from error


def _to_json(found: Effect) -> dict[str, Any]:
    low, high = found.interval
    return {
        "estimand": found.estimand,
        "estimate": round(found.estimate, _DIGITS),
        "ci_low": round(low, _DIGITS),
        "ci_high": round(high, _DIGITS),
        "n_treated": found.n_treated,
        "n_control": found.n_control,
        "overlap": found.overlap.to_json(),
        "naive_difference": round(found.naive, _DIGITS),
    }


_MEANS: Final = {
    "ATT": "average effect on those who were treated (ATT)",
    "ATE": "average effect on everybody who can be compared (ATE)",
}


def _show(found: Effect) -> None:
    from megdt_stream.cli.tables import facts

    low, high = found.interval
    seen = found.overlap
    shown = {
        "estimand": _MEANS[found.estimand],
        "estimate": f"{found.estimate:,.4g}",
        "95 % interval": f"{low:,.4g} to {high:,.4g}",
        "plain difference of means": f"{found.naive:,.4g}",
        "treated": f"{found.n_treated:,}",
        "controls": f"{found.n_control:,}",
        "overlap": f"{seen.verdict}: {seen.said()}",
        "largest difference of a covariate": f"{seen.before:.2f} SD before, {seen.after:.2f} after weighting",
    }
    out(facts(shown))


def _look_alikes(seeds: int, as_json: bool) -> None:
    from megdt_stream.cli.tables import rows
    from megdt_stream.evaluate.effects import evaluate

    found = evaluate(seeds, say)
    if as_json:
        emit(found)
        return
    out(rows([{"table": name} | {key: f"{value:,.3g}" for key, value in one.items()} for name, one in found.items()]))


def loop(
    seeds: Annotated[int, typer.Option(min=2, help="Simulated years of 400 decisions each.")] = 100,
    as_json: Json = False,
) -> None:
    """Decide, let people accept as they like, and learn the effect: how good is what was learnt, and what it gains.

    Per seed 400 decisions with logged propensities about trainees picked for a low score (which rises by itself) and
    followed by whoever sees a need nobody logged. Errors are beside those of an oracle told the true regressions. A new
    year is then decided by learnt uplift, by risk and at random, at the same capacity.
    """
    from megdt_stream.evaluate.loop import evaluate

    found = evaluate(seeds, say)
    if as_json:
        emit(found.to_json())
        return
    from megdt_stream.cli.tables import facts

    out(facts(found.described()))
