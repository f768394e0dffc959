"""The topics: name, role and the settings a broker needs for each.

One list, read by whoever creates, checks, documents or subscribes; nothing else spells a topic's name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

MAX_EVENT_BYTES: Final = 262_144
"""Largest input event taken for parsing. Larger ones are rejected unread: a cap before any parser runs."""

MAX_HEADER_BYTES: Final = 16_384
"""Most bytes of an input record's headers, names and values together."""

MAX_RECORD_BYTES: Final = 4 * 1024 * 1024
"""Largest record an input topic takes, so that an oversized event reaches us and is rejected with a reason
instead of failing silently in somebody's producer."""


class Role(StrEnum):
    """What a topic is to the system; a request is asked of a service, and no evidence is made of it."""

    INPUT = "input"
    REQUEST = "request"
    EVIDENCE = "evidence"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic and the broker settings it depends on.

    `short` is the name used in coordinates and metric labels.
    """

    short: str
    role: Role
    settings: MappingProxyType[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def name(self) -> str:
        """Give the full name on the broker."""
        return f"megdt.{self.short}.v1"


def _input(short: str, role: Role = Role.INPUT) -> Topic:
    days_30 = str(30 * 24 * 3600 * 1000)
    return Topic(
        short,
        role,
        MappingProxyType(
            {
                # The broker's clock, not a publisher's, says when an event became available here.
                "message.timestamp.type": "LogAppendTime",
                "max.message.bytes": str(MAX_RECORD_BYTES),
                "cleanup.policy": "delete",
                "retention.ms": days_30,
            }
        ),
    )


ASSESSMENTS: Final = _input("assessments")
ROTATIONS: Final = _input("rotations")
EXPOSURES: Final = _input("exposures")
ACTIVITIES: Final = _input("activities")
OUTCOMES: Final = _input("outcomes")
RESOURCES: Final = _input("resources")
IDENTITIES: Final = _input("identities")
DECISIONS: Final = _input("decisions")

EVIDENCE: Final = Topic(
    "evidence",
    Role.EVIDENCE,
    MappingProxyType(
        {
            # The record of truth. Its key is the trainee, so compaction would keep one event per person.
            "cleanup.policy": "delete",
            "retention.ms": "-1",
            "retention.bytes": "-1",
            "max.message.bytes": str(MAX_RECORD_BYTES),
        }
    ),
)
ALERTS: Final = Topic("alerts", Role.OUTPUT, MappingProxyType({"cleanup.policy": "delete", "retention.ms": "-1"}))
REJECTS: Final = Topic(
    "rejects",
    Role.OUTPUT,
    MappingProxyType(
        {
            "cleanup.policy": "delete",
            "retention.ms": str(90 * 24 * 3600 * 1000),
            # A rejected record comes back whole, with headers on top.
            "max.message.bytes": str(MAX_RECORD_BYTES + 65_536),
        }
    ),
)

CONTRIBUTIONS: Final = Topic(
    "contributions",
    Role.OUTPUT,
    # The latest image of each trainee and entity is all that is needed of what stood.
    MappingProxyType({"cleanup.policy": "compact", "retention.ms": "-1", "max.message.bytes": str(MAX_RECORD_BYTES)}),
)
MODELS: Final = Topic(
    "models",
    Role.OUTPUT,
    # Every version has keys of its own, so none is ever compacted away: a replay needs those of its time.
    MappingProxyType({"cleanup.policy": "compact", "retention.ms": "-1", "max.message.bytes": str(MAX_RECORD_BYTES)}),
)

SCENARIOS: Final = _input("scenarios", Role.REQUEST)
"""Requests for rehearsals (docs/rehearse.md)."""

SCENARIO_RESULTS: Final = Topic(
    "scenario-results", Role.OUTPUT, MappingProxyType({"cleanup.policy": "delete", "retention.ms": "-1"})
)

INPUTS: Final = (ASSESSMENTS, ROTATIONS, EXPOSURES, ACTIVITIES, OUTCOMES, RESOURCES, IDENTITIES, DECISIONS)
WORKED: Final = (*INPUTS, EVIDENCE, ALERTS, REJECTS, CONTRIBUTIONS, MODELS)
"""What a worker needs."""
SERVICES: Final = (SCENARIOS, SCENARIO_RESULTS)
"""Topics of services beside the worker: it neither needs nor reads them, and evidence is not made of them."""
ALL: Final = (*WORKED, *SERVICES)
COMPACTED: Final = (CONTRIBUTIONS, MODELS)
"""Topics whose logs have holes where a later record of the same key took an earlier one's place."""
BY_NAME: Final = MappingProxyType({topic.name: topic for topic in ALL})
BY_SHORT: Final = MappingProxyType({topic.short: topic for topic in ALL})
