"""Writing to the log: whole record batches per partition, acknowledged by all in-sync replicas, in order.

Idempotent, so that what one producer session wrote to a partition stands there in order and without holes. After
any failure the session is thrown away: going on with it could leave a later batch in front of a lost earlier one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder

from megdt_stream.errors import Unavailable
from megdt_stream.runtime import broken_connections

# Well below the brokers' default limit of 1 MiB for one batch; a larger single record gets a batch of its own.
_BATCH_BYTES: Final = 512 * 1024
_REQUEST_MS: Final = 20_000


class Entry(NamedTuple):
    """One record to write. `timestamp` in ms."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    timestamp: int


class LogProducer:
    """An idempotent producer that is made anew after every failure.

    Writes that come while one is under way are sent together as the next: one request for all instead of one each.
    """

    def __init__(self, brokers: list[str], client_id: str, options: dict[str, Any]) -> None:
        """Take `options` for aiokafka's producer, such as security."""
        broken_connections.install()
        self._make: Callable[[], AIOKafkaProducer] = lambda: AIOKafkaProducer(
            bootstrap_servers=brokers,
            client_id=client_id,
            enable_idempotence=True,
            acks="all",
            linger_ms=0,
            max_batch_size=_BATCH_BYTES,
            max_request_size=8 * 1024 * 1024,
            request_timeout_ms=_REQUEST_MS,
            **options,
        )
        self._producer: AIOKafkaProducer | None = None
        self._waiting: list[tuple[Sequence[Entry], asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def write(self, entries: Sequence[Entry]) -> None:
        """Write records in order and wait for every acknowledgement.

        Raises Unavailable; some of the records may be on the log then.
        """
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((entries, done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_waiting(), name="log writer")
        await done

    async def _write_waiting(self) -> None:
        while self._waiting:
            together, self._waiting = self._waiting, []
            failed: Exception | None = None
            try:
                await self._send([entry for entries, _ in together for entry in entries])
            except Exception as error:  # noqa: BLE001  (whatever it is, who waits must hear of it, or waits for ever)
                failed = error
            for _, done in together:
                if done.done():
                    continue  # its caller was cancelled
                if failed is None:
                    done.set_result(None)
                else:
                    done.set_exception(Unavailable(failed.message) if isinstance(failed, Unavailable) else failed)

    async def _send(self, entries: Sequence[Entry]) -> None:
        producer = await self._session()
        try:
            acknowledgements = [
                await producer.send_batch(batch, topic, partition=partition)
                for (topic, partition), batch in _batches(producer, entries)
            ]
            # All of them, also after a failure: none may be left in flight when the session ends.
            results = await asyncio.gather(*acknowledgements, return_exceptions=True)
        except (KafkaError, OSError, TimeoutError) as error:
            await self._discard(producer)
            raise Unavailable(f"Kafka: {error!r}") from error
        failed = next((result for result in results if isinstance(result, BaseException)), None)
        if failed is not None:
            await self._discard(producer)
            raise Unavailable(f"Kafka: {failed!r}") from failed

    async def close(self) -> None:
        """End the session."""
        if self._producer is not None:
            await self._discard(self._producer)

    async def _session(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = self._make()
            try:
                await producer.start()
            except (KafkaError, OSError, TimeoutError) as error:
                await _stop(producer)
                raise Unavailable(f"Kafka: {error!r}") from error
            self._producer = producer
        return self._producer

    async def _discard(self, producer: AIOKafkaProducer) -> None:
        if self._producer is producer:
            self._producer = None
            await _stop(producer)


async def _stop(producer: AIOKafkaProducer) -> None:
    # A session that is being thrown away may fail at anything; what it wrote was judged by its acknowledgements.
    with suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(5):
            await producer.stop()


def _batches(producer: AIOKafkaProducer, entries: Iterable[Entry]) -> Iterable[tuple[tuple[str, int], BatchBuilder]]:
    """Group records into batches by partition, keeping their order there."""
    open_batches: dict[tuple[str, int], BatchBuilder] = {}
    for entry in entries:
        where = entry.topic, entry.partition
        batch = open_batches.get(where)
        if batch is None:
            batch = open_batches[where] = producer.create_batch()
        if _append(batch, entry) is None:
            yield where, batch
            batch = open_batches[where] = producer.create_batch()
            _append(batch, entry)
    for where, batch in open_batches.items():
        batch.close()
        yield where, batch


def _append(batch: BatchBuilder, entry: Entry) -> Any:
    return batch.append(timestamp=entry.timestamp, key=entry.key, value=entry.value, headers=list(entry.headers))
