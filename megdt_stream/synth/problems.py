"""A hospital with problems planted in it, and beside each the nearest case that is none.

Trainees who fall, one whose conduct does, one who works too much; assessors who are harsh; a base that is short of
cases; a source that is silent for weeks and then sends all it kept; a form whose marks are lower from a day on. The
plain hospital of the same plan stays as it is, byte by byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from types import MappingProxyType
from typing import Any, Final

from megdt_stream.synth.catalogue import (
    COMPETENCIES,
    ENTRUSTMENT,
    POSTGRADUATE,
    PROFESSIONALISM,
    ROSTER,
    SKILLS_CENTRE,
)
from megdt_stream.synth.chance import DAY, HOUR, WEEK, generator
from megdt_stream.synth.desk import Chapter
from megdt_stream.synth.draft import Draft
from megdt_stream.synth.hospital import Hospital
from megdt_stream.synth.people import People, Staff, Trainee
from megdt_stream.synth.plan import HospitalPlan

DECLINE: Final = "trainee-in-decline"
CONDUCT: Final = "professionalism"
OVERWORK: Final = "duty-hours"
HARSH: Final = "harsh-assessor"
SHORT: Final = "base-short-of-cases"
SILENT: Final = "silent-source"
DRIFT: Final = "form-drift"
KINDS: Final = (DECLINE, CONDUCT, OVERWORK, HARSH, SHORT, SILENT, DRIFT)

_FALL: Final = 1.4
_DIP: Final = 0.3
_CONDUCT: Final = 1.8
_SEVERITY: Final = 1.4
_STRICT: Final = 0.5
_KEPT: Final = 0.3
_KEPT_BENIGN: Final = 0.9
_HOURS: Final = 15
"""A day of the overworked, six days a week; nine of the busy, who are within the limit."""
_HOURS_BENIGN: Final = 9


@dataclass(frozen=True)
class Falling(Trainee):
    """A trainee whose levels fall by so much within four weeks from a moment (ms) on."""

    falls_at: int = 0
    falls: Mapping[str, float] = field(default_factory=dict)

    def level(self, competency: str, at: int) -> float:
        """Give the true level at a time in ms."""
        share = min(1.0, max(0.0, (at - self.falls_at) / (4 * WEEK)))
        return max(1.0, super().level(competency, at) - share * self.falls.get(competency, 0.0))


@dataclass(frozen=True)
class Planted:
    """A problem: what, who or what has it, and from when on (ms). `until` where it ends."""

    kind: str
    subject: str
    since: int
    until: int | None = None


class TroubledHospital(Hospital):
    """A hospital with problems; `planted` and `benign` (the nearest that is none) tell where."""

    def __init__(self, plan: HospitalPlan) -> None:
        super().__init__(plan)
        self._rng = generator(plan.seed, "problems")
        self.planted: list[Planted] = []
        self.benign: list[Planted] = []
        self._extra: dict[str, list[Draft]] = {}
        self._short: dict[str, float] = {}
        self.people = self._with_problems(self.people)
        self._silent_from = plan.opens + 225 * DAY
        self._silent_until = self._silent_from + 35 * DAY
        self._drift_from = plan.opens + 160 * DAY
        self.planted.append(Planted(SILENT, SKILLS_CENTRE, self._silent_from, self._silent_until))
        self.planted.append(Planted(DRIFT, ENTRUSTMENT.code, self._drift_from))

    # Who has them

    def _with_problems(self, people: People) -> People:
        rng, plan = self._rng, self.plan
        staff = dict(people.staff)
        for number, department in enumerate(rng.sample(sorted(staff), min(len(staff), 4))):
            staff[department] = self._stricter(staff[department], harsh=number % 2 == 0)
        trainees = list(people.trainees)
        able = [n for n, one in enumerate(trainees) if one.stage == POSTGRADUATE]
        rng.shuffle(able)
        share = max(1, plan.trainees // 50)
        for count, make in ((2 * share, self._declining), (share, self._lapsing), (share, self._overworked)):
            for benign in (False, True):
                for _ in range(min(count, len(able))):
                    n = able.pop()
                    trainees[n] = make(trainees[n], benign)
        for base, benign in zip(
            rng.sample([one.code for one in people.bases], min(2, len(people.bases))), (False, True), strict=False
        ):
            self._short[base] = _KEPT_BENIGN if benign else _KEPT
            self._note(SHORT, base, plan.opens, benign)
        return People(people.bases, tuple(trainees), MappingProxyType(staff))

    def _note(self, kind: str, subject: str, since: int, benign: bool, until: int | None = None) -> None:
        (self.benign if benign else self.planted).append(Planted(kind, subject, since, until))

    def _moment(self) -> int:
        return self.plan.opens + self._rng.randrange(150, 240) * DAY

    def _declining(self, trainee: Trainee, benign: bool) -> Trainee:
        at = self._moment()
        self._note(DECLINE, trainee.pseudonym, at, benign)
        fall = _DIP if benign else _FALL
        return Falling(**vars(trainee), falls_at=at, falls=dict.fromkeys(COMPETENCIES, fall))

    def _lapsing(self, trainee: Trainee, benign: bool) -> Trainee:
        at = self._moment()
        self._note(CONDUCT, trainee.pseudonym, at, benign)
        return Falling(**vars(trainee), falls_at=at, falls={PROFESSIONALISM: _DIP if benign else _CONDUCT})

    def _overworked(self, trainee: Trainee, benign: bool) -> Trainee:
        at = self._moment()
        until = at + 6 * WEEK
        self._note(OVERWORK, trainee.pseudonym, at, benign, until)
        hours = _HOURS_BENIGN if benign else _HOURS
        days = [at + day * DAY for day in range(42) if day % 7]
        self._extra[trainee.pseudonym] = [_shift(trainee.pseudonym, day, hours * HOUR) for day in days]
        return trainee

    def _stricter(self, staff: Staff, *, harsh: bool) -> Staff:
        """Make the department's busiest assessor harsh, or merely strict."""
        busiest = max(staff.assessors, key=lambda one: one.load)
        self._note(HARSH, busiest.pseudonym, self.plan.opens, not harsh)
        changed = replace(busiest, severity=_SEVERITY if harsh else _STRICT)
        return replace(staff, assessors=tuple(changed if one is busiest else one for one in staff.assessors))

    # What comes of them

    def _told(self) -> Iterator[Iterable[Chapter]]:
        bases = {trainee.pseudonym: trainee.base.code for trainee in self.people.trainees}
        lives = list(super()._told())
        for trainee, chapters in zip(self.people.trainees, lives, strict=False):
            kept = self._short.get(bases[trainee.pseudonym], 1.0)
            yield self._altered(chapters, kept)
        yield from lives[len(self.people.trainees) :]
        for drafts in self._extra.values():
            yield iter([Chapter(drafts[0].published, drafts)])

    def _altered(self, chapters: Iterable[Chapter], kept: float) -> Iterator[Chapter]:
        for chapter in chapters:
            yield Chapter(chapter.not_before, [*self._troubled(chapter.drafts, kept)])

    def _troubled(self, drafts: list[Draft], kept: float) -> Iterator[Draft]:
        for draft in drafts:
            # By name, so that all versions and copies of a record share one fate.
            chance = Random(f"{self.plan.seed}/{draft.source}/{draft.id}").random()
            if draft.thing == "exposure" and chance >= kept:
                continue
            yield self._drifted(self._delayed(draft, chance))

    def _delayed(self, draft: Draft, chance: float) -> Draft:
        if draft.source != SKILLS_CENTRE or not self._silent_from <= draft.published < self._silent_until:
            return draft
        until = self._silent_until + int(chance * DAY)
        return replace(draft, available=until, published=max(until, draft.published))

    def _drifted(self, draft: Draft) -> Draft:
        data: Mapping[str, Any] = draft.data
        if data.get("instrument") != ENTRUSTMENT.code or draft.time < self._drift_from or "scores" not in data:
            return draft
        return replace(draft, data={**data, "scores": [_lower(mark) for mark in data["scores"]]})


def _lower(mark: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**mark, "value": max(ENTRUSTMENT.scale.lowest, mark["value"] - 1)} if "value" in mark else mark


def _shift(trainee: str, day: int, length: int) -> Draft:
    over = day + length + HOUR
    data = {"starts": day, "ends": day + length}
    return Draft("duty.recorded", ROSTER, f"over-{trainee}-{day // DAY}", trainee, day, over, over, over, data)
