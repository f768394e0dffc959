"""Rebuild of entity twins: fold contributions into a second view, compare, switch; as `rebuild` does with trainees."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import redis.asyncio as aioredis

from megdt_stream.errors import StoreError
from megdt_stream.runtime import keys
from megdt_stream.runtime.entity_store import TOPIC, EntityStore, news
from megdt_stream.runtime.log_reader import LogReader
from megdt_stream.runtime.store import Commit, Store, Taken
from megdt_stream.store_keys import entity_view
from megdt_stream.twin.entities import image

_SCAN = 5_000


@dataclass(slots=True)
class RebuiltEntities:
    """What the rebuild found: how many entities, and those whose bytes are not what they were before."""

    entities: int = 0
    differing: list[str] = field(default_factory=list)


async def rebuild_entities(
    store: Store, client: aioredis.Redis, reader: LogReader, topic_id: str, progress: Callable[[str], None]
) -> RebuiltEntities:
    """Rebuild the entity twins of all partitions that were ever taken. Raises Unavailable, StoreError."""
    result = RebuiltEntities()
    for number, (begin, _) in (await reader.bounds(TOPIC)).items():
        run = _Partition(store, client, reader, number)
        if await run.taken():
            await run.fold(begin, topic_id)
            await run.compare(result)
            progress(f"entity twins, partition {number}: done")
    return result


class _Partition:
    """One partition of the contributions: its old view and the new one."""

    def __init__(self, store: Store, client: aioredis.Redis, reader: LogReader, number: int) -> None:
        self._store = store
        self._entities = EntityStore(store)
        self._client = client
        self._reader = reader
        self._number = number
        self._old, self._new = "a", "b"

    async def _live(self) -> tuple[str, int]:
        found: Any = await self._client.hmget(keys.own(TOPIC, self._number), "view", "offset")
        view, offset = found
        return (view or b"").decode(), int(offset or 0)

    async def taken(self) -> bool:
        """Tell whether a worker ever held the partition."""
        view, _ = await self._live()
        return bool(view)

    async def fold(self, begin: int, topic_id: str) -> None:
        """Fold up to the live cursor, as often as it moves on, and switch."""
        self._old, end = await self._live()
        self._new = chr((ord(self._old) - ord("a") + 1) % 26 + ord("a"))
        await self._wipe(self._new)
        name = f"rebuild-entities:{self._new}"
        await self._client.delete(keys.own(name, self._number))
        taken = await self._store.take(name, self._number, 0, (begin, begin), topic_id)
        if not isinstance(taken, Taken):
            raise StoreError(f"the entity twins of partition {self._number} are being rebuilt by another process")
        target = Taken(taken.token, taken.offset, taken.created, self._new, 0)
        position = begin
        while True:
            position = await self._fold_to(name, target, position, end)
            if await self._store.switch(TOPIC, self._number, self._old, self._new, position, 0):
                break
            view, end = await self._live()
            if end == position and view == self._old:
                raise StoreError(f"the entity twins of partition {self._number} cannot be switched")
        await self._client.delete(keys.own(name, self._number))

    async def _fold_to(self, name: str, taken: Taken, begin: int, end: int) -> int:
        position = begin
        async for polled in self._reader.read(TOPIC, self._number, begin, end):
            given = image.latest(one for record in polled if (one := image.read(record.key, record.value)))
            known = await self._entities.load(self._number, taken.view, list(given))
            last = polled[-1].offset + 1
            verdict = await self._entities.commit(name, self._number, taken, position, last, news(known, given))
            if verdict is not Commit.DONE:
                raise StoreError(f"partition {self._number}: the rebuild's own commit was refused ({verdict.name})")
            position = last
        if position < end:  # what stood at the end was compacted away
            await self._entities.commit(name, self._number, taken, position, end, {})
        return max(position, end)

    async def compare(self, result: RebuiltEntities) -> None:
        """Compare the old view, which nobody writes any more, with what was rebuilt; then remove it."""
        before, after = await self._names(self._old), await self._names(self._new)
        result.entities += len(after)
        for name in sorted(before | after):
            old, new = [
                await self._client.hgetall(f"{entity_view(self._number, view)}n:{name}")
                for view in (self._old, self._new)
            ]
            if old != new:
                result.differing.append(name)
        await self._wipe(self._old)

    async def _names(self, view: str) -> set[str]:
        found: set[str] = set()
        for kind in image.STORED:
            ids: Iterable[Any] = await self._client.hgetall(f"{entity_view(self._number, view)}names:{kind}")
            found.update(f"{kind}/{id_.decode()}" for id_ in ids)
        return found

    async def _wipe(self, view: str) -> None:
        prefix = entity_view(self._number, view)
        names = await self._names(view)
        gone = [f"{prefix}n:{name}" for name in names] + [f"{prefix}names:{kind}" for kind in image.STORED]
        for at in range(0, len(gone), _SCAN):
            await self._client.unlink(*gone[at : at + _SCAN])
