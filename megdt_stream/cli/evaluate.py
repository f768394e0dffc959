"""`megdt evaluate`: how good the learning parts are, on data that decides."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from megdt_stream.cli import effects
from megdt_stream.cli import evaluate_rehearsal as rehearsal
from megdt_stream.cli.output import Json, emit, examples, out, say
from megdt_stream.cli.risk import EPILOG, risk

if TYPE_CHECKING:
    from megdt_stream.evaluate.ratings import Ratings
    from megdt_stream.evaluate.severity import RaterSeverity, Report

_SAY_SECONDS: Final = 2.0
_EXTREME: Final = 10
_Z95: Final = 1.96


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="See how good severities, estimates and predictions are.")
    group.command(
        "severity",
        epilog=examples(
            "megdt evaluate severity ratings.csv",
            "megdt evaluate severity ratings.csv --json > severity.json",
            "megdt evaluate severity - < ratings.csv",
        ),
    )(severity)
    group.command("twin", epilog=examples("megdt evaluate twin", "megdt evaluate twin --seeds 20 --json > twin.json"))(
        twin
    )
    group.command("risk", epilog=EPILOG)(risk)
    group.command(
        "warnings",
        epilog=examples(
            "megdt evaluate warnings --trainees 200 --seed 2",
            "megdt evaluate warnings --trainees 100 --json > warnings.json",
        ),
    )(warnings)
    rehearsal.add(group)
    effects.register(group)
    group.callback()(_evaluate)
    app.add_typer(group, name="evaluate", rich_help_panel="See it work")


def _evaluate() -> None:
    """See how good severities, estimates and predictions are."""


def severity(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE.csv|-",
            help="CSV in UTF-8 with a header: rater, subject, score, and if you have them item, time "
            "(RFC 3339, ISO dates or numbers). Other columns are ignored.",
        ),
    ],
    as_json: Json = False,
) -> None:
    """Learn how severe each rater is from a file of ratings, and how well that predicts the next rating.

    Severity is in points of the score: positive means strict, this rater scores lower than others would; negative
    means lenient. A subject's level and an item's ease are taken off first, as far as they are known, so nobody counts
    as strict for having seen weak subjects.

    Ratings are taken in the order of their time, or of the file where there is no column time. Each is predicted from
    those before it; the RMSE is over the last half. Rows without a score are skipped and counted.
    """
    from megdt_stream.evaluate.severity import evaluate

    report = evaluate(_ratings(file), _saying("ratings learnt"))
    if report.skipped:
        say(f"{report.skipped:,} {'row' if report.skipped == 1 else 'rows'} without a score skipped")
    if as_json:
        emit(report.to_json())
    else:
        _show(report)


def _ratings(file: str) -> Ratings:
    from megdt_stream.evaluate.ratings import read

    try:
        return read(file, _saying("rows read"))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise typer.BadParameter(f"{file} cannot be read: {why}", param_hint="FILE.csv") from error


def _saying(what: str) -> Callable[[int], None]:
    """Say every two seconds how far the work is."""
    last = [time.monotonic()]

    def tell(done: int) -> None:
        if time.monotonic() - last[0] >= _SAY_SECONDS:
            last[0] = time.monotonic()
            say(f"{done:,} {what}")

    return tell


# --- for people ---


def _show(report: Report) -> None:
    from rich.text import Text

    from megdt_stream.cli.tables import rows

    out(rows(_errors(report)), "", rows(_variances(report)), "", Text(_graph(report)))
    if report.assumed:
        out(Text(f"Cannot be told from this file, so assumed: variance of {', '.join(report.assumed)}."))
    for title, raters in _extremes(report):
        out("", Text(title, style="bold"), rows([_rater(one) for one in raters]))


def _errors(report: Report) -> list[dict[str, Any]]:
    spread = "" if report.rmse_se is None else f" +- {report.rmse_se:.4f}"
    named = {
        "severity learnt online": (report.rmse, spread),
        "z-score per rater": (report.rmse_rater_z, ""),
        "running mean": (report.rmse_mean, ""),
    }
    return [
        {"one step ahead, last half": name, "RMSE": "-" if rmse is None else f"{rmse:.4f}{more}"}
        for name, (rmse, more) in named.items()
    ]


def _variances(report: Report) -> list[dict[str, Any]]:
    parts = report.variance._asdict()
    if report.item is not None:
        parts["item"] = report.item
    total = sum(parts.values())
    return [
        {
            "source": name,
            "variance": f"{value:.4f}",
            "SD": f"{value**0.5:.4f}",
            "share": f"{100 * value / total:.1f} %" if total else "-",
        }
        for name, value in parts.items()
    ]


def _graph(report: Report) -> str:
    ratings = f"{report.n:,} {'rating' if report.n == 1 else 'ratings'}"
    raters = f"{len(report.raters):,} {'rater' if len(report.raters) == 1 else 'raters'}"
    sure = "" if report.exact else " Too large for exact intervals: those below are somewhat too narrow."
    if report.connected_components == 1:
        return f"{ratings} by {raters}, all linked through subjects.{sure}"
    return (
        f"{ratings} by {raters} in {report.connected_components:,} groups that share no subject: "
        f"severities are comparable only inside a group.{sure}"
    )


def _extremes(report: Report) -> list[tuple[str, list[RaterSeverity]]]:
    """Give the most severe and the most lenient raters, nobody twice."""
    ordered = sorted(report.raters, key=lambda one: (-one.severity, one.rater))
    if len(ordered) <= 2 * _EXTREME:
        return [("All raters, the strictest first", ordered)]
    return [("Most severe", ordered[:_EXTREME]), ("Most lenient", ordered[: -_EXTREME - 1 : -1])]


def _rater(one: RaterSeverity) -> dict[str, Any]:
    half = _Z95 * one.sd
    return {
        "rater": one.rater,
        "severity": f"{one.severity:+.3f}",
        "95 % interval": f"{one.severity - half:+.3f} to {one.severity + half:+.3f}",
        "ratings": one.n,
    }


# --- estimates of trainees ---


def twin(
    seeds: Annotated[int, typer.Option(min=1, help="Populations per setting; 20 for a paired comparison.")] = 5,
    as_json: Json = False,
) -> None:
    """Estimate simulated trainees whose levels are known: how often intervals cover, and how large errors are.

    Errors are compared with the best possible by somebody told the true variances (oracle), and with z-scores per
    rater, after 5, 10, 20 and 40 scores; below 1 is better. Takes about 13 s a seed on one core.
    """
    from megdt_stream.evaluate.twin import evaluate

    found = evaluate(seeds, say)
    if as_json:
        emit(found)
    else:
        _show_twin(found)


def _show_twin(found: dict[str, Any]) -> None:
    from megdt_stream.cli.tables import rows

    def ratios(figures: dict[str, Any], name: str) -> str:
        return " ".join(f"{ratio:.3f}" for ratio in figures[name].values())

    table = [
        {
            "setting": name,
            "80 % covers": f"{100 * figures['coverage_80']:.1f} +- {100 * figures['coverage_80_se']:.1f} %",
            "95 % covers": f"{100 * figures['coverage_95']:.1f} +- {100 * figures['coverage_95_se']:.1f} %",
            "RMSE to oracle": ratios(figures, "rmse_ratio_to_oracle"),
            "RMSE to rater z": ratios(figures, "rmse_ratio_to_rater_z"),
            "severity": f"{figures['severity_correlation_ratio']:.3f}",
        }
        for name, figures in found["settings"].items()
    ]
    out(rows(table), _sizes(found))


def _sizes(found: dict[str, Any]) -> str:
    """Word what a residency leaves in the store."""

    def words(sizes: dict[str, Any]) -> str:
        hot = (
            f"{sizes['twin_bytes_median']:,} bytes in the median and {sizes['twin_bytes_p99']:,} at the 99th percentile"
        )
        whole = f"{sizes['twin_total_bytes_median']:,} and {sizes['twin_total_bytes_p99']:,}"
        return f"{hot}, with its archive {whole}; a row of the journal {sizes['journal_bytes_per_row']}"

    memory = found["memory"]
    told = "" if memory is None else f" In the memory of Redis: {words(memory)}."
    return f"A twin after three years: {words(found)}.{told}"


# --- warnings ---


def warnings(
    trainees: Annotated[int, typer.Option(min=30, max=2000, help="Of the hospital, in bases of 14 to 20.")] = 200,
    seed: Annotated[int, typer.Option(help="Of the hospital; equal seeds give equal figures.")] = 1,
    as_json: Json = False,
) -> None:
    """Play a synthetic hospital with problems in it and see which are warned of, how soon, and what was cried in vain.

    Planted: trainees in decline, lapses of conduct, overwork, harsh assessors, a base short of cases, a source that
    goes silent, a form whose marks shift; beside each the nearest case that is none (benign), which has to stay quiet.
    Rules, triage and the cap per reviewer and week are those of a running system. Takes about a third of a second a
    trainee on one core.
    """
    from megdt_stream.evaluate.warnings import evaluate

    found = evaluate(trainees, seed, say)
    if as_json:
        emit(found)
    else:
        _show_warnings(found)


def _show_warnings(found: dict[str, Any]) -> None:
    from megdt_stream.cli.tables import rows

    table = [
        {
            "planted": kind,
            "n": one["n"],
            "warned": one["warned"],
            "right reason": one["right_reason"],
            "median delay": "-" if one["median_delay_days"] is None else f"{one['median_delay_days']:.0f} days",
            "nearest benign warned": f"{found['benign'][kind]['warned']} of {found['benign'][kind]['n']}",
        }
        for kind, one in found["planted"].items()
    ]
    out(
        rows(table),
        f"False warnings: {found['false_per_100_trainee_weeks']:.3f} per 100 trainee-weeks, "
        f"{found['blamed_for_assessor']} warnings would not be there without a harsh assessor. "
        f"Most a reviewer was notified of in a week: {found['per_reviewer_week_max']} (cap {found['cap']}).",
    )
