"""The advisor in a running system: advice without being asked for, once for each turn, and none from a replay."""

import asyncio
import json

import pytest

from megdt_stream.demo.loop.plan import write_targets
from megdt_stream.evidence import topics
from megdt_stream.governance.advice.recommendation import MADE, WITHHELD
from megdt_stream.local import open_stack
from megdt_stream.publisher import Publisher
from megdt_stream.runtime import active_effects, kept_advice
from megdt_stream.runtime.advice_log import read
from megdt_stream.runtime.advice_round import Plan, make
from megdt_stream.runtime.explaining import chain
from megdt_stream.runtime.rebuild import rebuild
from megdt_stream.runtime.settings import load
from megdt_stream.seed_files import load_interventions
from megdt_stream.synth import HospitalPlan, generate
from tests.faults.system import System, eventually

WEEK = 7 * 86_400_000
pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    """Targets that about half of the trainees miss."""
    return write_targets(tmp_path_factory.mktemp("seeds"))


@pytest.fixture(scope="module")
def system():
    with open_stack() as stack:
        system = System(stack)
        try:
            system.publish((one.topic, one.key, one.value) for one in generate(HospitalPlan.small(seed=11)).events)
            with system.working():  # advice while history is played would depend on how fast that goes
                system.drained()
            yield system
        finally:
            system.close()


def said(system):
    """Give the advisor's events, copies included."""
    found = [json.loads(record.value) for record in system.read(topics.ALERTS.name)]
    return [event for event in found if event["type"].startswith("megdt.recommendation.")]


def plan(system, turn, seeds):
    return Plan([system.stack.kafka], {}, system.stack.redis, {}, turn, 20, seeds)


def test_events_become_warnings_and_these_advice_without_anybody_asking(system, seeds):
    turn = max(cursor.time for cursor in system.query.evidence_cursors().values()) // WEEK * WEEK
    with system.working(advise_days=7, advise_most=2, seeds_dir=seeds, advise_pause_seconds=0.5):
        # A process of its own loads numerical libraries behind everything else.
        eventually(lambda: kept_advice.standing(system.store) == (turn, None), seconds=120.0, otherwise=system.tail)
        system.drained()
    told = said(system)
    made = [event for event in told if event["type"] == MADE]
    assert {event["type"] for event in told} == {MADE, WITHHELD}
    assert len(made) == 2
    assert len({event["id"] for event in told}) == len(told)
    warned = next(event for event in made if event["data"]["warnings"])
    assert warned["data"]["capacity"]["told_by"] == "resource-twins"
    free = warned["data"]["capacity"]["free"]
    for name in {name for event in made for name in event["data"]["uses"]}:
        assert sum(event["data"]["uses"].get(name, 0) for event in made) <= free[name]

    believed = active_effects.in_force(system.query)
    assert believed.version.version == warned["data"]["effect"]["snapshot"]
    assert believed.document["version"] == warned["data"]["effect"]["version"]
    known = load_interventions(seeds)
    assert active_effects.believed(system.query, known) == (known, believed.version.version, None), "no evidence yet"
    log = asyncio.run(read([system.stack.kafka], {}))
    story = asyncio.run(chain([system.stack.kafka], {}, warned, log))
    assert story["warnings"], "the chain leads from evidence over the warning to the advice"
    assert story["models"]["effects"]["snapshot"] == believed.version.version
    system.judge()


def test_a_round_that_was_cut_off_is_gone_on_with_and_stands_once(system, seeds):
    turn = kept_advice.standing(system.store).turn + WEEK
    before = {event["id"] for event in said(system)}

    class CutOffError(Exception):
        pass

    async def cut_off(events):
        with Publisher(system.stack.kafka) as publisher:
            publisher.publish("alerts", events[0]["subject"], json.dumps(events[0]).encode())
        raise CutOffError

    with pytest.raises(CutOffError):
        asyncio.run(make(plan(system, turn, seeds), cut_off))
    kept = [event["id"] for event in kept_advice.standing(system.store).kept.events]
    assert len(kept) > 1
    with system.working(advise_days=7, seeds_dir=seeds, advise_pause_seconds=0.5):
        eventually(lambda: kept_advice.standing(system.store) == (turn, None), seconds=120.0, otherwise=system.tail)
    after = [event["id"] for event in said(system) if event["id"] not in before]
    assert sorted(after) == sorted(kept), "what was decided before the cut, each once"
    assert asyncio.run(make(plan(system, turn, seeds))) == [], "a turn has one round"


def test_neither_a_lost_store_nor_a_rebuild_advises_again(system, seeds):
    turn, before = kept_advice.standing(system.store).turn, len(said(system))
    system.store.delete(kept_advice.NAME)
    assert asyncio.run(make(plan(system, turn, seeds))) == []
    assert asyncio.run(rebuild(load(kafka=system.stack.kafka, redis=system.stack.redis), lambda _: None))["ok"]
    assert len(said(system)) == before
    assert kept_advice.standing(system.store).turn == turn
