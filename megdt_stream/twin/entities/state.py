"""An entity's state: the latest contribution of each contributor, and their totals.

A contribution replaces the contributor's earlier one, the higher revision wins, so that copies, stale deliveries and
any order give the same bytes. Revisions are evidence offsets of the contributor's partition: they order one
contributor's contributions and say nothing between contributors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, Final, NamedTuple, Self, TypeAlias

import msgspec

Sum: TypeAlias = tuple[int, ...]
Slot: TypeAlias = list[Any]


class Entity(NamedTuple):
    """An entity's name: `kind` is one of `KINDS`; `id` a pseudonym, a base code, or `<base>|<department>`."""

    kind: str
    id: str


KINDS: Final = ("faculty", "base", "resource", "process")


class Part(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What one contributor gives to one entity: sums to be added up, slots to stand beside those of others."""

    sums: dict[str, Sum] = {}
    slots: dict[str, Slot] = {}

    def __bool__(self) -> bool:
        return bool(self.sums or self.slots)


NOTHING: Final = Part()


class _Latest(msgspec.Struct, frozen=True, gc=False, array_like=True):
    contributor: str
    revision: int
    part: Part


# Sorted keys make equal contributions equal bytes, whatever order their fields were found in.
_encode = msgspec.msgpack.Encoder(order="sorted").encode
_decode = msgspec.msgpack.Decoder(list[_Latest]).decode


def pack(part: Part) -> bytes:
    """Write one contribution; equal contributions give equal bytes."""
    return _encode(part)


class EntityTwin:
    """The state of one entity. Start empty and `put`.

    `totals` maps each sum's field to the sum over all contributors; a total of zeros is absent.
    """

    __slots__ = ("_latest", "totals")

    def __init__(self) -> None:
        self._latest: dict[str, _Latest] = {}
        self.totals: dict[str, Sum] = {}

    @classmethod
    def of(cls, contributions: Iterable[tuple[str, int, Part]]) -> Self:
        """Build a twin from (contributor, revision, part) in any order."""
        twin = cls()
        for contributor, revision, part in contributions:
            twin.put(contributor, revision, part)
        return twin

    @classmethod
    def unpack(cls, raw: bytes) -> Self:
        """Read a twin back. Raises `msgspec.DecodeError` on anything but what `pack` wrote."""
        return cls.of((one.contributor, one.revision, one.part) for one in _decode(raw))

    def put(self, contributor: str, revision: int, part: Part) -> bool:
        """Take a contribution; tell whether it stands now and did not before.

        An older revision is ignored; a part without fields withdraws what stood, and its revision is kept so that an
        older one stays ignored. Two different parts of one revision should not occur; then the one with the greater
        bytes stands, so that even this does not depend on order.
        """
        before = self._latest.get(contributor)
        if before is not None:
            if (revision, pack(part)) <= (before.revision, pack(before.part)):
                return False
            self._add(before.part.sums, -1)
        self._latest[contributor] = _Latest(contributor, revision, part)
        self._add(part.sums, 1)
        return True

    def _add(self, sums: Mapping[str, Sum], sign: int) -> None:
        for field, given in sums.items():
            old = self.totals.get(field, (0,) * len(given))
            total = tuple(before + sign * number for before, number in zip(old, given, strict=True))
            if any(total):
                self.totals[field] = total
            else:
                self.totals.pop(field, None)

    @property
    def parts(self) -> dict[str, Part]:
        """Give what stands, by contributor in order, without those who withdrew."""
        return {name: latest.part for name, latest in sorted(self._latest.items()) if latest.part}

    @property
    def revision(self) -> str:
        """Give the digest of what stands: equal for equal contributions, whenever they came.

        BLAKE2b with an 8-byte result, in hex, over the MessagePack of contributors and their parts, in order.
        """
        return blake2b(_encode(list(self.parts.items())), digest_size=8).hexdigest()

    def pack(self) -> bytes:
        """Write the state; a function of the set of latest contributions."""
        return _encode([latest for _, latest in sorted(self._latest.items())])

    def slots(self, kind: str) -> Iterable[tuple[str, list[str], Slot]]:
        """Give (contributor, parts of the field after its kind, value) of all slots of a kind, in order."""
        for contributor, part in self.parts.items():
            for field in sorted(part.slots):
                name, *rest = field.split("|")
                if name == kind:
                    yield contributor, rest, part.slots[field]
