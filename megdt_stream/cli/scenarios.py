"""`megdt scenarios`: the service that answers requests for rehearsals."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import typer

from megdt_stream.cli.output import DataDir, console, examples, say

if TYPE_CHECKING:
    from megdt_stream.scenario.interventions import Interventions
    from megdt_stream.session import Session


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "scenarios",
        rich_help_panel="Run it",
        epilog=examples(
            "megdt scenarios", "MEGDT_KAFKA=localhost:9092 MEGDT_REDIS=redis://localhost:6379/0 megdt scenarios"
        ),
    )(scenarios)


def scenarios(data_dir: DataDir = None) -> None:
    """Answer requests on megdt.scenarios.v1 until SIGTERM or Ctrl-C; results go to megdt.scenario-results.v1.

    Runs beside workers and reads their store; rehearsals have the lowest priority. Creates its two topics where they
    are missing. A request is a CloudEvent (docs/rehearse.md).
    """
    from megdt_stream.local import ConsoleProgress
    from megdt_stream.runtime import admin
    from megdt_stream.session import open_session

    with open_session(data_dir=data_dir, progress=ConsoleProgress(console(err=True))) as session:
        made = admin.create_services(session.kafka, session.settings.partitions, security=session.security)
        for name in made:
            say(f"created {name}")
        say("waiting for requests on megdt.scenarios.v1")
        asyncio.run(_serve(session))


async def _serve(session: Session) -> None:
    from megdt_stream.cli.rehearse import read_world
    from megdt_stream.runtime import active_effects
    from megdt_stream.runtime.rehearsing import yield_to_events
    from megdt_stream.runtime.scenarios import serve
    from megdt_stream.seed_files import load_interventions

    yield_to_events()  # now that the session stands: a broker and a worker that it started must not inherit it
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    known = load_interventions(session.settings.seeds_dir)

    def believe(known: Interventions) -> tuple[Interventions, str | None]:
        with session.query() as query:
            found, version, degraded = active_effects.believed(query, known)
        if degraded is not None:
            say(degraded)
        return found, version

    await serve(
        session.settings.brokers,
        session.security,
        lambda weeks: read_world(session, known, weeks, None),
        known,
        stop,
        believe,
    )
