"""The mirror's store: what of the protocol happens in Redis, one script each (docs/records.md, section 6).

Every call either says what happened or raises `Unavailable` (ask again), `TwinCorrupt` or `StoreError`. A caller that
retries a commit after a lost reply is told that it was done before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from importlib.resources import files
from typing import Any, Final, TypeAlias
from uuid import uuid4

import msgpack
import msgspec
import redis.asyncio as aioredis
from redis.exceptions import (
    BusyLoadingError,
    ClusterDownError,
    MaxConnectionsError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from megdt_stream.errors import StoreError, TopicRecreated, TwinCorrupt, TwinFormat, Unavailable
from megdt_stream.evidence import topics
from megdt_stream.mirror import Changes, Deadlines, HeldKey, InputPartition, Message, Needs, Partition, RowKey, Rows
from megdt_stream.runtime import keys, stored
from megdt_stream.runtime.pipelining import Pipelining
from megdt_stream.twin import journal, person, state
from megdt_stream.twin.journal import HASH, Row, Words
from megdt_stream.twin.person import Held
from megdt_stream.twin.state import Twin

_member: Final = msgspec.msgpack.Encoder().encode
# Redis' cmsgpack knows strings, which may hold any bytes, and not the later binary type.
_pack: Final = msgpack.Packer(use_bin_type=False).pack
_TRANSIENT: Final = (
    RedisConnectionError,
    RedisTimeoutError,
    BusyLoadingError,
    ClusterDownError,
    ReadOnlyError,
    TryAgainError,
    MaxConnectionsError,
    OutOfMemoryError,
    OSError,
)


_NIBBLES: Final = "0123456789abcdef"
_ACTIVE: Final = b"active:"
"""Begins the fields of a cursor that name a kind's model in force: `<at> <version>`."""

_SCRIPTS: Final = ("take", "load", "commit", "propose", "settle", "switch", "restore")


_Hashes: TypeAlias = dict[str, tuple[list[Any], list[Any]]]
"""By a hash's name: fields and values that are put, fields that go."""


class Commit(Enum):
    """What became of a fenced write."""

    DONE = 1
    DONE_BEFORE = 2
    OTHER_TOKEN = -1
    OTHER_OFFSET = -2

    @property
    def stands(self) -> bool:
        """Tell whether the write is in the store."""
        return self in (Commit.DONE, Commit.DONE_BEFORE)


@dataclass(frozen=True, slots=True)
class Taken:
    """A partition is ours under `token`, work resumes at `offset`; `created`: no cursor existed before.

    Messages caused below `replay_until` may have been sent before the store was lost.
    """

    token: str
    offset: int
    created: bool
    view: str
    now: int
    replay_until: int = 0


@dataclass(frozen=True, slots=True)
class Refused:
    """The take was refused: a worker of a later group generation holds the partition."""

    generation: int
    offset: int


@dataclass(frozen=True, slots=True)
class Pending:
    """A batch that intake decided and may or may not have produced."""

    base: int
    end: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An outbox entry with the exact member that clears it, and when its cause was appended (ms)."""

    member: bytes
    message: Message
    caused: int


class Store:
    """The scripts, bound to a connection pool."""

    def __init__(self, client: aioredis.Redis, owner: str) -> None:
        """Take a client without response decoding; `owner` names this worker to people who look."""
        self._client = client
        self._owner = owner
        texts = {name: files(__package__).joinpath("lua", f"{name}.lua").read_text() for name in _SCRIPTS}
        self._redis = Pipelining(client, texts)
        self._written: dict[int, tuple[Changes, bytes]] = {}

    async def _run(self, name: str, names: Sequence[str], args: Sequence[Any]) -> Any:
        try:
            return await self._redis.script(name, names, args)
        except (RedisError, OSError) as error:
            raise _translated(error) from error

    async def call(self, *command: Any) -> Any:
        """Send one plain command with the same translation of errors."""
        try:
            return await self._redis.command(*command)
        except (RedisError, OSError) as error:
            raise _translated(error) from error

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    # --- taking ---

    async def take(
        self, topic: str, partition: int, generation: int, log: tuple[int, int], topic_id: str, over: str = ""
    ) -> Taken | Refused:
        """Take a partition under a new token.

        `log` is its begin and end; `over` names the stored generation that may be overridden although it is higher.
        Raises TopicRecreated when the cursor was written for another topic of the same name, TwinFormat when another
        version wrote the twins.
        """
        token = f"{generation}.{uuid4().hex}"  # unique: a counter would repeat after a store rollback
        name = keys.own(topic, partition)
        reply = await self._run(
            "take", [name], [generation, token, self._owner, log[0], topic_id, over, log[1], format_of(topic)]
        )
        verdict = reply[0].decode()
        if verdict == "refused":
            return Refused(int(reply[1]), int(reply[2]))
        if verdict == "format":
            raise TwinFormat(other_format(partition, int(reply[1])))
        if verdict == "recreated":
            raise TopicRecreated(f"{topic} has id {topic_id}, the cursor was written for {reply[1].decode()}")
        fields = await self.call("HMGET", name, "token", "offset", "view", "now", "replay_until")
        if fields[0] != token.encode():
            return Refused(generation, int(fields[1] or 0))
        return Taken(
            token,
            int(fields[1]),
            bool(reply[1]),
            fields[2].decode(),
            int(fields[3] or 0),
            int(fields[4] or 0),
        )

    async def partition(self, number: int, taken: Taken) -> Partition:
        """Load what the mirror holds of a partition in memory, twins apart."""
        prefix = keys.view(number, taken.view)
        due = await self.call("ZRANGE", f"{prefix}due", 0, -1, "WITHSCORES")
        seen = await self.call("HGETALL", f"{prefix}seen")
        touched = await self.call("SMEMBERS", f"{prefix}touched")
        own = await self.call("HGETALL", keys.own(topics.EVIDENCE.name, number))
        return Partition(
            number,
            taken.now,
            {_source(name): int(offset) for name, offset in _pairs(seen)},
            Deadlines((member.decode(), int(score)) for member, score in _pairs(due)),
            touched=dict.fromkeys(sorted(name.decode() for name in touched)),
            active=dict(_actives(own)),
        )

    async def load_sent(self, number: int, view: str, trainees: Sequence[str]) -> dict[str, dict[str, bytes]]:
        """Load what trainees have told entities: digest by the entity's name."""
        wanted = [[], [], [f"g:{trainee}" for trainee in trainees]]
        *_, found = await self._run(
            "load", [keys.own(topics.EVIDENCE.name, number)], [keys.view(number, view), _pack(wanted)]
        )
        return {
            trainee: {name.decode(): digest for name, digest in _pairs(fields)}
            for trainee, fields in zip(trainees, found, strict=True)
        }

    # --- the mirror's batch ---

    async def load(self, number: int, view: str, needs: Needs) -> tuple[dict[str, Twin], Rows]:
        """Load the twins and the known journal rows a batch needs."""
        if not needs.trainees and not needs.rows and not needs.whole:
            return {}, Rows()
        order = _by_shard(needs.rows)
        wanted = [
            needs.trainees,
            [
                part
                for name, asked in order.items()
                for part in (f"j:{name}", [bytes.fromhex(h) for _, h in asked], f"n:{asked[0][0]}")
            ],
            [name for trainee in needs.whole for name in _whole(trainee)],
        ]
        twins, found, known, whole = await self._run(
            "load", [keys.own("megdt.evidence.v1", number)], [keys.view(number, view), _pack(wanted)]
        )
        rows = Rows()
        words = {said[0].decode(): said[1] for said in known}
        for asked, values in zip(order.values(), found, strict=True):
            for key, value in zip(asked, values, strict=True):
                if value is not None:
                    said = _words(number, view, key[0], words[f"n:{key[0]}"])
                    rows.own[key] = _unpacked(number, view, key, value, said)
        self._take_whole(number, view, needs.whole, iter(whole), rows)
        loaded = {}
        for trainee, (fields, chunks, said) in zip(needs.trainees, twins, strict=True):
            try:
                loaded[trainee] = stored.read_twin(_pairs(fields), _pairs(chunks), _pairs(said))
            except ValueError as error:
                raise TwinCorrupt(f"{keys.twin(number, view, trainee)}: {error}") from error
        return loaded, rows

    def _take_whole(self, number: int, view: str, trainees: Sequence[str], shards: Iterator[Any], rows: Rows) -> None:
        for trainee in trainees:
            words = _words(number, view, trainee, next(shards))
            for _ in _NIBBLES:
                for name, value in stored.join_rows(dict(_pairs(next(shards)))).items():
                    key = trainee, name.hex()
                    rows.own[key] = _unpacked(number, view, key, value, words)
            for _ in _NIBBLES:
                for name, value in _pairs(next(shards)):
                    rows.carried[trainee, name[:HASH].hex(), name[HASH:].decode()] = _held(number, view, trainee, value)

    async def load_carried(self, number: int, view: str, needed: Sequence[HeldKey]) -> dict[HeldKey, Held]:
        """Load the carried rows a batch needs."""
        shards: dict[str, list[HeldKey]] = {}
        for key in needed:
            trainee, h, _ = key
            shards.setdefault(f"c:{trainee}:{journal.shard(h)}", []).append(key)
        fields = [part for name, asked in shards.items() for part in (name, [_carried_field(key) for key in asked], "")]
        _, found, _, _ = await self._run(
            "load", [keys.own("megdt.evidence.v1", number)], [keys.view(number, view), _pack([[], fields, []])]
        )
        return {
            key: _held(number, view, key[0], value)
            for asked, values in zip(shards.values(), found, strict=True)
            for key, value in zip(asked, values, strict=True)
            if value is not None
        }

    async def commit(
        self,
        topic: str,
        partition: Partition,
        taken: Taken,
        base: int,
        end: int,
        changes: Changes,
        caused: Mapping[int, int],
    ) -> Commit:
        """Write everything a batch changed, if the partition is still ours and stands at `base`.

        `caused`: append time (ms) of the records that caused messages, by offset.
        """
        number = partition.number
        # A commit that is tried again writes the same: what it writes is made once, for that changes what is known
        # of the store. One that is refused is followed by a new partition.
        if number not in self._written or self._written[number][0] is not changes:
            self._written[number] = changes, _pack(_written(partition, changes, caused))
        reply = await self._run(
            "commit",
            [keys.own(topic, number), keys.outbox(number)],
            [
                keys.view(number, taken.view),
                taken.token,
                base,
                end,
                changes.now,
                self._written[number][1],
            ],
        )
        del self._written[number]
        return Commit(reply[0])

    # --- intake's batch ---

    async def pending(self, topic: str, partition: int) -> Pending | None:
        """Give the batch that an earlier owner decided and did not settle."""
        base, end, body = await self.call("HMGET", keys.pending(topic, partition), "base", "end", "body")
        return None if base is None else Pending(int(base), int(end), body)

    async def propose(self, topic: str, partition: int, token: str, batch: Pending) -> Commit:
        """Keep a decided batch before it is produced."""
        names = [keys.own(topic, partition), keys.pending(topic, partition)]
        return Commit((await self._run("propose", names, [token, batch.base, batch.end, batch.body]))[0])

    async def settle(
        self,
        topic: str,
        partition: int,
        token: str,
        base: int,
        end: int,
        watermark: int,
        counts: Mapping[str, int],
    ) -> Commit:
        """Step over a produced batch."""
        names = [
            keys.own(topic, partition),
            keys.pending(topic, partition),
            keys.intake_counts(topic, partition),
        ]
        flat = [part for item in counts.items() for part in item]
        return Commit((await self._run("settle", names, [token, base, end, watermark, *flat]))[0])

    async def cursor(self, topic: str, partition: int) -> tuple[int, int]:
        """Give (offset, watermark) of a partition, -1 where there is none."""
        offset, watermark = await self.call("HMGET", keys.own(topic, partition), "offset", "watermark")
        return int(-1 if offset is None else offset), int(-1 if watermark is None else watermark)

    async def restore(
        self,
        topic: str,
        partition: int,
        topic_id: str,
        offset: int,
        watermark: int,
        counts: Mapping[str, int],
    ) -> bool:
        """Set a lost cursor and its counters; nothing happens, and False is given, where one is in use: under
        which something was settled or proposed.
        """
        names = [keys.own(topic, partition), keys.intake_counts(topic, partition), keys.pending(topic, partition)]
        flat = [part for item in counts.items() for part in item]
        return bool(await self._run("restore", names, [topic_id, offset, watermark, *flat]))

    # --- outbox ---

    async def outgoing(self, partition: int, limit: int) -> list[Outgoing]:
        """Give the oldest outgoing messages of a partition."""
        found = await self.call("ZRANGE", keys.outbox(partition), 0, limit - 1, "WITHSCORES")
        return [Outgoing(member, *unpack_message(member, int(score))) for member, score in _pairs(found)]

    async def clear(self, partition: int, members: Sequence[bytes]) -> None:
        """Remove exactly these messages. By name, never by count: a zombie can only remove what it published."""
        await self.call("ZREM", keys.outbox(partition), *members)

    async def outbox_size(self, partition: int) -> int:
        """Count the messages that wait."""
        return int(await self.call("ZCARD", keys.outbox(partition)))

    # --- rebuild ---

    async def switch(self, topic: str, partition: int, old: str, new: str, offset: int, now: int) -> bool:
        """Make a rebuilt view the live one, if the live cursor stands where the rebuild does.

        The token changes with it, so the live worker's next commit is refused and it loads the new view.
        """
        token = f"switch.{uuid4().hex}"
        return bool(
            await self._run("switch", [keys.own(topic, partition)], [old, new, offset, now, token, state.FORMAT])
        )


def format_of(topic: str) -> str:
    """Give the format of what is stored beside a topic's cursor; empty where that is nothing but the cursor."""
    return str(state.FORMAT) if topic == topics.EVIDENCE.name else ""


def other_format(partition: int, found: int) -> str:
    """Word that a partition's twins are of another format."""
    age = "older" if found < state.FORMAT else "newer"
    return f"the twins of partition {partition} have format {found}, {age} than this version's {state.FORMAT}"


def outgoing(messages: Iterable[Message], caused: Mapping[int, int]) -> list[Outgoing]:
    """Give messages as the outbox holds them; `caused` as for `Store.commit`."""
    when = ((message, caused.get(message.offset, 0)) for message in messages)
    return [Outgoing(pack_message(message, since), message, since) for message, since in when]


def pack_message(message: Message, caused: int) -> bytes:
    """Write a message as an outbox member. Its fixed-width index keeps messages of one cause in order."""
    return _member([f"{message.index:04d}", message.topic, message.key, message.value, message.headers, caused])


def unpack_message(member: bytes, offset: int) -> tuple[Message, int]:
    """Read an outbox member back, with the append time (ms) of its cause."""
    index, topic, key, value, headers, caused = msgspec.msgpack.decode(member)
    message = Message(offset, int(index), topic, key, value, tuple((name, text) for name, text in headers))
    return message, caused


def _written(partition: Partition, changes: Changes, caused: Mapping[int, int]) -> list[Any]:
    hashes: _Hashes = {}
    _put_twins(hashes, partition, changes)
    _put_rows(hashes, partition, changes)
    _put_carried(hashes, changes)
    _put_contributed(hashes, changes)
    due: list[Any] = []
    not_due: list[str] = []
    for member, score in changes.deadlines.items():
        if score is None:
            not_due.append(member)
        else:
            due += (str(score), member)
    seen = [part for (topic, n), offset in changes.seen.items() for part in (f"{topic}:{n}", str(offset))]
    counts = [part for name, n in changes.counts.items() for part in (name, str(n))]
    out = [part for each in outgoing(changes.messages, caused) for part in (str(each.message.offset), each.member)]
    return [
        [part for name, (put, gone) in hashes.items() for part in (name, put, gone)],
        due,
        not_due,
        seen,
        counts,
        out,
        changes.touched,
        list(changes.contributed),
        [part for kind, (at, version) in changes.active.items() for part in (f"active:{kind}", f"{at} {version}")],
    ]


def _put_twins(hashes: _Hashes, partition: Partition, changes: Changes) -> None:
    for trainee, fields in changes.fields.items():
        own, beside, chunks = stored.changed(partition.twins[trainee], fields)
        if own:
            _put(hashes, f"t:{trainee}", own)
        if beside:
            _put(hashes, f"p:{trainee}", beside)
        if chunks:
            _put(hashes, f"z:{trainee}", chunks)


def _put_rows(hashes: _Hashes, partition: Partition, changes: Changes) -> None:
    twins = partition.twins
    for (trainee, h), row in changes.rows.items():
        words = stored.words_of(twins[trainee])
        data = journal.pack(row, h, words)
        put, gone = _hash(hashes, f"j:{trainee}:{h[-1]}")
        if len(data) < stored.PIECE and len(row) == 1:
            put += (bytes.fromhex(h), data)
        else:
            pieces, surplus = stored.pieces(h, data)
            put += [part for item in pieces.items() for part in item]
            gone += surplus
        added = words.added()
        if added:
            _hash(hashes, f"n:{trainee}")[0].extend([part for n, word in added.items() for part in (str(n), word)])


def _put_carried(hashes: _Hashes, changes: Changes) -> None:
    for key, held in changes.carried.items():
        put, gone = _hash(hashes, f"c:{key[0]}:{key[1][-1]}")
        if held is None:
            gone.append(_carried_field(key))
        else:
            put += (_carried_field(key), person.pack(held))


def _put_contributed(hashes: _Hashes, changes: Changes) -> None:
    for trainee, told in changes.contributed.items():
        _put(hashes, f"g:{trainee}", told)


def _put(hashes: _Hashes, name: str, fields: Mapping[str, str | bytes | None]) -> None:
    """Write fields of a hash; None is one that goes."""
    put, gone = _hash(hashes, name)
    if None in fields.values():
        gone += [field for field, value in fields.items() if value is None]
        put += [part for item in fields.items() if item[1] is not None for part in item]
    else:
        put += [part for item in fields.items() for part in item]


def _hash(hashes: _Hashes, name: str) -> tuple[list[Any], list[Any]]:
    known = hashes.get(name)
    if known is None:
        known = hashes[name] = ([], [])
    return known


def _by_shard(rows: Iterable[RowKey]) -> dict[str, list[RowKey]]:
    shards: dict[str, list[RowKey]] = {}
    for key in rows:
        shards.setdefault(f"{key[0]}:{journal.shard(key[1])}", []).append(key)
    return shards


def _carried_field(key: HeldKey) -> bytes:
    return bytes.fromhex(key[1]) + key[2].encode()


def _held(number: int, view: str, trainee: str, value: bytes) -> Held:
    try:
        return person.unpack(value)
    except ValueError as error:
        raise TwinCorrupt(f"{keys.view(number, view)}c:{trainee}: {error}") from error


def _whole(trainee: str) -> Iterator[str]:
    """Name the hashes of a trainee's whole journal and of all that is carried there."""
    yield f"n:{trainee}"
    yield from (f"{kind}:{trainee}:{nibble}" for kind in "jc" for nibble in _NIBBLES)


def _words(number: int, view: str, trainee: str, fields: Any) -> Words:
    try:
        return stored.read_words(_pairs(fields))
    except ValueError as error:
        raise TwinCorrupt(f"{keys.view(number, view)}n:{trainee}: {error}") from error


def _unpacked(number: int, view: str, key: RowKey, value: bytes, words: Words) -> Row:
    try:
        return journal.unpack(value, key[1], words)
    except ValueError as error:
        raise TwinCorrupt(f"{keys.view(number, view)}j:{key[0]}, record {key[1]}: {error}") from error


def _source(name: bytes) -> InputPartition:
    topic, _, number = name.decode().rpartition(":")
    return topic, int(number)


def _actives(own: Any) -> Iterator[tuple[str, tuple[int, str]]]:
    for name, value in _pairs(own):
        if name.startswith(_ACTIVE):
            at, _, version = value.decode().partition(" ")
            yield name[len(_ACTIVE) :].decode(), (int(at), version)


def _pairs(flat: Any) -> Iterable[tuple[bytes, bytes]]:
    """Pair up a flat reply; some clients hand out mappings or pairs already."""
    if isinstance(flat, Mapping):
        return flat.items()
    if flat and isinstance(flat[0], (tuple, list)):
        return ((name, value) for name, value in flat)
    return zip(flat[::2], flat[1::2], strict=True)


def _translated(error: Exception) -> Exception:
    if isinstance(error, _TRANSIENT):
        return Unavailable(f"Redis: {error}")
    if isinstance(error, ResponseError):
        text = str(error)
        if "WRONGKIND" in text or "WRONGTYPE" in text:
            return TwinCorrupt(text)
        if any(word in text for word in ("MISCONF", "OOM", "READONLY", "LOADING", "MASTERDOWN", "NOREPLICAS", "BUSY")):
            return Unavailable(f"Redis: {text}")
    return StoreError(f"Redis: {error}")
