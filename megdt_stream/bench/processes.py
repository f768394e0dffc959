"""Runs variants one at a time in fresh processes, and cleans broker and store between them."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec
import orjson
import redis
from kafka import KafkaAdminClient, KafkaConsumer
from kafka import TopicPartition as Place

from megdt_stream.bench.variants import Run
from megdt_stream.errors import MegdtError, Unavailable

_LIMIT_SECONDS: Final = 300.0
_REWRITE_SECONDS: Final = 60.0


def new_group(variant: str) -> str:
    """Name a consumer group nobody used: no run waits for a dead member of the one before."""
    return f"bench-{variant.replace('_', '-')}-{uuid.uuid4().hex[:8]}"


class Measured:
    """A process that measures a variant, phase by phase."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._scratch = tempfile.TemporaryDirectory(prefix="megdt-bench-")
        self._log = Path(self._scratch.name, "log")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "megdt_stream.bench.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment(self._scratch.name),
            )

    def first(self) -> dict[str, Any]:
        """Measure the run's own records. Raises MegdtError."""
        return self._ask(msgspec.json.encode(self._run))

    def next(self, records: int) -> dict[str, Any]:
        """Measure records that were written since. Raises MegdtError."""
        return self._ask(str(records).encode())

    def _ask(self, line: bytes) -> dict[str, Any]:
        process = self._process
        # Not answering in time is ended from outside: reading then sees the end of the pipe.
        guard = threading.Timer(_LIMIT_SECONDS, process.kill)
        guard.start()
        try:
            before = _store_seconds(self._run.redis)
            figures = orjson.loads(self._exchange(line))
            spent = _store_seconds(self._run.redis) - before
        finally:
            guard.cancel()
        figures["redis_cpu_us_per_event"] = round(spent / figures["events"] * 1e6, 2)
        return figures

    def _exchange(self, line: bytes) -> bytes:
        process = self._process
        if process.stdin is None or process.stdout is None:
            raise TypeError("a process without pipes cannot be asked")
        try:
            process.stdin.write(line + b"\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except BrokenPipeError:
            answer = b""
        if not answer:
            code, said = process.wait(), self._log.read_text("utf-8", "replace").strip().splitlines() or ["nothing"]
            raise MegdtError(f"a measured process ended with {code}, perhaps after {_LIMIT_SECONDS:g} s: {said[-1]}")
        return answer

    def __enter__(self) -> Measured:
        return self

    def __exit__(self, *_: object) -> None:
        process = self._process
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._scratch.cleanup()


def measure(run: Run) -> dict[str, Any]:
    """Run a variant in a process of its own and give its figures, with the store's share. Raises MegdtError."""
    with Measured(run) as process:
        return process.first()


def spawn(command: Sequence[str], request: bytes) -> dict[str, Any]:
    """Run a process that takes JSON on standard input and answers with it on its last line."""
    with tempfile.TemporaryDirectory(prefix="megdt-bench-") as scratch:
        try:
            ended = subprocess.run(
                command,
                input=request,
                capture_output=True,
                timeout=_LIMIT_SECONDS,
                check=False,
                env=environment(scratch),
            )
        except subprocess.TimeoutExpired as error:
            raise MegdtError(
                f"a measured process took over {_LIMIT_SECONDS:g} s", remedy="take fewer events"
            ) from error
    if ended.returncode != 0:
        said = ended.stderr.decode(errors="replace").strip().splitlines() or ["nothing"]
        raise MegdtError(f"a measured process ended with {ended.returncode}: {said[-1][:500]}")
    answer: dict[str, Any] = orjson.loads(ended.stdout.strip().splitlines()[-1])
    return answer


def environment(scratch: str) -> dict[str, str]:
    """Give a process this one's way of finding the package, its own folder for temporary files, and no settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MEGDT_")}
    root = str(Path(__file__).resolve().parents[2])
    return {**kept, "TMPDIR": scratch, "PYTHONPATH": root, "PYTHONWARNINGS": "ignore"}


def _store_seconds(url: str) -> float:
    try:
        with redis.Redis.from_url(url) as store:
            found: Any = store.info("cpu")
    except redis.RedisError as error:
        raise Unavailable(f"Redis: {error}") from error
    return float(found["used_cpu_user"]) + float(found["used_cpu_sys"])


def flush(url: str) -> None:
    """Empty the store, its append-only file too: a rewrite of what an earlier run left would fall into the next."""
    deadline = time.monotonic() + _REWRITE_SECONDS
    with redis.Redis.from_url(url) as store:
        _wait_for_rewrite(store, deadline)
        store.flushall()
        if _persistence(store)["aof_enabled"]:
            store.bgrewriteaof()
            _wait_for_rewrite(store, deadline)


def _wait_for_rewrite(store: redis.Redis, deadline: float) -> None:
    while (state := _persistence(store))["aof_rewrite_in_progress"] or state.get("aof_rewrite_scheduled"):
        if time.monotonic() > deadline:
            raise MegdtError("Redis does not end its AOF rewrite", remedy="look at its log and disk")
        time.sleep(0.05)


def _persistence(store: redis.Redis) -> Any:
    return store.info("persistence")


def purge(kafka: str, names: Iterable[str]) -> None:
    """Delete all records of topics; offsets go on."""
    consumer, admin = KafkaConsumer(bootstrap_servers=kafka), KafkaAdminClient(bootstrap_servers=kafka)
    try:
        places = [Place(name, number) for name in names for number in consumer.partitions_for_topic(name) or ()]
        ends = {place: end for place, end in consumer.end_offsets(places).items() if end}
        if ends:
            admin.delete_records(ends)
    finally:
        consumer.close()
        admin.close()


def medians(rounds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Give the median of every figure over rounds, and the range of the rates."""
    figures: dict[str, Any] = {name: round(statistics.median(r[name] for r in rounds), 2) for name in rounds[0]}
    rates = [r["events_per_s"] for r in rounds]
    figures["range_events_per_s"] = [min(rates), max(rates)]
    figures["rounds"] = len(rounds)
    return figures
