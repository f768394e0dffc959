"""The systems that are measured against each other, each for a process of its own."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final

import faust
import msgspec
import redis.asyncio as aioredis
from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as Place

from megdt_stream.bench.meter import Span
from megdt_stream.evidence import topics
from megdt_stream.runtime import admin
from megdt_stream.runtime import app as composition
from megdt_stream.runtime.app import Worker
from megdt_stream.runtime.claims import Batch, Claim, TopicPartition
from megdt_stream.runtime.settings import Settings, load
from megdt_stream.runtime.store import Taken


class Run(msgspec.Struct, frozen=True):
    """What a process is to measure. `records`: how many end the run. `warm`, `ends`: offsets by partition, for a
    window."""

    variant: str
    kafka: str
    redis: str
    partitions: int
    group: str
    records: int


# --- stock Faust -------------------------------------------------------------------------------------------


def _stock_app(run: Run) -> faust.App:
    """Make an app as a user of Faust would, down to its ordinary transport and acknowledgements."""
    return faust.App(
        run.group,
        broker=f"kafka://{run.kafka}",
        store="memory://",
        datadir=tempfile.mkdtemp(),
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
    )


async def _stock(run: Run, handle: Callable[[Any], Awaitable[None]] | None) -> Span:
    app, span = _stock_app(run), Span(run.records)
    evidence = app.topic(topics.EVIDENCE.name, key_serializer="raw", value_serializer="json")

    @app.agent(evidence)
    async def _agent(stream: Any) -> None:
        async for value in stream:
            span.begin()
            if handle is not None:
                await handle(value)
            span.applied(0, 0, 1)

    await app.start()
    await span.finished.wait()
    return span


async def stock_noop(run: Run) -> Span:
    """Run an agent that does nothing with its JSON events."""
    return await _stock(run, None)


async def stock_awaited(run: Run) -> Span:
    """Run an agent that reads and writes one Redis key an event, waiting for both: the least a stateful one does."""
    client = aioredis.Redis.from_url(run.redis)

    async def handle(value: Any) -> None:
        key = f"twin:{value.get('trainee', 'tick')}"
        known = await client.get(key)
        await client.set(key, int(known or 0) + 1)

    return await _stock(run, handle)


# --- ours --------------------------------------------------------------------------------------------------


def _settings(run: Run) -> Settings:
    """Default settings, with the events' own clock: the simulated year must not be overdue at its first tick."""
    return load(
        ("kafka", "redis"),
        kafka=run.kafka,
        redis=run.redis,
        group=run.group,
        http_port=0,
        log_level="WARNING",
        clock="event",
        tick_seconds=1.0,
        train_days=0,
        # A closed gate is no stall.
        max_poll_interval_seconds=900.0,
        stall_seconds=900.0,
    )


def build_worker(settings: Settings, partitions: int) -> Worker:
    """Make the parts of a real worker, as its composition root does."""
    ids = admin.topic_ids(settings.kafka, [topic.name for topic in topics.WORKED])
    return composition.build(settings, composition._redis(settings), ids, partitions)


def metered(worker: Worker, first: int, span: Span) -> None:
    """Let a span begin with the first batch of a stage, and count every evidence batch that is applied."""
    stage = worker.stages[first]
    work, applied = stage._work, worker.watch.applied

    async def gated(batch: Batch) -> None:
        await span.gate.wait()
        span.begin()
        await work(batch)

    def noted(claim: Claim, end: int, appended: int, n: int) -> None:
        applied(claim, end, appended, n)
        if claim.tp.topic == topics.EVIDENCE.name:
            span.applied(claim.tp.partition, end, n)

    stage._work = gated
    worker.watch.applied = noted  # type: ignore[method-assign]


async def _live(worker: Worker, span: Span) -> None:
    """Let a worker live until the span has seen all; an early end is an error."""
    life = asyncio.create_task(composition._live(worker))
    seen = asyncio.create_task(span.finished.wait())
    await asyncio.wait([life, seen], return_when=asyncio.FIRST_COMPLETED)
    if life.done():
        raise RuntimeError(f"the worker ended early: {life.exception() or life.result()}")


async def ours(run: Run) -> Span:
    """Run a real worker on a full evidence topic; its intake has nothing to do."""
    span = Span(run.records)
    worker = build_worker(_settings(run), run.partitions)
    metered(worker, 1, span)
    await _live(worker, span)
    return span


class _WithoutTicks(Span):
    """Counts what came from the inputs: the worker's own ticks, noted by the end of their batch, are no events."""

    def __init__(self, total: int) -> None:
        super().__init__(total)
        self.ticks: Counter[tuple[int, int]] = Counter()

    def applied(self, partition: int, end: int, n: int) -> None:
        super().applied(partition, end, n - self.ticks.pop((partition, end), 0))


async def end_to_end(run: Run) -> Span:
    """Run a real worker on full input topics: from the first event that intake gets until all are in twins."""
    span = _WithoutTicks(run.records)
    worker = build_worker(_settings(run), run.partitions)
    metered(worker, 0, span)
    mirror = worker.stages[1]
    work = mirror._work

    async def counted(batch: Batch) -> None:
        span.ticks[batch.tp.partition, batch.end] = sum(record.key is None for record in batch.records)
        await work(batch)

    mirror._work = counted
    await _live(worker, span)
    return span


# --- the same step without Faust ---------------------------------------------------------------------------


async def plain(run: Run) -> Span:
    """Run the mirror's stage on aiokafka's own consumer: what Faust and our transport cost."""
    span = Span(run.records)
    settings = _settings(run)
    worker = build_worker(settings, run.partitions)
    metered(worker, 1, span)
    composition._settle_memory()
    relay = asyncio.create_task(worker.relay.run())
    consumer = AIOKafkaConsumer(bootstrap_servers=run.kafka, auto_offset_reset="earliest")
    await consumer.start()
    places = [Place(topics.EVIDENCE.name, number) for number in range(run.partitions)]
    consumer.assign(places)
    claims = {place: await _claim(worker, place) for place in places}
    await _consume(consumer, claims, worker.stages[1]._work, settings.max_poll_records, span)
    if relay.done():
        relay.result()
    return span


async def _consume(
    consumer: AIOKafkaConsumer,
    claims: dict[Place, Claim],
    work: Callable[[Batch], Awaitable[None]],
    most: int,
    span: Span,
) -> None:
    """Give each partition its next batch as soon as it is through with the last; partitions overlap."""
    busy: dict[Place, asyncio.Task[None]] = {}
    while not span.finished.is_set():
        idle = [place for place in claims if place not in busy]
        fetched = await consumer.getmany(*idle, timeout_ms=20, max_records=most) if idle else {}
        for place, records in fetched.items():
            claim = claims[place]
            batch = Batch(claim, claim.next, records[-1].offset + 1, records)
            claim.next = batch.end
            busy[place] = asyncio.ensure_future(work(batch))
        if busy and len(busy) == len(claims):
            await asyncio.wait(busy.values(), return_when=asyncio.FIRST_COMPLETED)
        for place in [place for place, task in busy.items() if task.done()]:
            busy.pop(place).result()


async def _claim(worker: Worker, place: Place) -> Claim:
    ids = worker.app.wiring.topic_ids
    taken = await worker.store.take(place.topic, place.partition, 1, (0, 0), ids[place.topic])
    if not isinstance(taken, Taken):
        raise TypeError(f"{place.topic}/{place.partition} was refused")
    return Claim(TopicPartition(*place), 1, taken, taken.offset, taken.offset)


VARIANTS: Final[dict[str, Callable[[Run], Awaitable[Span]]]] = {
    "stock_noop": stock_noop,
    "stock_awaited": stock_awaited,
    "ours": ours,
    "end_to_end": end_to_end,
    "plain": plain,
}
