"""Events for faults: histories cut into parts, and single events to spoil."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any

from megdt_stream.synth import HospitalPlan, generate
from tests.faults.system import Event

_number = itertools.count(1)


def hospital(seed: int, trainees: int = 16, days: int = 120) -> list[Event]:
    """A small messy hospital; another seed, other trainees."""
    plan = replace(HospitalPlan.small(seed), trainees=trainees, days=days)
    return [Event(e.topic, e.key, e.value) for e in generate(plan).events]


def parts(events: list[Event], count: int) -> list[list[Event]]:
    """Cut events into so many parts of about the same length, in order."""
    size = -(-len(events) // count)
    return [events[at : at + size] for at in range(0, len(events), size)]


def outcome(trainee: str = "k1.faults", id_: str | None = None, **attributes: Any) -> dict[str, Any]:
    event = {
        "specversion": "1.0",
        "source": "/faults/%E6%95%85%E9%9A%9C",
        "id": id_ or f"F-{next(_number)}",
        "type": "megdt.outcome.recorded.v1",
        "subject": trainee,
        "time": "2025-01-10T08:00:00+08:00",
        "available": "2025-01-10T08:00:00+08:00",
        "data": {"outcome": "annual", "result": "通过", "value": 81.5},
    }
    return event | attributes


def encoded(event: dict[str, Any]) -> bytes:
    return json.dumps(event, ensure_ascii=False).encode()


def published(event: dict[str, Any], topic: str = "outcomes") -> Event:
    return Event(topic, str(event.get("subject", "k1.faults")), encoded(event))


def conflict(trainee: str) -> list[Event]:
    """Two contents under one name: the mirror rejects one of them, whichever comes first."""
    first = outcome(trainee)
    return [published(first), published(first | {"data": {"outcome": "annual", "result": "不通过"}})]
