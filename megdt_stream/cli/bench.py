"""`megdt bench ...`: measurements on this machine, on data of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from megdt_stream.cli.output import Json, console, emit, examples, say


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Measure throughput, cost by size, and latency on this machine.")
    group.command(epilog=examples("megdt bench replay", "megdt bench replay --events 200000 --json"))(replay)
    group.command(epilog=examples("megdt bench scale --json"))(scale)
    group.command(epilog=examples("megdt bench latency --rate 1000 --seconds 20"))(latency)
    group.command(epilog=examples("megdt bench intake", "megdt bench intake --events 20000 --rounds 25 --json"))(intake)
    group.command(epilog=examples("megdt bench rehearse --json", "megdt bench rehearse --no-latency"))(rehearse)
    group.command(epilog=examples("megdt bench risk", "megdt bench risk --json"))(risk)
    app.add_typer(group, name="bench", rich_help_panel="See it work")


Partitions = Annotated[int | None, typer.Option(min=1, max=1000, help="Partitions.", show_default="8")]
Trainees = Annotated[int | None, typer.Option(min=1, help="Trainees in the workload.", show_default="20000")]


def replay(
    events: Annotated[int | None, typer.Option(min=1, help="Events to replay.", show_default="the benchmark's")] = None,
    trainees: Trainees = None,
    partitions: Partitions = None,
    rounds: Annotated[int | None, typer.Option(min=1, help="Repetitions.", show_default="3")] = None,
    as_json: Json = False,
) -> None:
    """Measure how fast history is replayed, beside a stock Faust agent."""
    from megdt_stream import bench

    _run(bench.replay, as_json, events=events, trainees=trainees, partitions=partitions, rounds=rounds)


def scale(
    events: Annotated[
        int | None, typer.Option(min=1, help="Events for each size.", show_default="the benchmark's")
    ] = None,
    partitions: Partitions = None,
    rounds: Annotated[int | None, typer.Option(min=1, help="Repetitions.", show_default="2")] = None,
    as_json: Json = False,
) -> None:
    """Measure how the cost of an event depends on how much is there already."""
    from megdt_stream import bench

    _run(bench.scale, as_json, events=events, partitions=partitions, rounds=rounds)


def latency(
    rate: Annotated[int | None, typer.Option(min=1, help="Events a second.", show_default="1000")] = None,
    seconds: Annotated[float | None, typer.Option(min=1, help="How long to measure.", show_default="20")] = None,
    trainees: Trainees = None,
    partitions: Partitions = None,
    as_json: Json = False,
) -> None:
    """Measure the time from an event's append to its alert at a steady rate."""
    from megdt_stream import bench

    _run(bench.latency, as_json, rate=rate, seconds=seconds, trainees=trainees, partitions=partitions)


def intake(
    events: Annotated[int, typer.Option(min=1, help="Events of a synthetic hospital.")] = 10_000,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds in which both take turns.")] = 15,
    as_json: Json = False,
) -> None:
    """Measure intake's whole decision (parse, check, canonical evidence) beside pydantic's validate_json.

    Microseconds of processor time an event, the median of the rounds. No servers are needed.
    """
    from megdt_stream.bench.intake import intake as measure
    from megdt_stream.cli.tables import facts

    found = measure(say, events=events, rounds=rounds)
    if as_json:
        emit({name: found[name] for name in ("ours_us", "pydantic_us", "ratio")})
    else:
        console().print(facts(found))


def rehearse(
    rounds: Annotated[int, typer.Option(min=1, help="Pairs of latency measurements that take turns.")] = 3,
    with_latency: Annotated[
        bool, typer.Option("--latency/--no-latency", help="Measure what events notice; needs a local broker and store.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Measure a rehearsal: 2,000 trainees, 52 weeks, 200 draws, four schemes, on two processes.

    Time and memory, how many times as long a plain loop of the same model takes, and the p99 latency of alerts while
    rehearsals run to that without (1.10: ten per cent slower).
    """
    from megdt_stream.bench.rehearse import rehearse as measure
    from megdt_stream.cli.tables import facts

    found = measure(say, rounds=rounds, with_latency=with_latency)
    if as_json:
        emit(found)
    else:
        console().print(facts({name: value for name, value in found.items() if name not in ("p99_ms", "machine")}))


def risk(
    persons: Annotated[int, typer.Option(min=100, help="Persons whose features are drawn.")] = 1_000,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds in which all take turns.")] = 7,
    as_json: Json = False,
) -> None:
    """Measure a prediction of risk and a learning step beside River's logistic regression on the same features.

    Microseconds of processor time, the median of the rounds. No servers are needed.
    """
    from megdt_stream.bench.risk import risk as measure
    from megdt_stream.cli.tables import facts

    found = measure(say, persons=persons, rounds=rounds)
    if as_json:
        emit(found)
    else:
        console().print(facts(found))


def _run(measure: Callable[..., dict[str, Any]], as_json: bool, **options: Any) -> None:
    from megdt_stream.cli.tables import facts

    found = measure(say, **{name: value for name, value in options.items() if value is not None})
    if as_json:
        emit(found)
    else:
        console().print(facts(found))
