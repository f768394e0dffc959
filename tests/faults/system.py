"""A whole system of our own to hurt: broker, store, workers as processes, and the independent checker."""

from __future__ import annotations

import json
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import redis
from kafka import KafkaConsumer
from kafka import TopicPartition as Place

from megdt_stream.chaos.fleet import Member, import_path
from megdt_stream.evidence import topics
from megdt_stream.local import Stack
from megdt_stream.publisher import Publisher
from megdt_stream.runtime import admin, keys
from megdt_stream.runtime.drained import LogEnds, drain
from megdt_stream.runtime.query import Query
from megdt_stream.verify import verify

PARTITIONS = 4
SESSION_SECONDS = 2.0


class Event(NamedTuple):
    topic: str
    key: str
    value: bytes


class System:
    """Publish, start workers, wait, and have it judged. Everything published stays: cases share one growing log."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.log = Path(tempfile.gettempdir()) / f"megdt-faults-{uuid.uuid4().hex[:8]}.log"
        self.query = Query(stack.redis)
        self.store = redis.Redis.from_url(stack.redis)
        self._members: list[Member] = []
        admin.create_topics(stack.kafka, PARTITIONS)

    # --- workers ---

    def worker(self, **settings: object) -> Member:
        """Start a worker; `settings` by their names without the prefix. Small batches, so that there are many."""
        fixed = {
            "kafka": self.stack.kafka,
            "redis": self.stack.redis,
            "http_port": 0,
            "clock": "event",
            "tick_seconds": 0.2,
            "session_timeout_seconds": SESSION_SECONDS,
            "max_poll_records": 40,
            "reject_limit_ratio": 1,
            "train_days": 0,
            "log_level": "INFO",
        }
        environment = {f"MEGDT_{name.upper()}": str(value) for name, value in (fixed | settings).items()}
        member = Member(self.log, environment | {"PYTHONPATH": import_path()})
        self._members.append(member)
        member.start()
        return member

    def owners(self) -> set[int]:
        """Give the process ids of those who hold evidence partitions, as they signed for them."""
        found = [self.store.hget(keys.own(topics.EVIDENCE.name, n), "owner") for n in range(PARTITIONS)]
        return {int(owner.rpartition(b"/")[2]) for owner in found if owner}

    def end(self, member: Member) -> int | None:
        """Have a worker drain and leave; give its exit code."""
        code = member.tell_to_end()
        self._members.remove(member)
        member.close()
        return code

    @contextmanager
    def working(self, **settings: object) -> Iterator[Member]:
        """Have a clean worker for a while; it must drain well at the end."""
        member = self.worker(**settings)
        # Before it listens, a worker that is told to end just ends: nothing could be seen of how it drains.
        eventually(lambda: member.pid in self.owners(), otherwise=self.tail)
        yield member
        assert self.end(member) == 0, self.tail()

    def end_all(self) -> None:
        for member in self._members:
            member.thaw()
            member.close()
        self._members.clear()

    def close(self) -> None:
        self.end_all()
        self.store.close()
        self.query.__exit__(None, None, None)
        self.log.unlink(missing_ok=True)

    def tail(self) -> str:
        return self.log.read_text()[-3_000:] if self.log.exists() else "no log"

    # --- what goes in and what came of it ---

    def publish(self, events: Iterable[tuple[Any, ...]]) -> int:
        with Publisher(self.stack.kafka) as publisher:
            for topic, key, value, *_ in events:
                publisher.publish(topic, key, value)
        return sum(publisher.acknowledged.values())

    def applied(self) -> int:
        """Count the events that went through to the end."""
        return sum(flow.accepted + flow.duplicate + flow.rejected for flow in self.query.flow().values())

    def drained(self) -> None:
        """Wait until everything published is applied and sent."""
        with LogEnds(self.stack.kafka) as log:
            drain(self.query, log, event_clock=True, patience=100.0)

    def judge(self, *, at_rest: bool = True) -> dict[str, Any]:
        """Have it checked from outside; AssertionError where anything differs."""
        report = verify(self.stack.kafka, self.stack.redis, wait_seconds=30 if at_rest else 0)
        assert not report.kinds, (report.kinds, report.differences[:3])
        if at_rest:
            assert report.ok, report.backlog
        return report.to_dict()

    def read(self, topic: str) -> list[Any]:
        """Read a topic whole."""
        consumer = KafkaConsumer(bootstrap_servers=self.stack.kafka, group_id=None, enable_auto_commit=False)
        try:
            places = [Place(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
            consumer.assign(places)
            consumer.seek_to_beginning()
            ends = consumer.end_offsets(places)
            records: list[Any] = []
            deadline = time.monotonic() + 30
            while any(consumer.position(place) < end for place, end in ends.items()):
                assert time.monotonic() < deadline, f"{topic} is not delivered"
                for some in consumer.poll(500).values():
                    records += some
            return records
        finally:
            consumer.close()

    def alerts(self) -> list[str]:
        """Give the ids of all alerts sent, copies included."""
        return [json.loads(record.value)["id"] for record in self.read(topics.ALERTS.name)]

    def group_offsets(self, group: str = "megdt-mirror") -> dict[tuple[str, int], int]:
        consumer = KafkaConsumer(bootstrap_servers=self.stack.kafka, group_id=group, enable_auto_commit=False)
        try:
            places = [Place(t.name, n) for t in (*topics.INPUTS, topics.EVIDENCE) for n in range(PARTITIONS)]
            found = {(place.topic, place.partition): consumer.committed(place) for place in places}
        finally:
            consumer.close()
        return {place: offset for place, offset in found.items() if offset is not None}

    def cursors(self) -> dict[tuple[str, int], int]:
        evidence = self.query.evidence_cursors(PARTITIONS)
        inputs = self.query.input_cursors(PARTITIONS)
        found = {(topics.EVIDENCE.name, n): cursor.offset for n, cursor in evidence.items()}
        return found | {place: cursor.offset for place, cursor in inputs.items()}


def eventually(condition: Callable[[], bool], seconds: float = 40.0, otherwise: Callable[[], str] = lambda: "") -> None:
    """Wait for a condition; AssertionError when it does not come true."""
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"the condition did not come true in time\n{otherwise()}"
        pause.wait(0.05)
