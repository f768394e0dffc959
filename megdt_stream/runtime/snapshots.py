"""Twins for a rehearsal: as the store has them, or as the log tells that they were at a past moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from megdt_stream.driver.replay import Chronicle, Entry, Ticks, twins_at
from megdt_stream.evidence import record, topics
from megdt_stream.evidence.record import WEEK_MS, Activation, Carried, Tick
from megdt_stream.evidence.reference.outcomes import Outcome as OutcomeKind
from megdt_stream.governance.overdue import OverdueRule
from megdt_stream.runtime.active_severity import estimators
from megdt_stream.runtime.entities import gather
from megdt_stream.runtime.log_reader import LogReader, open_log
from megdt_stream.runtime.query import Query, Stored
from megdt_stream.scenario.reading import Supply, Twins
from megdt_stream.twin.entities.resource import capacity, places
from megdt_stream.twin.entities.state import Entity, EntityTwin
from megdt_stream.twin.view import Estimation, Estimator, Outcome, estimate, read

_EXAMINATIONS = ("exam", "assessment")
Progress = Callable[[int, int], None]


def current(query: Query, estimation: Estimation) -> Twins:
    """Read all twins and resources from the store, with the severities in force. Raises Unavailable."""
    estimator_of, _ = estimators(query)
    return twins_of(list(query.subjects()), estimation, estimator_of=estimator_of)


def twins_of(
    found: Iterable[Stored],
    estimation: Estimation,
    as_of: int | None = None,
    estimator_of: Callable[[str], Estimator] = lambda _: estimate,
) -> Twins:
    """Read twins, with what they say of resources; `as_of` (ms) is the latest time among them where none is given."""
    stored = list(found)
    scan = gather(stored)
    moment = scan.now if as_of is None else as_of
    views = {one.trainee: read(one.twin, estimation, estimator_of(one.trainee)) for one in stored}
    return Twins(views, moment, supply(scan.entities, moment))


def supply(entities: Mapping[Entity, EntityTwin], as_of: int) -> Supply:
    """Add up what resources offer in the week of `as_of` (ms); a slot of a simulator counts as an hour."""
    faculty: Counter[str] = Counter()
    beds: Counter[str] = Counter()
    simulators: float | None = None
    for twin in entities.values():
        for place, steps in places((rest, slot) for _, rest, slot in twin.slots("q")).items():
            offered = capacity(steps, as_of, as_of + WEEK_MS)
            if offered is None:
                continue
            if place.kind == "simulator":
                simulators = (simulators or 0.0) + offered
            elif place.kind == "faculty" and place.unit == "hours-per-week" and place.department:
                faculty[place.department] += offered  # type: ignore[assignment]  # hours may be halves
            elif place.kind == "beds" and place.department:
                beds[place.department] += offered  # type: ignore[assignment]
    return Supply(dict(faculty), dict(beds), simulators)


def adverse(kinds: Mapping[str, OutcomeKind]) -> Callable[[Outcome], bool | None]:
    """Tell whether an outcome is a failed examination; None where it is no examination."""
    exams = {code: one for code, one in kinds.items() if any(word in code for word in _EXAMINATIONS)}

    def judged(outcome: Outcome) -> bool | None:
        known = exams.get(outcome.outcome)
        return None if known is None else outcome.result in known.adverse

    return judged


async def past(
    brokers: list[str], options: dict[str, Any], rule: OverdueRule, at: int, progress: Progress | None = None
) -> tuple[list[Stored], int]:
    """Read the evidence topic and give all twins of what was available by `at` (ms), and the log's latest moment.

    Costs one pass over the topic, and memory for all evidence up to then. Raises Unavailable, TopicMissing.
    """
    async with open_log(brokers, options) as reader:
        return await known_at(reader, rule, at, progress)


async def known_at(
    reader: LogReader, rule: OverdueRule, at: int, progress: Progress | None = None
) -> tuple[list[Stored], int]:
    """Do what `past` does with a reader that is open."""
    entries: list[Entry] = []
    ticks: dict[int, Ticks] = {}
    latest = done = 0
    bounds = await reader.bounds(topics.EVIDENCE.name)
    total = sum(end - first for first, end in bounds.values())
    for number in sorted(bounds):
        ticks[number] = Ticks.none()
        async for records in reader.read(topics.EVIDENCE.name, number, *bounds[number]):
            for one in records:
                latest = max(latest, _keep(number, one.offset, one.value or b"", at, entries, ticks[number]))
            done += len(records)
            if progress is not None:
                progress(done, total)
    chronicle = Chronicle("", len(bounds), entries, ticks, latest)
    return [Stored(name, twin, at) for name, twin in twins_at(chronicle, rule, at).items()], latest


def _keep(number: int, offset: int, value: bytes, at: int, entries: list[Entry], ticks: Ticks) -> int:
    """Keep a record that was available by `at`; gives its time."""
    try:
        fact = record.decode(value)
    except (ValueError, RecursionError):
        return 0  # no evidence: the mirror rejects it as undecodable
    if isinstance(fact, Tick):
        ticks.offsets.append(offset)
        ticks.times.append(fact.at)
        return fact.at
    if isinstance(fact, Carried | Activation):
        return 0  # made anew from what it carries; models in force are not evidence of anybody
    if fact.available <= at:
        entries.append(Entry(number, offset, value, fact))
    return fact.available
