"""One trainee's year, told as chapters of drafts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from hashlib import blake2b
from typing import Any, Final

from megdt_stream.synth.career import Career
from megdt_stream.synth.catalogue import EDUCATION_OFFICE, REGISTRY, TMS
from megdt_stream.synth.chance import DAY, HOUR
from megdt_stream.synth.desk import Chapter, Scene, Way, tell
from megdt_stream.synth.diary import Diary
from megdt_stream.synth.draft import Draft
from megdt_stream.synth.forms import Forms
from megdt_stream.synth.identities import Identities, Link
from megdt_stream.synth.mess import Data
from megdt_stream.synth.people import People, Trainee
from megdt_stream.synth.plan import HospitalPlan
from megdt_stream.synth.practice import Practice
from megdt_stream.synth.schedule import Rotation, Schedule

_ENROLLED: Final = Way(TMS, 3 * 60, 2)
_PLANNED: Final = Way(TMS, 30, 8)
_CHANGED: Final = Way(TMS, 15, 10)
_STARTED: Final = Way(TMS, 10, 6)
_ENDED: Final = Way(TMS, 10, 18)
_CANCELLED: Final = Way(TMS, 10, 12)
_REGISTERED: Final = Way(REGISTRY, 20, 5)
_DECIDED: Final = Way(EDUCATION_OFFICE, 1, 1)
_DECISION_SHARE: Final = 0.1
"""Of the stays: those with a warning that somebody decides on."""
_DECISIONS: Final = (
    *({"action": action} for action in ("acknowledged", "accepted", "implemented", "closed", "modified")),
    {"action": "overridden", "reason": "form-on-paper", "note": "纸质表格已收到，待补录。"},
    {"action": "flagged-incorrect", "reason": "wrong-rotation"},
)


class Life:
    """A trainee's way through the hospital; iterate `chapters` once."""

    def __init__(self, plan: HospitalPlan, people: People, trainee: Trainee) -> None:
        self._plan = plan
        self._trainee = trainee
        self._diary = Diary(plan, people, trainee)
        self._forms = Forms(self._diary)
        self._practice = Practice(self._diary)
        self._career = Career(self._diary)
        self._rng = plan.chance("path", trainee.index)

    @property
    def schedule(self) -> Schedule:
        """The trainee's rotations."""
        return self._diary.schedule

    @property
    def identities(self) -> Identities:
        """The trainee's pseudonyms."""
        return self._diary.identities

    def chapters(self) -> Iterator[Chapter]:
        """Tell the year, `not_before` never falling."""
        return tell(self._plot())

    def _plot(self) -> Iterator[Scene]:
        opens = self._plan.opens
        yield opens, self._enrolment
        for rotation in self.schedule.rotations:
            yield max(opens, rotation.planned), partial(self._rotation, rotation)
        merged = set()
        for link in self.identities.links:
            yield link.at, partial(self._link, link)
            if link.head is not None and link.alias not in merged:
                again = link.at + 3 * DAY
                yield again, partial(self._diary.resend, link.alias, link.head, again)
                merged.add(link.alias)
        yield from self._career.scenes()

    # Who it is

    def _enrolment(self) -> list[Draft]:
        trainee = self._trainee
        time = trainee.opens - (trainee.entry_year - 1) * 365 * DAY - self._rng.randrange(1, 20) * DAY
        right = {
            "stage": trainee.stage,
            "base": trainee.base.code,
            "programme": trainee.base.specialty.code,
            "cohort": trainee.cohort,
        }
        mistakes = ({**right, "cohort": "待定"},)
        drafts = self._diary.send(_ENROLLED, "identity.enrolled", time, right, mistakes)
        double = self.identities.double
        if double is not None:
            again = time + self._rng.randrange(1, 40) * HOUR
            drafts += self._diary.send(_ENROLLED, "identity.enrolled", again, right, mistakes, subject=double)
        return drafts

    def _link(self, link: Link) -> list[Draft]:
        kind, data, mistakes = self._entry(link)
        return self._diary.send(_REGISTERED, kind, link.at, data, mistakes, retractable=4, subject=link.alias)

    def _entry(self, link: Link) -> tuple[str, dict[str, Any], tuple[Data, ...]]:
        if link.head is None:
            return "identity.unmerged", {"from": self.identities.main}, ()
        if link.merged:
            return "identity.merged", {"into": link.head}, ()
        data = {"person": link.head, "system": "skills-centre"}
        # Mistyped: somebody whom nobody knows.
        return "identity.linked", data, ({**data, "person": f"syn.x{self._trainee.index + 1:06d}"},)

    # Rotations

    def _rotation(self, rotation: Rotation) -> list[Draft]:
        drafts = self._announced(rotation)
        if rotation.begins:
            drafts += self._stay(rotation)
        if rotation.cancelled is not None:
            drafts += self._step(_CANCELLED, "cancelled", rotation.cancelled, {"rotation": rotation.code})
        return drafts

    def _announced(self, rotation: Rotation) -> list[Draft]:
        """Tell the plan, and what becomes of it before the stay."""
        right = self._plan_of(rotation)
        first = _postponed(right, -rotation.moved)
        if rotation.assigned is not None and rotation.assigned < rotation.starts:
            del first["supervisor"]
        mistakes = (_postponed(first, 7 * DAY), _postponed(first, 14 * DAY))
        drafts = self._step(_PLANNED, "planned", rotation.planned, first, mistakes)
        if rotation.moved:
            at = rotation.planned + self._rng.randrange(2, 6) * DAY
            changed = {name: right[name] for name in ("rotation", "starts", "ends", "expects")}
            drafts += self._step(_CHANGED, "changed", at, changed, (_postponed(changed, 7 * DAY),), retractable=4)
        if rotation.assigned is not None:
            drafts += self._assigned(rotation, rotation.assigned)
        return drafts

    def _assigned(self, rotation: Rotation, at: int) -> list[Draft]:
        data = {"rotation": rotation.code, "supervisor": rotation.supervisor}
        return self._step(_CHANGED, "supervisor-assigned", at + 2 * HOUR, data, retractable=4)

    def _plan_of(self, rotation: Rotation) -> dict[str, Any]:
        """Give the plan as it is when the stay begins: nobody knows of a leave yet."""
        data = {
            "rotation": rotation.code,
            "base": self._trainee.base.code,
            "department": rotation.department.code,
            "supervisor": rotation.supervisor,
            "starts": rotation.starts,
            "ends": rotation.ends,
            "expects": list(rotation.expects),
        }
        puts_off = rotation.leave.puts_off if rotation.leave else 0
        return {**_postponed(data, -puts_off), "starts": rotation.starts}

    def _step(
        self,
        way: Way,
        step: str,
        at: int,
        data: Data,
        mistakes: tuple[Data, ...] = (),
        retractable: float = 0.0,
    ) -> list[Draft]:
        return self._diary.send(way, f"rotation.{step}", at, data, mistakes, retractable)

    def _stay(self, rotation: Rotation) -> list[Draft]:
        drafts = self._step(_STARTED, "started", rotation.starts, self._plan_of(rotation))
        drafts += self._away(rotation)
        drafts += self._forms.of(rotation)
        drafts += self._practice.of(rotation)
        drafts += self._decisions(rotation)
        if rotation.cancelled is None:
            drafts += self._step(_ENDED, "ended", rotation.ends, {"rotation": rotation.code}, retractable=1)
        return drafts

    def _away(self, rotation: Rotation) -> list[Draft]:
        leave = rotation.leave
        if leave is None or leave.asked >= rotation.leaves:
            return []
        drafts = self._career.leave(leave)
        if leave.puts_off:
            changed = {"rotation": rotation.code, "ends": rotation.ends, "expects": list(rotation.expects)}
            mistakes = (_postponed(changed, 7 * DAY),)
            drafts += self._step(_CHANGED, "changed", leave.asked + 2 * HOUR, changed, mistakes, retractable=4)
        return drafts

    # Decisions

    def _decisions(self, rotation: Rotation) -> list[Draft]:
        """Tell what the education office decided on a warning about a stay, snoozing it first now and then."""
        rng = self._rng
        if rng.random() >= _DECISION_SHARE or rotation.cancelled is not None:
            return []
        warning = blake2b(f"warning {rotation.code}".encode(), digest_size=8).hexdigest()
        office = {"on": warning, "by": f"syn.o{rng.randrange(1, 4):02d}"}
        at = rotation.ends + rng.randrange(5, 20) * DAY
        drafts: list[Draft] = []
        if rng.random() < 0.3:
            snoozed = {**office, "action": "snoozed", "until": at + 7 * DAY}
            drafts += self._diary.send(_DECIDED, "decision.made", at, snoozed, retractable=4)
            at += 8 * DAY
        decided = {**office, **rng.choice(_DECISIONS)}
        mistakes = ({**office, "action": "acknowledged"},)
        return drafts + self._diary.send(_DECIDED, "decision.made", at, decided, mistakes, retractable=4)


def _postponed(data: dict[str, Any], by: int) -> dict[str, Any]:
    """Give a plan with its times, dues included, put off by so many ms."""
    expects = [{**expected, "due": expected["due"] + by} for expected in data["expects"]]
    return {**data, **{name: data[name] + by for name in ("starts", "ends") if name in data}, "expects": expects}
