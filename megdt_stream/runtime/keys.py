"""Names in Redis: one hash tag a partition, so that a commit touches one slot and partitions spread over masters."""

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


def pending(topic: str, partition: int) -> str:
    """Name intake's decided, not yet produced batch."""
    return f"megdt:{tag(partition)}:pending:{topic}"


def intake_counts(topic: str, partition: int) -> str:
    """Name intake's counters of an input partition."""
    return f"megdt:{tag(partition)}:counts:{topic}"


def outbox(partition: int) -> str:
    """Name the outgoing messages of an evidence partition."""
    return f"megdt:{tag(partition)}:outbox"


def view(partition: int, letter: str) -> str:
    """Give the prefix of a generation of twins; what follows is `t:`, `j:`, `due`, `seen` or `counts`."""
    return f"megdt:{tag(partition)}:{letter}:"


def twin(partition: int, letter: str, trainee: str) -> str:
    """Name a twin."""
    return f"{view(partition, letter)}t:{trainee}"
