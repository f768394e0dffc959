"""A look at sources, teachers, bases, instruments and all trainees, in a process of its own: what rules say of them.

It reads the evidence log up to the first tick that reaches the moment, the twins and documents of the store, the model
in force, and off the alerts topic what is open. It keeps nothing and changes nothing: the worker that asked commits
what is to be said.
"""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from megdt_stream import mirror
from megdt_stream.evidence import topics
from megdt_stream.evidence.record import Activation, Carried, Tick
from megdt_stream.evidence.times import milliseconds
from megdt_stream.governance.groups import Groups, drift, model, risk, silence
from megdt_stream.governance.groups.contract import WARNS, Found
from megdt_stream.governance.groups.looking import BY_KIND, look
from megdt_stream.governance.groups.signals import Signals
from megdt_stream.governance.groups.standing import SOURCE, Open, Standing
from megdt_stream.governance.groups.trainees import Model, Trainees, waiting
from megdt_stream.runtime import active_risk, active_severity
from megdt_stream.runtime.entities import Assumed, ids, read_from
from megdt_stream.runtime.live_entities import gather_live
from megdt_stream.runtime.log_reader import LogReader, open_log
from megdt_stream.runtime.query import Query
from megdt_stream.seed_files import load_all
from megdt_stream.twin.view import Norms

_RAISED: Final = "megdt.warning.raised.v1"
_EVIDENCE: Final = topics.EVIDENCE.name
Documents = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Properties by id, by kind."""


class Plan(NamedTuple):
    """What a look needs to know: servers with their options, and where the rules are declared (None: those here)."""

    brokers: list[str]
    kafka_options: Mapping[str, Any]
    redis: str
    redis_options: Mapping[str, Any]
    seeds: Path | None


class Looked(NamedTuple):
    """The notices (CloudEvents) of what changed, and the time (ms) before which nothing new may be said."""

    events: list[dict[str, Any]]
    due: int


class Known(NamedTuple):
    """What rules look at: documents, what the log tells of sources and forms, all trainees, the model in force."""

    documents: Documents
    signals: Signals
    trainees: Trainees
    model: Model | None = None


def process(plan: Plan, now: int) -> Looked:
    """Look at a moment (ms), behind whatever else wants the processor. Raises Unavailable, TopicMissing."""
    os.nice(10)
    return asyncio.run(taken(plan, now))


async def taken(plan: Plan, now: int) -> Looked:
    """Read everything and let the rules speak. Raises Unavailable, TopicMissing."""
    seeds = load_all(plan.seeds)
    async with open_log(plan.brokers, dict(plan.kafka_options)) as reader:
        standing, due = opened(await said(reader))
        if now < due:
            return Looked([], due)
        signals = await read_signals(reader, now)
    assumed = Assumed(seeds.estimation, Norms(seeds.targets, seeds.library.quotas), seeds.library.outcomes)
    terms = seeds.rule.groups
    with Query(plan.redis, **plan.redis_options) as query:
        in_force = _model(query)
        trainees = Trainees(terms, assumed.estimation, assumed.norms, in_force, now)
        for stored in query.subjects():
            trainees.take(stored.trainee, stored.twin)
        known = Known(documents(query, assumed, now), signals, trainees, in_force)
    return Looked(list(judged(standing, known, terms, now)), due)


# --- what rules say ---


def judged(standing: Standing, known: Known, terms: Groups, now: int) -> Iterator[dict[str, Any]]:
    """Give the notices of what changed; `standing` is brought up to date."""
    by_rule = defaultdict(list)
    for rule, group in _found(standing, known, terms, now):
        by_rule[rule].append(group)
    for rule, groups in by_rule.items():
        yield from standing.look(rule, terms[rule], groups, now)


def _found(standing: Standing, known: Known, terms: Groups, now: int) -> Iterator[Found]:
    for kind, by_id in known.documents.items():
        for id_, properties in sorted(by_id.items()):
            yield from look(kind, id_, properties, terms)
    sources = list(_of_sources(known.signals, terms, now))
    yield from sources
    if drift.NAME in terms:
        names = known.signals.instruments
        for one in drift.sift(names, lambda name, out: known.signals.marked(name, now, out), terms[drift.NAME]):
            yield Found(drift.NAME, one)
    if known.model is not None:
        about = model.judge(known.model.said, known.model.version)
        yield from (one for one in about if one.rule in terms)
    silent = {one.group.id for one in sources if one.group.grade == WARNS} | standing.about(silence.NAME)
    bases = known.documents.get("base", {})
    for found in known.trainees.groups(bases, standing.about(risk.NAME)):
        yield waiting(found, known.signals, silent)


def _of_sources(signals: Signals, terms: Groups, now: int) -> Iterator[Found]:
    if silence.NAME in terms:
        for source, days in sorted(signals.days.items()):
            found = silence.judge(source, days, now, terms[silence.NAME])
            yield Found(silence.NAME, found._replace(names=signals.sends(source)))


# --- what is open ---


def opened(notices: Iterable[Mapping[str, Any]]) -> tuple[Standing, int]:
    """Give what is open by the notices on the topic, and the time (ms) from which on something new may be said.

    Notices come in any order, copies included. A replay of contributions tells old ticks again; of those nothing is
    said.
    """
    standing, due = Standing(), 0
    for event in sorted(notices, key=lambda one: (milliseconds(one["time"]), one["type"] == _RAISED)):
        at, data = milliseconds(event["time"]), event["data"]
        entity = data["entity"] or {"kind": "trainee", "id": data["trainee"]}
        key = data["rule"], entity["kind"], entity["id"]
        due = at + 1
        if event["type"] == _RAISED:
            standing.open.setdefault(key, Open(at, event["id"]))
        else:
            standing.open.pop(key, None)
    return standing, due


async def said(reader: LogReader) -> list[Mapping[str, Any]]:
    """Read the notices of looks off the alerts topic. Raises Unavailable, TopicMissing."""
    found: list[Mapping[str, Any]] = []
    async for records in reader.read_all(topics.ALERTS.name):
        found += [event for record in records if (event := _of_looks(record.value)) is not None]
    return found


def _of_looks(value: bytes | None) -> dict[str, Any] | None:
    if not value or SOURCE.encode() not in value:
        return None
    try:
        event: dict[str, Any] = orjson.loads(value)
        return event if event["source"] == SOURCE and "entity" in event["data"] else None
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None


# --- what there is to see ---


async def read_signals(reader: LogReader, now: int) -> Signals:
    """Read each partition up to its first tick at or after a moment (ms), to its end where it has none."""
    found = Signals()
    for number, (begin, end) in (await reader.bounds(_EVIDENCE)).items():
        async for polled in reader.read(_EVIDENCE, number, begin, end):
            if not note(found, mirror.read((one.offset, one.value) for one in polled), now):
                break
    return found


def note(signals: Signals, records: Sequence[mirror.Record], now: int) -> bool:
    """Take records in; false when the tick came that reaches a moment (ms)."""
    for record in records:
        fact = record.fact
        if isinstance(fact, Tick):
            if fact.at >= now:
                return False
        elif fact is not None and not isinstance(fact, Carried | Activation):
            signals.note(fact)
    return True


def documents(query: Query, assumed: Assumed, now: int) -> dict[str, dict[str, dict[str, Any]]]:
    """Read the documents of all teachers and bases, severities in force taken off. Raises Unavailable, TwinCorrupt."""
    scan = gather_live(query)
    if scan is None:
        return {}
    known, _ = active_severity.severities(query, assumed.estimation.rater.variance)
    assumed = assumed._replace(severities=known)
    found = {}
    for kind in BY_KIND:
        read = {name: read_from(scan, kind, name, assumed, as_of=now) for name in ids(scan, kind)}
        found[kind] = {name: one["properties"] for name, one in read.items() if one is not None}
    return found


def _model(query: Query) -> Model | None:
    found = active_risk.in_force(query)
    if found.answering is None or found.version is None:
        return None
    return Model(found.answering, found.version.version, tuple(found.answering.said))
