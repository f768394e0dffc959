"""The log of one evidence partition played so that each week sees what was available by its end, and nothing else.

A log may run ahead of its ticks (an import, a source that was away): a record that is not available yet is held back.
Records carried over have no time of their own and count where they stand.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from megdt_stream.driver.partitions import Shard
from megdt_stream.evidence.record import (
    WEEK_MS,
    Assessment,
    Carried,
    Decision,
    Enrolment,
    Fact,
    Identity,
    Outcome,
    Retraction,
    Rotation,
    Tick,
)
from megdt_stream.governance.overdue import OverdueRule
from megdt_stream.mirror import Record
from megdt_stream.twin.state import Twin

_TAUGHT_BY: Final = (Assessment, Rotation, Outcome, Enrolment, Decision, Identity, Retraction)


class Weeks:
    """Calls `look` with the end of each week (ms) and the twins of what was available then."""

    def __init__(self, number: int, rule: OverdueRule, look: Callable[[int, Mapping[str, Twin]], None]) -> None:
        self._shard = Shard(number)
        self._rule = rule
        self._look = look
        self._held: list[tuple[int, int, Fact]] = []
        self._seen: dict[tuple[str, int], int] = {}
        self._next: int | None = None
        self._taken = 0
        self._count = 0

    def take(self, record: Record) -> None:
        """Take the partition's next record. Raises FoldFailed."""
        fact = record.fact
        if isinstance(fact, Tick):
            self.reach(fact.at)
        elif isinstance(fact, Carried):
            self._fold(fact)
        elif isinstance(fact, _TAUGHT_BY):
            self._hold(fact)

    def reach(self, at: int) -> None:
        """Let time pass up to a moment (ms): look at each week that ends by then."""
        while self._next is not None and self._next <= at:
            while self._held and self._held[0][0] <= self._next:
                _, _, fact = heapq.heappop(self._held)
                # A new origin: by the old one it would be taken for a re-delivery of what came after it.
                origin = (fact.origin[0], 0, self._taken)
                self._fold(msgspec.structs.replace(fact, origin=origin))
            self._look(self._next, self._shard.state.twins)
            self._next += WEEK_MS

    def _hold(self, fact: Fact) -> None:
        topic, number, offset = fact.origin
        if offset <= self._seen.get((topic, number), -1):
            return  # delivered again
        self._seen[topic, number] = offset
        if self._next is None:
            self._next = -(-fact.available // WEEK_MS) * WEEK_MS
        heapq.heappush(self._held, (fact.available, self._count, fact))
        self._count += 1

    def _fold(self, fact: Fact | Carried) -> None:
        self._shard.take(Record(self._taken, b"", fact), self._rule)
        self._taken += 1
