"""Training: the severities of assessors, learnt from the evidence log up to a cut. Runs in a process of its own.

The cut is the first tick of each partition that reaches a given moment. So what is learnt is a function of the log: a
run that is killed anywhere is simply done again, and ends with the same version.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import redis

from megdt_stream import mirror
from megdt_stream.driver.partitions import Shard
from megdt_stream.evidence import topics
from megdt_stream.evidence.record import Assessment, Carried, Identity, Retraction, Tick
from megdt_stream.evidence.times import DAY_MS
from megdt_stream.governance.overdue import OverdueRule
from megdt_stream.mirror import Record
from megdt_stream.runtime import models
from megdt_stream.runtime.log_producer import LogProducer
from megdt_stream.runtime.log_reader import LogReader, open_log
from megdt_stream.runtime.query import Stored
from megdt_stream.runtime.severity_parts import KIND, as_parts
from megdt_stream.seed_files import load_rule
from megdt_stream.twin.entities.persons import persons

_TAUGHT_BY: Final = (Assessment, Identity, Retraction, Carried)
_EVIDENCE: Final = topics.EVIDENCE.name


class NoCut(Exception):
    """A partition has no tick that reaches the moment yet."""


class Plan(NamedTuple):
    """What a training needs to know: servers with their options, and the moment up to which to learn (ms)."""

    brokers: list[str]
    kafka_options: Mapping[str, Any]
    redis: str
    redis_options: Mapping[str, Any]
    until: int


def version_of(until: int) -> str:
    """Name the version that is learnt up to a moment (ms)."""
    rest = until % DAY_MS
    return f"s1-{datetime.fromtimestamp(until // 1000, UTC):%Y-%m-%d}" + (f".{rest}" if rest else "")


def process(plan: Plan) -> None:
    """Train in a process of its own, behind whatever else wants the processor."""
    os.nice(10)
    asyncio.run(train(plan))


async def train(plan: Plan) -> str | None:
    """Learn, publish, keep the copy, activate; gives the version, None where there is nothing to learn from.

    Raises NoCut, Unavailable.
    """
    # Here, since numerical libraries take a while to load.
    from megdt_stream.runtime import severities

    options = dict(plan.kafka_options)
    async with open_log(plan.brokers, options) as reader:
        partitions = len(await reader.bounds(_EVIDENCE))
        found = await cut_twins(reader, plan.until)
    known = persons({one.trainee: one.twin.head for one in found if one.twin.head is not None})
    version = version_of(plan.until)
    parts = as_parts(list(severities.snapshots(severities.ratings(found), known, version)), known)
    if not parts:
        return None
    producer = LogProducer(plan.brokers, "megdt-trainer", options)
    try:
        await models.publish(producer, partitions, KIND, version, plan.until, parts, _now())
        with redis.Redis.from_url(plan.redis, **plan.redis_options) as client:
            models.keep_copy(client, KIND, version, plan.until, parts)
        await models.activate(producer, partitions, KIND, version, plan.until, _now())
    finally:
        await producer.close()
    return version


def _now() -> int:
    return int(time.time() * 1000)


# --- reading up to the cut ---


async def cut_twins(reader: LogReader, until: int) -> list[Stored]:
    """Fold assessments and links of every partition up to its first tick at or after a moment (ms). Raises NoCut."""
    rule = load_rule()
    found: list[Stored] = []
    for number, (begin, end) in (await reader.bounds(_EVIDENCE)).items():
        shard = Shard(number)
        async for record in _before_cut(reader, number, begin, end, until):
            _take(shard, record, rule)
        found += [Stored(trainee, twin, until) for trainee, twin in sorted(shard.state.twins.items())]
    return found


def _take(shard: Shard, record: Record, rule: OverdueRule) -> None:
    if isinstance(record.fact, _TAUGHT_BY):
        shard.take(record, rule)


async def _before_cut(reader: LogReader, number: int, begin: int, end: int, until: int) -> AsyncIterator[Record]:
    async for polled in reader.read(_EVIDENCE, number, begin, end):
        for record in mirror.read((one.offset, one.value) for one in polled):
            if isinstance(record.fact, Tick) and record.fact.at >= until:
                return
            yield record
    raise NoCut(f"partition {number} has no tick at or after {until}")
