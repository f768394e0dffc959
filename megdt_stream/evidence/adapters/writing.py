"""Writing events of the contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

import orjson

from megdt_stream.evidence.adapters import Outgoing
from megdt_stream.evidence.adapters.settling import Unusable
from megdt_stream.evidence.adapters.times import milliseconds, rfc3339
from megdt_stream.evidence.events import BY_TYPE
from megdt_stream.evidence.reasons import REMEDY, Reason

_RETRACTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "assessments": "assessment.retracted",
        "rotations": "rotation.retracted",
        "exposures": "exposure.retracted",
        "activities": "activity.retracted",
        "outcomes": "outcome.retracted",
        "resources": "resource.retracted",
        "identities": "identity.retracted",
        "decisions": "decision.retracted",
    }
)


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes the events of one source.

    A `historical` import says that what it brings was available here when it was recorded, not now.
    """

    source: str
    historical: bool = False

    def event(
        self,
        kind: str,
        record: str,
        subject: str,
        happened: datetime,
        data: Mapping[str, Any],
        *,
        recorded: datetime | None = None,
        revision: int = 0,
    ) -> Outgoing:
        """Write an event of a kind such as `assessment.recorded`; absent fields of `data` (None) are left out.

        Raises Unusable where a time or a text cannot be written at all.
        """
        type_ = f"megdt.{kind}.v1"
        written = recorded or happened
        event: dict[str, Any] = {
            "specversion": "1.0",
            "source": self.source,
            "id": record,
            "type": type_,
            "subject": subject,
            "time": rfc3339(happened, "time"),
            "recorded": rfc3339(written, "recorded"),
            "datacontenttype": "application/json",
            "data": {name: value for name, value in data.items() if value is not None},
        }
        if self.historical:
            event["available"] = event["recorded"]
        if revision:
            event["revision"] = revision
        try:
            value = orjson.dumps(event)
        except orjson.JSONEncodeError as error:
            raise Unusable(Reason.UNDECODABLE, "", REMEDY[Reason.UNDECODABLE]) from error
        return Outgoing(BY_TYPE[type_].topic.short, subject, value, milliseconds(written))

    def retraction(
        self, topic: str, record: str, subject: str, happened: datetime, *, recorded: datetime | None, revision: int
    ) -> Outgoing:
        """Withdraw a record that stands on a topic (short name)."""
        return self.event(_RETRACTIONS[topic], record, subject, happened, {}, recorded=recorded, revision=revision)


def topic_of(kind: str) -> str:
    """Give the short topic of a kind of event."""
    return BY_TYPE[f"megdt.{kind}.v1"].topic.short
