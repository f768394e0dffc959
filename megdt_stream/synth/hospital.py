"""The hospital as a stream: everybody's records merged in publishing order, and the truth apart."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile

from megdt_stream.synth.desk import Chapter
from megdt_stream.synth.draft import Draft
from megdt_stream.synth.life import Life
from megdt_stream.synth.people import People, recruit
from megdt_stream.synth.plan import HospitalPlan
from megdt_stream.synth.resources import Inventory
from megdt_stream.synth.truth import Truth, TruthTeller
from megdt_stream.synth.wire import Headers, in_binary_mode, write, write_binary


@dataclass(frozen=True, slots=True)
class Published:
    """One record to publish.

    `topic` is the short name, `key` the subject's pseudonym, `available` the time of publishing in ms (the
    one inside a repeated record is earlier). `fate` is `accepted`, `duplicate` or `rejected`; `reason` is
    the reason code of docs/records.md for the rejected, else "". `headers` are there in binary mode alone, and none
    unless the plan asks for it.
    """

    topic: str
    key: str
    value: bytes
    available: int
    fate: str
    reason: str
    headers: Headers = ()


class Hospital:
    """A hospital drawn from a plan.

    `events` starts a new pass each time it is read, in publishing order and in little memory: a trainee's
    records are drawn a rotation at a time. `truth` makes a pass of its own when first read.
    """

    def __init__(self, plan: HospitalPlan) -> None:
        self.plan = plan
        self.people: People = recruit(plan)

    @property
    def events(self) -> Iterator[Published]:
        """Iterate over everything published within the plan's days."""
        merged = heapq.merge(*map(_in_order, self._told()), key=lambda draft: draft.published)
        return map(self._publish, takewhile(lambda draft: draft.published < self.plan.closes, merged))

    def _told(self) -> Iterator[Iterable[Chapter]]:
        """Give everybody's chapters, the trainees' first and in their order."""
        yield from (life.chapters() for life in self._lives())
        yield Inventory(self.plan, self.people).chapters()

    @cached_property
    def truth(self) -> Truth:
        """Tell what is true of the people, and of the events."""
        teller = TruthTeller(self.plan, self.people)
        for trainee, life in zip(self.people.trainees, self._lives(), strict=True):
            teller.add(trainee, life.schedule, life.identities, _drafts(life.chapters()))
        teller.add_resources(_drafts(Inventory(self.plan, self.people).chapters()))
        return teller.tell()

    def _lives(self) -> Iterator[Life]:
        return (Life(self.plan, self.people, trainee) for trainee in self.people.trainees)

    def _publish(self, draft: Draft) -> Published:
        binary = in_binary_mode(draft, self.plan.binary_share)
        value, headers = write_binary(draft) if binary else (write(draft), ())
        return Published(draft.topic, draft.subject, value, draft.published, draft.fate, draft.reason, headers)


def generate(plan: HospitalPlan) -> Hospital:
    """Draw a hospital; equal plans give equal events, byte by byte, and equal truth."""
    return Hospital(plan)


def _drafts(chapters: Iterable[Chapter]) -> Iterator[Draft]:
    return (draft for chapter in chapters for draft in chapter.drafts)


def _in_order(chapters: Iterable[Chapter]) -> Iterator[Draft]:
    """Sort drafts by time of publishing, holding back only what a later chapter could still precede."""
    waiting: list[tuple[int, int, Draft]] = []
    number = 0
    for chapter in chapters:
        while waiting and waiting[0][0] < chapter.not_before:
            yield heapq.heappop(waiting)[2]
        for draft in chapter.drafts:
            if draft.published < chapter.not_before:
                raise ValueError(f"{draft.kind} of {draft.subject} is published before its chapter begins")
            heapq.heappush(waiting, (draft.published, number, draft))
            number += 1
    while waiting:
        yield heapq.heappop(waiting)[2]
