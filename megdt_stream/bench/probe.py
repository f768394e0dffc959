"""A process that publishes at a steady rate and notes when the alerts arrive: `python -m megdt_stream.bench.probe`.

Publisher and reader share one process, hence one clock. A `Plan` comes as JSON on standard input; what was found
is the last line of standard output.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Final, NamedTuple

import msgspec
import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from megdt_stream.bench.workload import DAY_MS, Happening, Year, as_event, rfc3339
from megdt_stream.evidence import record, topics
from megdt_stream.evidence.record import Tick
from megdt_stream.runtime.log_producer import Entry, LogProducer

_ITEMS: Final = 8
"""Expected assessments of a prepared rotation, all overdue."""
_PATIENCE_SECONDS: Final = 60.0


class Plan(msgspec.Struct, frozen=True):
    """What to publish: `rate` per second for `seconds`, after `warm` seconds that are not counted; `share` causes
    alerts."""

    kafka: str
    partitions: int
    rate: int
    seconds: float
    warm: float
    share: float
    trainees: int


class Planned(NamedTuple):
    """An event ready to be sent; `id` where it causes an alert."""

    topic: str
    key: bytes
    value: bytes
    id: str | None


@dataclass
class Times:
    """Moments by record id (s since the epoch)."""

    sent: dict[str, float] = field(default_factory=dict)
    appended: dict[str, float] = field(default_factory=dict)
    relayed: dict[str, float] = field(default_factory=dict)
    seen: dict[str, float] = field(default_factory=dict)
    late: list[float] = field(default_factory=list)


def rotations(plan: Plan) -> Iterator[Happening]:
    """Tell rotations whose expected assessments are long overdue, enough for all alerts that are planned."""
    due = rfc3339(int(time.time() * 1000) - 60 * DAY_MS)
    at = int(time.time() * 1000) - 90 * DAY_MS
    expects = [{"instrument": "mini-cex", "item": f"item-{n}", "due": due} for n in range(_ITEMS)]
    for person in range(_rotations(plan)):
        data = {
            "rotation": f"rot-{person}",
            "base": "base-1",
            "starts": rfc3339(at),
            "ends": due,
            "expects": expects,
        }
        yield Happening(
            topics.ROTATIONS, "megdt.rotation.started.v1", f"p-{person}", 0, f"k1.t{person:06d}", at, at, data
        )


def _rotations(plan: Plan) -> int:
    alerts = int(plan.rate * (plan.seconds + plan.warm) * plan.share) + 1
    return -(-alerts // _ITEMS)


def stream(plan: Plan) -> list[Planned]:
    """Make all events beforehand: every so many one closes a warning, the rest is the ordinary year without
    rotations."""
    n, every = int(plan.rate * (plan.seconds + plan.warm)), round(1 / plan.share)
    now = int(time.time() * 1000)
    year = Year(plan.trainees, seed=2, start=now - 366 * DAY_MS)
    ordinary = (h for h in year.happenings(4 * n) if h.topic is not topics.ROTATIONS)
    closing = _closing(plan, now)
    return [_planned(next(closing), True) if i % every == 0 else _planned(next(ordinary), False) for i in range(n)]


def _planned(happening: Happening, closes: bool) -> Planned:
    key = happening.trainee.encode()
    return Planned(happening.topic.name, key, as_event(happening), happening.id if closes else None)


def _closing(plan: Plan, now: int) -> Iterator[Happening]:
    for item in range(_ITEMS):
        for person in range(_rotations(plan)):
            data = {
                "instrument": "mini-cex",
                "scale": "mini-cex@1",
                "assessor": "k1.a0001-01",
                "rotation": f"rot-{person}",
                "item": f"item-{item}",
                "scores": [{"competency": "patient-care", "value": 6}],
            }
            name, trainee = f"c-{person}-{item}", f"k1.t{person:06d}"
            yield Happening(topics.ASSESSMENTS, "megdt.assessment.recorded.v1", name, 0, trainee, now, now, data)


class Probe:
    """Publishes a plan and reads the alerts."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.times = Times()
        self.opened = 0
        self._producer = AIOKafkaProducer(bootstrap_servers=plan.kafka, linger_ms=0, acks="all")
        self._reader = AIOKafkaConsumer(
            topics.ALERTS.name, bootstrap_servers=plan.kafka, auto_offset_reset="earliest", fetch_max_wait_ms=100
        )

    async def run(self) -> dict[str, Any]:
        """Open the warnings, publish, and wait for every alert. Raises TimeoutError when some stay out."""
        await self._producer.start()
        await self._reader.start()
        # Records that came while others wait to be read would lie there for 0.1 s: aiokafka's default, here the
        # reader's own delay.
        self._reader._fetcher._prefetch_backoff = 0.001
        reading = asyncio.create_task(self._read())
        events = stream(self._plan)
        await self._open()
        gc.collect()
        gc.freeze()
        gc.disable()
        await self._publish(events)
        expected = sum(event.id is not None for event in events)
        await self._until(lambda: len(self.times.seen) >= expected, reading)
        return self._figures([event.id for event in events if event.id is not None])

    async def _open(self) -> None:
        """Say what time it is, then publish rotations that are overdue by it."""
        plan, ticks = self._plan, LogProducer(self._plan.kafka.split(","), "megdt-probe", {})
        now = int(time.time() * 1000)
        value = record.encode(Tick(now, now))
        name = topics.EVIDENCE.name
        await ticks.write([Entry(name, number, None, value, (), now) for number in range(plan.partitions)])
        await ticks.close()
        for happening in rotations(plan):
            planned = _planned(happening, False)
            await self._producer.send(planned.topic, planned.value, planned.key)
        await self._producer.flush()
        await self._until(lambda: self.opened >= _rotations(plan) * _ITEMS, None)

    async def _until(self, reached: Any, reading: asyncio.Task[None] | None) -> None:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while not reached():
                if reading is not None and reading.done():
                    reading.result()
                await asyncio.sleep(0.02)

    async def _publish(self, events: list[Planned]) -> None:
        begun, late, times = time.perf_counter(), self.times.late, self.times
        for i, event in enumerate(events):
            target = begun + i / self._plan.rate
            await asyncio.sleep(max(0.0, target - time.perf_counter()))
            late.append(time.perf_counter() - target)
            if event.id is None:
                await self._producer.send(event.topic, event.value, event.key)
                continue
            times.sent[event.id] = time.time()
            acknowledged = await self._producer.send(event.topic, event.value, event.key)
            acknowledged.add_done_callback(lambda done, id_=event.id: self._acknowledged(id_, done))

    def _acknowledged(self, id_: str, done: Any) -> None:
        self.times.appended[id_] = done.result().timestamp / 1000

    async def _read(self) -> None:
        async for message in self._reader:
            now = time.time()
            alert = orjson.loads(message.value)
            if alert["type"] == "megdt.warning.opened.v1":
                self.opened += 1
                continue
            cause = alert["data"]["evidence"][-1]["id"]
            self.times.seen.setdefault(cause, now)
            self.times.relayed.setdefault(cause, message.timestamp / 1000)

    def _figures(self, ids: list[str]) -> dict[str, Any]:
        times, warm = self.times, int(self._plan.rate * self._plan.warm)
        counted = ids[int(len(ids) * self._plan.warm / (self._plan.warm + self._plan.seconds)) :]
        delays = _ms(counted, times.sent, times.seen)
        return {
            **_percentiles(delays),
            "alerts": len(counted),
            "events_per_s": self._plan.rate,
            "publisher_late_p99_ms": _percentiles([late * 1000 for late in times.late[warm:]])["p99_ms"],
            "breakdown_ms": {
                "publish_to_append": _percentiles(_ms(counted, times.sent, times.appended)),
                "append_to_relay": _percentiles(_ms(counted, times.appended, times.relayed)),
                "relay_to_seen": _percentiles(_ms(counted, times.relayed, times.seen)),
            },
        }


def _ms(ids: list[str], begun: dict[str, float], ended: dict[str, float]) -> list[float]:
    return [(ended[id_] - begun[id_]) * 1000 for id_ in ids]


def _percentiles(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    ranks = {"p50_ms": 0.5, "p90_ms": 0.9, "p99_ms": 0.99, "p999_ms": 0.999, "max_ms": 1.0}
    return {name: round(ordered[ceil(rank * len(ordered)) - 1], 2) for name, rank in ranks.items()}


async def _main() -> None:
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    found = await Probe(plan).run()
    os.write(1, orjson.dumps(found) + b"\n")
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(_main())
