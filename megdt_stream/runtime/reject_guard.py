"""The guard against a publisher, or a release of ours, that broke: too large a share of rejects stops the worker.

What it says goes out with the batch that trips it (docs/decisions/0008): see `reject_alert` for the words and
`intake_stage` for the order.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from typing import Final, NamedTuple

_SOURCES: Final = 5
_LATEST: Final = 5


class Refused(NamedTuple):
    """A rejected input: reason code, source ("" where it could not be read), `topic/partition/offset`."""

    reason: str
    source: str
    place: str


class Trip(NamedTuple):
    """What the guard saw when it tripped, over the latest `read` events.

    `sources`: those with the most rejects, largest first. `latest`: where the last rejects came from, newest last.
    """

    read: int
    rejected: int
    reasons: dict[str, int]
    sources: list[tuple[str, int]]
    latest: list[str]

    @property
    def ratio(self) -> float:
        """Give the share of rejects."""
        return self.rejected / self.read


class _Batch(NamedTuple):
    read: int
    rejected: int
    reasons: Counter[str]
    sources: Counter[str]
    latest: list[str]


class RejectGuard:
    """Watches the share of rejects among the last events of this process, over all topics.

    Trips once: between a trip and the end of the process other partitions finish what they have in work.
    """

    def __init__(self, ratio: float, events: int) -> None:
        """Judge once `events` were seen, over the latest about `events` of them; a `ratio` of 1 never trips."""
        self.ratio = ratio
        self._events = events
        self._window: deque[_Batch] = deque()
        self._read = self._rejected = 0
        self._tripped = False

    def note(self, read: int, refused: Sequence[Refused]) -> Trip | None:
        """Count a batch of `read` events; give what was seen if it trips the guard."""
        self._window.append(_summed(read, refused))
        self._read += read
        self._rejected += len(refused)
        while self._window and self._read - self._window[0].read >= self._events:
            gone = self._window.popleft()
            self._read -= gone.read
            self._rejected -= gone.rejected
        if self._tripped or not self._too_many():
            return None
        self._tripped = True
        return self._trip()

    def rearm(self) -> None:
        """Take a trip back: the batch that caused it turned out to be another worker's."""
        self._tripped = False

    def _too_many(self) -> bool:
        return self._read >= self._events and self._rejected >= self.ratio * self._read and self.ratio < 1

    def _trip(self) -> Trip:
        reasons: Counter[str] = Counter()
        sources: Counter[str] = Counter()
        latest: list[str] = []
        for batch in self._window:
            reasons.update(batch.reasons)
            sources.update(batch.sources)
            latest += batch.latest
        by_count = sorted(sources.items(), key=lambda item: (-item[1], item[0]))
        return Trip(
            self._read,
            self._rejected,
            dict(sorted(reasons.items())),
            by_count[:_SOURCES],
            latest[-_LATEST:],
        )


def _summed(read: int, refused: Sequence[Refused]) -> _Batch:
    return _Batch(
        read,
        len(refused),
        Counter(one.reason for one in refused),
        Counter(one.source for one in refused),
        [one.place for one in refused[-_LATEST:]],
    )
