"""Reading the store from outside a worker: twins, counts and cursors. Nothing here writes.

Synchronous on purpose: commands and the console ask now and then; the worker has its own access.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from itertools import count, islice
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import redis

from megdt_stream.errors import Unavailable
from megdt_stream.evidence import topics
from megdt_stream.evidence.partition import partition_of
from megdt_stream.runtime import keys
from megdt_stream.runtime.stored import read_twin
from megdt_stream.twin.state import Twin

_WHOLE: Final = (keys.twin, keys.person, keys.archive)
_BLOCK: Final = 64
_SCAN: Final = 2_000
_BATCH: Final = 500
_TIMEOUT_SECONDS: Final = 10.0


class Stored(NamedTuple):
    """A twin and the domain time of its partition (ms, 0 where no tick has come yet)."""

    trainee: str
    twin: Twin
    now: int


class Cursor(NamedTuple):
    """Where work in a partition stands: next offset to apply; time (ms): largest `available`, or `now`."""

    offset: int
    time: int


class Flow(NamedTuple):
    """What became of one input topic's events so far; `read` counts those that intake has settled."""

    read: int
    accepted: int
    duplicate: int
    rejected: int
    reasons: Mapping[str, int]


class Query:
    """A reader of the store behind a Redis URL. A context manager. Raises Unavailable."""

    def __init__(self, url: str, **options: Any) -> None:
        self._client = redis.Redis.from_url(
            url, socket_timeout=_TIMEOUT_SECONDS, socket_connect_timeout=_TIMEOUT_SECONDS, **options
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    @property
    def partitions(self) -> int:
        """Give how many evidence partitions a worker has ever taken; 0 for an empty store."""
        highest = 0
        for start in count(0, _BLOCK):
            numbers = range(start, start + _BLOCK)
            found = self._ask([("EXISTS", keys.own(topics.EVIDENCE.name, n)) for n in numbers])
            there = [n for n, exists in zip(numbers, found, strict=True) if exists]
            if not there:
                break
            highest = there[-1] + 1
        return highest

    # --- twins ---

    def find(self, trainee: str) -> Stored | None:
        """Find a trainee's twin, with its links; None where there is neither."""
        partitions = self.partitions
        if not partitions:
            return None
        partition = partition_of(trainee, partitions)
        view, now = self._ask([("HMGET", keys.own(topics.EVIDENCE.name, partition), "view", "now")])[0]
        letter = (view or b"a").decode()
        twin, beside, archive = self._ask([("HGETALL", key(partition, letter, trainee)) for key in _WHOLE])
        fields = twin | beside
        return Stored(trainee, read_twin(fields.items(), archive.items()), int(now or 0)) if fields else None

    def trainees(self) -> Iterator[str]:
        """Give every trainee who has a twin, in no order, each once."""
        current = {keys.twin(partition, letter, "") for partition, letter in self._views().items()}
        seen: set[str] = set()
        for key in self._scan("megdt:*:t:*"):
            prefix, _, trainee = key.decode().rpartition(":")
            if f"{prefix}:" in current and trainee not in seen:
                seen.add(trainee)
                yield trainee

    def twins(self) -> Iterator[Stored]:
        """Give every twin, in no order."""
        nows = {partition: cursor.time for partition, cursor in self.evidence_cursors().items()}
        views = self._views()
        partitions = len(views)
        trainees = self.trainees()
        while some := list(islice(trainees, _BATCH)):
            places = [(trainee, partition_of(trainee, partitions)) for trainee in some]
            asked = [("HGETALL", key(p, views[p], name)) for name, p in places for key in (keys.twin, keys.archive)]
            replies = iter(self._ask(asked))
            for (trainee, partition), fields, archive in zip(places, replies, replies, strict=False):
                if fields:
                    yield Stored(trainee, read_twin(fields.items(), archive.items()), nows[partition])

    def subjects(self) -> Iterator[Stored]:
        """Give every pseudonym that the store knows of, with its links, in no order; `twins` leaves the links out."""
        views = self._views()
        nows = {partition: cursor.time for partition, cursor in self.evidence_cursors(len(views)).items()}
        names = self._names(views)
        while some := list(islice(names, _BATCH)):
            places = [(name, partition_of(name, len(views))) for name in some]
            asked = [("HGETALL", key(n, views[n], name)) for name, n in places for key in _WHOLE]
            replies = iter(self._ask(asked))
            for (name, n), fields, beside, archive in zip(places, replies, replies, replies, strict=False):
                if fields or beside:
                    yield Stored(name, read_twin((fields | beside).items(), archive.items()), nows[n])

    def _names(self, views: Mapping[int, str]) -> Iterator[str]:
        seen: set[str] = set()
        for key, pattern in ((keys.twin, "megdt:*:t:*"), (keys.person, "megdt:*:p:*")):
            current = {key(partition, letter, "") for partition, letter in views.items()}
            for raw in self._scan(pattern):
                prefix, _, name = raw.decode().rpartition(":")
                if f"{prefix}:" in current and name not in seen:
                    seen.add(name)
                    yield name

    def near(self, trainee: str, limit: int = 3) -> list[str]:
        """Give names like this one that do have a twin."""
        names = list(self.trainees())
        within = [name for name in names if trainee and trainee.lower() in name.lower()]
        return (sorted(within) or get_close_matches(trainee, names, n=limit, cutoff=0.5))[:limit]

    def count_twins(self) -> int:
        """Count the trainees who have a twin."""
        return sum(1 for _ in self.trainees())

    # --- progress ---

    def flow(self) -> dict[str, Flow]:
        """Give the counts of each input topic, by short name."""
        intake = self._intake_counts()
        mirror = self._mirror_counts()
        return {topic.short: _flow(intake[topic.short], mirror, topic.short) for topic in topics.INPUTS}

    def input_cursors(self, partitions: int) -> dict[tuple[str, int], Cursor]:
        """Give intake's cursors by topic (full name) and partition."""
        places = [(topic.name, n) for topic in topics.INPUTS for n in range(partitions)]
        replies = self._ask([("HMGET", keys.own(*place), "offset", "watermark") for place in places])
        return {place: _cursor(reply) for place, reply in zip(places, replies, strict=True)}

    def evidence_cursors(self, partitions: int | None = None) -> dict[int, Cursor]:
        """Give the mirror's cursors by evidence partition."""
        numbers = range(self.partitions if partitions is None else partitions)
        names = [keys.own(topics.EVIDENCE.name, n) for n in numbers]
        replies = self._ask([("HMGET", name, "offset", "now") for name in names])
        return {n: _cursor(reply) for n, reply in zip(numbers, replies, strict=True)}

    def entity_cursors(self, partitions: int) -> dict[int, Cursor]:
        """Give the cursors of entity twins by partition of the contributions."""
        names = [keys.own(topics.CONTRIBUTIONS.name, n) for n in range(partitions)]
        return dict(
            enumerate(_cursor(reply) for reply in self._ask([("HMGET", name, "offset", "now") for name in names]))
        )

    def touched(self, partitions: int) -> int:
        """Count the trainees who have not told entities of what changed in their twins."""
        views = self._views()
        names = [f"{keys.view(n, views.get(n, 'a'))}touched" for n in range(partitions)]
        return sum(self._ask([("SCARD", name) for name in names]))

    def outboxes_empty(self, partitions: int) -> bool:
        """Tell whether nothing waits to be sent."""
        return not any(self._ask([("EXISTS", keys.outbox(n)) for n in range(partitions)]))

    def ask(self, commands: list[tuple[Any, ...]]) -> list[Any]:
        """Send commands that only read, in one pipeline. Raises Unavailable."""
        return self._ask(commands)

    # --- the server ---

    def server(self) -> dict[str, Any]:
        """Give what the server tells of itself: version, persistence."""
        (server, persistence) = self._ask([("INFO", "server"), ("INFO", "persistence")])
        return {**server, **persistence}

    def config(self, name: str) -> str | None:
        """Give a setting of the server; None where it has none of that name or will not tell."""
        (found,) = self._ask([("CONFIG GET", name)], tolerant=True)
        return None if isinstance(found, Exception) or not found else _text(next(iter(found.values())))

    def _views(self) -> dict[int, str]:
        names = [keys.own(topics.EVIDENCE.name, n) for n in range(self.partitions)]
        replies = self._ask([("HGET", name, "view") for name in names])
        return {n: (view or b"a").decode() for n, view in enumerate(replies)}

    def _intake_counts(self) -> dict[str, Counter[str]]:
        partitions = self.partitions
        places = [(topic, n) for topic in topics.INPUTS for n in range(partitions)]
        replies = self._ask([("HGETALL", keys.intake_counts(topic.name, n)) for topic, n in places])
        counts: dict[str, Counter[str]] = {topic.short: Counter() for topic in topics.INPUTS}
        for (topic, _), reply in zip(places, replies, strict=True):
            counts[topic.short].update(_numbers(reply))
        return counts

    def _mirror_counts(self) -> Counter[str]:
        names = [f"{keys.view(n, letter)}counts" for n, letter in self._views().items()]
        counts: Counter[str] = Counter()
        for reply in self._ask([("HGETALL", name) for name in names]):
            counts.update(_numbers(reply))
        return counts

    def _scan(self, pattern: str) -> Iterator[bytes]:
        try:
            yield from self._client.scan_iter(match=pattern, count=_SCAN)
        except (redis.RedisError, OSError) as error:
            raise Unavailable(f"Redis does not answer: {error}") from error

    def _ask(self, commands: list[tuple[Any, ...]], *, tolerant: bool = False) -> list[Any]:
        """Send commands in one pipeline; `tolerant` gives a refused command's error as its reply."""
        try:
            pipeline = self._client.pipeline(transaction=False)
            for command in commands:
                pipeline.execute_command(*command)
            replies: list[Any] = pipeline.execute(raise_on_error=not tolerant)
        except (redis.RedisError, OSError) as error:
            raise Unavailable(f"Redis does not answer: {error}") from error
        return replies


def _flow(intake: Counter[str], mirror: Counter[str], short: str) -> Flow:
    refused = {name.partition(":")[2]: n for name, n in intake.items() if name.startswith("rejected:")}
    late = mirror[f"{short}:rejected"]
    reasons = refused | ({"by the mirror": late} if late else {})
    return Flow(
        read=intake["read"],
        accepted=mirror[f"{short}:accepted"],
        duplicate=mirror[f"{short}:duplicate"],
        rejected=sum(reasons.values()),
        reasons=reasons,
    )


def _cursor(reply: list[bytes | None]) -> Cursor:
    offset, moment = reply
    return Cursor(int(offset or 0), int(moment or 0))


def _numbers(reply: Mapping[bytes, bytes]) -> dict[str, int]:
    return {name.decode(): int(value) for name, value in reply.items()}


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
