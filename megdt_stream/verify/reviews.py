"""Rules that review a trainee, decided again from the log (docs/records.md, sections 3 and 4)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from math import erf, isqrt, sqrt
from typing import Any, Final, NamedTuple, TypeAlias

from megdt_stream.verify.contract import digest
from megdt_stream.verify.contributions import Standing
from megdt_stream.verify.persons import Change
from megdt_stream.verify.times import DAY_MS

WEEK_MS: Final = 7 * DAY_MS
WARNS: Final = 2
_PERIOD_MS: Final = 4 * WEEK_MS
_MONDAY_MS: Final = 3 * DAY_MS
_HOUR_MS: Final = 3_600_000
Touched: TypeAlias = list[list[str]]
"""The fields that a record changed, cut at their bars."""
_READ: Final = frozenset("acuk")
_HANDLED: Final = {
    **dict.fromkeys(("acknowledged", "accepted", "modified", "implemented", "assigned", "snoozed"), False),
    **dict.fromkeys(("resolved", "closed", "overridden", "flagged-incorrect"), True),
}
"""Action of a decision -> whether it closes the warning."""


@dataclass(frozen=True, slots=True)
class Terms:
    """A rule's table."""

    name: str
    table: Mapping[str, Any]

    def __getitem__(self, key: str) -> Any:
        return self.table[key]

    @property
    def field(self) -> str:
        """Give the twin's field of its warning."""
        return f"w|{self.name}|{self['horizon_days']}"

    def moment(self, trainee: str, after: int) -> int:
        """Give the first moment of the trainee after a time (ms)."""
        every: int = self["every_weeks"] * WEEK_MS
        phase = int(digest(trainee), 16) % every
        turns = (after - phase) // every + 1
        return phase + turns * every


class Place(NamedTuple):
    """Where in the evidence and when (ms) something is decided."""

    partition: int
    offset: int
    now: int


class Said(NamedTuple):
    """A notice of a review that must exist."""

    id: str
    what: str
    code: str
    terms: Terms
    trainee: str
    base: str | None
    since: int
    opened_by: str
    figures: Mapping[str, int]
    fields: tuple[str, ...]
    records: tuple[str, ...]
    interval: tuple[int, int] | None
    chance: float | None
    cause: Place


class Verdict(NamedTuple):
    """Grade 0 (clear), 1 (in between) or 2 (warns), why, and on what it rests."""

    grade: int
    code: str
    figures: Mapping[str, int] = {}
    fields: tuple[str, ...] = ()
    records: tuple[str, ...] = ()
    interval: tuple[int, int] | None = None
    chance: float | None = None


@dataclass(slots=True)
class Sheet:
    """What the rules read of one pseudonym: sums of marks, duty and records, and some slots; and what they left.

    `slots`: field without the hash -> hash -> values. `open`: rule -> [since, id, state]. `due`: rule -> ms.
    """

    trainee: str
    sums: dict[str, list[int]] = field(default_factory=dict)
    slots: dict[str, dict[str, list[Any]]] = field(default_factory=lambda: defaultdict(dict))
    open: dict[str, list[Any]] = field(default_factory=dict)
    due: dict[str, int] = field(default_factory=dict)

    def replace(self, changes: Iterable[Change]) -> set[str]:
        """Take what stands now for what stood; give all fields of both."""
        touched: set[str] = set()
        for change in changes:
            touched |= self._count(change.before, -1) | self._count(change.after, 1)
        return touched

    def _count(self, stands: Standing | None, step: int) -> set[str]:
        if stands is None:
            return set()
        for name, numbers in stands.sums:
            if name[0] in _READ:
                old = self.sums.get(name, [0] * len(numbers))
                self.sums[name] = [a + step * b for a, b in zip(old, numbers, strict=True)]
                if not self.sums[name][0]:
                    del self.sums[name]
        for name, text in stands.slots:
            if name[0] in "ode":
                group, _, h = name.rpartition("|")
                self.slots[group].pop(h, None)
                if step > 0:
                    self.slots[group][h] = json.loads(text)
        return {name for name, _ in (*stands.sums, *stands.slots)}

    @property
    def assessments(self) -> int:
        """Count the assessments that stand."""
        return self.sums.get("k|assessment", [0])[0]

    def last(self, group: str) -> list[Any] | None:
        """Give the values of the last slot of a group."""
        found = self.slots.get(group)
        return max((v[0], v[1], h, v) for h, v in found.items())[3] if found else None

    @property
    def base(self) -> str | None:
        """Give the base of the last enrolment."""
        enrolled = self.last("e")
        return enrolled[3] if enrolled else None

    # --- when to look ---

    def wake(self, touched: Iterable[str], rules: Iterable[Terms], now: int) -> None:
        """Make looks due."""
        split = [name.split("|") for name in sorted(touched)]
        for terms in rules:
            decided = {parts[1] for parts in split if parts[0] == "d"}
            if self.open.get(terms.name, [0, None])[1] in decided or _PROMPT[terms.name](split, terms):
                self.due[terms.name] = min(self.due.get(terms.name, now + 1), now + 1)
            elif terms.name not in self.due and _WAKES[terms.name](self, split, terms):
                self.due[terms.name] = terms.moment(self.trainee, now)

    # --- looking ---

    def look(self, terms: Terms, cause: Place) -> Said | None:
        """Look by a rule at a tick: give what must be said, and make the next look due where something stands."""
        said = self._decide(terms, _JUDGES[terms.name](self, terms, cause.now), cause)
        if terms.name in self.open:
            self.due[terms.name] = terms.moment(self.trainee, cause.now)
        return said

    def _decide(self, terms: Terms, verdict: Verdict, cause: Place) -> Said | None:
        now = cause.now
        if terms.name not in self.open:
            if verdict.grade < WARNS:
                return None
            said = self._say(terms, "raised", verdict, cause)
            self.open[terms.name] = [now, said.id, "open"]
            return said
        since, id_, state = self.open[terms.name]
        gone = verdict.grade == 0 and now >= since + terms["dwell_days"] * DAY_MS
        decision = self.last(f"d|{id_}")
        if state == "closed":
            if gone:
                del self.open[terms.name]
            return None
        if decision is not None and _HANDLED.get(decision[2]):
            self.open[terms.name] = [since, id_, "closed"]
            return self._say(terms, "closed", verdict._replace(code=decision[2]), cause, since, id_)
        if gone:
            del self.open[terms.name]
            return self._say(terms, "cleared", verdict._replace(code="clear"), cause, since, id_)
        if state == "open" and now >= since + terms["escalate_days"] * DAY_MS and not _in_hand(decision, now):
            self.open[terms.name] = [since, id_, "escalated"]
            return self._say(terms, "escalated", verdict._replace(code="unanswered"), cause, since, id_)
        return None

    def _say(
        self, terms: Terms, what: str, verdict: Verdict, cause: Place, since: int | None = None, by: str | None = None
    ) -> Said:
        place = str(cause.partition), str(cause.offset)
        id_ = digest(terms.name, str(terms["version"]), self.trainee, "", "", what, *place)
        opened = (cause.now, id_) if since is None or by is None else (since, by)
        return Said(
            id_,
            what,
            verdict.code,
            terms,
            self.trainee,
            self.base,
            *opened,
            figures=verdict.figures,
            fields=verdict.fields,
            records=verdict.records,
            interval=verdict.interval,
            chance=verdict.chance,
            cause=cause,
        )

    def mute(self, rules: Iterable[Terms], cause: Place) -> list[Said]:
        """Belong to somebody from here on: nothing stays open, nothing is due."""
        said = [
            self._say(terms, "cleared", Verdict(0, "linked"), cause, *self.open[terms.name][:2])
            for terms in rules
            if self.open.get(terms.name, ["closed"])[-1] != "closed"
        ]
        self.open.clear()
        self.due.clear()
        return said


def _in_hand(decision: list[Any] | None, now: int) -> bool:
    """Say whether somebody has a warning in hand."""
    if decision is None or decision[2] not in _HANDLED:
        return False
    return decision[2] != "snoozed" or decision[5] is None or decision[5] > now


# --- the rules ---


def _minutes(sheet: Sheet, week: int) -> int:
    return sum(sheet.sums.get(f"u|{week}|{kind}", [0, 0])[1] for kind in ("duty", "on-call"))


def _duty_wakes(sheet: Sheet, touched: Touched, terms: Terms) -> bool:
    limit = 60 * min(terms["week_hours"], terms["mean_hours"])
    return any(parts[0] == "u" and _minutes(sheet, int(parts[1])) > limit for parts in touched)


def _duty(sheet: Sheet, terms: Terms, now: int) -> Verdict:
    running = (now + _MONDAY_MS) // WEEK_MS
    weeks = [_minutes(sheet, running - back) for back in (4, 3, 2, 1)]
    most, mean = max(weeks), sum(weeks) // 4
    on_average = mean > 60 * terms["mean_hours"]
    grade = 1
    if on_average or most > 60 * terms["week_hours"]:
        grade = 2
    elif 100 * mean <= 60 * terms["clear_share"] * terms["mean_hours"]:
        grade = 0
    names = [f"u|{running - back}|{kind}" for back in (1, 2, 3, 4) for kind in ("duty", "on-call")]
    figures = {
        "highest_hours": most // 60,
        "mean_hours": mean // 60,
        "limit_hours": terms["week_hours"],
        "mean_limit_hours": terms["mean_hours"],
    }
    fields = tuple(sorted(name for name in names if name in sheet.sums))
    return Verdict(grade, "mean-over" if on_average else "week-over", figures, fields)


def _marked(sheet: Sheet, first: int) -> list[tuple[str, str, int, str, list[int]]]:
    split = [(name, name.split("|"), numbers) for name, numbers in sheet.sums.items() if name.startswith("c|")]
    return [(n, p[1], int(p[2]), p[3], numbers) for n, p, numbers in split if p[3] != "-" and int(p[2]) >= first]


def _by_assessor(cells: Iterable[tuple[str, str, int, str, list[int]]]) -> dict[str, tuple[int, int, int]]:
    added: dict[str, list[int]] = {}
    for *_, assessor, numbers in cells:
        added[assessor] = [a + b for a, b in zip(added.get(assessor, [0, 0, 0]), numbers, strict=True)]
    return {assessor: (n, w, wy) for assessor, (n, w, wy) in added.items()}


def _decline_wakes(sheet: Sheet, touched: Touched, terms: Terms) -> bool:
    enough = sheet.assessments > 0 and sheet.assessments % (2 * terms["assessors"]) == 0
    return enough and any(parts[0] == "c" for parts in touched)


def _forms(sheet: Sheet, begin: int, end: int | None) -> tuple[int, int]:
    """Count the forms whose mean time lies between two periods, and add up their levels."""
    sums = [numbers for name, numbers in sheet.sums.items() if name.startswith("a|")]
    first = begin * _PERIOD_MS // _HOUR_MS
    last = None if end is None else end * _PERIOD_MS // _HOUR_MS
    inside = [(n, y) for n, y, hours in sums if hours >= first * n and (last is None or hours < last * n)]
    return sum(n for n, _ in inside), sum(y for _, y in inside)


def _decline(sheet: Sheet, terms: Terms, now: int) -> Verdict:
    since = now // _PERIOD_MS - terms["late_periods"] + 1
    (n_before, y_before), (n_after, y_after) = (
        _forms(sheet, since - terms["early_periods"], since),
        _forms(sheet, since, None),
    )
    if not n_before or (n_after and y_before // n_before - y_after // n_after <= terms["clear_milli"]):
        return Verdict(0, "clear")
    cells = _marked(sheet, since - terms["early_periods"])
    recent = [cell for cell in cells if cell[2] >= since]
    after, before = _by_assessor(recent), _by_assessor(cell for cell in cells if cell[2] < since)
    if min(len(after), len(before)) < terms["assessors"]:
        return Verdict(0, "clear")
    levels = [sorted(wy // w for _, w, wy in one.values()) for one in (before, after)]
    was, now_is = (sum(one) // len(one) for one in levels)
    variances = [
        sum(terms["rater_sd_milli"] ** 2 + terms["mark_sd_milli"] ** 2 // n for n, _, _ in one.values())
        // len(one) ** 2
        for one in (before, after)
    ]
    drop, variance = was - now_is, sum(variances)
    least = min(was - sum(levels[1][1:]) // (len(levels[1]) - 1), sum(levels[0][:-1]) // (len(levels[0]) - 1) - now_is)
    grade = 1 if drop > terms["clear_milli"] else 0
    if drop >= terms["drop_milli"] and least > 0 and 100 * least * least >= terms["z_tenths"] ** 2 * variance:
        grade = 2
    sd = isqrt(variance)
    figures = {
        "drop_milli": drop,
        "sd_milli": sd,
        "before_milli": was,
        "now_milli": now_is,
        "assessors": len(after),
        "assessors_before": len(before),
        "margin_milli": min(
            len(after) * (drop - terms["drop_milli"]), (len(after) - 1) * (least - terms["z_tenths"] * sd // 10)
        ),
    }
    half = 1282 * sd // 1000
    chance = (1 + erf(drop / (sd or 1) / sqrt(2))) / 2
    return Verdict(
        grade, "level-fell", figures, tuple(sorted(c[0] for c in recent)), (), (drop - half, drop + half), chance
    )


def _incident(touched: Touched, terms: Terms) -> bool:
    return any(parts[0] == "o" and parts[1] in terms["outcomes"] for parts in touched)


def _professionalism_wakes(sheet: Sheet, touched: Touched, terms: Terms) -> bool:
    if sheet.assessments < terms["assessors"]:
        return False
    cells = [parts for parts in touched if parts[0] == "c"]
    sides = [
        [sheet.sums.get("|".join(parts), [0, 0, 0]) for parts in cells if (parts[1] in terms["competencies"]) is side]
        for side in (True, False)
    ]
    (w, wy), (others_w, others_wy) = ((sum(one[1] for one in side), sum(one[2] for one in side)) for side in sides)
    return w > 0 and (others_w == 0 or others_wy // others_w - wy // w >= terms["below_milli"])


def _professionalism(sheet: Sheet, terms: Terms, now: int) -> Verdict:
    recorded = [(h, v) for code in sorted(set(terms["outcomes"])) for h, v in sheet.slots.get(f"o|{code}", {}).items()]
    incidents = sorted(h for h, values in recorded if values[0] > now - terms["window_days"] * DAY_MS)
    if incidents:
        return Verdict(2, "incident", {"incidents": len(incidents)}, (), tuple(incidents))
    cells = _marked(sheet, now // _PERIOD_MS - terms["periods"] + 1)
    own = [cell for cell in cells if cell[1] in terms["competencies"]]
    meant, others = _by_assessor(own), _by_assessor(cell for cell in cells if cell[1] not in terms["competencies"])
    gaps = sorted(others[a][2] // others[a][1] - wy // w for a, (_, w, wy) in meant.items() if a in others)
    if len(gaps) < terms["assessors"]:
        return Verdict(0, "rated-below-rest")
    mean = sum(gaps) // len(gaps)
    spared = sum(gaps[:-1]) // (len(gaps) - 1)
    grade = 2 if spared >= terms["below_milli"] else int(mean > terms["clear_milli"])
    figures = {"below_milli": mean, "assessors": len(gaps)}
    return Verdict(grade, "rated-below-rest", figures, tuple(sorted(cell[0] for cell in own)))


def _never(touched: Touched, terms: Terms) -> bool:
    return False


_JUDGES: Final[Mapping[str, Callable[[Sheet, Terms, int], Verdict]]] = {
    "duty-hours-over-limit": _duty,
    "professionalism-concern": _professionalism,
    "trainee-in-decline": _decline,
}
_WAKES: Final[Mapping[str, Callable[[Sheet, Touched, Terms], bool]]] = {
    "duty-hours-over-limit": _duty_wakes,
    "professionalism-concern": _professionalism_wakes,
    "trainee-in-decline": _decline_wakes,
}
_PROMPT: Final[Mapping[str, Callable[[Touched, Terms], bool]]] = {
    "duty-hours-over-limit": _never,
    "professionalism-concern": _incident,
    "trainee-in-decline": _never,
}


def rules_of(tables: Mapping[str, Any]) -> tuple[Terms, ...]:
    """Give the rules whose tables there are."""
    return tuple(Terms(name, tables[name]) for name in sorted(_JUDGES) if name in tables)
