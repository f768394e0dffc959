"""Which of the warnings that are raised reach a reviewer: inhibited, grouped, and no more than can be read.

Nothing is lost: what is not notified is listed under what it belongs to. Pure and in the order it is given, so a replay
gives the same; whoever notifies keeps what was decided.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, TypeAlias

from megdt_stream.evidence.record import week_of
from megdt_stream.evidence.times import DAY_MS

Fate: TypeAlias = Literal["notified", "repeated", "inhibited", "grouped", "listed"]

_RANK: Final[Mapping[str, int]] = {"high": 0, "medium": 1, "low": 2}


class Raised(NamedTuple):
    """A warning as it was raised at a moment (ms).

    `about` is the trainee, or `<kind>/<id>` of an entity; `group` what it is grouped by (a rotation or base); `sources`
    are those that it rests on.
    """

    id: str
    rule: str
    horizon_days: int
    severity: str
    owner: str
    about: str
    at: int
    base: str | None = None
    group: str | None = None
    sources: frozenset[str] = frozenset()


class Sorted(NamedTuple):
    """What becomes of a warning, and the id or cause of what it is listed under."""

    raised: Raised
    fate: Fate
    under: str | None = None


class Blanket(NamedTuple):
    """What is wrong with more than one trainee: since and until when (ms, None: still), and what it inhibits.

    A warning of one of `rules` (any, where empty) is inhibited where it rests on `source`, or is about a trainee of
    `base`, whichever is stated; with neither, all warnings of `rules` are.
    """

    id: str
    since: int
    until: int | None
    source: str | None = None
    base: str | None = None
    rules: frozenset[str] = frozenset()

    def covers(self, one: Raised) -> bool:
        """Tell whether a warning is this one's consequence."""
        if one.at < self.since or (self.until is not None and one.at >= self.until):
            return False
        if self.rules and one.rule not in self.rules:
            return False
        if self.source is not None:
            return self.source in one.sources
        return self.base == one.base if self.base is not None else bool(self.rules)


@dataclass(slots=True)
class Triage:
    """Sorts warnings as they are raised. `cap`: most a reviewer is notified of in a week; `dwell_days`: how long the
    same (about, rule, horizon) is not notified again."""

    cap: int
    dwell_days: int = 28
    blankets: list[Blanket] = field(default_factory=list)
    _last: dict[tuple[str, str, int], tuple[int, str]] = field(default_factory=dict)
    _grouped: dict[tuple[str, str, int], str] = field(default_factory=dict)
    _week: Counter[tuple[str, int]] = field(default_factory=Counter)

    def sort(self, raised: Iterable[Raised]) -> list[Sorted]:
        """Sort what was raised since the last call; the most severe first where the cap is near."""
        ordered = sorted(raised, key=lambda one: (week_of(one.at), _RANK.get(one.severity, 3), one.at, one.id))
        return [self._one(one) for one in ordered]

    def _one(self, one: Raised) -> Sorted:
        key = one.about, one.rule, one.horizon_days
        last = self._last.get(key)
        if last is not None and one.at < last[0] + self.dwell_days * DAY_MS:
            return Sorted(one, "repeated", last[1])
        blanket = next((blanket for blanket in self.blankets if blanket.covers(one)), None)
        if blanket is not None:
            return Sorted(one, "inhibited", blanket.id)
        self._last[key] = one.at, one.id
        week = week_of(one.at)
        if one.group is not None:
            first = self._grouped.setdefault((one.group, one.rule, week), one.id)
            if first != one.id:
                return Sorted(one, "grouped", first)
        if self._week[one.owner, week] >= self.cap:
            return Sorted(one, "listed", one.owner)
        self._week[one.owner, week] += 1
        return Sorted(one, "notified")

    @property
    def per_week(self) -> Mapping[str, int]:
        """Give by reviewer the most notifications of any week."""
        most: defaultdict[str, int] = defaultdict(int)
        for (owner, _), n in self._week.items():
            most[owner] = max(most[owner], n)
        return dict(most)
