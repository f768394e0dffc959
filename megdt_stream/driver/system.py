"""The driver: intake, mirror and time as one object to push events into."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any, Final

import orjson

from megdt_stream.driver import outcomes
from megdt_stream.driver.outcomes import Accepted, Duplicate, Outcome, Reject, Rejected
from megdt_stream.driver.partitions import Partitions, Step
from megdt_stream.evidence import cloudevents, events, intake, record, times, topics
from megdt_stream.evidence.partition import partition_of
from megdt_stream.evidence.record import Fact, Tick
from megdt_stream.evidence.reference import Reference
from megdt_stream.evidence.topics import Topic
from megdt_stream.governance.overdue import OverdueRule
from megdt_stream.twin.entities import image
from megdt_stream.twin.entities.state import Entity, EntityTwin, Part
from megdt_stream.twin.journal import Row
from megdt_stream.twin.state import Twin
from megdt_stream.twin.view import Estimation, TwinView, read

Event = Mapping[str, Any] | bytes
_UNKNOWN: Final = "-"
_TIMES: Final = ("time", "recorded", "available")
_NOTHING: Final[Mapping[str, Any]] = {}


class Driver:
    """The whole system in one thread and in memory.

    Example:
    >>> from megdt_stream.driver import Driver
    >>> from megdt_stream.seed_files import load_reference, load_rule
    >>> driver = Driver(load_reference(), load_rule())
    >>> outcome = driver.push({
    ...     "specversion": "1.0", "source": "/skills-centre", "id": "booking-1", "subject": "k1.a",
    ...     "type": "megdt.exposure.recorded.v1", "time": "2025-03-04T10:15:00+08:00",
    ...     "data": {"kind": "procedure", "item": "腰椎穿刺术", "count": 2},
    ... })
    >>> outcome.fact.trainee
    'k1.a'
    >>> driver.twin("k1.a").sums["k|exposure"]
    (1,)
    >>> driver.push(b"[]").reason.value
    'not_an_object'

    """

    def __init__(self, reference: Reference, rule: OverdueRule, partitions: int = 8) -> None:
        """Start empty, before all time. `partitions`: of the evidence. Raises ValueError for fewer than one."""
        self._reference = reference
        self._partitions = Partitions(partitions, rule)
        self._offsets: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._alerts: list[dict[str, Any]] = []
        self._rejects: list[Reject] = []
        self._now = 0
        self._entities: dict[tuple[Entity, str], bytes] = {}

    # --- what goes in ---

    def push(
        self,
        event: Event,
        topic: str | Topic | None = None,
        headers: intake.Headers = (),
        available: int | None = None,
    ) -> Outcome:
        """Publish one event and have everything done that follows from it.

        `event`: a CloudEvent as a mapping, or the bytes of a record as a publisher would send them. `topic`: its full
        or short name; without it that of the event's type. `headers` are those of the record, for binary mode.
        `available` (ms): the broker's append time; without it the event comes at once, which is the latest of the
        driver's clock and the times that the event states itself. Raises KeyError for an unknown topic, TypeError for
        a mapping that JSON cannot say, FoldFailed where a rule raises (the driver is not to be used after that).
        """
        value = event if isinstance(event, bytes) else orjson.dumps(dict(event))
        stated = _stated(value, headers)
        named = _topic(topic)
        home = named or _home(stated)
        short = home.short if home else _UNKNOWN
        appended = max(self._now, _latest(stated)) if available is None else available
        origin = short, 0, self._offsets[short]
        self._offsets[short] += 1
        self._counts[f"{short}:read"] += 1
        decision = intake.decide(value, named, origin, appended, self._reference, headers)
        if isinstance(decision, intake.Accepted):
            return self._fold(decision)
        why = Rejected(decision.reason, decision.detail, decision.path)
        self._counts[f"{short}:rejected"] += 1
        self._rejects.append(Reject(origin if home else None, why))
        return why

    def advance(self, to: int) -> tuple[dict[str, Any], ...]:
        """Let time pass up to `to` (ms): a tick in every partition. Gives the alerts that came of it.

        Raises ValueError where that lies before the driver's clock.
        """
        if to < self._now:
            raise ValueError(f"time does not go back: the driver's clock stands at {self._now}")
        self._now = to
        known = len(self._alerts)
        tick = record.encode(Tick(to, to))
        for number in range(self._partitions.count):
            self._note(self._partitions.append(number, tick))
        self._contribute()
        return tuple(self._alerts[known:])

    def _contribute(self) -> None:
        """Let entities hear of who was touched, as images cross the topic and rest in the store."""
        for shard in self._partitions.shards:
            given = [image.read(message.key, message.value) for message in shard.contribute()]
            for place, value in image.latest(one for one in given if one is not None).items():
                self._entities[place] = max(self._entities.get(place, b""), value)

    def _fold(self, accepted: intake.Accepted) -> Outcome:
        number = partition_of(accepted.trainee, self._partitions.count)
        first, *_ = self._note(self._partitions.append(number, accepted.value))
        fact: Fact = first.record.fact  # type: ignore[assignment]  # intake writes facts only
        ((_, verdict),) = [one for one in first.changes.outcomes if one[1] != "displaced"]
        if verdict == "duplicate":
            return Duplicate(fact)
        if verdict == "rejected":
            return self._rejects[-1].why
        return Accepted(fact, standing=verdict != "superseded")

    def _note(self, steps: Iterable[Step]) -> list[Step]:
        """Take steps and keep what they send and count."""
        taken = list(steps)
        for step in taken:
            for name, n in step.changes.counts.items():
                self._counts[name] += n
            for message in step.changes.messages:
                if message.topic == topics.ALERTS.name:
                    self._alerts.append(orjson.loads(message.value))
                elif message.topic == topics.REJECTS.name:
                    self._rejects.append(outcomes.of_message(message))
        return taken

    # --- what comes out ---

    def twin(self, trainee: str) -> Twin:
        """Give a copy of a twin; an empty one where nothing is known. `fields()` is what the store would hold."""
        return deepcopy(self._partitions.twin(trainee)) or Twin()

    def journal(self, trainee: str) -> dict[str, Row]:
        """Give the journal of a trainee's own records (docs/records.md, section 3): record hash -> its versions."""
        number = partition_of(trainee, self._partitions.count)
        return self._partitions.shards[number].journal(trainee)

    def view(self, trainee: str, estimation: Estimation) -> TwinView:
        """Read a twin: levels, rotations, exposures, warnings."""
        return read(self.twin(trainee), estimation)

    def entities(self) -> dict[Entity, EntityTwin]:
        """Give what trainees contribute to each faculty, base, resource and process, as of the last `advance`.

        Pseudonyms of assessors are not joined yet: `megdt_stream.twin.entities` reads on from here.
        """
        parts: dict[Entity, list[tuple[str, int, Part]]] = {}
        for (entity, contributor), value in self._entities.items():
            revision, part = image.restored(value)
            parts.setdefault(entity, []).append((contributor, revision, part))
        return {entity: EntityTwin.of(given) for entity, given in sorted(parts.items())}

    @property
    def trainees(self) -> list[str]:
        """Name all who have a twin that is not empty."""
        return sorted(
            name for shard in self._partitions.shards for name, twin in shard.state.twins.items() if twin.fields()
        )

    def each(self) -> Iterator[tuple[str, Twin]]:
        """Give all twins by pseudonym, for reading only: they are the driver's own, not copies."""
        for shard in self._partitions.shards:
            yield from shard.state.twins.items()

    @property
    def now(self) -> int:
        """Give the driver's clock (ms); 0 before the first `advance`."""
        return self._now

    @property
    def alerts(self) -> list[dict[str, Any]]:
        """Give all alerts sent so far, in order, as CloudEvents (docs/records.md, section 4)."""
        return deepcopy(self._alerts)

    @property
    def rejects(self) -> list[Reject]:
        """Give all rejects so far, in order."""
        return list(self._rejects)

    @property
    def counts(self) -> dict[str, int]:
        """Count by `<short topic>:<read|accepted|duplicate|rejected>`; read is the sum of the others.

        The topic is `-` where an event names none by a type that is known.
        """
        return {name: n for name, n in sorted(self._counts.items()) if n}


def _topic(named: str | Topic | None) -> Topic | None:
    if named is None or isinstance(named, Topic):
        return named
    return topics.BY_SHORT.get(named) or topics.BY_NAME[named]


def _stated(value: bytes, headers: intake.Headers) -> Mapping[str, Any]:
    """Read the attributes, as far as they can be read, before intake judges them."""
    told = cloudevents.read_headers(headers)
    if told.binary:
        return told.attributes
    try:
        document = orjson.loads(value)
    except orjson.JSONDecodeError:
        return _NOTHING
    return document if isinstance(document, dict) else _NOTHING


def _home(stated: Mapping[str, Any]) -> Topic | None:
    type_ = stated.get("type")
    return events.BY_TYPE[type_].topic if isinstance(type_, str) and type_ in events.BY_TYPE else None


def _latest(stated: Mapping[str, Any]) -> int:
    """Give the latest time that an event states (ms), 0 for none."""
    known = [0]
    for name in _TIMES:
        try:
            known.append(times.milliseconds(stated.get(name)))  # type: ignore[arg-type]
        except times.NotATime:
            continue  # intake says so
    return max(known)
