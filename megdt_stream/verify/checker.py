"""The check of a running system: read it, then judge it."""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from megdt_stream.verify.judge import judge
from megdt_stream.verify.log import Ends, Log, State
from megdt_stream.verify.names import ALERTS, CONTRIBUTIONS, EVIDENCE, INPUTS, MODELS, REJECTS
from megdt_stream.verify.reference import load_reference
from megdt_stream.verify.report import Report

if TYPE_CHECKING:
    from megdt_stream.verify.kafka_log import KafkaLog
    from megdt_stream.verify.redis_state import Partitions, RedisState

_WORKED: Final = (*INPUTS, EVIDENCE, CONTRIBUTIONS)
_POLL_SECONDS: Final = 0.25


def verify(
    kafka: str,
    redis: str,
    *,
    wait_seconds: float = 0,
    progress: Callable[[str], None] | None = None,
    seeds_dir: Path | None = None,
    kafka_options: Mapping[str, Any] = MappingProxyType({}),
    redis_options: Mapping[str, Any] = MappingProxyType({}),
) -> Report:
    """Check the system behind a Kafka address (host:port, comma separated) and a Redis URL.

    Waits up to `wait_seconds` for everything published so far to be applied and sent. `seeds_dir` is the site's own
    folder of reference data; the options are what the clients need to log in. Raises Unavailable, TopicMissing,
    ConfigError.
    """
    # The judgement is of use without a broker and a store, so their clients are loaded by who wants them.
    from megdt_stream.verify.kafka_log import KafkaLog
    from megdt_stream.verify.redis_state import RedisState

    say = progress if progress is not None else _say_nothing
    reference = load_reference(seeds_dir)
    opened = closing(KafkaLog(kafka, kafka_options)), closing(RedisState(redis, redis_options))
    with opened[0] as source, opened[1] as store, _collector_off():
        log, state = _read(source, store, wait_seconds, say)
        return judge(log, state, reference, say)


@contextmanager
def _collector_off() -> Iterator[None]:
    """Spare the walks over millions of live records that the cycle collector would take again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _read(source: KafkaLog, store: RedisState, wait_seconds: float, say: Callable[[str], None]) -> tuple[Log, State]:
    """Read the store first and the logs after it: they then hold every record that the store has seen.

    Inputs end last, for the same reason: the input of every piece of evidence read is read as well.
    """
    partitions = dict(Counter(short for short, _ in source.ends(_WORKED)))
    start = _await_rest(source, store, partitions, time.monotonic() + wait_seconds, say)
    state = store.read(partitions, say)
    until = source.ends((EVIDENCE, REJECTS, ALERTS, CONTRIBUTIONS, MODELS)) | source.ends(INPUTS)
    return source.read(until, start, say), state


def _await_rest(
    source: KafkaLog, store: RedisState, partitions: Partitions, deadline: float, say: Callable[[str], None]
) -> Ends:
    """Give the ends that the store must have reached: where the logs end at rest, or at the deadline.

    Cursors are read before the outboxes and these before the ends: what an outbox held is evidence again where a
    pseudonym carries its records over, and "reached" then also holds for evidence made of the last input.
    """
    while True:
        cursors = store.cursors(partitions)
        nothing_waits = store.outboxes_empty(partitions)
        ends = source.ends(_WORKED)
        behind = sum(max(end - cursors[place], 0) for place, end in ends.items())
        untold = store.touched(partitions)
        if time.monotonic() >= deadline or (not behind and nothing_waits and not untold):
            return ends
        say(f"waiting for {behind:,} records to be applied, and {untold:,} trainees to tell entity twins")
        time.sleep(_POLL_SECONDS)


def _say_nothing(_: str) -> None:
    """Take progress that nobody wants to see."""
