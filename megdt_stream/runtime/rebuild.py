"""Rebuild: fold the evidence topic into a second view of all twins, compare, switch.

Live traffic may go on: a partition is switched at the moment its live cursor and the rebuild's are equal, and the
switch changes the token, so a live worker's next commit is refused and it loads the new view. Needs the memory of
a second set of twins meanwhile, and says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import redis.asyncio as aioredis

from megdt_stream import mirror
from megdt_stream.errors import StoreError
from megdt_stream.evidence import topics
from megdt_stream.governance.overdue import OverdueRule
from megdt_stream.mirror import Message, Partition
from megdt_stream.runtime import admin, keys
from megdt_stream.runtime.log_reader import LogReader, open_log
from megdt_stream.runtime.mirror_stage import load_rows
from megdt_stream.runtime.rebuild_entities import RebuiltEntities, rebuild_entities
from megdt_stream.runtime.recovery import identity, sent_messages
from megdt_stream.runtime.sent_images import Sent, as_changes, of_partition, read_sent
from megdt_stream.runtime.settings import Settings
from megdt_stream.runtime.store import Commit, Store, Taken, pack_message
from megdt_stream.runtime.stored import content, content_of
from megdt_stream.seed_files import load_rule
from megdt_stream.twin import state
from megdt_stream.twin.state import Twin

Progress = Callable[[str], None]
_TOPIC = topics.EVIDENCE.name
_SCAN = 5_000


@dataclass(slots=True)
class Rebuilt:
    """What a rebuild found. `equal`: every twin's bytes are those it had before."""

    twins: int = 0
    differing: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    surplus: list[str] = field(default_factory=list)
    records: int = 0
    resent: int = 0
    upgraded: int = 0
    """Partitions whose twins had another format: they are made anew, and there is nothing to compare them with."""
    seconds: float = 0.0
    entities: RebuiltEntities = field(default_factory=RebuiltEntities)

    @property
    def equal(self) -> bool:
        """Tell whether nothing differs."""
        return not (self.differing or self.missing or self.surplus or self.entities.differing)

    def to_dict(self) -> dict[str, Any]:
        """Give the result as data; trainees that differ are named up to twenty."""
        return {
            "twins": self.twins,
            "equal": self.equal,
            "differing": len(self.differing),
            "missing": len(self.missing),
            "surplus": len(self.surplus),
            "entities": self.entities.entities,
            "differing_entities": len(self.entities.differing),
            "examples": (self.differing + self.missing + self.surplus + self.entities.differing)[:20],
            "records": self.records,
            "resent": self.resent,
            "upgraded_partitions": self.upgraded,
            "seconds": round(self.seconds, 2),
            "ok": self.equal,
        }


async def rebuild(settings: Settings, progress: Progress) -> dict[str, Any]:
    """Rebuild all twins from the evidence topic and compare them with those there were."""
    begun = time.monotonic()
    client = aioredis.Redis.from_url(settings.redis, **settings.redis_options)
    store = Store(client, "rebuild")
    options = settings.kafka_security.options()
    ids = admin.topic_ids(settings.kafka, [_TOPIC, topics.CONTRIBUTIONS.name], security=options)
    result = Rebuilt()
    try:
        async with open_log(settings.brokers, options) as reader:
            sent = await sent_messages(reader, lambda topic, done, of: None)
            bounds, told = await reader.bounds(_TOPIC), await read_sent(reader)
            for number in bounds:
                run = _PartitionRebuild(store, client, reader, load_rule(settings.seeds_dir), number, ids[_TOPIC])
                run.told = of_partition(told, number, len(bounds))
                await run.fold(_told(progress, number))
                await run.compare(result)
                result.resent += await run.send_missing(sent)
                result.records += run.records
            id_ = ids[topics.CONTRIBUTIONS.name]
            result.entities = await rebuild_entities(store, client, reader, id_, progress)
        result.seconds = time.monotonic() - begun
        return result.to_dict()
    finally:
        await store.close()


def _told(progress: Progress, number: int) -> Callable[[int, int], None]:
    return lambda done, of: progress(f"partition {number}: {done} of {of} records")


class _PartitionRebuild:
    """One partition: its log, its old view and the new one."""

    def __init__(
        self,
        store: Store,
        client: aioredis.Redis,
        reader: LogReader,
        rule: OverdueRule,
        number: int,
        topic_id: str,
    ) -> None:
        self._store = store
        self._client = client
        self._reader = reader
        self._rule = rule
        self._number = number
        self._topic_id = topic_id
        self._old, self._format = "", ""
        self._messages: list[Message] = []
        self._images: list[Message] = []
        self._partition = Partition(number)
        self.records = 0
        self.told: Sent = {}
        """What the partition's pseudonyms have told entities, by the topic."""

    async def fold(self, progress: Callable[[int, int], None]) -> None:
        """Fold up to the live cursor, as often as it moves on, and switch."""
        live = await self._live()
        self._old, self._format = live["view"], live["format"]
        new = chr((ord(self._old) - ord("a") + 1) % 26 + ord("a"))
        await self._wipe(new)
        begin, _ = (await self._reader.bounds(_TOPIC))[self._number]
        name = f"rebuild:{new}"
        await self._client.delete(keys.own(name, self._number))
        taken = await self._store.take(name, self._number, 0, (begin, begin), self._topic_id)
        if not isinstance(taken, Taken):
            raise StoreError(f"partition {self._number} is being rebuilt by another process")
        target = Taken(taken.token, taken.offset, taken.created, new, 0)
        position = begin
        while True:
            position = await self._fold_to(name, target, position, int(live["offset"]), progress)
            await self._contribute(name, target, position)
            now = str(self._partition.now) if "now" in live else None
            if await self._store.switch(
                _TOPIC, self._number, self._old, new, position, self._partition.now if now else 0
            ):
                break
            live = await self._live()
            if int(live["offset"]) == position and live["view"] == self._old:
                raise StoreError(f"partition {self._number}: time stands at {live.get('now')} and was rebuilt as {now}")
        await self._client.delete(keys.own(name, self._number))

    async def _live(self) -> dict[str, str]:
        found = await self._client.hgetall(keys.own(_TOPIC, self._number))
        live = {_bytes(name).decode(): _bytes(value).decode() for name, value in found.items()}
        live.setdefault("view", "a")
        live.setdefault("offset", "0")
        live.setdefault("format", "1")
        return live

    async def _fold_to(
        self, name: str, taken: Taken, begin: int, end: int, progress: Callable[[int, int], None]
    ) -> int:
        position = begin
        async for polled in self._reader.read(_TOPIC, self._number, begin, end):
            records = mirror.read((record.offset, record.value) for record in polled)
            rows = await load_rows(self._store, self._partition, taken.view, records)
            changes = mirror.step(self._partition, records, rows, self._rule)
            self._messages += changes.messages
            changes.messages = []
            last = polled[-1].offset + 1
            verdict = await self._store.commit(name, self._partition, taken, position, last, changes, {})
            if verdict is not Commit.DONE:
                raise StoreError(f"partition {self._number}: the rebuild's own commit was refused ({verdict.name})")
            position = last
            self.records += len(records)
            progress(position, end)
        return position

    async def _contribute(self, name: str, taken: Taken, end: int) -> None:
        """Have all who were touched tell entities, as far as the topic has something else of them."""
        partition = self._partition
        for trainee in self.told.keys() - partition.twins.keys():
            partition.twins[trainee] = Twin()  # who is not in the log withdraws everything
        partition.touched.update(dict.fromkeys(sorted(self.told)))
        changes = mirror.contribute(partition, list(partition.touched), self.told, end, mirror.REBUILT)
        self._images += changes.messages
        changes.messages = []
        told = dict(self.told)
        for trainee, changed in changes.contributed.items():
            known = {**told.get(trainee, {}), **changed}
            told[trainee] = {entity: digest for entity, digest in known.items() if digest is not None}
        self.told = told
        await self._store.commit(name, partition, taken, end, end, as_changes(told, partition.now), {})

    async def compare(self, result: Rebuilt) -> None:
        """Compare the old view, which nobody writes any more, with what was rebuilt; then remove it."""
        rebuilt = {trainee: _digest(content_of(twin)) for trainee, twin in self._partition.twins.items()}
        rebuilt = {trainee: found for trainee, found in rebuilt.items() if found != _EMPTY}
        prefix = keys.view(self._number, self._old)
        result.twins += len(rebuilt)
        if self._format != str(state.FORMAT):
            result.upgraded += 1
            await self._wipe(self._old)
            return
        before = set()
        async for key in self._client.scan_iter(match=f"{_escaped(prefix)}t:*", count=_SCAN):
            trainee = key[len(prefix) + 2 :].decode()
            before.add(trainee)
            if trainee not in rebuilt:
                result.surplus.append(trainee)
            elif _digest(await self._content(key, keys.archive(self._number, self._old, trainee))) != rebuilt[trainee]:
                result.differing.append(trainee)
        result.missing += sorted(rebuilt.keys() - before)
        await self._wipe(self._old)

    async def _content(self, twin: bytes, archive: str) -> list[tuple[bytes, bytes]]:
        fields, chunks = [
            [(_bytes(field), _bytes(value)) for field, value in (await self._client.hgetall(name)).items()]
            for name in (twin, archive)
        ]
        try:
            return list(content(fields, chunks))
        except ValueError:
            return []  # an archive that is none: the twin differs

    async def send_missing(self, sent: frozenset[str]) -> int:
        """Put into the outbox what the log causes and nobody ever sent: lost with a store, perhaps."""
        waiting = {
            identity(out.message.topic, out.message.key, out.message.value)
            for out in await self._store.outgoing(self._number, 1_000_000)
        }
        lost = [m for m in self._messages if identity(m.topic, m.key, m.value) not in sent | waiting]
        lost += self._images
        if lost:
            members = {pack_message(message, 0): message.offset for message in lost}
            await self._client.zadd(keys.outbox(self._number), members)
        return len(lost)

    async def _wipe(self, view: str) -> None:
        batch: list[bytes] = []
        async for key in self._client.scan_iter(match=f"{_escaped(keys.view(self._number, view))}*", count=_SCAN):
            batch.append(key)
            if len(batch) >= _SCAN:
                await self._client.unlink(*batch)
                batch.clear()
        if batch:
            await self._client.unlink(*batch)


def _escaped(prefix: str) -> str:
    """Escape what a glob would take for a pattern; a hash tag's braces are none."""
    return prefix.replace("[", "\\[").replace("*", "\\*").replace("?", "\\?")


def _digest(content: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Fingerprint what a twin's hashes hold, but for its archive's compression."""
    hasher = blake2b(digest_size=16)
    for name, value in content:
        hasher.update(b"%d %d " % (len(name), len(value)) + name + value)
    return hasher.digest()


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


_EMPTY = _digest(())
