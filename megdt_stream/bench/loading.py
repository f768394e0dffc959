"""Fills topics in bulk before a run: whole batches, generated in chunks, so that neither side holds the year in
memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from megdt_stream.bench.workload import Arrival, Happening, as_event
from megdt_stream.evidence import topics
from megdt_stream.evidence.partition import partition_of
from megdt_stream.runtime.log_producer import Entry, LogProducer

_CHUNK: Final = 20_000


def load(kafka: str, entries: Iterable[Entry]) -> int:
    """Write all entries and give their number. Raises Unavailable."""
    return asyncio.run(_load(kafka, iter(entries)))


async def _load(kafka: str, entries: Iterator[Entry]) -> int:
    producer = LogProducer(kafka.split(","), "megdt-bench", {})
    written = 0
    try:
        while chunk := list(islice(entries, _CHUNK)):
            await producer.write(chunk)
            written += len(chunk)
    finally:
        await producer.close()
    return written


def evidence_entries(arrivals: Iterable[Arrival]) -> Iterator[Entry]:
    """Address records to the evidence topic."""
    now = int(time.time() * 1000)
    for arrival in arrivals:
        yield Entry(topics.EVIDENCE.name, arrival.partition, arrival.key, arrival.value, (), now)


def input_entries(happenings: Iterable[Happening], partitions: int) -> Iterator[Entry]:
    """Address events to their input topics, keyed by trainee."""
    for happening in happenings:
        number = partition_of(happening.trainee, partitions)
        yield Entry(
            happening.topic.name, number, happening.trainee.encode(), as_event(happening), (), happening.available
        )
