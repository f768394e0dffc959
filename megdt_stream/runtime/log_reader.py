"""Reading a topic from end to end outside any group: for recovery, rebuilds and whoever needs the whole log once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from megdt_stream.errors import TopicMissing, Unavailable
from megdt_stream.runtime import header_names

_POLL_MS: Final = 500
_POLL_RECORDS: Final = 5_000
# A minute without a record although the end is not reached: the broker does not deliver.
_SILENT_POLLS: Final = 120


class LogReader:
    """A consumer without a group. Offsets are next offsets: `end` is the first that is not there yet."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        """Take a started consumer; use `open_log`."""
        self._consumer = consumer

    async def bounds(self, topic: str) -> dict[int, tuple[int, int]]:
        """Give begin and end of each partition."""
        # The consumer's own metadata covers only the topics assigned to it.
        cluster = await self._consumer._client.fetch_all_metadata()
        numbers = cluster.partitions_for_topic(topic)
        if not numbers:
            raise TopicMissing(f"the broker has no topic {topic}")
        tps = [TopicPartition(topic, number) for number in sorted(numbers)]
        begin = await self._consumer.beginning_offsets(tps)
        end = await self._consumer.end_offsets(tps)
        return {tp.partition: (begin[tp], end[tp]) for tp in tps}

    async def read(self, topic: str, partition: int, begin: int, end: int) -> AsyncIterator[Sequence[Any]]:
        """Read one partition from `begin` to `end` in polls. Raises Unavailable when nothing comes any more."""
        tp = TopicPartition(topic, partition)
        if begin >= end:
            return
        self._consumer.assign([tp])
        self._consumer.seek(tp, begin)
        position, silent = begin, 0
        while position < end:
            records = (await self._consumer.getmany(tp, timeout_ms=_POLL_MS, max_records=_POLL_RECORDS)).get(tp, [])
            silent = 0 if records else silent + 1
            if silent > _SILENT_POLLS:
                raise Unavailable(f"Kafka: {topic}/{partition} delivers nothing at {position}, the end is {end}")
            position = await self._consumer.position(tp)
            wanted = [record for record in records if record.offset < end]
            if wanted:
                yield wanted

    async def read_all(
        self, topic: str, progress: Callable[[int, int], None] | None = None
    ) -> AsyncIterator[Sequence[Any]]:
        """Read all partitions, one after the other, to the ends they had at the start."""
        bounds = await self.bounds(topic)
        total = sum(end - begin for begin, end in bounds.values())
        done = 0
        for partition, (begin, end) in bounds.items():
            async for records in self.read(topic, partition, begin, end):
                done += len(records)
                if progress is not None:
                    progress(done, total)
                yield records


@asynccontextmanager
async def open_log(brokers: list[str], options: dict[str, Any]) -> AsyncIterator[LogReader]:
    """Open a reader. Raises Unavailable when no broker answers."""
    header_names.install()
    consumer = AIOKafkaConsumer(
        bootstrap_servers=brokers,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        # A broker answers a connection's requests in turn: a long poll at a partition's end would hold up the next.
        fetch_max_wait_ms=10,
        fetch_max_bytes=32 * 1024 * 1024,
        max_partition_fetch_bytes=8 * 1024 * 1024,
        **options,
    )
    try:
        await consumer.start()
        yield LogReader(consumer)
    except (KafkaError, OSError) as error:
        raise Unavailable(f"Kafka: {error!r}") from error
    finally:
        await consumer.stop()
