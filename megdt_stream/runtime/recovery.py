"""After a loss of the store: what the log alone still knows of intake and of what was sent.

Twins need nothing from here: the mirror reads the evidence topic from its start. Intake must not: it would decide
again what it decided before. So its cursors and counters are read off the coordinates that evidence and rejects carry.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from megdt_stream.evidence import topics
from megdt_stream.evidence.record import digest
from megdt_stream.runtime.log_reader import LogReader
from megdt_stream.runtime.reject_record import INPUT_PREFIX
from megdt_stream.runtime.store import Store

Progress = Callable[[str, int, int], None]


class _Traced(msgspec.Struct):
    """The two fields of evidence that recovery reads."""

    available: int = -1
    origin: tuple[str, int, int] | None = None


class _Named(msgspec.Struct):
    id: str


_CARRIED: Final = b'{"k":"carried"'
_traced: Final = msgspec.json.Decoder(_Traced).decode
_named: Final = msgspec.json.Decoder(_Named).decode


@dataclass(slots=True)
class Trace:
    """What is known of one input partition: which of its offsets came out, and how.

    `came_out` has one byte an offset: 0 for nothing, else 1 + the index of the outcome.
    """

    begin: int
    came_out: bytearray = field(default_factory=bytearray)
    outcomes: list[str] = field(default_factory=list)
    watermark: int = -1

    def note(self, offset: int, outcome: str, available: int) -> None:
        """Note that an offset came out as evidence or a reject; a second copy changes nothing."""
        at = offset - self.begin
        if at < 0:
            return
        if outcome not in self.outcomes:
            self.outcomes.append(outcome)
        if at >= len(self.came_out):
            self.came_out.extend(bytes(at + 1 - len(self.came_out)))
        self.came_out[at] = 1 + self.outcomes.index(outcome)
        self.watermark = max(self.watermark, available)

    @property
    def resume(self) -> int:
        """Give where to resume: the first offset that did not come out.

        What lies beyond belongs to a batch that was cut off; it comes out again and is known by its coordinates.
        """
        hole = self.came_out.find(0)
        return self.begin + (len(self.came_out) if hole < 0 else hole)

    def counts(self) -> dict[str, int]:
        """Give intake's counters of what lies below `resume`."""
        settled = Counter(self.came_out[: self.resume - self.begin])
        return {"read": settled.total(), **{self.outcomes[code - 1]: n for code, n in settled.items()}}


async def recover_intake(store: Store, reader: LogReader, ids: dict[str, str], progress: Progress) -> int:
    """Restore intake's cursors where the store has none but the log has evidence; give how many were restored.

    A cursor at the log's start may be one that a worker made when it found the store empty, just before it left.
    """
    lost: dict[tuple[str, int], Trace] = {}
    for topic in topics.INPUTS:
        for partition, (begin, end) in (await reader.bounds(topic.name)).items():
            offset, _ = await store.cursor(topic.name, partition)
            if offset <= begin and end > begin:
                lost[topic.short, partition] = Trace(begin)
    if not lost:
        return 0
    await _trace(reader, lost, progress)
    restored = 0
    for (short, partition), trace in lost.items():
        if trace.resume == trace.begin:
            continue
        name = topics.BY_SHORT[short].name
        restored += await store.restore(name, partition, ids[name], trace.resume, trace.watermark, trace.counts())
    return restored


async def _trace(reader: LogReader, lost: dict[tuple[str, int], Trace], progress: Progress) -> None:
    async for records in reader.read_all(topics.EVIDENCE.name, lambda done, of: progress("evidence", done, of)):
        for record in records:
            traced = _evidence(record.value)
            if traced is not None and traced.origin is not None:
                short, partition, offset = traced.origin
                trace = lost.get((short, partition))
                if trace is not None:
                    trace.note(offset, "forwarded", traced.available)
    async for records in reader.read_all(topics.REJECTS.name, lambda done, of: progress("rejects", done, of)):
        for record in records:
            # A publisher's own headers, which come after ours, may hold anything.
            ours = ((name, value) for name, value in record.headers if not name.startswith(INPUT_PREFIX))
            headers = {name: value.decode() for name, value in ours}
            if headers.get("megdt-stage") != "intake":
                continue
            short = topics.BY_NAME[headers["megdt-topic"]].short
            trace = lost.get((short, int(headers["megdt-partition"])))
            if trace is not None:
                trace.note(int(headers["megdt-offset"]), f"rejected:{headers['megdt-reason']}", -1)


def _evidence(value: bytes | None) -> _Traced | None:
    try:
        return _traced(value or b"")
    except msgspec.DecodeError:
        return None  # not evidence; the mirror rejects it


async def sent_messages(reader: LogReader, progress: Progress) -> frozenset[str]:
    """Name all messages of the mirror that are on their topics: alerts by id, its rejects by key, what it carried."""
    names: set[str] = set()
    async for records in reader.read_all(topics.ALERTS.name, lambda done, of: progress("alerts", done, of)):
        names.update(identity(topics.ALERTS.name, record.key, record.value) for record in records)
    async for records in reader.read_all(topics.REJECTS.name, lambda done, of: progress("rejects", done, of)):
        for record in records:
            if (b"mirror") in (value for name, value in record.headers if name == "megdt-stage"):
                names.add(identity(topics.REJECTS.name, record.key, record.value))
    async for records in reader.read_all(topics.EVIDENCE.name, lambda done, of: progress("evidence", done, of)):
        carried = (record.value for record in records if (record.value or b"").startswith(_CARRIED))
        names.update(identity(topics.EVIDENCE.name, b"", value) for value in carried)
    return frozenset(names)


def identity(topic: str, key: Any, value: bytes) -> str:
    """Name a message by what makes its copies equal: an alert's id, a reject's coordinates, a carried record itself."""
    if topic == topics.ALERTS.name:
        return _named(value).id
    if topic == topics.EVIDENCE.name:
        return digest(value)
    return bytes(key).decode()
