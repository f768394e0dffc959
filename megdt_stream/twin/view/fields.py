"""A twin's fields by kind, split into their parts (docs/records.md, section 3)."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

from megdt_stream.twin.state import Slot, Sum, Twin


def sums_of(twin: Twin, kind: str) -> Iterator[tuple[list[str], Sum]]:
    """Give the sums of a kind with their field split into parts, in the field's order."""
    for field in sorted(twin.sums):
        if field.startswith(f"{kind}|"):
            yield field.split("|"), twin.sums[field]


def slots_of(twin: Twin, kind: str) -> Iterator[tuple[list[str], Slot]]:
    """Give the slots of a kind with their field split into parts, the oldest first."""
    found = [
        (field.split("|"), slot)
        for group, slots in twin.slots.items()
        if group.split("|")[0] == kind
        for field, slot in slots.items()
    ]
    yield from sorted(found, key=lambda item: (item[1][0], item[1][1], item[0]))


def revision(twin: Twin) -> str:
    r"""Give the digest of a twin's fields and values, sorted by field: equal for equal twins.

    BLAKE2b with an 8-byte result, in hex, over `field "\0" value "\0"` in UTF-8. Neither holds a NUL: codes take no
    control characters, and JSON escapes them.
    """
    digest = blake2b(digest_size=8)
    for field, value in twin.fields().items():
        text = value if isinstance(value, bytes) else value.encode()
        digest.update(field.encode() + b"\0" + text + b"\0")
    return digest.hexdigest()
