"""The real stages on a real Redis and a log in memory: who claims, dies and comes back is told, not left to chance.

The transport and the broker are left out; everything that decides and commits is the production code.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import redis.asyncio as aioredis
from prometheus_client import CollectorRegistry

from megdt_stream.evidence import record, topics
from megdt_stream.evidence.record import Tick
from megdt_stream.evidence.reference import Reference
from megdt_stream.runtime.claims import Batch, Claim, TopicPartition
from megdt_stream.runtime.health import Health
from megdt_stream.runtime.intake_stage import IntakeStage
from megdt_stream.runtime.log_producer import Entry
from megdt_stream.runtime.metrics import Metrics
from megdt_stream.runtime.mirror_stage import MirrorStage
from megdt_stream.runtime.reject_guard import RejectGuard
from megdt_stream.runtime.relay import Relay
from megdt_stream.runtime.store import Store, Taken
from megdt_stream.runtime.watch import Watch
from megdt_stream.seed_files import load_reference, load_rule
from megdt_stream.verify import log as checked
from megdt_stream.verify.judge import judge
from megdt_stream.verify.redis_state import RedisState

EVIDENCE = topics.EVIDENCE.name
NOW = 1_750_000_000_000
DAY = 24 * 3600 * 1000


class Died(BaseException):
    """The worker is gone: nothing after this line happens, and nobody handles it."""


class Appended(NamedTuple):
    """A record on the log in memory."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


class MemoryLog:
    """Topics of one partition each."""

    def __init__(self) -> None:
        self.topics: dict[str, list[Appended]] = defaultdict(list)

    def append(self, topic: str, key: bytes | None, value: bytes | None, headers: Any = (), at: int = NOW) -> None:
        records = self.topics[topic]
        records.append(Appended(len(records), at, key, value, tuple(headers)))


class Producer:
    """Writes to the log in memory. `dies_after`: its worker dies after that many records of the next call.

    `meanwhile` is what others do between the next write and the moment when this worker goes on.
    """

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self.dies_after: int | None = None
        self.meanwhile: Callable[[], Any] | None = None

    async def write(self, entries: Iterable[Entry]) -> None:
        for number, entry in enumerate(entries):
            if number == self.dies_after:
                raise Died
            self._log.append(entry.topic, entry.key, entry.value, entry.headers, entry.timestamp)
        if self.dies_after is not None:
            raise Died
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()


class Worker:
    """One worker's stages. Its claims are what the transport would give it."""

    def __init__(self, world: World, reference: Reference | None = None) -> None:
        self._world = world
        self.store = Store(world.client, "ablation")
        self.watch = Watch(Metrics(CollectorRegistry(), partitions=1), Health())
        self.watch.give_up = self._give_up  # type: ignore[method-assign]
        self.producer = Producer(world.log)
        self.claims: list[Claim] = []
        self.relay = Relay(self.store, self.producer, self.watch, 1, lambda: self.claims)  # type: ignore[arg-type]
        self.intake = IntakeStage(
            self.store,
            self.producer,
            reference or load_reference(),
            self.watch,
            1,
            RejectGuard(1.0, 1_000),  # type: ignore[arg-type]
        )
        self.mirror = MirrorStage(self.store, self.relay, load_rule(), self.watch, 1_000, self._sent)

    async def _sent(self) -> frozenset[str]:
        return frozenset()

    def _give_up(self, claim: Claim) -> None:
        claim.valid, claim.state = False, None

    async def take(self, topic: str, generation: int = 1) -> Claim:
        end = len(self._world.log.topics[topic])
        taken = await self.store.take(topic, 0, generation, (0, end), f"id of {topic}")
        assert isinstance(taken, Taken), taken
        claim = Claim(TopicPartition(topic, 0), generation, taken, taken.offset, taken.offset)
        self.claims.append(claim)
        return claim

    async def apply(self, claim: Claim, records: int = 1_000) -> None:
        """Deliver a batch of so many records, as a poll would, and have it worked."""
        polled = self._world.log.topics[claim.tp.topic][claim.next : claim.next + records]
        if not polled:
            return
        batch = Batch(claim, claim.next, polled[-1].offset + 1, polled)
        claim.next = batch.end
        stage = self.mirror if claim.tp.topic == EVIDENCE else self.intake
        await stage.work(batch)

    async def finish(self, topic: str, generation: int = 9) -> None:
        """Take a topic and work it off, taking again after a refusal as the transport would."""
        for _ in range(5):
            claim = await self.take(topic, generation)
            while claim.valid and claim.next < len(self._world.log.topics[topic]):
                await self.apply(claim)
            if claim.valid:
                return
        raise AssertionError(f"{topic} cannot be finished")


class World:
    """A log, a store, and the checker's word on them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = aioredis.Redis.from_url(url)
        self.log = MemoryLog()

    async def close(self) -> None:
        await self.client.aclose()

    # --- the log ---

    def publish(self, events: Iterable[dict[str, Any]], topic: str = topics.OUTCOMES.name) -> None:
        for event in events:
            value = json.dumps(event, ensure_ascii=False).encode()
            self.log.append(topic, event["subject"].encode(), value)

    def tick(self, at: int) -> None:
        self.log.append(EVIDENCE, None, record.encode(Tick(at, NOW)))

    # --- the end ---

    async def settle(self) -> None:
        """Let a fresh worker do all that is left, as after any fault."""
        worker = Worker(self)
        for topic in topics.INPUTS:
            if self.log.topics[topic.name]:
                await worker.finish(topic.name)
        await worker.finish(EVIDENCE)
        await worker.relay.flush()

    def judged(self) -> dict[str, Any]:
        """Ask the independent checker."""
        log = checked.Log()
        for topic in topics.ALL:
            records = [checked.Record(*entry) for entry in self.log.topics[topic.name]]
            log.topics[topic.short] = {0: checked.PartitionLog(records, 0, len(records))}
        store = RedisState(self.url)
        try:
            state = store.read({topic.short: 1 for topic in topics.ALL}, lambda _: None)
        finally:
            store.close()
        return judge(log, state).to_dict()
