"""Reading one person's evidence from the log, for the twin at a past moment (`driver.replay`).

The key of evidence is the pseudonym it was sent under, and a link stands with the pseudonym that it links. So every
partition is read once for links, and those of linked pseudonyms once more. Carried records on the log name only who
carries by all that came until now; who did by what was available at a moment, only the links themselves say.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import msgspec

from megdt_stream.driver.replay import Chronicle, Entry, Ticks, Told
from megdt_stream.evidence import record, topics
from megdt_stream.evidence.partition import partition_of
from megdt_stream.evidence.record import Activation, Carried, Tick
from megdt_stream.runtime.log_reader import LogReader, open_log

Progress = Callable[[int, int], None]
"""Told how many records are read, of how many; what is read a second time adds to both."""

_TOPIC: Final = topics.EVIDENCE.name


class _Glance(msgspec.Struct):
    """What is read of every record: whose it is, its kind, when it became available, whom it links to."""

    k: str = ""
    trainee: str = ""
    available: int = 0
    at: int = 0
    head: str | None = None


_glance: Final = msgspec.json.Decoder(_Glance).decode


async def read_chronicle(
    brokers: list[str], options: dict[str, Any], trainee: str, progress: Progress | None = None
) -> Chronicle:
    """Read all evidence of a trainee and of the pseudonyms that may carry to them, up to the log's present end.

    Costs one pass over the evidence topic, and one more over the partitions of linked pseudonyms; memory for what is
    found. Raises Unavailable, TopicMissing.
    """
    async with open_log(brokers, options) as reader:
        scan = _Scan(reader, await reader.bounds(_TOPIC), trainee, progress or (lambda _done, _total: None))
        return await scan.whole()


class _Scan:
    """One reading of the log."""

    def __init__(
        self, reader: LogReader, bounds: Mapping[int, tuple[int, int]], trainee: str, progress: Progress
    ) -> None:
        self._reader = reader
        self._bounds = bounds
        self._progress = progress
        self._done = self._total = 0
        self._links: defaultdict[str, set[str]] = defaultdict(set)
        self._entries: list[Entry] = []
        self._ticks: dict[int, Ticks] = {}
        self._trainee = trainee
        self._latest = 0
        self._activations: list[Told] = []

    async def whole(self) -> Chronicle:
        """Read what there is of the trainee, and of whoever may be linked to them."""
        count = len(self._bounds)
        await self._pass(self._bounds, {self._trainee}, {partition_of(self._trainee, count)})
        personas = self._carriers()
        homes = {partition_of(name, count) for name in personas}
        if personas:
            await self._pass(homes, personas, homes - self._ticks.keys())
        return Chronicle(self._trainee, count, self._entries, self._ticks, self._latest, self._activations)

    async def _pass(self, numbers: Collection[int], names: set[str], ticking: set[int]) -> None:
        """Read partitions; keep the evidence of some names, and the ticks of some partitions."""
        self._total += sum(self._bounds[number][1] - self._bounds[number][0] for number in numbers)
        for number in sorted(numbers):
            ticks = self._ticks.setdefault(number, Ticks.none()) if number in ticking else None
            async for records in self._reader.read(_TOPIC, number, *self._bounds[number]):
                for one in records:
                    self._look(number, one.offset, one.value or b"", names, ticks)
                self._done += len(records)
                self._progress(self._done, self._total)

    def _look(self, number: int, offset: int, value: bytes, names: set[str], ticks: Ticks | None) -> None:
        try:
            seen = _glance(value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return  # no evidence: the mirror rejects it as undecodable
        self._latest = max(self._latest, seen.available, seen.at)
        if seen.head is not None and seen.k == "identity":
            self._links[seen.head].add(seen.trainee)
        if seen.k == "tick":
            if ticks is not None:
                ticks.offsets.append(offset)
                ticks.times.append(seen.at)
        elif seen.k == "activation":
            if ticks is not None and number == partition_of(self._trainee, len(self._bounds)):
                self._activate(ticks, value)
        elif seen.trainee in names:
            self._keep(number, offset, value)

    def _activate(self, ticks: Ticks, value: bytes) -> None:
        said = record.decode(value)
        if isinstance(said, Activation):
            self._activations.append(Told(max(ticks.times, default=0), said))

    def _keep(self, number: int, offset: int, value: bytes) -> None:
        try:
            fact = record.decode(value)
        except (ValueError, RecursionError):
            return
        if not isinstance(fact, Activation | Carried | Tick):
            self._entries.append(Entry(number, offset, value, fact))

    def _carriers(self) -> set[str]:
        """Name the pseudonyms that are, or ever were, linked to the trainee, directly or through others."""
        found, fresh = set[str](), {self._trainee}
        while fresh:
            fresh = {name for head in fresh for name in self._links.get(head, ())} - found - {self._trainee}
            found |= fresh
        return found
