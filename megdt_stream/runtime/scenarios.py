"""The scenarios service: requests on `megdt.scenarios.v1`, answered on `megdt.scenario-results.v1`.

One rehearsal at a time, in processes of their own with the lowest priority; meanwhile cancellations are heard. An
offset is committed when its request is answered, so a restart answers again, with equal ids: readers drop copies.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from megdt_stream.evidence import topics
from megdt_stream.runtime.rehearsing import BESIDE_EVENTS, Cancelled, rehearse
from megdt_stream.scenario import requests
from megdt_stream.scenario.errors import BadScheme
from megdt_stream.scenario.interventions import Interventions
from megdt_stream.scenario.rehearsal import prepare
from megdt_stream.scenario.requests import Asked, Request
from megdt_stream.scenario.scheme import parse
from megdt_stream.scenario.world import World
from megdt_stream.twin.view import rfc3339

_GROUP: Final = "megdt-scenarios"
_POLL_MS: Final = 200
_QUARTERS: Final = 4
"""How often progress is told."""

ReadWorld = Callable[[int], World | None]
"""Reads the twins for so many weeks; blocks."""
Believe = Callable[[Interventions], tuple[Interventions, str | None]]
"""Gives interventions with the effects in force now, and their version; blocks."""
Send = Callable[[bytes, bytes], Awaitable[None]]
"""Sends key and value to the results."""


class Waiting(NamedTuple):
    """A record that was not answered yet."""

    place: TopicPartition
    offset: int
    at: int
    request: Request | BadScheme


class Desk:
    """Answers requests, one after the other; knows which were given up."""

    def __init__(
        self,
        read_world: ReadWorld,
        known: Interventions,
        send: Send,
        processes: int = 2,
        believe: Believe = lambda known: (known, None),
    ) -> None:
        self._believe = believe
        self._read, self._known, self._send, self._processes = read_world, known, send, processes
        self._given_up: set[tuple[str, str]] = set()
        self._closing = False

    def close(self) -> None:
        """Give up what is under way without a word: it is answered after the next start."""
        self._closing = True

    def hear(self, request: Request) -> None:
        """Note that a request is given up, whether it waits or is under way."""
        self._given_up.add((request.source, request.id))

    async def answer(self, waiting: Waiting) -> None:
        """Answer a request: with its result, why it is refused, or that it was given up."""
        request, at = waiting.request, rfc3339(waiting.at)
        if isinstance(request, BadScheme):
            origin = f"{waiting.place.topic}/{waiting.place.partition}/{waiting.offset}"
            await self._say(requests.REFUSED, "-", origin, at, _why(request))
        elif request.asked is not None:
            await self._rehearse(request, request.asked, at)

    async def _rehearse(self, request: Request, asked: Asked, at: str) -> None:
        name = request.source, request.id
        loop, told = asyncio.get_running_loop(), set[int]()

        def progress(done: int, total: int) -> None:
            quarter = _QUARTERS * done // total
            if 0 < quarter < _QUARTERS and quarter not in told:
                told.add(quarter)
                data = {"done": done, "total": total}
                saying = self._say(requests.PROGRESSED, *name, at, data, quarter)
                asyncio.run_coroutine_threadsafe(saying, loop).result()

        try:
            result = await asyncio.to_thread(
                self._work, asked, progress, lambda: self._closing or name in self._given_up
            )
        except BadScheme as error:
            await self._say(requests.REFUSED, *name, at, _why(error))
        except Cancelled:
            if self._closing:
                return
            await self._say(requests.CANCELLED, *name, at, {})
        else:
            await self._say(requests.REHEARSED, *name, at, {"result": result})
        self._given_up.discard(name)

    def _work(
        self, asked: Asked, progress: Callable[[int, int], None], cancelled: Callable[[], bool]
    ) -> dict[str, Any]:
        schemes = parse(asked.scheme, self._known)
        if cancelled():
            raise Cancelled
        world = self._read(asked.weeks)
        if world is None:
            raise BadScheme("value", "no trainee is in training by what is known", "publish enrolments first")
        believed, version = self._believe(self._known)
        rehearsal = prepare(world, schemes, believed, asked.seed, asked.draws)
        found = rehearse(rehearsal, self._processes, nice=BESIDE_EVENTS, progress=progress, cancelled=cancelled)
        return found | {"effects": version}

    async def _say(self, type_: str, source: str, id_: str, at: str, data: dict[str, Any], number: int = 0) -> None:
        await self._send(id_.encode(), requests.answer(type_, source, id_, at, data, number))


def _why(error: BadScheme) -> dict[str, str]:
    return {"field": error.field, "problem": error.problem, "remedy": error.remedy}


def read(value: bytes | None) -> Request | BadScheme:
    """Read a record, or give what is wrong with it."""
    try:
        return requests.read(value or b"")
    except BadScheme as error:
        return error


async def serve(
    brokers: list[str],
    options: dict[str, Any],
    read_world: ReadWorld,
    known: Interventions,
    stop: asyncio.Event,
    believe: Believe = lambda known: (known, None),
) -> None:
    """Serve until `stop`; what is under way then is given up, and answered after the next start."""
    consumer = AIOKafkaConsumer(
        topics.SCENARIOS.name,
        bootstrap_servers=brokers,
        group_id=_GROUP,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        **options,
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=brokers, acks="all", enable_idempotence=True, max_request_size=8 * 1024 * 1024, **options
    )

    async def send(key: bytes, value: bytes) -> None:
        await producer.send_and_wait(topics.SCENARIO_RESULTS.name, value, key)

    await consumer.start()
    await producer.start()
    try:
        await _serve(consumer, Desk(read_world, known, send, believe=believe), stop)
    finally:
        await producer.stop()
        await consumer.stop()


async def _serve(consumer: AIOKafkaConsumer, desk: Desk, stop: asyncio.Event) -> None:
    queue: deque[Waiting] = deque()
    running: asyncio.Task[None] | None = None
    while not stop.is_set():
        found = await consumer.getmany(timeout_ms=_POLL_MS)
        for place, records in found.items():
            for record in records:
                request = read(record.value)
                if isinstance(request, Request) and request.asked is None:
                    desk.hear(request)
                queue.append(Waiting(place, record.offset, record.timestamp, request))
        if running is not None and running.done():
            running.result()
            done = queue.popleft()
            await consumer.commit({done.place: done.offset + 1})
            running = None
        if running is None and queue:
            running = asyncio.create_task(desk.answer(queue[0]))
    desk.close()
    if running is not None:
        await running  # its offset stays
