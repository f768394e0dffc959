"""Snapshots of models: published on `megdt.models.v1`, activated on every evidence partition, read from both.

`publish` then `activate`; any kind goes the same way. Both may be repeated at will, in full or after a crash.
Redis holds a copy of what was published last, for readers who have no broker; the topic keeps everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import msgspec
import redis

from megdt_stream.errors import Unavailable
from megdt_stream.evidence import record, snapshots, topics
from megdt_stream.evidence.partition import partition_of
from megdt_stream.evidence.record import Activation
from megdt_stream.evidence.snapshots import Broken, Manifest, Record
from megdt_stream.runtime import keys
from megdt_stream.runtime.log_producer import Entry, LogProducer
from megdt_stream.runtime.log_reader import LogReader
from megdt_stream.runtime.query import Query

MANIFEST: Final = "manifest"
_KEPT: Final = 2
_COPIES: Final = "megdt:{models}:"
_TOPIC: Final = topics.MODELS.name


class Active(NamedTuple):
    """Which version of a kind is in force, and the domain time up to which it was learnt (ms)."""

    version: str
    at: int


# --- writing ---


async def publish(
    producer: LogProducer, partitions: int, kind: str, version: str, at: int, parts: Mapping[str, Any], wall: int
) -> None:
    """Publish a version, and wait for every acknowledgement. Raises Unavailable, ValueError.

    `parts` by name (`snapshots.written`); `at`: the domain time up to which it was learnt, `wall`: the wall clock (ms).
    """
    number = partition_of(snapshots.home(kind, version), partitions)
    records = snapshots.written(kind, version, at, parts)
    await producer.write([Entry(_TOPIC, number, one.key.encode(), one.value, (), wall) for one in records])


async def activate(producer: LogProducer, partitions: int, kind: str, version: str, at: int, wall: int) -> None:
    """Put a published version in force from here on, in every evidence partition. Raises Unavailable."""
    value = record.encode(Activation(kind, version, at))
    await producer.write([Entry(topics.EVIDENCE.name, number, None, value, (), wall) for number in range(partitions)])


def keep_copy(client: redis.Redis, kind: str, version: str, at: int, parts: Mapping[str, Any]) -> None:
    """Keep a copy for readers, beside that of the version before. Raises Unavailable."""
    read, values = snapshots.joined(snapshots.written(kind, version, at, parts), kind, version)
    kept = f"{_COPIES}{kind}"
    copy: dict[Any, Any] = {MANIFEST: msgspec.json.encode(read), **values}
    try:
        client.hset(_name(kind, version), mapping=copy)
        client.zadd(kept, {version: at})
        gone: Any = client.zrange(kept, 0, -1 - _KEPT)
        for old in gone:
            client.delete(_name(kind, old.decode()))
            client.zrem(kept, old)
    except (redis.RedisError, OSError) as error:
        raise Unavailable(f"Redis does not answer: {error}") from error


# --- reading ---


def active(query: Query, kind: str) -> Active | None:
    """Give the version in force: the latest that any partition has been told of. None before the first.

    Raises Unavailable.
    """
    names = [keys.own(topics.EVIDENCE.name, n) for n in range(query.partitions)]
    told = [_active(value) for value in query.ask([("HGET", name, f"active:{kind}") for name in names]) if value]
    return max(told, key=lambda one: (one.at, one.version), default=None)


def _active(value: bytes) -> Active:
    at, _, version = value.decode().partition(" ")
    return Active(version, int(at))


def copied(query: Query, kind: str, version: str, names: Iterable[str] | None = None) -> dict[str, Any]:
    """Read parts of a version from the copy in Redis; all without `names`, those that there are of them with.

    Raises Unavailable, and Broken where the copy is incomplete, altered or not there any more.
    """
    (raw,) = query.ask([("HGET", _name(kind, version), MANIFEST)])
    read = snapshots.manifest(raw)
    wanted = [name for name in (read.parts if names is None else names) if name in read.parts]
    if not wanted:
        return {}
    (values,) = query.ask([("HMGET", _name(kind, version), *wanted)])
    return {
        name: msgspec.json.decode(snapshots.checked(read, name, value))
        for name, value in zip(wanted, values, strict=True)
    }


def parts_of(query: Query, kind: str, version: str) -> list[str]:
    """Name the parts of a version by the copy in Redis. Raises Unavailable, Broken."""
    (raw,) = query.ask([("HGET", _name(kind, version), MANIFEST)])
    return sorted(snapshots.manifest(raw).parts)


async def published(reader: LogReader, kind: str, version: str) -> tuple[Manifest, dict[str, Any]]:
    """Read a version from the topic, whole. Raises Unavailable, and Broken where it is not there or altered."""
    start = snapshots.home(kind, version)
    bounds = await reader.bounds(_TOPIC)
    number = partition_of(start, len(bounds))
    found = []
    async for records in reader.read(_TOPIC, number, *bounds[number]):
        texts = ((one.key.decode(), one.value) for one in records if (one.key or b"").startswith(start.encode()))
        found += [Record(key, value or b"") for key, value in texts]
    read, parts = snapshots.joined(found, kind, version)
    return read, {name: msgspec.json.decode(value) for name, value in parts.items()}


def _name(kind: str, version: str) -> str:
    return f"{_COPIES}{kind}:{version}"


__all__ = ["Active", "Broken", "activate", "active", "copied", "keep_copy", "parts_of", "publish", "published"]
