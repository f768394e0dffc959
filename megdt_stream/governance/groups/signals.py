"""What rules about sources and instruments look at, and which source feeds whom: gathered off the evidence."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator
from typing import Final, NamedTuple

from megdt_stream.evidence.record import PERIOD_MS, Assessment, Exposure, Fact
from megdt_stream.evidence.times import DAY_MS
from megdt_stream.governance.groups.drift import Marked

_MILLI: Final = 1000
LATE: Final = 2
"""Periods of four weeks that count as lately; the `EARLY` before them as before."""
EARLY: Final = 5
EXPOSURES: Final = "exposures"
FORMS: Final = "forms"


class _Mean(NamedTuple):
    n: int = 0
    total: float = 0.0

    def plus(self, n: int, total: float) -> _Mean:
        return _Mean(self.n + n, self.total + total)

    @property
    def mean(self) -> float:
        return self.total / self.n


class Signals:
    """Records per source and day, levels per trainee, instrument and period, and which source sends what.

    `days`: source -> day number -> how many became available.
    """

    def __init__(self) -> None:
        self.days: defaultdict[str, Counter[int]] = defaultdict(Counter)
        self._sources: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._fed: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self._marks: defaultdict[str, defaultdict[str, dict[int, _Mean]]] = defaultdict(lambda: defaultdict(dict))
        self._marked: set[str] = set()

    def note(self, fact: Fact) -> None:
        """Take a piece of evidence; copies of one are told from it where marks are added up."""
        self.days[fact.source][fact.available // DAY_MS] += 1
        if isinstance(fact, Exposure):
            self._fed[fact.trainee, EXPOSURES][fact.source] += 1
        elif isinstance(fact, Assessment):
            self._fed[fact.trainee, FORMS][fact.source] += 1
            self._sources[fact.item or fact.instrument][fact.source] += 1
            if fact.marks and not fact.rev and fact.h not in self._marked:
                self._mark(fact)

    def _mark(self, fact: Assessment) -> None:
        self._marked.add(fact.h)
        period = fact.happened // PERIOD_MS
        total = sum(y for _, _, y, _ in fact.marks) / _MILLI
        cells = self._marks[fact.trainee][fact.instrument]
        cells[period] = cells.get(period, _Mean()).plus(len(fact.marks), total)

    def sends(self, source: str) -> tuple[str, ...]:
        """Name what is expected under which key and usually comes from a source."""
        return tuple(sorted(key for key in self._sources if self.source_of(key) == source))

    def source_of(self, key: str) -> str | None:
        """Give the source that usually sends what is expected under a key."""
        return _most(self._sources.get(key))

    def fed_by(self, trainee: str, what: str) -> str | None:
        """Give the source that most of a trainee's `EXPOSURES` or `FORMS` come from."""
        return _most(self._fed.get((trainee, what)))

    @property
    def instruments(self) -> list[str]:
        """Name the instruments that have marks."""
        return sorted({name for by_instrument in self._marks.values() for name in by_instrument})

    def marked(self, instrument: str, now: int, without: Container[str] = ()) -> Iterator[Marked]:
        """Give the trainees with marks on the instrument and on others (`without` some), before and lately."""
        turn = now // PERIOD_MS - LATE
        for by_instrument in self._marks.values():
            own = by_instrument.get(instrument, {})
            others = [cells for name, cells in by_instrument.items() if name != instrument and name not in without]
            means = [
                _over(cells, range(first, last))
                for first, last in ((turn - EARLY, turn), (turn, turn + LATE + 1))
                for cells in ([own], others)
            ]
            if all(one.n for one in means):
                yield Marked(*(one.mean for one in means))


def _most(counts: Counter[str] | None) -> str | None:
    return max(sorted(counts), key=counts.__getitem__) if counts else None


def _over(cells: Iterable[dict[int, _Mean]], periods: range) -> _Mean:
    found = _Mean()
    for one in cells:
        for period in periods:
            if period in one:
                found = found.plus(*one[period])
    return found
