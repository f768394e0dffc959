"""`megdt evaluate risk`: how good risks are on data in OULAD's format."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from megdt_stream.cli.output import Json, emit, examples, out, say

EPILOG: Final = examples(
    "megdt evaluate risk --train oulad --test oulad --train-presentations 2013B --test-presentations 2013J",
    "megdt evaluate risk --train oulad-2013 --test oulad-2014 --modules BBB,DDD --json > risk.json",
    "megdt evaluate risk --train oulad-2013 --test oulad-2014 --write docs/models",
)
_SAY_SECONDS: Final = 2.0
_COLUMNS: Final = {
    "auc": "AUC",
    "brier": "Brier",
    "p_at_10": "P@10 %",
    "calibration_slope": "slope",
    "calibration_intercept": "intercept",
    "intercept_slope_fixed": "intercept, slope 1",
    "coverage_80": "80 % covers",
    "recall_gap": "recall gap",
}


def risk(
    train: Annotated[Path, typer.Option(metavar="DIR", help="Directory with the OULAD tables to learn from.")],
    test: Annotated[Path, typer.Option(metavar="DIR", help="Directory with the tables to predict; may be the same.")],
    modules: Annotated[str, typer.Option(metavar="A,B", help="Only these modules; all without it.")] = "",
    train_presentations: Annotated[
        str, typer.Option(metavar="P,..", help="Such as 2013B. All of the directory that do not test.")
    ] = "",
    test_presentations: Annotated[
        str, typer.Option(metavar="P,..", help="All of the directory; the latest where both directories are the same.")
    ] = "",
    write: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Also write the models' credibility files there.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Predict who fails or withdraws, through the system's own features, labels and models.

    Tables are played as evidence in the order in which it became available; features are cut from twins each week and
    at days 30, 60, 90 and 120 of everybody still registered. The training presentations are learnt whole; then the
    test presentations are predicted, by the model as it was at their start (frozen) and by one that goes on learning.
    Outcomes are learnt when their presentation closes, since early ones are not like late ones.

    intercept and slope of a good calibration are 0 and 1; "80 % covers" is the share of module-by-decile groups whose
    observed rate lies in the stated interval; the recall gap is the largest difference between two groups of gender,
    age, disability or area when the top tenth is helped. Takes about a minute for ten thousand students.
    """
    from megdt_stream.evaluate.risk.choice import choose, chosen
    from megdt_stream.evaluate.risk.play import play
    from megdt_stream.evaluate.risk.report import evaluate
    from megdt_stream.seed_files import load_reference

    try:
        choice = choose(train, test, _split(modules), _split(train_presentations), _split(test_presentations))
        parts = [chosen(train, choice.train, choice.modules), chosen(test, choice.test, choice.modules)]
        if not all(part.courses for part in parts):
            raise ValueError(f"no presentation of {modules} to both train and test on")
        say(f"training on {', '.join(choice.train)}, testing on {', '.join(choice.test)}")
        played = play(parts, load_reference(), _saying())
    except (OSError, ValueError, KeyError) as error:
        raise typer.BadParameter(f"the tables cannot be played: {error}", param_hint="--train/--test") from error
    found, said = evaluate(played, choice.train, say)
    if write is not None:
        from megdt_stream.evaluate.risk.credibility import write_all

        for path in write_all(write, choice, found, said):
            say(f"wrote {path}")
    if as_json:
        emit({"days": found})
    else:
        _show(found)


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _saying() -> Callable[[int], None]:
    last = [time.monotonic()]

    def tell(done: int) -> None:
        if time.monotonic() - last[0] >= _SAY_SECONDS:
            last[0] = time.monotonic()
            say(f"{done:,} events played")

    return tell


def _show(found: dict[str, Any]) -> None:
    from megdt_stream.cli.tables import rows

    table = []
    for day, one in found.items():
        for name in ("frozen", "learning"):
            figures = one[name] or {}
            table.append(
                {"day": day, "n": f"{one['n']:,}", "adverse": _number(one["prevalence"], 3), "model": name}
                | {title: _number(figures.get(key)) for key, title in _COLUMNS.items()}
            )
    out(rows(table))


def _number(value: float | None, places: int = 4) -> str:
    return "-" if value is None else f"{value:.{places}f}"
