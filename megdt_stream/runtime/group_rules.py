"""Rules about teachers and bases in a running system: looked at now and then, with the documents that readers get.

Nothing decides here but the rules; what is open is read off the alerts topic, so a worker that takes over neither
repeats nor forgets. Unlike the mirror's, these notices are no function of the log alone: when the documents were looked
at is not in it (decision 32).
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import orjson

from megdt_stream.evidence import topics
from megdt_stream.evidence.times import DAY_MS, milliseconds
from megdt_stream.governance.groups import Groups
from megdt_stream.governance.groups.looking import BY_KIND, look
from megdt_stream.governance.groups.standing import SOURCE, Open, Standing
from megdt_stream.mirror import Message
from megdt_stream.runtime import active_severity
from megdt_stream.runtime.entities import Assumed, ids, read_from
from megdt_stream.runtime.live_entities import gather_live
from megdt_stream.runtime.log_reader import open_log
from megdt_stream.runtime.query import Query

LOOK_DAYS: Final = 7
"""Days of domain time between two looks."""

PAUSE_SECONDS: Final = 30.0
"""At least so long between two looks, however fast history is played: a look reads every teacher and base."""

_CHOSEN: Final = 0
"""The partition whose owner looks; documents rest on all of them."""

_RAISED: Final = "megdt.warning.raised.v1"


class GroupRules:
    """What `EntitiesStage` asks at ticks."""

    def __init__(
        self,
        notices: Callable[[], Awaitable[Iterable[Mapping[str, Any]]]],
        read: Callable[[int], Mapping[str, Mapping[str, Mapping[str, Any]]]],
        terms: Groups,
    ) -> None:
        """Take how to get the notices on the topic, and how to read documents at a time (ms): kind -> id -> properties.

        `read` may block: it is called in a thread.
        """
        self._notices = notices
        self._read = read
        self._terms = terms
        self._standing: Standing | None = None
        self._due = 0
        self._again = 0.0

    async def __call__(self, partition: int, now: int, end: int) -> Sequence[Message]:
        """Look at every teacher and base, where it is time to; give the notices of what changed."""
        if partition != _CHOSEN or time.monotonic() < self._again:
            return ()
        if self._standing is None:
            self._standing, self._due = opened(await self._notices())
        if now < self._due:
            return ()
        documents = await asyncio.to_thread(self._read, now)
        self._due = now + LOOK_DAYS * DAY_MS
        self._again = time.monotonic() + PAUSE_SECONDS
        return list(_messages(self._judged(self._standing, documents, now), end))

    def _judged(
        self, standing: Standing, documents: Mapping[str, Mapping[str, Mapping[str, Any]]], now: int
    ) -> Iterator[dict[str, Any]]:
        by_rule = defaultdict(list)
        for kind, by_id in documents.items():
            for id_, properties in sorted(by_id.items()):
                for rule, group in look(kind, id_, properties, self._terms):
                    by_rule[rule].append(group)
        for rule, groups in by_rule.items():
            yield from standing.look(rule, self._terms[rule], groups, now)


def opened(notices: Iterable[Mapping[str, Any]]) -> tuple[Standing, int]:
    """Give what is open by the notices on the topic, and the time (ms) from which on something new may be said.

    Notices come in any order, copies included. A replay of contributions tells old ticks again; of those nothing is
    said.
    """
    standing, due = Standing(), 0
    for event in sorted(notices, key=lambda one: (milliseconds(one["time"]), one["type"] == _RAISED)):
        at, data = milliseconds(event["time"]), event["data"]
        key = data["rule"], data["entity"]["kind"], data["entity"]["id"]
        due = at + 1
        if event["type"] == _RAISED:
            standing.open.setdefault(key, Open(at, event["id"]))
        else:
            standing.open.pop(key, None)
    return standing, due


async def said(brokers: list[str], options: dict[str, Any]) -> list[Mapping[str, Any]]:
    """Read the notices about groups off the alerts topic. Raises Unavailable, TopicMissing."""
    found: list[Mapping[str, Any]] = []
    async with open_log(brokers, options) as reader:
        async for records in reader.read_all(topics.ALERTS.name):
            found += [event for record in records if (event := _of_groups(record.value)) is not None]
    return found


def documents(url: str, options: dict[str, Any], assumed: Assumed, now: int) -> dict[str, dict[str, dict[str, Any]]]:
    """Read the documents of all teachers and bases, severities in force taken off: kind -> id -> properties.

    Raises Unavailable, TwinCorrupt.
    """
    with Query(url, **options) as query:
        scan = gather_live(query)
        if scan is None:
            return {}
        known, _ = active_severity.severities(query, assumed.estimation.rater.variance)
    assumed = assumed._replace(severities=known)
    found = {}
    for kind in BY_KIND:
        read = {name: read_from(scan, kind, name, assumed, as_of=now) for name in ids(scan, kind)}
        found[kind] = {name: one["properties"] for name, one in read.items() if one is not None}
    return found


def _of_groups(value: bytes | None) -> dict[str, Any] | None:
    if not value or SOURCE.encode() not in value:
        return None
    try:
        event: dict[str, Any] = orjson.loads(value)
        return event if event["source"] == SOURCE and event["data"]["entity"] is not None else None
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None


def _messages(events: Iterable[dict[str, Any]], end: int) -> Iterator[Message]:
    for index, event in enumerate(events):
        yield Message(end, index, topics.ALERTS.name, event["subject"].encode(), orjson.dumps(event), ())
