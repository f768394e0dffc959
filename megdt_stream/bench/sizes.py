"""Cost of an event by the number of trainees whose twins the store holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, Final

from megdt_stream.bench import machine
from megdt_stream.bench.loading import evidence_entries, load
from megdt_stream.bench.processes import Measured, measure, medians, new_group
from megdt_stream.bench.variants import Run
from megdt_stream.bench.workload import YEAR_MS, Log, Year
from megdt_stream.local import open_stack
from megdt_stream.runtime import admin
from megdt_stream.seed_files import load_reference

Progress = Callable[[str], None]

_NEVER_MS: Final = 30 * YEAR_MS
"""Nothing falls due in the measured years: how many warnings an event causes depends on events per trainee."""

SIZES: Final = (1_000, 20_000, 200_000)


def scale(
    progress: Progress,
    events: int = 120_000,
    sizes: Sequence[int] = SIZES,
    partitions: int = 8,
    rounds: int = 2,
) -> dict[str, Any]:
    """Measure wall and processor time (µs) of an event at several numbers of trainees, same events per run.

    `trainees`: a worker that has folded an opening of two events per trainee goes on with a year, then with the next,
    one a round: every twin exists, in the store and, as far as the default cache reaches, in memory. `cold`: a fresh
    worker resumes on that store with nothing in memory and pays for loading each twin at its first event. The rule is
    evaluated throughout, but nothing falls due. Raises MegdtError, LocalStackError.
    """
    with ExitStack() as running:
        # One broker, store and worker for each size, so that rounds go from size to size.
        worlds = [_World(running, size, partitions, progress) for size in sizes]
        for world in worlds:
            world.open()
        for _ in range(rounds):
            for world in worlds:
                world.year(events)
        for world in worlds:
            world.cold(events)
    found = {str(world.size): medians(world.found) for world in worlds}
    cold = {str(world.size): world.resumed for world in worlds}
    return {
        "trainees": _pick(found, "wall_us_per_event"),
        "spread": _spread(_pick(found, "wall_us_per_event")),
        "cpu": _pick(found, "cpu_us_per_event"),
        "cpu_spread": _spread(_pick(found, "cpu_us_per_event")),
        "cold": _pick(cold, "wall_us_per_event"),
        "cold_cpu": _pick(cold, "cpu_us_per_event"),
        "runs": found,
        "events": events,
        "partitions": partitions,
        "machine": machine.describe(),
    }


def _pick(found: dict[str, dict[str, Any]], name: str) -> dict[str, float]:
    return {size: figures[name] for size, figures in found.items()}


def _spread(values: dict[str, float]) -> float:
    return round(max(values.values()) / min(values.values()) - 1, 3)


class _World:
    """A broker, a store and a worker with so many trainees."""

    def __init__(self, running: ExitStack, size: int, partitions: int, progress: Progress) -> None:
        self.size = size
        self.found: list[dict[str, Any]] = []
        self.resumed: dict[str, Any] = {}
        self._running = running
        self._stack = running.enter_context(open_stack())
        self._partitions = partitions
        self._progress = progress
        self._log = Log(partitions, load_reference())
        self._year = Year(size, stay_ms=_NEVER_MS)
        self._worker: Measured | None = None

    def open(self) -> None:
        """Write the opening and let a worker fold it."""
        self._progress(f"{self.size:,} trainees: writing and folding {2 * self.size:,} events")
        admin.create_topics(self._stack.kafka, self._partitions)
        self._worker = self._running.enter_context(Measured(self._run(self._load(self._year.opening()))))
        self._worker.first()

    def year(self, events: int) -> None:
        """Measure the worker on another year."""
        if self._worker is None:
            raise RuntimeError("open first")
        self.found.append(self._worker.next(self._next_year(events)))
        self._say(f"round {len(self.found)}", self.found[-1])

    def cold(self, events: int) -> None:
        """End the worker and measure a fresh one that resumes on its store."""
        if self._worker is not None:
            self._worker.__exit__()
        self.resumed = measure(self._run(self._next_year(events)))
        self._say("resumed cold", self.resumed)

    def _next_year(self, events: int) -> int:
        self._year.start = self._log.latest
        return self._load(self._year.happenings(events))

    def _load(self, happenings: Iterator[Any]) -> int:
        return load(self._stack.kafka, evidence_entries(self._log.arrivals(happenings)))

    def _run(self, records: int) -> Run:
        stack = self._stack
        return Run("ours", stack.kafka, stack.redis, self._partitions, new_group("scale"), records)

    def _say(self, what: str, found: dict[str, Any]) -> None:
        figures = f"{found['wall_us_per_event']:.1f} µs, {found['cpu_us_per_event']:.1f} µs of processor time"
        self._progress(f"{self.size:,} trainees, {what}: {figures} an event")
