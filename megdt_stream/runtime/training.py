"""Training: severities of assessors and risks, learnt from the evidence log up to a cut. Runs in a process of its own.

The cut is the first tick of each partition that reaches a given moment. So what is learnt is a function of the log: a
run that is killed anywhere is simply done again, and ends with the same version.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import redis

from megdt_stream import mirror
from megdt_stream.driver.partitions import Shard
from megdt_stream.driver.weeks import Weeks
from megdt_stream.evidence import topics
from megdt_stream.evidence.record import Assessment, Carried, Identity, Retraction, Tick
from megdt_stream.evidence.times import DAY_MS
from megdt_stream.governance.overdue import OverdueRule
from megdt_stream.mirror import Record
from megdt_stream.runtime import active_risk, models
from megdt_stream.runtime.log_producer import LogProducer
from megdt_stream.runtime.log_reader import LogReader, open_log
from megdt_stream.runtime.query import Stored
from megdt_stream.runtime.severity_parts import KIND, as_parts
from megdt_stream.seed_files import load_library, load_rule
from megdt_stream.twin.entities.persons import persons

if TYPE_CHECKING:
    from megdt_stream.calibration.risk.gathering import Gathering

KINDS: Final = (KIND, active_risk.KIND)
"""What a training learns: each kind is published and put in force by itself."""
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


class Cut(NamedTuple):
    """What the log holds up to a cut: everybody's assessments, and the weeks of each partition."""

    twins: list[Stored]
    gathered: list[Gathering]


def version_of(until: int, scheme: str = "s1") -> str:
    """Name the version that is learnt up to a moment (ms); `scheme` is `s1` for severity, `r1` for risk."""
    rest = until % DAY_MS
    return f"{scheme}-{datetime.fromtimestamp(until // 1000, UTC):%Y-%m-%d}" + (f".{rest}" if rest else "")


def process(plan: Plan) -> None:
    """Train in a process of its own, behind whatever else wants the processor."""
    os.nice(10)
    asyncio.run(train(plan))


async def train(plan: Plan) -> list[str]:
    """Learn, publish, keep the copies, activate; gives the versions. Raises NoCut, Unavailable."""
    options = dict(plan.kafka_options)
    async with open_log(plan.brokers, options) as reader:
        partitions = len(await reader.bounds(_EVIDENCE))
        found = await read_cut(reader, plan.until)
    producer, versions = LogProducer(plan.brokers, "megdt-trainer", options), []
    try:
        with redis.Redis.from_url(plan.redis, **plan.redis_options) as client:
            for kind, version, parts in _learnt(found, plan.until):
                await models.publish(producer, partitions, kind, version, plan.until, parts, _now())
                models.keep_copy(client, kind, version, plan.until, parts)
                await models.activate(producer, partitions, kind, version, plan.until, _now())
                versions.append(version)
    finally:
        await producer.close()
    return versions


def _learnt(found: Cut, until: int) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give kind, version and parts of what can be learnt; lazy, so that the first is in force whatever the next does.

    Severity is left out where nothing was rated; a risk there always is, before any outcome its prior.
    """
    # Here, since numerical libraries take a while to load.
    from megdt_stream.calibration.risk.gathering import document, learn

    version = version_of(until)
    parts = _severities(found.twins, version)
    if parts:
        yield KIND, version, parts
    yield active_risk.KIND, version_of(until, "r1"), document(learn(found.gathered))


def _severities(found: list[Stored], version: str) -> dict[str, Any]:
    from megdt_stream.runtime import severities

    known = persons({one.trainee: one.twin.head for one in found if one.twin.head is not None})
    return as_parts(list(severities.snapshots(severities.ratings(found), known, version)), known)


def _now() -> int:
    return int(time.time() * 1000)


# --- reading up to the cut ---


async def read_cut(reader: LogReader, until: int) -> Cut:
    """Read every partition up to its first tick at or after a moment (ms). Raises NoCut.

    For severity assessments and links are folded, for risk all that it follows from, week by week.
    """
    from megdt_stream.calibration.risk.gathering import Gathering
    from megdt_stream.calibration.risk.outcomes import Adverse

    rule, adverse = load_rule(), Adverse.of(load_library().outcomes)
    found = Cut([], [])
    for number, (begin, end) in (await reader.bounds(_EVIDENCE)).items():
        shard, gathering = Shard(number), Gathering(adverse)
        weeks = Weeks(number, rule, gathering.week)
        async for record in _before_cut(reader, number, begin, end, until):
            _take(shard, record, rule)
            weeks.take(record)
        weeks.reach(until)
        found.twins.extend(Stored(trainee, twin, until) for trainee, twin in sorted(shard.state.twins.items()))
        found.gathered.append(gathering)
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
