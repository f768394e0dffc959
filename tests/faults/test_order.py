"""The same evidence in another order, through a whole other system: the same twin, byte for byte."""

from __future__ import annotations

import random

import pytest
import redis

from megdt_stream.evidence import topics
from megdt_stream.evidence.partition import partition_of
from megdt_stream.local import open_stack
from megdt_stream.runtime import keys
from tests.faults.events import outcome, published
from tests.faults.system import PARTITIONS, Event, System

pytestmark = [pytest.mark.stack, pytest.mark.slow]
TRAINEE = "k1.anyorder"


def _assessment(number: int, revision: int, value: float) -> Event:
    scores = [{"competency": "临床思维", "value": value}, {"competency": "C2", "missing": "not-observed"}]
    data = {"instrument": "mini-cex", "scale": "mini-cex@1", "rotation": "内科-1", "scores": scores}
    data["assessor"] = f"k1.s-{number % 3}"
    event = outcome(TRAINEE, f"A-{number}", type="megdt.assessment.recorded.v1", revision=revision, data=data)
    return published(event, "assessments")


def _evidence() -> list[Event]:
    """Revisions, duplicates, retractions, a rotation's life, and two contents under one name."""
    events = [_assessment(n, revision, 3 + (n + revision) % 5) for n in range(12) for revision in range(3)]
    events += [_assessment(n, 0, 3 + n % 5) for n in range(4)]
    for n in (1, 5):
        retraction = outcome(TRAINEE, f"A-{n}", type="megdt.assessment.retracted.v1", revision=9, data={"reason": "误"})
        events.append(published(retraction, "assessments"))
    plan = {"rotation": "内科-1", "base": "B1", "starts": "2025-01-01T00:00:00Z", "ends": "2025-02-01T00:00:00Z"}
    for day, status in enumerate(("planned", "started", "ended")):
        data = plan if status != "ended" else {"rotation": "内科-1"}
        time = f"2025-01-{day + 1:02d}T00:00:00Z"
        event = outcome(TRAINEE, f"R-{status}", type=f"megdt.rotation.{status}.v1", time=time, data=data)
        events.append(published(event, "rotations"))
    rival = outcome(TRAINEE, "O-1")
    events += [published(rival), published(rival | {"data": {"outcome": "annual", "result": "不通过"}})]
    return events


def _twin(system: System, events: list[Event]) -> dict[bytes, bytes]:
    system.publish(events)
    with system.working():
        system.drained()
        system.judge()
    number = partition_of(TRAINEE, PARTITIONS)
    with redis.Redis.from_url(system.stack.redis) as store:
        # Not `a` for certain: another test of the session may have rebuilt the twins of this stack.
        view = store.hget(keys.own(topics.EVIDENCE.name, number), "view").decode()
        hot, wide = (store.hgetall(key(number, view, TRAINEE)) for key in (keys.twin, keys.archive))
    return {**hot, **wide}


def test_another_order_of_the_same_evidence_gives_the_same_twin(system: System) -> None:
    events = _evidence()
    shuffled = events.copy()
    random.Random(7).shuffle(shuffled)
    assert [e.value for e in shuffled] != [e.value for e in events]
    with open_stack() as stack:
        other = System(stack)
        try:
            backwards = _twin(other, shuffled)
        finally:
            other.close()
    forwards = _twin(system, events)
    assert forwards == backwards
    assert len(forwards) > 4
