"""Images: what one pseudonym contributes to one entity, as it crosses `megdt.contributions.v1` and rests in the store.

An image replaces every earlier one of its pseudonym and entity; the larger revision wins (docs/records.md, section 7).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Final, NamedTuple

import msgspec

from megdt_stream.evidence.partition import partition_of
from megdt_stream.twin.entities.contribution import Contributions, contributions
from megdt_stream.twin.entities.state import NOTHING, Entity, Part, Slot, Sum, pack
from megdt_stream.twin.state import Twin

PERSON: Final = "person"
"""The kind of what tells whose pseudonym one is: `person`, head. Not a twin that is shown."""

STORED: Final = ("faculty", "base", "resource", "process", PERSON)
"""The kinds that contributions name."""

_TICK: Final = "tick|"
_REVISION: Final = 8
"""Bytes of a revision in the store, big-endian: so stored images compare as they win."""


class Image(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=False):
    """A contribution on the topic; without sums and slots it withdraws what stood."""

    revision: int
    sums: dict[str, Sum] = {}
    slots: dict[str, Slot] = {}

    @property
    def part(self) -> Part:
        """Give what is contributed."""
        return Part(self.sums, self.slots)


class Given(NamedTuple):
    """An image with its entity and who contributes it."""

    entity: Entity
    contributor: str
    image: Image


_encode: Final = msgspec.json.Encoder(order="sorted").encode
_decode: Final = msgspec.json.Decoder(Image).decode
_unpack: Final = msgspec.msgpack.Decoder(Part).decode


def images(trainee: str, twin: Twin) -> Contributions:
    """Give what a pseudonym contributes: by its records, or that it belongs to its head."""
    head = twin.head
    if head is not None:
        return {Entity(PERSON, head): Part({}, {"h": [head]})}
    return contributions(trainee, twin)


def differing(sent: Mapping[str, bytes], now: Contributions) -> Iterator[tuple[Entity, Part]]:
    """Give what has to be sent, given the digests of what was: new and changed parts, `NOTHING` to who gets no more."""
    for entity, part in sorted(now.items(), key=lambda item: item[0]):
        if sent.get(name_of(entity)) != digest(part):
            yield entity, part
    for name in sorted(sent.keys() - {name_of(entity) for entity in now}):
        yield entity_of(name), NOTHING


def digest(part: Part) -> bytes:
    """Give the eight bytes that tell a part from another."""
    return blake2b(pack(part), digest_size=8).digest()


# --- on the topic ---


def name_of(entity: Entity) -> str:
    """Write an entity's name as keys have it."""
    return f"{entity.kind}/{entity.id}"


def entity_of(name: str) -> Entity:
    """Read an entity's name back."""
    kind, _, id_ = name.partition("/")
    return Entity(kind, id_)


def key_of(entity: Entity, contributor: str) -> str:
    """Give the record key; its partition is that of the entity alone (`partition_of_key`)."""
    return f"{name_of(entity)}|{contributor}"


def encode(revision: int, part: Part) -> bytes:
    """Write an image; equal ones give equal bytes."""
    return _encode(Image(revision, part.sums, part.slots))


def read(key: bytes | None, value: bytes | None) -> Given | None:
    """Read a record of the topic; None where it is no image."""
    try:
        name, _, contributor = (key or b"").decode().rpartition("|")
        image = _decode(value or b"")
    except (ValueError, RecursionError):
        return None
    entity = entity_of(name)
    return Given(entity, contributor, image) if entity.kind in STORED and contributor and entity.id else None


def tick_key(partition: int) -> str:
    """Give the key of a partition's tick: time for the entities that lie there."""
    return f"{_TICK}{partition}"


def write_tick(at: int) -> bytes:
    """Write a tick of domain time (ms)."""
    return _encode({"at": at})


def read_tick(key: bytes | None, value: bytes | None) -> int | None:
    """Read a tick's time (ms); None where a record is none."""
    if not (key or b"").startswith(_TICK.encode()):
        return None
    try:
        return int(msgspec.json.decode(value or b"", type=dict[str, int])["at"])
    except (ValueError, KeyError):
        return None


def partition_of_key(key: str, partitions: int) -> int:
    """Give the partition of a record: that of the entity, so that all its images lie in one; a tick names its own."""
    if key.startswith(_TICK):
        return int(key[len(_TICK) :])
    return partition_of(key.rpartition("|")[0], partitions)


# --- in the store ---


def stored(image: Image) -> bytes:
    """Write what rests of an image: of two of one contributor the one with the greater bytes stands."""
    return image.revision.to_bytes(_REVISION, "big") + pack(image.part)


def restored(value: bytes) -> tuple[int, Part]:
    """Read revision and part back. Raises ValueError (`msgspec.DecodeError` is one)."""
    return int.from_bytes(value[:_REVISION], "big"), _unpack(value[_REVISION:])


def latest(given: Iterable[Given]) -> dict[tuple[Entity, str], bytes]:
    """Give of several images of an entity and contributor the one that stands, as it is stored."""
    found: dict[tuple[Entity, str], bytes] = {}
    for one in given:
        place = one.entity, one.contributor
        found[place] = max(found.get(place, b""), stored(one.image))
    return found
