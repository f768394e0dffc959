"""The desk: where records get their number, their delays and their mess, and lives are told in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from megdt_stream.synth.catalogue import HIS
from megdt_stream.synth.chance import MINUTE
from megdt_stream.synth.draft import Draft
from megdt_stream.synth.mess import Data, Mess
from megdt_stream.synth.plan import HospitalPlan

Scene: TypeAlias = tuple[int, Callable[[], list[Draft]]]
"""Something to tell; no draft of it is published before the time (ms)."""


@dataclass(frozen=True)
class Chapter:
    """Drafts none of which is published before `not_before` (ms)."""

    not_before: int
    drafts: list[Draft]


def tell(plot: Iterable[Scene]) -> Iterator[Chapter]:
    """Tell scenes as chapters, `not_before` never falling."""
    for not_before, scene in sorted(plot, key=lambda scene: scene[0]):
        yield Chapter(not_before, scene())


class Way(NamedTuple):
    """How a kind of record travels: who publishes it, how soon it is written down, how long it then lies."""

    source: str
    minutes: int
    """From what happened to what was written."""
    median_delay_hours: float
    """From there to the stream."""


class Desk:
    """Writes the records of one life; each source numbers its own, so ids recur between sources."""

    def __init__(self, plan: HospitalPlan, mess: Mess, series: str) -> None:
        self._plan = plan
        self._mess = mess
        self._series = series
        self._serials: Counter[str] = Counter()

    def send(
        self,
        way: Way,
        kind: str,
        subject: str,
        time: int,
        data: Data,
        mistakes: tuple[Data, ...] = (),
        retractable: float = 0.0,
    ) -> list[Draft]:
        """Give the events by which a record reaches the stream.

        `data` is what it should say, `mistakes` what it may have said before; `retractable` is how much likelier
        than usual it is withdrawn.
        """
        source = way.source
        self._serials[source] += 1
        number = f"{self._series}-{self._serials[source]:05d}"
        recorded = time + way.minutes * MINUTE
        available = max(self._plan.opens, recorded) + self._mess.lag(way.median_delay_hours)
        draft = Draft(
            kind=kind,
            source=source,
            id=f"病例{number}" if source == HIS else number,
            subject=subject,
            time=time,
            recorded=recorded,
            available=available,
            published=available,
            data=data,
        )
        return self._mess.published(draft, mistakes, retractable)
