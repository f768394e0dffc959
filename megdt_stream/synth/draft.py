"""A draft: one event on its way to the stream, with what the truth says becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

ACCEPTED: Final = "accepted"
DUPLICATE: Final = "duplicate"
REJECTED: Final = "rejected"

FAMILIES: Final = MappingProxyType(
    {
        "assessments": ("assessment", "feedback"),
        "rotations": ("rotation",),
        "exposures": ("exposure",),
        "activities": ("activity", "teaching", "duty", "self-assessment", "learning-case"),
        "outcomes": ("outcome", "remediation", "leave", "credits"),
        "resources": ("resource",),
        "identities": ("identity",),
        "decisions": ("decision",),
    }
)
"""Topic -> what its types are about; the first is what a retraction there is called by."""

TOPIC_OF: Final = MappingProxyType({thing: topic for topic, things in FAMILIES.items() for thing in things})


@dataclass(frozen=True, slots=True)
class Draft:
    """One event to publish; times in ms.

    `available` stands in the event, `published` decides its place in the stream; a copy sent again differs
    in the latter alone.
    """

    kind: str
    """The type without `megdt.` and `.v1`, such as `assessment.recorded`."""
    source: str
    id: str
    subject: str
    time: int
    recorded: int
    available: int
    published: int
    data: Mapping[str, Any]
    revision: int = 0
    fate: str = ACCEPTED
    reason: str = ""
    fault: str = ""
    """Name of the fault to put in when the event is written, "" for none."""

    @property
    def thing(self) -> str:
        """What the type is about, such as `assessment`."""
        return self.kind.partition(".")[0]

    @property
    def topic(self) -> str:
        """Short name of the topic."""
        return TOPIC_OF[self.thing]

    @property
    def retraction(self) -> bool:
        """Whether this takes the record back."""
        return self.kind.endswith(".retracted")
