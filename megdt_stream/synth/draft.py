"""A draft: one event on its way to the stream, with what the truth says becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

ACCEPTED: Final = "accepted"
DUPLICATE: Final = "duplicate"
REJECTED: Final = "rejected"


@dataclass(frozen=True, slots=True)
class Draft:
    """One event to publish; times in ms.

    `available` stands in the event, `published` decides its place in the stream; a copy sent again differs
    in the latter alone.
    """

    topic: str
    kind: str
    """The type without `megdt.` and `.v1`, such as `assessment.recorded`."""
    source: str
    id: str
    trainee: str
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
    def retraction(self) -> bool:
        """Whether this takes the record back."""
        return self.kind.endswith(".retracted")
