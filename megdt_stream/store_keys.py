"""Names in Redis that workers and publishers share: docs/records.md, section 6.

One hash tag a partition, so that a commit touches one slot and partitions spread over masters.
"""

from __future__ import annotations

from functools import cache
from itertools import count
from typing import Final

from redis.crc import key_slot

_SLOTS: Final = 16_384
_STRETCHES: Final = 64


@cache
def tag(partition: int) -> str:
    """Give a partition's hash tag, braces included.

    Plain numbers hash where chance puts them and leave masters empty; the smallest suffix is taken whose slot lies
    in the partition's own stretch, and bit reversal makes the first few partitions lie far apart.
    """
    stretch = int(f"{partition % _STRETCHES:06b}"[::-1], 2)
    width = _SLOTS // _STRETCHES
    for suffix in count():
        name = f"p{partition}.{suffix}"
        if key_slot(name.encode()) // width == stretch:
            return f"{{{name}}}"
    raise AssertionError("unreachable: some suffix hashes into every stretch")


def own(topic: str, partition: int) -> str:
    """Name the hash that says who owns a partition and where work resumes."""
    return f"megdt:{tag(partition)}:own:{topic}"


def view(partition: int, letter: str) -> str:
    """Give the prefix of a generation of twins; what follows is `t:`, `j:`, `due`, `seen` or `counts`."""
    return f"megdt:{tag(partition)}:{letter}:"


def entity_view(partition: int, letter: str) -> str:
    """Give the prefix of a generation of entity twins; what follows is `n:<kind>/<id>` or `names:<kind>`."""
    return f"megdt:{tag(partition)}:e{letter}:"


def seen(partition: int, letter: str) -> str:
    """Name the hash of the highest origin offsets that the mirror has folded, by input partition."""
    return f"{view(partition, letter)}seen"


def journal(partition: int, letter: str, trainee: str, h: str) -> str:
    """Name the journal shard that holds the record hash `h` (16 hex digits)."""
    return f"{view(partition, letter)}j:{trainee}:{h[-1]}"
