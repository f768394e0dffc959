"""The diary: what all who write of one trainee have in common."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from megdt_stream.synth.catalogue import CONTINUING, MEDICAL_SCHOOL, POSTGRADUATE
from megdt_stream.synth.chance import DAY, MINUTE, poisson
from megdt_stream.synth.desk import Desk, Way
from megdt_stream.synth.draft import Draft
from megdt_stream.synth.identities import Identities, draw_identities
from megdt_stream.synth.mess import Data, Mess
from megdt_stream.synth.people import People, Trainee
from megdt_stream.synth.plan import HospitalPlan
from megdt_stream.synth.schedule import Rotation, Schedule, draw_schedule

_ACTIVITY: Final = {MEDICAL_SCHOOL: 0.8, POSTGRADUATE: 1.2, CONTINUING: 0.4}
"""How busy a stage is, as a factor on the plan's weekly volumes."""


class Diary:
    """One trainee's chances, schedule, pseudonyms and desk."""

    def __init__(self, plan: HospitalPlan, people: People, trainee: Trainee) -> None:
        self.plan = plan
        self.people = people
        self.trainee = trainee
        self.rng = plan.chance("life", trainee.index)
        self.mess = Mess(plan, plan.chance("mess", trainee.index))
        self.schedule: Schedule = draw_schedule(plan, trainee, people.staff, plan.chance("schedule", trainee.index))
        begun = tuple(rotation.code for rotation in self.schedule.rotations if rotation.begins)
        self.identities: Identities = draw_identities(plan, trainee, begun)
        self._desk = Desk(plan, self.mess, plan.series(f"{trainee.index + 1:06d}"))
        self._sent: defaultdict[str, list[tuple[Draft, ...]]] = defaultdict(list)

    def send(
        self,
        way: Way,
        kind: str,
        time: int,
        data: Data,
        mistakes: tuple[Data, ...] = (),
        retractable: float = 0.0,
        subject: str | None = None,
    ) -> list[Draft]:
        """Give the events by which a record reaches the stream, under the pseudonym that its source uses."""
        if subject is None:
            subject = self.identities.subject(way.source, data.get("rotation"))
        drafts = self._desk.send(way, kind, subject, time, data, mistakes, retractable)
        if subject != self.identities.main and not kind.startswith("identity."):
            self._sent[subject].append(tuple(drafts))
        return drafts

    def resend(self, alias: str, head: str, at: int) -> list[Draft]:
        """Give what the sources of a pseudonym send again under its head's once they know it."""
        return [again for record in self._sent[alias] for again in self.mess.resent(record, head, at)]

    def moment(self, starts: int, until: int) -> int:
        """Draw a working minute of a stay."""
        day = self.rng.randrange(max(1, (until - starts) // DAY))
        return starts + day * DAY + self.rng.randrange(570) * MINUTE

    def count(self, rotation: Rotation, weekly: float) -> int:
        """Draw how many of something come in a stay."""
        return poisson(self.rng, weekly * _ACTIVITY[self.trainee.stage] * rotation.weeks)
