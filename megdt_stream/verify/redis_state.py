"""Reading what rests in Redis (docs/records.md, section 6)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Any, Final, TypeVar

import msgspec
import redis

from megdt_stream.errors import Unavailable
from megdt_stream.verify.log import IntakeState, Message, MirrorState, State
from megdt_stream.verify.names import CONTRIBUTIONS, EVIDENCE, INPUTS, full_name, short_name, tag

_BATCH: Final = 1_000
_ENTITY_KINDS: Final = ("faculty", "base", "resource", "process", "person")
_KEY: Final = re.compile(r"megdt:\{(p(\d+)\.\d+)\}:(.+)", re.DOTALL)
_VIEW_KEY: Final = re.compile(r"([a-z]+):(?:([tpnz]):([^:]+)|([jc]):([^:]+):([0-9a-f])|(due|seen|counts|touched))")

T = TypeVar("T")

Partitions = dict[str, int]
"""Short topic -> how many partitions it has."""


class RedisState:
    """A reader of the store. It writes nothing."""

    def __init__(self, url: str, options: Mapping[str, Any] = MappingProxyType({})) -> None:
        self._url = url
        self._client = redis.Redis.from_url(url, socket_timeout=30, socket_connect_timeout=10, **options)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def cursors(self, partitions: Partitions) -> dict[tuple[str, int], int]:
        """Give the next offset to apply of every input and evidence partition, 0 where none is stored."""
        shorts = (*INPUTS, EVIDENCE, CONTRIBUTIONS)
        places = [(short, n) for short in shorts for n in range(partitions.get(short, 0))]
        replies = self._ask([("HGET", _own(short, n), "offset") for short, n in places])
        return {place: int(reply or 0) for place, reply in zip(places, replies, strict=True)}

    def outboxes_empty(self, partitions: Partitions) -> bool:
        """Say whether nothing waits to be sent."""
        places = range(partitions[EVIDENCE])
        return not any(self._ask([("EXISTS", f"megdt:{{{tag(n)}}}:outbox") for n in places]))

    def read(self, partitions: Partitions, progress: Callable[[str], None]) -> State:
        """Read everything of the active views, again when a cursor moved meanwhile (`moving`: always)."""
        for _ in range(3):
            before = self.cursors(partitions)
            state = self._read_once(partitions, progress)
            state.moving = self.cursors(partitions) != before
            if not state.moving:
                break
        return state

    def _read_once(self, partitions: Partitions, progress: Callable[[str], None]) -> State:
        state = State()
        views = self._read_owners(partitions, state)
        self._read_entities(state)
        self._read_intake_counts(state)
        count = 0
        for keys in _batched(self._scan(), _BATCH):
            self._read_batch(keys, partitions[EVIDENCE], views, state)
            count += len(keys)
            progress(f"read {count:,} keys")
        return state

    def _read_owners(self, partitions: Partitions, state: State) -> dict[int, str]:
        """Read cursors and counts; give the active view of each evidence partition."""
        for (short, number), offset in self.cursors(partitions).items():
            if short == EVIDENCE:
                state.mirror[number] = MirrorState(offset)
            elif short == CONTRIBUTIONS:
                state.entity_offsets[number] = offset
            else:
                state.intake[short, number] = IntakeState(offset)
        replies = self._ask([("HMGET", _own(EVIDENCE, n), "view", "now") for n in state.mirror])
        owns = self._ask([("HGETALL", _own(EVIDENCE, n)) for n in state.mirror])
        for mirror, (_, now), own in zip(state.mirror.values(), replies, owns, strict=True):
            mirror.now = int(now or 0)
            fields = {_text(name): _text(value) for name, value in own.items()}
            mirror.active = {name[7:]: value for name, value in fields.items() if name.startswith("active:")}
        return {n: (view or b"a").decode() for n, (view, _) in zip(state.mirror, replies, strict=True)}

    def _read_intake_counts(self, state: State) -> None:
        keys = [f"megdt:{{{tag(number)}}}:counts:{full_name(short)}" for short, number in state.intake]
        for key, place, reply in zip(keys, state.intake, self._ask([("HGETALL", key) for key in keys]), strict=True):
            if isinstance(reply, Exception):
                state.damaged.append(key)
            else:
                state.intake[place].counts = {name.decode(): int(count) for name, count in reply.items()}

    def touched(self, partitions: Partitions) -> int:
        """Count the trainees who have not told entities of what changed in their twins."""
        numbers = range(partitions[EVIDENCE])
        views = self._ask([("HGET", _own(EVIDENCE, n), "view") for n in numbers])
        keys = [f"megdt:{{{tag(n)}}}:{(view or b'a').decode()}:touched" for n, view in zip(numbers, views, strict=True)]
        return sum(count for count in self._ask([("SCARD", key) for key in keys]) if isinstance(count, int))

    def _read_entities(self, state: State) -> None:
        """Read the entity twins that each partition names."""
        for number in state.entity_offsets:
            view = self._ask([("HGET", _own(CONTRIBUTIONS, number), "view")])[0]
            prefix = f"megdt:{{{tag(number)}}}:e{(view or b'a').decode()}:"
            named = self._ask([("HGETALL", f"{prefix}names:{kind}") for kind in _ENTITY_KINDS])
            names = [f"{kind}/{_text(id_)}" for kind, ids in zip(_ENTITY_KINDS, named, strict=True) for id_ in ids]
            for some in _batched(iter(names), _BATCH):
                for name, reply in zip(some, self._ask([("HGETALL", f"{prefix}n:{one}") for one in some]), strict=True):
                    if isinstance(reply, Exception):
                        state.damaged.append(f"{prefix}n:{name}")
                    else:
                        state.entities[name] = {_text(field): value for field, value in reply.items()}

    def _scan(self) -> Iterator[bytes]:
        """Walk all keys of the project. A key may come twice; reading it again changes nothing."""
        try:
            yield from self._client.scan_iter(match="megdt:*", count=_BATCH)
        except redis.RedisError as error:
            raise self._unavailable(error) from error

    def _read_batch(self, keys: list[bytes], partitions: int, views: dict[int, str], state: State) -> None:
        wanted = []
        for raw in keys:
            key = raw.decode("utf-8", "replace")
            match = _KEY.fullmatch(key)
            if match is None:
                continue
            number, rest = int(match[2]), match[3]
            if tag(number) != match[1]:
                state.damaged.append(key)
            elif number < partitions and (rest == "outbox" or rest.startswith(f"{views[number]}:")):
                wanted.append((raw, number, rest))
        replies = self._ask([_fetch(raw, rest) for raw, _, rest in wanted])
        for (raw, number, rest), reply in zip(wanted, replies, strict=True):
            if isinstance(reply, Exception) or not _take(state.mirror[number], rest, reply):
                state.damaged.append(raw.decode("utf-8", "replace"))

    def _ask(self, commands: list[tuple[Any, ...]]) -> list[Any]:
        """Send commands in one pipeline; a wrong type comes back as the exception it is."""
        try:
            pipeline = self._client.pipeline(transaction=False)
            for command in commands:
                pipeline.execute_command(*command)  # type: ignore[no-untyped-call]
            replies: list[Any] = pipeline.execute(raise_on_error=False)
        except redis.RedisError as error:
            raise self._unavailable(error) from error
        return replies

    def _unavailable(self, error: Exception) -> Unavailable:
        return Unavailable(f"Redis does not answer: {error}")


def _own(short: str, number: int) -> str:
    return f"megdt:{{{tag(number)}}}:own:{full_name(short)}"


def _fetch(key: bytes, rest: str) -> tuple[Any, ...]:
    if rest.endswith(":touched"):
        return ("SMEMBERS", key)
    if rest == "outbox" or rest.endswith(":due"):
        return ("ZRANGE", key, 0, -1, "WITHSCORES")
    return ("HGETALL", key)


def _take(mirror: MirrorState, rest: str, reply: Any) -> bool:
    """Put a reply where it belongs; say no when the key or its content is none of ours."""
    if rest == "outbox":
        return _take_outbox(mirror, reply)
    match = _VIEW_KEY.fullmatch(rest)
    if match is None:
        return True
    _, whole, name, shards, trainee, nibble, other = match.groups()
    if whole:
        if whole == "z":
            mirror.archives[name] = reply
        else:
            {"t": mirror.twins, "p": mirror.persons, "n": mirror.words}[whole][name] = _texts(reply)
    elif shards:
        (mirror.journal if shards == "j" else mirror.carried).setdefault(trainee, {})[nibble] = reply
    elif other == "touched":
        mirror.touched = {_text(name) for name in reply}
    elif other == "due":
        mirror.due = {_text(member): int(score) for member, score in reply}
    else:
        return _take_integers(mirror, other, reply)
    return True


def _take_integers(mirror: MirrorState, name: str, reply: dict[bytes, bytes]) -> bool:
    try:
        setattr(mirror, name, {_text(field): int(value) for field, value in reply.items()})
    except ValueError:
        return False
    return True


def _take_outbox(mirror: MirrorState, reply: list[tuple[bytes, float]]) -> bool:
    try:
        mirror.outbox = [_message(member) for member, _ in reply]
    except (msgspec.DecodeError, ValueError, TypeError):
        return False
    return True


def _message(member: bytes) -> Message:
    _, topic, key, value, headers, *_ = msgspec.msgpack.decode(member)
    pairs = headers.items() if isinstance(headers, dict) else headers or ()
    return Message(short_name(topic), _bytes(key), _bytes(value), tuple((str(n), _bytes(v)) for n, v in pairs))


def _bytes(value: bytes | str | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _texts(reply: dict[bytes, bytes]) -> dict[str, str]:
    return {_text(field): _text(value) for field, value in reply.items()}


def _batched(keys: Iterable[T], size: int) -> Iterator[list[T]]:
    walk = iter(keys)
    while batch := list(islice(walk, size)):
        yield batch
