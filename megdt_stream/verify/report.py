"""The verdict: figures, and every difference by kind and place."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

SHOWN: Final = 20


@dataclass(slots=True)
class TopicFigures:
    """What became of one input topic's records, by the checker's own count."""

    read: int = 0
    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def to_dict(self) -> dict[str, Any]:
        """Give the figures as plain data."""
        return {
            "read": self.read,
            "accepted": self.accepted,
            "duplicate": self.duplicate,
            "rejected": self.rejected,
            "reasons": dict(sorted(self.reasons.items())),
        }


@dataclass(slots=True)
class Report:
    """What a check found. `ok` only when nothing differs and nothing is waiting to be done."""

    topics: dict[str, TopicFigures] = field(default_factory=dict)
    lost: int = 0
    doubled: int = 0
    missing_alerts: int = 0
    unexpected_alerts: int = 0
    pending_alerts: int = 0
    other_alerts: int = 0
    twins: int = 0
    alerts: int = 0
    entities: int = 0
    untold: int = 0
    """Trainees whose twins changed after the last tick: entity twins are as of that."""
    backlog: dict[str, int] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)
    differences: list[dict[str, Any]] = field(default_factory=list)
    _differing: set[str] = field(default_factory=set)

    def differ_twin(self, trainee: str, kind: str, where: str, **details: Any) -> None:
        """Take down a difference because of which a twin is not, or may not be, what it must be."""
        self._differing.add(trainee)
        self.differ(kind, where, **details)

    @property
    def differing_twins(self) -> int:
        """Count the twins that differ, each once."""
        return len(self._differing)

    def differ(self, kind: str, where: str, **details: Any) -> None:
        """Take down a difference; all are counted, the first ones are kept."""
        self.kinds[kind] += 1
        if len(self.differences) < SHOWN:
            self.differences.append({"kind": kind, "where": where, **details})

    @property
    def ok(self) -> bool:
        """Say whether the system is at rest and everything agrees."""
        return not self.kinds and not self.backlog

    def to_dict(self) -> dict[str, Any]:
        """Give the report as plain data, ready for JSON."""
        totals = {
            name: sum(getattr(figures, name) for figures in self.topics.values())
            for name in ("read", "accepted", "duplicate", "rejected")
        }
        return {
            **totals,
            "lost": self.lost,
            "doubled": self.doubled,
            "differing_twins": self.differing_twins,
            "missing_alerts": self.missing_alerts,
            "unexpected_alerts": self.unexpected_alerts,
            "pending_alerts": self.pending_alerts,
            "other_alerts": self.other_alerts,
            "twins": self.twins,
            "alerts": self.alerts,
            "entities": self.entities,
            "untold": self.untold,
            "backlog": dict(self.backlog),
            "ok": self.ok,
            "topics": {name: figures.to_dict() for name, figures in self.topics.items()},
            "kinds": dict(self.kinds),
            "differences": list(self.differences),
        }
