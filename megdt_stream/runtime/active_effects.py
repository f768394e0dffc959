"""Effects that were learnt, as a version on `megdt.models.v1`: what rehearsals take, and what advice names.

A version is a function of when it was learnt and of what it says, so that publishing it again changes nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import redis

from megdt_stream.evidence.snapshots import Broken
from megdt_stream.runtime import models
from megdt_stream.runtime.log_producer import LogProducer
from megdt_stream.runtime.models import Active
from megdt_stream.runtime.query import Query
from megdt_stream.runtime.training import version_of
from megdt_stream.scenario.errors import BadScheme
from megdt_stream.scenario.learnt import learnt

if TYPE_CHECKING:
    from megdt_stream.governance.effects.snapshot import Snapshot
    from megdt_stream.scenario.interventions import Interventions

KIND: Final = "effects"
PART: Final = "effects"


class Found(NamedTuple):
    """What is believed (`megdt effects --json`) and its version; `degraded` says why the one in force is not read.

    Nothing of these: none is in force.
    """

    document: Mapping[str, Any] | None = None
    version: Active | None = None
    degraded: str | None = None


def in_force(query: Query) -> Found:
    """Read the version in force from its copy. Raises Unavailable."""
    now = models.active(query, KIND)
    if now is None:
        return Found()
    try:
        return Found(models.copied(query, KIND, now.version, [PART])[PART], now)
    except (Broken, KeyError) as error:
        told = f"effects {now.version} are in force and cannot be read ({error}): those of the seeds are taken"
        return Found(None, now, told)


def believed(query: Query, known: Interventions) -> tuple[Interventions, str | None, str | None]:
    """Give interventions with the effects in force, the version's name, and what is wrong with it where it is not read.

    Raises Unavailable.
    """
    document, version, degraded = in_force(query)
    if document is None or version is None:
        return known, None, degraded
    try:
        return learnt(known, document), version.version, None
    except BadScheme as error:
        return known, None, f"effects {version.version} are in force and cannot be read ({error}): seeds are taken"


def named(query: Query, effects: Snapshot, at: int) -> Active:
    """Name effects learnt up to `at` (ms): by the version in force where it says the same. Raises Unavailable."""
    found = in_force(query)
    if found.document is not None and found.version is not None and found.document["version"] == effects.version:
        return found.version
    return Active(f"{version_of(at, 'e1')}-{effects.version[:8]}", at)


async def put_in_force(
    producer: LogProducer, query: Query, client: redis.Redis, effects: Snapshot, version: Active
) -> bool:
    """Publish effects under the name that `named` gave, and put them in force; False where they are already.

    May be repeated at will. Raises Unavailable.
    """
    if models.active(query, KIND) == version:
        return False
    partitions, parts, wall = query.partitions, {PART: effects.to_json()}, int(time.time() * 1000)
    await models.publish(producer, partitions, KIND, version.version, version.at, parts, wall)
    models.keep_copy(client, KIND, version.version, version.at, parts)
    await models.activate(producer, partitions, KIND, version.version, version.at, wall)
    return True


def ensure(
    brokers: list[str],
    options: Mapping[str, Any],
    url: str,
    redis_options: Mapping[str, Any],
    effects: Snapshot,
    version: Active,
) -> bool:
    """Do what `put_in_force` does, for whoever has no producer. Raises Unavailable."""

    async def put() -> bool:
        producer = LogProducer(brokers, "megdt-effects", dict(options))
        try:
            return await put_in_force(producer, query, client, effects, version)
        finally:
            await producer.close()

    with Query(url, **redis_options) as query, redis.Redis.from_url(url, **redis_options) as client:
        return asyncio.run(put())
