"""The journal: what each record contributed, so that it is counted once and can be taken back exactly.

One row per record `(source, id)` holds every version seen. Only the standing version (highest revision) keeps its
contribution; the others keep what tells a duplicate from a conflict.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from megdt_stream.evidence.record import Origin
from megdt_stream.twin.state import Sum

MAX_VERSIONS: Final = 64


class Version(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One version of a record; a list in the store, its fields in this order (docs/records.md, section 6).

    `digest` is 8 raw bytes; `topic`, `partition`, `offset` are the input's coordinates; `slots` are field names,
    whose values stand in the twin.
    """

    rev: int
    digest: bytes
    topic: str
    partition: int
    offset: int
    sums: tuple[tuple[str, Sum], ...]
    slots: tuple[str, ...]

    @property
    def origin(self) -> Origin:
        """Give the coordinates of the input record."""
        return self.topic, self.partition, self.offset

    def stripped(self) -> Version:
        """Give the version as it is kept once another one stands."""
        return Version(self.rev, self.digest, self.topic, self.partition, self.offset, (), ())


Row: TypeAlias = tuple[Version, ...]

pack: Final = msgspec.msgpack.Encoder().encode
"""Write a row as the store holds it."""

unpack: Final = msgspec.msgpack.Decoder(tuple[Version, ...]).decode
"""Read a row back. Raises `msgspec.DecodeError` on anything else."""


def shard(h: str) -> str:
    """Give the journal shard of a record hash: sixteen small hashes a trainee stay compact in the store."""
    return h[-1]
