"""Histories of events of every type, about a few people under several names, in every mix of versions."""

import asyncio
import copy
from types import SimpleNamespace

from hypothesis import strategies as st

from megdt_stream.driver import Driver
from megdt_stream.driver.partitions import Partitions
from megdt_stream.evidence import intake, times
from megdt_stream.evidence.partition import partition_of
from megdt_stream.evidence.record import Tick, encode
from megdt_stream.runtime import past
from tests.evidence.samples import DATA, NEEDS_REVISION, REFERENCE, written
from tests.mirror.logs import RULE

NAMES = ("k1.a", "k1.b", "sk.a", "sk.b")
PARTITIONS = 5
DAYS = ("2025-11-01", "2025-11-02", "2025-11-10", "2025-12-01")
END = times.milliseconds("2026-02-01T00:00:00Z")


def at(day):
    return times.milliseconds(f"{day}T12:00:00Z")


def event(name, subject, number=0, revision=0, day=DAYS[0], available=None, variant=0, **data):
    """Make an event; `variant` 1 says something else than 0 under the same name."""
    content = {**copy.deepcopy(DATA[name][1]), **data}
    if variant and "count" in content:
        content["count"] = 7
    elif variant and "scores" in content:
        content["scores"] = [{"competency": "patient-care", "value": 3}]
    elif variant and "expects" in content:
        content["expects"] = [{"instrument": "mini-cex", "item": "mini-cex-1", "due": "2025-12-20T00:00:00Z"}]
    elif variant:
        content["variant"] = 1
    return {
        "specversion": "1.0",
        "source": "/s",
        "id": f"R-{number}",
        "revision": max(revision, 1) if name in NEEDS_REVISION else revision,
        "type": f"megdt.{name}.v1",
        "subject": subject,
        "time": f"{day}T12:00:00Z",
        "available": f"{available or day}T12:00:00Z",
        "data": content,
    }


def link(subject, person, number=90, day=DAYS[0], available=None, revision=0):
    return event("identity.linked", subject, number, revision, day, available, person=person)


_LINKS = {"identity.linked": "person", "identity.merged": "into"}
_PLAIN = sorted(DATA.keys() - _LINKS.keys())


def _common(names):
    return {
        "subject": st.sampled_from(names),
        "number": st.integers(0, 3),
        "revision": st.integers(0, 2),
        "day": st.sampled_from(DAYS),
        "available": st.sampled_from([None, *DAYS]),
    }


@st.composite
def _linked(draw, names):
    name = draw(st.sampled_from(sorted(_LINKS)))
    common = {key: draw(strategy) for key, strategy in _common(names).items()}
    head = draw(st.sampled_from([other for other in names if other != common["subject"]]))
    return event(name, **common, **{_LINKS[name]: head})


def _all(names):
    plain = st.builds(event, st.sampled_from(_PLAIN), variant=st.integers(0, 1), **_common(names))
    focus = ["rotation.planned", "assessment.recorded", "exposure.recorded", "assessment.retracted"]
    busy = st.builds(event, st.sampled_from(focus), variant=st.integers(0, 1), **_common(names))
    return st.one_of(plain, busy, _linked(names), _linked(names))


histories = st.one_of(st.lists(_all(NAMES), max_size=16), st.lists(_all(NAMES[::2]), max_size=12))


def driver(events=(), partitions=PARTITIONS):
    made = Driver(REFERENCE, RULE, partitions)
    for one in events:
        made.push(one)
    return made


def evidence_of(twin):
    """Give a twin's fields without what a rule decided."""
    return {name: text for name, text in fields_of(twin).items() if not name.startswith("w|")}


def fields_of(twin):
    """Give a twin's fields as text."""
    return {name: text if isinstance(text, str) else text.decode() for name, text in twin.fields().items()}


class Log:
    """An evidence topic in memory, as the running system would leave it: carried records and ticks among the rest.

    `moves`: events, and days to tick. Numbers and reads as `runtime.log_reader.LogReader` does, in small polls.
    """

    def __init__(self, moves=()):
        self.partitions = Partitions(PARTITIONS, RULE)
        self.records = {number: [] for number in range(PARTITIONS)}
        self.taken = 0
        for move in moves:
            if isinstance(move, str):
                self.tick(at(move))
            else:
                self.push(move)

    async def bounds(self, _topic):
        return {number: (0, len(records)) for number, records in self.records.items()}

    async def read(self, _topic, number, begin, end):
        for base in range(begin, end, 3):
            yield [SimpleNamespace(offset=o, value=v) for o, v in self.records[number][base : min(base + 3, end)]]

    def chronicle(self, trainee, progress=lambda _done, _total: None):
        """Read a trainee's evidence as the command does."""

        async def read():
            return await past._Scan(self, await self.bounds(""), trainee, progress).whole()

        return asyncio.run(read())

    def push(self, one):
        decision = intake.decide(written(one), None, (_short(one), 0, self.taken), END, REFERENCE)
        assert isinstance(decision, intake.Accepted), decision
        self.taken += 1
        self._append(partition_of(decision.trainee, PARTITIONS), decision.value)

    def tick(self, moment):
        for number in range(PARTITIONS):
            self._append(number, encode(Tick(moment, 0)))

    def _append(self, number, value):
        for step in self.partitions.append(number, value):
            self.records[step.number].append((step.record.offset, step.record.value))

    def twin(self, trainee):
        return self.partitions.twin(trainee)


def _short(one):
    return DATA[one["type"].removeprefix("megdt.").removesuffix(".v1")][0].short
