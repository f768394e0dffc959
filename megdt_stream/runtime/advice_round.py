"""A round of advice that nobody asked for: decided, kept, published, settled. Runs in a process of its own.

A round that is cut off anywhere is gone on with: what was kept is published as it is, without what is on the topic
already. A store that is being filled from the log has to reach the log's end first; what was advised before stands on
the topic, so a replay, a rebuild or a lost store recommends nothing again.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson
import redis

from megdt_stream.evidence import topics
from megdt_stream.evidence.partition import partition_of
from megdt_stream.runtime import kept_advice
from megdt_stream.runtime.kept_advice import Kept
from megdt_stream.runtime.log_producer import Entry, LogProducer
from megdt_stream.runtime.log_reader import open_log
from megdt_stream.runtime.query import Query

if TYPE_CHECKING:
    from megdt_stream.runtime.advice_log import AdviceLog

EXIT_BEHIND: Final = 75
_PATIENCE_SECONDS: Final = 20.0
_LOOK_SECONDS: Final = 0.2
_EQUITY: Final = 0.8
_WEEK_MS: Final = 7 * 86_400_000

Publish = Callable[[Sequence[Mapping[str, Any]]], Awaitable[None]]
"""Puts events on the alerts topic and waits for every acknowledgement."""


class Behind(Exception):
    """The store did not reach the end that the log had when the round began."""


class Plan(NamedTuple):
    """What a round needs to know: servers with their options, its turn (ms), and the most that may wait for answers."""

    brokers: list[str]
    kafka_options: Mapping[str, Any]
    redis: str
    redis_options: Mapping[str, Any]
    turn: int
    most: int
    folder: Path | None


def process(plan: Plan) -> None:
    """Make a round in a process of its own, behind whatever else wants the processor."""
    os.nice(10)
    try:
        asyncio.run(make(plan))
    except Behind:
        sys.exit(EXIT_BEHIND)


async def make(plan: Plan, publish: Publish | None = None) -> list[Mapping[str, Any]]:
    """Make the round of a turn, or go on with the one that was cut off; gives the events that it put on the topic.

    Raises Behind, Unavailable, TopicMissing.
    """
    from megdt_stream.runtime.advice_log import read

    producer = LogProducer(plan.brokers, "megdt-advisor", dict(plan.kafka_options))
    try:
        with redis.Redis.from_url(plan.redis, **plan.redis_options) as client:
            waiting = kept_advice.standing(client).kept
            if waiting is None:
                await _reached_end(plan)
            log = await read(plan.brokers, dict(plan.kafka_options))
            if waiting is None:
                waiting = await _decided(plan, log, client, producer)
            new = [] if waiting is None else [one for one in waiting.events if one["id"] not in log.advice]
            await (publish or _publisher(producer, await _partitions(plan)))(new)
            kept_advice.settle(client, plan.turn if waiting is None else waiting.turn)
            return new
    finally:
        await producer.close()


async def _decided(plan: Plan, log: AdviceLog, client: redis.Redis, producer: LogProducer) -> Kept | None:
    """Decide the round and keep it; None where the turn had its round. What it rests on is put in force before."""
    from megdt_stream.runtime import active_effects
    from megdt_stream.runtime.advisor import advise

    if any((one["data"].get("turn") or 0) >= plan.turn for one in log.advice.values()):
        return None
    with Query(plan.redis, **plan.redis_options) as query:
        now = max((cursor.time for cursor in query.evidence_cursors().values()), default=0)
        room = plan.most - len(log.ledger().open_at(now))
        result = advise(
            query,
            log,
            None if room > 0 else {},
            most=max(1, room),
            equity=_EQUITY,
            seed=plan.turn // _WEEK_MS,
            folder=plan.folder,
            turn=plan.turn,
        )
        await active_effects.put_in_force(producer, query, client, result.snapshot, result.effects)
    return kept_advice.keep(client, Kept(plan.turn, result.events)).kept


async def _reached_end(plan: Plan) -> None:
    """Wait until the store has applied all evidence that is on the log now. Raises Behind."""
    async with open_log(plan.brokers, dict(plan.kafka_options)) as reader:
        ends = {number: end for number, (_, end) in (await reader.bounds(topics.EVIDENCE.name)).items()}
    give_up = time.monotonic() + _PATIENCE_SECONDS
    with Query(plan.redis, **plan.redis_options) as query:
        while any(query.evidence_cursors(len(ends))[number].offset < end for number, end in ends.items()):
            if time.monotonic() > give_up:
                raise Behind
            await asyncio.sleep(_LOOK_SECONDS)


async def _partitions(plan: Plan) -> int:
    async with open_log(plan.brokers, dict(plan.kafka_options)) as reader:
        return len(await reader.bounds(topics.ALERTS.name))


def _publisher(producer: LogProducer, partitions: int) -> Publish:
    async def publish(events: Sequence[Mapping[str, Any]]) -> None:
        wall = int(time.time() * 1000)
        await producer.write(
            [
                Entry(
                    topics.ALERTS.name,
                    partition_of(one["subject"], partitions),
                    one["subject"].encode(),
                    orjson.dumps(one),
                    (),
                    wall,
                )
                for one in events
            ]
        )

    return publish
