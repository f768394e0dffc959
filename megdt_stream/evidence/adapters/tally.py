"""Counting results: what was read, what becomes of it, and a few examples of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import orjson

from megdt_stream.evidence.adapters import Evidence, NotRelevant, Outgoing, Refused, Result
from megdt_stream.evidence.reasons import Rejection

Verdict: TypeAlias = Callable[[Outgoing], Rejection | None]
"""What intake would say to an event: None where it takes it."""

_EXAMPLES: Final = 3
_MOST_KINDS: Final = 100
_OTHER: Final = "other"


def judged(result: Result, verdict: Verdict) -> Result:
    """Give the result as intake sees it: evidence is refused whole if any of its events would be rejected."""
    if isinstance(result, Evidence):
        for event in result.events:
            rejection = verdict(event)
            if rejection is not None:
                return Refused(rejection.reason, f"event{rejection.path}", rejection.detail, result.at)
    return result


@dataclass
class Tally:
    """Counts by source item: `read` is always evidence, rejected and not relevant together."""

    read: int = 0
    evidence: int = 0
    events: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    not_relevant: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    examples: list[dict[str, Any]] = field(default_factory=list)

    def add(self, result: Result) -> None:
        """Count one result."""
        self.read += 1
        if isinstance(result, Evidence):
            self.evidence += 1
            self._evidence(result)
        elif isinstance(result, Refused):
            self.rejected[result.reason.value] += 1
            if self.rejected[result.reason.value] <= _EXAMPLES:
                self._example(result.at, "rejected", reason=result.reason.value, path=result.path, hint=result.hint)
        else:
            self._beside(result)

    def as_json(self) -> dict[str, Any]:
        """Give the counts, the stable ones first."""
        return {
            "read": self.read,
            "evidence": self.evidence,
            "rejected": dict(sorted(self.rejected.items())),
            "not_relevant": self.not_relevant.total(),
            "examples": self.examples,
            "events": dict(sorted(self.events.items())),
            "why_not_relevant": dict(self.not_relevant.most_common()),
            "left_out": dict(sorted(self.left_out.items())),
        }

    def _evidence(self, result: Evidence) -> None:
        self.left_out.update(result.left_out)
        shown = False
        for event in result.events:
            kind = orjson.loads(event.value)["type"]
            self.events[kind] += 1
            shown = shown or self.events[kind] <= _EXAMPLES
        if shown:
            events = [orjson.loads(event.value) for event in result.events[:_EXAMPLES]]
            self._example(result.at, "evidence", events=events)

    def _beside(self, result: NotRelevant) -> None:
        why = result.why if result.why in self.not_relevant or len(self.not_relevant) < _MOST_KINDS else _OTHER
        self.not_relevant[why] += 1
        if self.not_relevant[why] == 1:
            self._example(result.at, "not_relevant", why=result.why)

    def _example(self, at: str, becomes: str, **details: Any) -> None:
        self.examples.append({"at": at, "becomes": becomes, **details})
