"""Entity twins in Redis: one hash an entity, a field a contributor (docs/records.md, section 6).

The scripts, the fence and the translation of errors are those of `Store`; nothing of a trainee's is touched here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgpack

from megdt_stream.evidence import topics
from megdt_stream.mirror import Message
from megdt_stream.runtime import keys
from megdt_stream.runtime.store import Commit, Store, Taken, outgoing
from megdt_stream.store_keys import entity_view
from megdt_stream.twin.entities.image import name_of
from megdt_stream.twin.entities.state import Entity

TOPIC: Final = topics.CONTRIBUTIONS.name

Place = tuple[Entity, str]
"""An entity and a contributor."""

_pack: Final = msgpack.Packer(use_bin_type=False).pack


class EntityStore:
    """Reads and writes entity twins through a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def load(self, number: int, view: str, places: Sequence[Place]) -> dict[Place, bytes]:
        """Give what stands of these contributors. Raises Unavailable."""
        by_entity: dict[Entity, list[str]] = {}
        for entity, contributor in places:
            by_entity.setdefault(entity, []).append(contributor)
        asked = [part for entity, names in by_entity.items() for part in (f"n:{name_of(entity)}", names, "")]
        _, found, *_ = await self._store._run(
            "load", [keys.own(TOPIC, number)], [entity_view(number, view), _pack([[], asked, []])]
        )
        return {
            (entity, name): value
            for (entity, names), values in zip(by_entity.items(), found, strict=True)
            for name, value in zip(names, values, strict=True)
            if value is not None
        }

    async def commit(
        self,
        topic: str,
        number: int,
        taken: Taken,
        base: int,
        end: int,
        standing: Mapping[Place, bytes],
        messages: Sequence[Message] = (),
    ) -> Commit:
        """Write what stands now, in one piece. Raises Unavailable, TwinCorrupt."""
        out = [part for each in outgoing(messages, {}) for part in (str(each.message.offset), each.member)]
        reply = await self._store._run(
            "commit",
            [keys.own(topic, number), keys.outbox(number)],
            [
                entity_view(number, taken.view),
                taken.token,
                base,
                end,
                taken.now,
                _pack([_hashes(standing), [], [], [], [], out, [], [], []]),
            ],
        )
        return Commit(reply[0])


def _hashes(standing: Mapping[Place, bytes]) -> list[Any]:
    """Give hashes to write: one an entity, and one a kind that names its entities."""
    written: dict[str, list[Any]] = {}
    for (entity, contributor), value in standing.items():
        written.setdefault(f"n:{name_of(entity)}", []).extend((contributor, value))
    for entity in dict.fromkeys(entity for entity, _ in standing):
        written.setdefault(f"names:{entity.kind}", []).extend((entity.id, ""))
    return [part for name, put in written.items() for part in (name, put, [])]


def news(known: Mapping[Place, bytes], given: Mapping[Place, bytes]) -> dict[Place, bytes]:
    """Give of what came that which stands now and did not before: of two images the one with the greater bytes."""
    return {place: value for place, value in given.items() if value > known.get(place, b"")}


async def most_touched(store: Store, partitions: int) -> int:
    """Give how many trainees of the fullest partition have something to tell. Raises Unavailable."""
    counts = [0]
    for number in range(partitions):
        letter = await store.call("HGET", keys.own(topics.EVIDENCE.name, number), "view")
        counts.append(await store.call("SCARD", f"{keys.view(number, (letter or b'a').decode())}touched"))
    return max(counts)
