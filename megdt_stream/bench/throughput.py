"""Replay throughput, beside stock Faust and beside no Faust, all in one run on one topic."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, Final

import redis

from megdt_stream.bench import machine
from megdt_stream.bench.loading import evidence_entries, input_entries, load
from megdt_stream.bench.processes import flush, measure, medians, new_group, purge
from megdt_stream.bench.variants import Run
from megdt_stream.bench.workload import Log, Year
from megdt_stream.evidence import topics
from megdt_stream.local import Stack, open_stack
from megdt_stream.runtime import admin
from megdt_stream.seed_files import load_reference

Progress = Callable[[str], None]

EVENTS: Final = 200_000
_MOST: Final = {"stock_noop": 100_000, "stock_awaited": 30_000, "end_to_end": 60_000}
"""Slow variants take the beginning of the topic."""
_MIRRORS: Final = ("stock_noop", "ours", "stock_awaited", "plain")
"""In this order, round after round, so that no variant has the quiet minutes to itself."""


def replay(
    progress: Progress, events: int = EVENTS, trainees: int = 20_000, partitions: int = 8, rounds: int = 3
) -> dict[str, Any]:
    """Measure all variants on a temporary broker and store; rates are medians over the rounds.

    Each is timed in a process of its own from the first record delivered to it until all are applied; start-up is
    left out. Raises MegdtError, LocalStackError.
    """
    with open_stack() as stack:
        admin.create_topics(stack.kafka, partitions)
        bench = _Replay(stack, partitions, progress)
        bench.end_to_end(min(events, _MOST["end_to_end"]), trainees, rounds)
        total = bench.fill(events, trainees)
        for number in range(rounds):
            bench.round(total, number)
    figures = {name: medians(found) for name, found in bench.found.items()}
    rate = {name: found["events_per_s"] for name, found in figures.items()}
    return {
        **figures,
        "ratio_to_stock_noop": round(rate["ours"] / rate["stock_noop"], 2),
        "ratio_to_stock_awaited": round(rate["ours"] / rate["stock_awaited"], 2),
        "ratio_to_plain": round(rate["ours"] / rate["plain"], 2),
        **bench.twins,
        "records": total,
        "trainees": trainees,
        "partitions": partitions,
        "machine": machine.describe(),
    }


class _Replay:
    """One broker and store, and what was measured there."""

    def __init__(self, stack: Stack, partitions: int, progress: Progress) -> None:
        self._stack = stack
        self._partitions = partitions
        self._progress = progress
        self.found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.twins: dict[str, float] = {}

    def fill(self, events: int, trainees: int) -> int:
        """Write the simulated year to the evidence topic; give the number of records, ticks included."""
        self._progress(f"writing a year of {events:,} events of {trainees:,} trainees as evidence")
        log = Log(self._partitions, load_reference())
        return load(self._stack.kafka, evidence_entries(log.arrivals(Year(trainees).happenings(events))))

    def end_to_end(self, events: int, trainees: int, rounds: int) -> None:
        """Measure intake and mirror together; leaves no evidence behind."""
        self._progress(f"writing {events:,} events to the input topics")
        load(self._stack.kafka, input_entries(Year(trainees).happenings(events), self._partitions))
        for number in range(rounds):
            self._measure("end_to_end", events, number)
            purge(self._stack.kafka, [topics.EVIDENCE.name])
        purge(self._stack.kafka, [topic.name for topic in topics.INPUTS])

    def round(self, total: int, number: int) -> None:
        """Measure every variant that reads evidence once."""
        for variant in _MIRRORS:
            self._measure(variant, min(total, _MOST.get(variant, total)), number)
            if variant == "ours":
                self.twins = _twins(self._stack.redis)

    def _measure(self, variant: str, records: int, number: int) -> None:
        stack = self._stack
        # Every run finds the same: no twins, and no alerts that a replay would have to recognise as sent.
        flush(stack.redis)
        purge(stack.kafka, [topics.ALERTS.name])
        run = Run(variant, stack.kafka, stack.redis, self._partitions, new_group(variant), records)
        found = measure(run)
        self.found[variant].append(found)
        self._progress(f"round {number + 1}: {variant} {found['events_per_s']:,.0f} events/s")


def _twins(url: str) -> dict[str, float]:
    """Weigh the twins' own hashes and their journals' in the store, by a sample of each."""
    with redis.Redis.from_url(url) as store:
        twins = list(store.scan_iter("megdt:*:t:*", count=10_000))
        own = _weight(store, twins)
        journal = _weight(store, list(store.scan_iter("megdt:*:j:*", count=10_000)))
    return {
        "twins": len(twins),
        "bytes_per_twin": round((own + journal) / len(twins)),
        "bytes_per_twin_without_journal": round(own / len(twins)),
    }


def _weight(store: redis.Redis, names: list[bytes]) -> float:
    sample = names[:: max(1, len(names) // 2_000)]
    weights: Any = [store.memory_usage(name) for name in sample]
    return float(sum(weights)) * len(names) / len(sample)
