"""A broken publisher stops the worker, which says so on the alert topic first and loses nothing by it."""

from __future__ import annotations

import json
import signal
import uuid
from typing import Any

import pytest

from megdt_stream.console.notices import parse
from megdt_stream.errors import RejectLimit
from megdt_stream.evidence import topics
from tests.faults.events import outcome, published
from tests.faults.system import Event, System

pytestmark = pytest.mark.stack

LIMIT = {"reject_limit_ratio": 0.5, "reject_limit_events": 50}


def broken(n: int, source: str) -> list[Event]:
    return [published(outcome("k1.limit", source=source, type="megdt.outcome.recorded.v9")) for _ in range(n)]


def alerts(system: System) -> list[dict[str, Any]]:
    events = [json.loads(record.value) for record in system.read(topics.ALERTS.name)]
    return [event for event in events if event["type"] == "megdt.operations.reject-limit.v1"]


def rejects(system: System, source: str) -> list[str]:
    """Give the keys of the rejects of a source, copies included."""
    records = system.read(topics.REJECTS.name)
    return [record.key.decode() for record in records if ("megdt-source", source.encode()) in record.headers]


def ended(system: System, **settings: object) -> int | None:
    return system.worker(**settings).wait_exit(60)


def test_the_worker_says_so_and_stops_and_a_restart_loses_nothing(system: System) -> None:
    source = f"/limit/{uuid.uuid4()}"
    system.publish(broken(120, source))
    known = len(alerts(system))
    assert ended(system, **LIMIT) == RejectLimit.exit_code == 65, system.tail()
    assert f'"exit_code":{RejectLimit.exit_code}' in system.tail()
    (alert,) = alerts(system)[known:]
    data = alert["data"]
    assert (alert["source"], alert["subject"]) == ("/megdt/intake", "outcomes")
    assert (data["window"]["rejected"], data["ratio"], data["limit"]) == (data["window"]["read"], 1.0, 0.5)
    assert data["reasons"] == {"unknown_type": data["window"]["rejected"]}
    assert data["sources"] == [{"source": source, "rejected": data["window"]["rejected"]}]
    assert set(data["evidence"]) <= set(rejects(system, source)), "it names rejects that are there"
    assert parse(json.dumps(alert).encode()) is None, "readers of warnings pass it over"
    through = system.cursors()[topics.OUTCOMES.name, data["cause"]["partition"]]
    assert through == data["cause"]["offset"], "what was decided is settled, the rest is untouched"
    # Whoever lets the flood through by setting gets all of it, each once.
    with system.working(reject_limit_ratio=1):
        system.drained()
    found = rejects(system, source)
    assert (len(found), len(set(found))) == (120, 120)
    assert len(alerts(system)) == known + 1


def test_a_restart_goes_on_by_a_window_and_says_so_again(system: System) -> None:
    source = f"/limit/{uuid.uuid4()}"
    system.publish(broken(300, source))
    known = {alert["id"] for alert in alerts(system)}
    codes = [ended(system, **LIMIT) for _ in range(2)]
    assert codes == [65, 65]
    fresh = [alert["id"] for alert in alerts(system) if alert["id"] not in known]
    assert len(fresh) == len(set(fresh)) == 2, "one alert a trip"
    with system.working():
        system.drained()
    found = rejects(system, source)
    assert (len(found), len(set(found))) == (300, 300)


@pytest.mark.parametrize("point", ["I1", "I2", "I3"])
def test_a_worker_that_dies_on_the_way_leaves_it_to_the_next(system: System, point: str) -> None:
    source = f"/limit/{uuid.uuid4()}"
    system.publish(broken(60, source))
    known = {alert["id"] for alert in alerts(system)}
    # One partition, one batch: the first one that is decided trips.
    tripping = LIMIT | {"reject_limit_events": 1}
    assert ended(system, failpoints=point, **tripping) == -signal.SIGKILL, system.tail()
    assert ended(system, **tripping) == 65, system.tail()
    fresh = [record for record in system.read(topics.ALERTS.name) if json.loads(record.value)["id"] not in known]
    copies = {record.value for record in fresh}
    assert len(copies) == 1, "copies are equal"
    assert len(fresh) == (2 if point == "I3" else 1)
    with system.working():
        system.drained()
    assert len(set(rejects(system, source))) == 60


def test_good_events_among_the_bad_are_applied(system: System) -> None:
    source = f"/limit/{uuid.uuid4()}"
    mixed = [event for pair in zip(broken(60, source), _good(60), strict=True) for event in pair]
    system.publish(mixed)
    assert ended(system, **LIMIT) == 65, system.tail()
    with system.working():
        system.drained()
    found = system.query.find("k1.good")
    assert found is not None
    assert found.twin.fields()["k|outcome"] == "60"


def _good(n: int) -> list[Event]:
    return [published(outcome("k1.good", source="/limit/good")) for _ in range(n)]
