"""Names in Redis: one hash tag a partition, so that a commit touches one slot and partitions spread over masters."""

from __future__ import annotations

from megdt_stream.store_keys import own, tag, view

__all__ = ["archive", "intake_counts", "outbox", "own", "pending", "person", "tag", "twin", "view", "words"]


def pending(topic: str, partition: int) -> str:
    """Name intake's decided, not yet produced batch."""
    return f"megdt:{tag(partition)}:pending:{topic}"


def intake_counts(topic: str, partition: int) -> str:
    """Name intake's counters of an input partition."""
    return f"megdt:{tag(partition)}:counts:{topic}"


def outbox(partition: int) -> str:
    """Name the outgoing messages of an evidence partition."""
    return f"megdt:{tag(partition)}:outbox"


def twin(partition: int, letter: str, trainee: str) -> str:
    """Name a twin."""
    return f"{view(partition, letter)}t:{trainee}"


def person(partition: int, letter: str, trainee: str) -> str:
    """Name what is kept beside a twin: whom the pseudonym belongs to, and who belongs to it."""
    return f"{view(partition, letter)}p:{trainee}"


def archive(partition: int, letter: str, trainee: str) -> str:
    """Name the archive of a twin: what is known of closed periods."""
    return f"{view(partition, letter)}z:{trainee}"


def words(partition: int, letter: str, trainee: str) -> str:
    """Name the words of a trainee's journal."""
    return f"{view(partition, letter)}n:{trainee}"
