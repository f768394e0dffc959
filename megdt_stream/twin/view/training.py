"""Where in training a trainee is: the stage, since when, and what tells so."""

from __future__ import annotations

from typing import Literal, NamedTuple

from megdt_stream.twin.rotation import CANCELLED
from megdt_stream.twin.view.facts import Enrolment, Rotation
from megdt_stream.twin.view.reading import TwinView
from megdt_stream.twin.view.times import YEAR_MS


class Training(NamedTuple):
    """The stage that a trainee is in, when it began (ms), which fact tells so, and the records that it stands in.

    Leave is not taken off: time in training is time since the beginning.
    """

    stage: str
    programme: str | None
    began: int
    basis: Literal["enrolment", "rotation"]
    records: tuple[str, ...]

    def years(self, moment: int) -> float:
        """Give the years in training at a moment (ms), 0 before the beginning."""
        return max(0.0, (moment - self.began) / YEAR_MS)


def training(view: TwinView) -> Training | None:
    """Find where in training a trainee is; None without an enrolment.

    A stage begins with the first of the enrolments in it that no other stage follows. Where it is the only stage, a
    rotation that began earlier shows that the enrolment was written late: then it begins with that rotation. With
    several stages a rotation's date does not tell which of them it belongs to.
    """
    if not view.stages:
        return None
    latest, first = view.stages[-1], _first_of_the_last_stage(view.stages)
    earliest = _earliest(view.rotations) if first is view.stages[0] else None
    if earliest is not None and earliest.starts is not None and earliest.starts < first.happened:
        return Training(latest.stage, latest.programme, earliest.starts, "rotation", earliest.records)
    return Training(latest.stage, latest.programme, first.happened, "enrolment", (first.record,))


def chain(enrolments: tuple[Enrolment, ...]) -> list[tuple[Enrolment, tuple[str, ...]]]:
    """Give the steps of a career, the oldest first: an enrolment that repeats the one before adds only its record."""
    steps: list[tuple[Enrolment, tuple[str, ...]]] = []
    for one in enrolments:
        if steps and steps[-1][0][:4] == one[:4]:
            steps[-1] = (steps[-1][0], (*steps[-1][1], one.record))
        else:
            steps.append((one, (one.record,)))
    return steps


def _first_of_the_last_stage(stages: tuple[Enrolment, ...]) -> Enrolment:
    first = stages[-1]
    for one in reversed(stages):
        if one.stage != first.stage:
            break
        first = one
    return first


def _earliest(rotations: tuple[Rotation, ...]) -> Rotation | None:
    begun = [one for one in rotations if one.starts is not None and one.status != CANCELLED]
    return min(begun, key=lambda one: (one.starts or 0, one.code), default=None)
