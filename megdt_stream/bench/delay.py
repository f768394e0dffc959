"""Latency from an event on an input topic to the alert it causes, as a subscriber of the alerts sees it."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from megdt_stream.bench import machine
from megdt_stream.bench.probe import Plan
from megdt_stream.bench.processes import environment, spawn
from megdt_stream.local import Stack, open_stack
from megdt_stream.runtime import admin

Progress = Callable[[str], None]


def latency(
    progress: Progress,
    rate: int = 1_000,
    seconds: float = 20.0,
    warm: float = 5.0,
    share: float = 0.25,
    trainees: int = 20_000,
    partitions: int = 8,
) -> dict[str, Any]:
    """Measure one worker with default settings at a steady rate; `share` of the events closes a warning each.

    The clock runs from just before an event is handed to the producer to the moment a plain consumer of the alert
    topic has the notice. The first `warm` seconds do not count. Raises MegdtError, LocalStackError.
    """
    with open_stack() as stack:
        admin.create_topics(stack.kafka, partitions)
        with _worker(stack):
            progress(f"{rate:,} events/s for {seconds:g} s, {share:.0%} of them cause an alert")
            plan = Plan(stack.kafka, partitions, rate, seconds, warm, share, trainees)
            found = spawn([sys.executable, "-m", "megdt_stream.bench.probe"], msgspec.json.encode(plan))
    progress(f"p50 {found['p50_ms']} ms, p99 {found['p99_ms']} ms over {found['alerts']:,} alerts")
    return {**found, "seconds": seconds, "share": share, "partitions": partitions, "machine": machine.describe()}


@contextmanager
def _worker(stack: Stack) -> Iterator[None]:
    """Run a worker, log to nowhere, drained at the end."""
    with tempfile.TemporaryDirectory(prefix="megdt-bench-") as scratch:
        address = {"MEGDT_KAFKA": stack.kafka, "MEGDT_REDIS": stack.redis, "MEGDT_HTTP_PORT": "0"}
        with Path(scratch, "worker.log").open("wb") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "megdt_stream.bench.worker"],
                env={**environment(scratch), **address},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            yield
        finally:
            worker.terminate()
            try:
                worker.wait(30)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
