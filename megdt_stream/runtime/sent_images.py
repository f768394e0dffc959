"""What pseudonyms have told entities, read off the topic: for when the store does not know it any more."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import TypeAlias

from megdt_stream.evidence import topics
from megdt_stream.evidence.partition import partition_of
from megdt_stream.mirror import Changes
from megdt_stream.runtime import keys
from megdt_stream.runtime.log_reader import LogReader
from megdt_stream.runtime.store import Store
from megdt_stream.twin.entities import image

Sent: TypeAlias = Mapping[str, Mapping[str, bytes]]
"""Contributor -> entity's name -> digest of the latest image there, without what was withdrawn."""

_TOPIC = topics.CONTRIBUTIONS.name


async def read_sent(
    reader: LogReader, progress: Callable[[int, int], None] | None = None
) -> dict[str, dict[str, bytes]]:
    """Read the latest image of each contributor and entity. Memory: some 100 bytes each. Raises Unavailable."""
    latest: dict[tuple[str, str], tuple[int, bytes | None]] = {}
    async for records in reader.read_all(_TOPIC, progress):
        for record in records:
            one = image.read(record.key, record.value)
            if one is None:
                continue
            place = one.contributor, image.name_of(one.entity)
            part = one.image.part
            if one.image.revision >= latest.get(place, (-1, None))[0]:
                latest[place] = one.image.revision, image.digest(part) if part else None
    sent: defaultdict[str, dict[str, bytes]] = defaultdict(dict)
    for (contributor, name), (_, digest) in latest.items():
        if digest is not None:
            sent[contributor][name] = digest
    return dict(sent)


def of_partition(sent: Sent, number: int, partitions: int) -> Sent:
    """Give what the contributors of one evidence partition have told."""
    return {name: told for name, told in sent.items() if partition_of(name, partitions) == number}


def as_changes(sent: Sent, now: int) -> Changes:
    """Give the commit that makes the store know it; its trainees count as untouched."""
    return Changes(now, contributed={name: dict(told) for name, told in sent.items()})


async def recover_sent(store: Store, reader: LogReader, partitions: int) -> int:
    """Make an empty store know what was told; give how many contributors that concerns.

    Without it nobody would withdraw what a replay does not make again. Done where the mirror has no cursor yet.
    """
    lost = [n for n in range(partitions) if (await store.cursor(topics.EVIDENCE.name, n))[0] < 0]
    if not lost:
        return 0
    restored = 0
    for contributor, told in (await read_sent(reader)).items():
        number = partition_of(contributor, partitions)
        if number in lost:
            flat = [part for item in told.items() for part in item]
            await store.call("HSET", f"{keys.view(number, 'a')}g:{contributor}", *flat)
            restored += 1
    return restored
