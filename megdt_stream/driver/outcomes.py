"""What the driver answers to a pushed event."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from megdt_stream.evidence import record, topics
from megdt_stream.evidence.reasons import Reason
from megdt_stream.evidence.record import Fact
from megdt_stream.mirror import Message

INTAKE = "intake"
MIRROR = "mirror"


class Accepted(NamedTuple):
    """The event is evidence now; `standing` is False where a higher revision of its record stands already."""

    fact: Fact
    standing: bool = True


class Duplicate(NamedTuple):
    """The same version of the record is known; nothing changed."""

    fact: Fact


class Rejected(NamedTuple):
    """The event is no evidence: why, and where in it (a JSON pointer, may be empty). `stage`: intake or mirror."""

    reason: Reason
    detail: str
    path: str = ""
    stage: str = INTAKE


Outcome: TypeAlias = Accepted | Duplicate | Rejected


class Reject(NamedTuple):
    """An entry of the rejects: which event (`origin`) was refused and why.

    A version that lost its place to another one is rejected long after it was accepted, so the mirror's rejects do
    not always follow the push of their own event. `origin` is None for a topic that cannot be told.
    """

    origin: record.Origin | None
    why: Rejected


def of_message(message: Message) -> Reject:
    """Read a reject off the mirror's message."""
    told = {name: text.decode() for name, text in message.headers}
    topic = topics.BY_NAME[told["megdt-topic"]]
    origin = topic.short, int(told["megdt-partition"]), int(told["megdt-offset"])
    why = Rejected(Reason(told["megdt-reason"]), told["megdt-detail"], told["megdt-path"], MIRROR)
    return Reject(origin, why)
