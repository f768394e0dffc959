"""Persons and their pseudonyms: which of several versions of a record stands where pseudonyms are joined.

Evidence keeps the pseudonym it was sent under. A pseudonym that is linked to a head carries what stands with it over
there, and takes it back when the link goes (docs/records.md, section 3). Everything here is a function of the set of
records and registers, so links, evidence and their withdrawal may come in any order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple, TypeAlias

import msgspec

from megdt_stream.evidence.record import CarriedRow
from megdt_stream.twin.contribution import Contribution
from megdt_stream.twin.fold import apply, standing, withdraw
from megdt_stream.twin.journal import Row
from megdt_stream.twin.state import LINKS, Register, Slot, Sum, Twin, group_of

NOBODY: Final = Register()


class Held(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A carried row as its receiver keeps it: since which record of its sender, and what; `rev` -1: nothing stands."""

    seq: int
    rev: int = -1
    digest: bytes = b""
    via: tuple[str, ...] = ()
    sums: tuple[tuple[str, Sum], ...] = ()
    slots: tuple[tuple[str, Slot], ...] = ()


pack: Final = msgspec.msgpack.Encoder().encode
"""Write a carried row as the store holds it."""

unpack: Final = msgspec.msgpack.Decoder(Held).decode
"""Read a carried row back. Raises `msgspec.DecodeError` on anything else."""

Carried: TypeAlias = Mapping[str, Held]
"""What is carried under one record hash: persona -> row."""


class Candidate(NamedTuple):
    """A version that may stand for a record; an own one has an empty `via`."""

    rev: int
    digest: bytes
    via: tuple[str, ...]
    sums: tuple[tuple[str, Sum], ...]
    slots: tuple[tuple[str, Slot], ...]


def own_candidate(twin: Twin, row: Row) -> Candidate | None:
    """Give a pseudonym's own standing version with the values of its slots, wherever they are kept."""
    if not row:
        return None
    version = standing(row)
    if any(group_of(field) == LINKS for field in version.slots):
        return None
    slots = tuple((field, _value(twin, field)) for field in version.slots)
    return Candidate(version.rev, version.digest, (), version.sums, slots)


def _value(twin: Twin, field: str) -> Slot:
    if twin.shadow is not None and field in twin.shadow:
        return twin.shadow[field]
    return twin.slots[group_of(field)][field]


def best(name: str, twin: Twin, own: Candidate | None, carried: Carried) -> Candidate | None:
    """Choose the candidate that stands at the pseudonym `name`, whatever came first."""
    registers = twin.personas or {}
    candidates = [
        Candidate(held.rev, held.digest, held.via, held.sums, held.slots)
        for persona, held in carried.items()
        if held.rev >= 0 and registers.get(persona, NOBODY).on and name not in held.via
    ]
    if own is not None:
        candidates.append(own)
    return min(candidates, key=_rank, default=None)


def _rank(candidate: Candidate) -> tuple[int, bytes, int, tuple[str, ...]]:
    return -candidate.rev, candidate.digest, len(candidate.via), candidate.via


def replace(twin: Twin, before: Candidate | None, after: Candidate | None) -> list[str]:
    """Put one standing candidate in another's place; give the twin's fields that this touched."""
    if before == after:
        return []
    touched: list[str] = []
    if before is not None:
        touched = withdraw(twin, before.sums, [field for field, _ in before.slots])
    if after is not None:
        touched += apply(twin, Contribution(after.sums, after.slots))
    return touched


def shade(twin: Twin, was: Candidate | None, own: Candidate | None, stands: Candidate | None) -> list[str]:
    """Keep the slot values of the own version exactly while it does not stand; give the fields that this touched.

    `was` is the own version before, `own` the one now.
    """
    covered = {} if own is None or stands == own else dict(own.slots)
    shadow = twin.shadow or {}
    gone = [field for field, _ in was.slots if field in shadow and field not in covered] if was else []
    for field in gone:
        del shadow[field]
    for field, slot in covered.items():
        twin.cover(field, slot)
    return [f"s|{field}" for field in (*gone, *covered)]


def carried_row(name: str, h: str, stands: Candidate | None) -> CarriedRow:
    """Write what stands at the pseudonym `name` as the row it carries over to its head."""
    if stands is None:
        return CarriedRow(h)
    return CarriedRow(h, stands.rev, stands.digest.hex(), (*stands.via, name), stands.sums, stands.slots)


def held(seq: int, row: CarriedRow) -> Held:
    """Give a received row as it is kept."""
    return Held(seq, row.rev, bytes.fromhex(row.d), row.via, row.sums, row.slots)


def takes(register: Register, known: Held | None, seq: int) -> bool:
    """Tell whether a row that was sent at `seq` is news."""
    return seq >= register.base and (known is None or seq >= known.seq)


def turned(register: Register, state: str, seq: int) -> Register | None:
    """Give the register after a record of this state and sequence; None where it changes nothing."""
    if state == "some" or seq <= register.base:
        return None
    return Register(seq, state == "all")
