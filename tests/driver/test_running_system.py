"""The driver and the running system on the same events: broker, store and worker agree with dictionaries."""

import asyncio
import json
import time
from collections import Counter

import pytest

from megdt_stream.cli import twin_risk
from megdt_stream.driver import Driver
from megdt_stream.driver.replay import events, twin_at
from megdt_stream.evidence import topics
from megdt_stream.local import open_stack
from megdt_stream.runtime import active_risk, models
from megdt_stream.runtime.active_severity import trainee_estimator
from megdt_stream.runtime.entities import gather
from megdt_stream.runtime.live_entities import gather_live, scan_of
from megdt_stream.runtime.log_reader import open_log
from megdt_stream.runtime.past import read_chronicle
from megdt_stream.runtime.rebuild import rebuild
from megdt_stream.runtime.settings import load
from megdt_stream.runtime.training import Plan, train, version_of
from megdt_stream.seed_files import load_estimation, load_reference, load_rule
from megdt_stream.synth import HospitalPlan, generate
from megdt_stream.twin.entities.state import KINDS
from megdt_stream.twin.view import cells, read
from tests.driver.histories import evidence_of, fields_of
from tests.faults.system import System, eventually

WEEK = 7 * 86_400_000
pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def published():
    return list(generate(HospitalPlan.small(seed=11)).events)


def push(made, one, wall):
    made.push(one.value, topic=one.topic, available=wall)


@pytest.fixture(scope="module")
def system(published):
    with open_stack() as stack:
        system = System(stack)
        try:
            system.publish((one.topic, one.key, one.value) for one in published)
            with system.working():
                system.drained()
            yield system
        finally:
            system.close()


@pytest.fixture(scope="module")
def driver(system, published):
    """The same events in the order of publishing, as a broker of today would stamp them, and the same last tick."""
    made, wall = Driver(load_reference(), load_rule()), int(time.time() * 1000)
    for one in published:
        push(made, one, wall)
    made.advance(max(cursor.time for cursor in system.query.evidence_cursors().values()))
    return made


@pytest.fixture(scope="module")
def stored(system):
    return {found.trainee: found.twin for found in system.query.twins()}


def test_twins_are_equal(driver, stored):
    assert driver.trainees == sorted(stored)
    assert len(stored) > 16
    for trainee, twin in stored.items():
        assert evidence_of(driver.twin(trainee)) == evidence_of(twin), trainee


def test_what_is_overdue_at_the_end_is_equal(driver, stored):
    theirs = {trainee: set(twin.standing) for trainee, twin in stored.items()}
    assert {trainee: set(driver.twin(trainee).standing) for trainee in stored} == theirs
    assert any(theirs.values())


def test_the_notices_say_the_same_at_the_end(driver, system):
    running = [json.loads(record.value) for record in system.read(topics.ALERTS.name)]
    assert _open(driver.alerts) == _open(running)


def _open(notices):
    """Give what the mirror warns of once all notices are read, each id once; a look's are no function of the log."""
    unique = {notice["id"]: notice for notice in notices if notice["source"] == "/megdt/mirror"}.values()
    balance = Counter()
    for notice in unique:
        data = notice["data"]
        step = 1 if notice["type"].endswith("opened.v1") else -1
        balance[data["rule"], data["trainee"], data["rotation"], data["item"]] += step
    assert set(balance.values()) <= {0, 1}
    return {about for about, n in balance.items() if n}


def test_the_accounts_are_equal(driver, system):
    running = {}
    for short, flow in system.query.flow().items():
        for name in ("read", "accepted", "duplicate", "rejected"):
            running[f"{short}:{name}"] = getattr(flow, name)
    assert driver.counts == {name: n for name, n in running.items() if n}


def test_entity_twins_are_equal(driver, system, stored):
    live = gather_live(system.query)
    scanned = gather(system.query.subjects())
    ours = scan_of(
        ((entity, name, part) for entity, twin in driver.entities().items() for name, part in twin.parts.items()),
        scanned.now,
    )
    for other in (live, ours):
        assert other.persons == scanned.persons
        assert other.entities.keys() == scanned.entities.keys()
        assert all(other.entities[name].parts == twin.parts for name, twin in scanned.entities.items())
    assert {entity.kind for entity in scanned.entities} == set(KINDS)


def test_the_checker_makes_the_same_entity_twins(system):
    found = system.judge()
    assert found["entities"] > 10
    assert not found["untold"]


def test_models_are_learnt_from_the_log_and_put_in_force_by_it(system, stored, monkeypatch):
    until = max(cursor.time for cursor in system.query.evidence_cursors().values()) // WEEK * WEEK
    plan = Plan([system.stack.kafka], {}, system.stack.redis, {}, until)
    with system.working(train_days=7, train_pause_seconds=0.2):
        # A process of its own loads numerical libraries behind everything else.
        eventually(lambda: _in_force(system, "risk") == until, seconds=120.0, otherwise=system.tail)
        system.drained()
    version, risky = version_of(until), version_of(until, "r1")
    assert models.active(system.query, "severity") == (version, until)
    system.judge()
    first = models.copied(system.query, "severity", version)
    risks = models.copied(system.query, "risk", risky)
    assert (first, risks) == _both(system, version, risky)
    _cut_off_before_the_activation(plan, monkeypatch)
    assert asyncio.run(train(plan)) == [version, risky]
    assert (first, risks) == _both(system, version, risky), "cut off and done again it is the same"
    with system.working():
        system.drained()
    system.judge()
    trainee = next(name for name, twin in stored.items() if any(field.startswith("c|") for field in twin.sums))
    competencies = list(cells(stored[trainee]))
    found = trainee_estimator(system.query, trainee, competencies)
    assert (found.version, found.degraded) == (version, None)
    levels = read(stored[trainee], load_estimation(), found.estimator).levels
    assert version in {level.snapshot for level in levels}
    known = chronicle(system, trainee)
    assert known.active("severity", known.latest).version == version
    assert known.active("severity", known.first) is None
    system.store.hset(f"megdt:{{models}}:severity:{version}", competencies[0], b"{}")
    assert "cannot be read" in trainee_estimator(system.query, trainee, competencies).degraded
    _risk_is_told_or_said_to_be_lost(system, stored, risky)


def _in_force(system, kind):
    found = models.active(system.query, kind)
    return None if found is None else found.at


def _cut_off_before_the_activation(plan, monkeypatch):
    async def dies(*_):
        raise InterruptedError

    with monkeypatch.context() as patch:
        patch.setattr(models, "activate", dies)
        with pytest.raises(InterruptedError):
            asyncio.run(train(plan))


def _risk_is_told_or_said_to_be_lost(system, stored, risky):
    found = active_risk.in_force(system.query)
    assert (found.version.version, found.degraded) == (risky, None)
    told = [twin_risk.told(found, twin, system.query.find(name).now) for name, twin in stored.items()]
    assert {one["provenance"]["basis"] for one in told} == {"floor"}, "a term of sixteen people teaches little"
    assert all(one["value"] is not None or one["unknown"] == "no-rotation" for one in told)
    known = chronicle(system, next(iter(stored)))
    then = active_risk.at_version([system.stack.kafka], {}, known.active("risk", known.latest))
    assert then.version == found.version
    system.store.hset(f"megdt:{{models}}:risk:{risky}", "predictor", b"{}")
    assert "no risk is told" in active_risk.in_force(system.query).degraded


def _both(system, *versions):
    return tuple(
        asyncio.run(_published(system, kind, one))[1] for kind, one in zip(("severity", "risk"), versions, strict=True)
    )


async def _published(system, kind, version):
    async with open_log([system.stack.kafka], {}) as reader:
        return await models.published(reader, kind, version)


def test_a_rebuild_gives_the_same_bytes(system):
    before = _entity_bytes(system)
    report = asyncio.run(rebuild(load(kafka=system.stack.kafka, redis=system.stack.redis), lambda _: None))
    assert report["ok"], report
    assert report["entities"] > 10
    assert report["resent"] == 0
    assert _entity_bytes(system) == before
    system.judge()


def _entity_bytes(system):
    found = {}
    for key in system.store.scan_iter(match="megdt:*:e?:n:*", count=5_000):
        found[key.rpartition(b":n:")[2]] = system.store.hgetall(key)
    return found


def chronicle(system, trainee):
    return asyncio.run(read_chronicle([system.stack.kafka], {}, trainee))


def warned(stored):
    return sorted(name for name, twin in stored.items() if twin.standing)[:3]


def test_the_past_at_the_logs_end_is_the_present(system, stored):
    persons = {name: system.query.find(name).twin for name in stored}
    carried = sorted(name for name, twin in persons.items() if twin.personas)[:3]
    for name in (*carried, *warned(stored), *sorted(stored)[:2]):
        found = chronicle(system, name)
        twin = twin_at(found, load_rule(), found.latest)
        assert evidence_of(twin) == evidence_of(stored[name]), name
        assert set(twin.standing) == set(stored[name].standing), name
        if not persons[name].personas:
            assert fields_of(twin) == fields_of(stored[name]), "the notices are those that were sent"
        assert list(events(found, load_rule()))
    assert carried
    assert warned(stored)


def test_the_past_is_that_of_a_driver_that_was_pushed_only_what_was_available(system, published, stored):
    moments = sorted(one.available for one in published)
    middle = moments[len(moments) // 2]
    made, wall = Driver(load_reference(), load_rule()), int(time.time() * 1000)
    for one in published:
        if one.available <= middle:
            push(made, one, wall)
    known = 0
    for name in sorted(stored)[:12]:
        then = evidence_of(twin_at(chronicle(system, name), load_rule(), middle))
        assert then == evidence_of(made.twin(name)), name
        known += then != evidence_of(stored[name])
    assert known
