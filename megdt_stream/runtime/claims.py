"""Claims: by which right, and from which offset, a worker reads a partition.

The transport delivers only what is claimed, the stages commit only under a claim, and whatever a stage keeps in memory
of a partition hangs on the claim, so that it dies with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from megdt_stream.runtime.store import Refused, Taken


class TopicPartition(NamedTuple):
    """A topic's partition."""

    topic: str
    partition: int


def _nobody() -> None:
    """Tell nobody."""


@dataclass(slots=True, eq=False)
class Claim:
    """The right to one partition, from taking it to losing it.

    `next`: the next offset to deliver. `applied`: the next offset to apply, as the store confirmed it.
    `ahead`: records delivered and not through yet. `state`: what the stage keeps in memory. `oldest`: append time
    (ms) of the oldest delivered, unapplied record.
    """

    tp: TopicPartition
    generation: int
    taken: Taken
    next: int
    applied: int
    valid: bool = True
    reseeks: int = 0
    ahead: int = 0
    state: Any = None
    oldest: int | None = None
    last_applied_at: int | None = None
    on_through: Callable[[], None] = _nobody


@dataclass(slots=True, frozen=True)
class Batch:
    """The records of one poll and partition: offsets `base` (inclusive) to `end` (exclusive)."""

    claim: Claim
    base: int
    end: int
    records: Sequence[Any]

    @property
    def tp(self) -> TopicPartition:
        """Give the partition."""
        return self.claim.tp

    def joined(self, later: Iterable[Batch]) -> Batch:
        """Give one batch of this one and those that follow it under the same claim."""
        parts = [self, *later]
        records = [record for part in parts for record in part.records]
        return Batch(self.claim, self.base, parts[-1].end, records) if len(parts) > 1 else self

    def through(self) -> None:
        """Tell that the batch is committed, rejected or given up: the partition may deliver more."""
        self.claim.ahead -= len(self.records)
        self.claim.on_through()


class Ledger(Protocol):
    """Who owns what, kept outside the worker. `Store` in production, a dictionary in tests."""

    async def take(
        self, topic: str, partition: int, generation: int, log: tuple[int, int], topic_id: str, over: str = ""
    ) -> Taken | Refused:
        """Take a partition, whose log reaches from `log[0]` to `log[1]`, under a new token, or be refused."""
