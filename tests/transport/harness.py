"""Members of a group on the batch transport, with a ledger in memory that remembers every commit."""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import faust
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from faust.transport.drivers import TRANSPORTS

from megdt_stream.errors import MegdtError, TopicRecreated, Unavailable
from megdt_stream.runtime.app import Wiring
from megdt_stream.runtime.claims import Batch, Claim, TopicPartition
from megdt_stream.runtime.stage import Stage
from megdt_stream.runtime.store import Refused, Taken

TRANSPORTS.aliases["megdt"] = "megdt_stream.runtime.transport:Transport"
SESSION_SECONDS = 6.0


@dataclass
class Cursor:
    """What the ledger holds of a partition."""

    offset: int
    token: str = ""
    generation: int = -1


@dataclass
class MemoryLedger:
    """A ledger with the store's rules, in a dictionary. `down` makes it fail as an unreachable store would.

    `applied` is what was committed, in order; `refused` the commits that came too late.
    """

    topic_id: str = "id"
    down: bool = False
    cursors: dict[TopicPartition, Cursor] = field(default_factory=dict)
    applied: dict[TopicPartition, list[int]] = field(default_factory=dict)
    refused: list[tuple[TopicPartition, int, int]] = field(default_factory=list)
    forced: list[TopicPartition] = field(default_factory=list)

    async def take(
        self, topic: str, partition: int, generation: int, log: tuple[int, int], topic_id: str, over: str = ""
    ) -> Taken | Refused:
        await asyncio.sleep(0)
        if self.down:
            raise Unavailable("Redis: down for this test")
        if topic_id != self.topic_id:
            raise TopicRecreated(f"{topic} has another id")
        tp = TopicPartition(topic, partition)
        created = tp not in self.cursors
        cursor = self.cursors.setdefault(tp, Cursor(log[0]))
        if generation < cursor.generation and str(cursor.generation) != over:
            return Refused(cursor.generation, cursor.offset)
        if over:
            self.forced.append(tp)
        cursor.generation, cursor.token = generation, f"{generation}.{uuid.uuid4().hex}"
        return Taken(cursor.token, cursor.offset, created, "a", 0)

    def commit(self, batch: Batch) -> bool:
        cursor = self.cursors[batch.tp]
        if cursor.token != batch.claim.taken.token or cursor.offset != batch.base:
            self.refused.append((batch.tp, batch.base, batch.end))
            return False
        cursor.offset = batch.end
        self.applied.setdefault(batch.tp, []).extend(record.offset for record in batch.records)
        return True

    @property
    def count(self) -> int:
        return sum(map(len, self.applied.values()))


@dataclass
class Heard:
    """An observer that remembers. The first fatal error ends the member's work, as it ends a process."""

    claims: list[Claim] = field(default_factory=list)
    refusals: list[tuple[TopicPartition, int, int]] = field(default_factory=list)
    releases: list[str] = field(default_factory=list)
    holes: list[tuple[TopicPartition, int, int]] = field(default_factory=list)
    fatals: list[MegdtError] = field(default_factory=list)
    outages: list[Unavailable] = field(default_factory=list)

    def claimed(self, claim: Claim) -> None:
        self.claims.append(claim)

    def refused(self, tp: TopicPartition, generation: int, stored: int) -> None:
        self.refusals.append((tp, generation, stored))

    def released(self, claims: Collection[Claim], why: str) -> None:
        self.releases.append(why)

    def hole(self, tp: TopicPartition, expected: int, found: int) -> None:
        self.holes.append((tp, expected, found))

    def fatal(self, error: MegdtError) -> None:
        self.fatals.append(error)

    def unavailable(self, error: Unavailable) -> None:
        self.outages.append(error)


@dataclass
class Member:
    """A running app. `batches` are those delivered; each is committed by `work`."""

    app: faust.App
    ledger: MemoryLedger
    heard: Heard
    batches: list[Batch] = field(default_factory=list)

    @property
    def consumer(self) -> Any:
        return self.app.consumer

    async def apply(self, batch: Batch) -> None:
        """Commit, follow, or give the claim back: what a stage does."""
        if self.ledger.commit(batch):
            self.consumer.mark_applied(batch.claim, batch.end)
        else:
            self.consumer.release(batch.claim, "refused")

    def offsets(self, partition: int) -> list[int]:
        return [r.offset for batch in self.batches if batch.tp.partition == partition for r in batch.records]


Work = Callable[[Member, Batch], Awaitable[None]]


async def commit_at_once(member: Member, batch: Batch) -> None:
    await member.apply(batch)


def make_member(
    kafka: str,
    topic: str,
    ledger: MemoryLedger,
    group: str,
    *,
    transactional: bool = False,
    work: Work = commit_at_once,
    poll: int = 50,
) -> Member:
    app = faust.App(group, broker=f"megdt://{kafka}", broker_max_poll_records=poll, **_common())
    heard = Heard()
    app.wiring = Wiring(ledger, heard, {topic: "id"}, frozenset({topic} if transactional else ()))
    member = Member(app, ledger, heard)

    async def worked(batch: Batch) -> None:
        if not heard.fatals:
            await work(member, batch)

    stage = Stage("test", worked, crash)

    @app.agent(app.topic(topic, value_serializer="raw", key_serializer="raw"), name=f"a{uuid.uuid4().hex[:6]}")
    async def _agent(stream: Any) -> None:
        async for batch in stream:
            member.batches.append(batch)
            stage.submit(batch)

    return member


def crash(error: BaseException) -> None:
    raise error


def _common() -> dict[str, Any]:
    return {
        "store": "memory://",
        "datadir": tempfile.mkdtemp(prefix="megdt-test-"),
        "web_enabled": False,
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        "consumer_auto_offset_reset": "earliest",
        "broker_commit_interval": 0.2,
        "broker_session_timeout": SESSION_SECONDS,
        "broker_heartbeat_interval": 0.5,
        "broker_rebalance_timeout": 20.0,
        "broker_max_poll_interval": 60.0,
        "stream_buffer_maxsize": 16,
        "stream_wait_empty": False,
    }


@asynccontextmanager
async def running(member: Member) -> AsyncIterator[Member]:
    await member.app.start()
    try:
        yield member
    finally:
        await member.app.stop()


async def stock(kafka: str, topic: str, count: int) -> dict[int, list[tuple[int, bytes]]]:
    """Read a topic as an ordinary Faust app does: (offset, value) by partition."""
    app = faust.App(f"stock-{uuid.uuid4().hex[:8]}", broker=f"kafka://{kafka}", **_common())
    seen: dict[int, list[tuple[int, bytes]]] = {}

    @app.agent(app.topic(topic, value_serializer="raw", key_serializer="raw"), name=f"a{uuid.uuid4().hex[:6]}")
    async def _agent(stream: Any) -> None:
        async for event in stream.events():
            seen.setdefault(event.message.partition, []).append((event.message.offset, event.value))

    await app.start()
    try:
        await until(lambda: sum(map(len, seen.values())) >= count, 40)
    finally:
        await app.stop()
    return seen


async def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for a condition; AssertionError when it does not come true."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "the condition did not come true in time"
        await asyncio.sleep(0.02)


async def fresh_topic(kafka: str, partitions: int = 2) -> str:
    name = f"transport-{uuid.uuid4().hex[:10]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, partitions, 1)])
    finally:
        await admin.close()
    return name


async def fill(kafka: str, topic: str, numbers: Iterable[int], partitions: int = 2) -> None:
    """Write numbers in turn to the partitions."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka)
    await producer.start()
    try:
        for number in numbers:
            await producer.send(topic, str(number).encode(), partition=number % partitions)
        await producer.flush()
    finally:
        await producer.stop()


async def fill_with_transactions(kafka: str, topic: str, transactions: Iterable[tuple[int, bool]]) -> None:
    """Write transactions of so many records to partition 0, each committed or aborted: each leaves a marker."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=uuid.uuid4().hex)
    await producer.start()
    try:
        for number, (records, committed) in enumerate(transactions):
            value = f"{number} {'kept' if committed else 'dropped'}".encode()
            await producer.begin_transaction()
            for _ in range(records):
                await producer.send_and_wait(topic, value, partition=0)
            await (producer.commit_transaction() if committed else producer.abort_transaction())
    finally:
        await producer.stop()


def intercept(member: Member, change: Callable[[dict[Any, list[Any]]], None]) -> None:
    """Let a test change what a poll returned before the transport sees it."""
    fetch = member.consumer._getmany

    async def fetched(**arguments: Any) -> dict[Any, list[Any]]:
        records = dict(await fetch(**arguments) or {})
        change(records)
        return {tp: some for tp, some in records.items() if some}

    member.consumer._getmany = fetched
