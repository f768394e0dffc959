"""Reading a twin: everything that it tells by itself, without being held against anything."""

from __future__ import annotations

from dataclasses import dataclass

from megdt_stream.twin.state import Twin
from megdt_stream.twin.view import facts, tallies
from megdt_stream.twin.view.estimation import Estimation
from megdt_stream.twin.view.facts import Concern, Enrolment, Exposure, OpenWarning, Outcome, Rotation
from megdt_stream.twin.view.fields import revision, sums_of
from megdt_stream.twin.view.levels import Estimator, Growth, Level, cells, estimate
from megdt_stream.twin.view.tallies import Attendance, DutyWeek, Feedback, Marks, OwnRating


@dataclass(frozen=True, slots=True)
class TwinView:
    """All that is read off a twin.

    `head` is the person that this pseudonym belongs to, `personas` are the pseudonyms whose records are counted here
    as well. `missing` counts scores given as missing, by competency; `evidence` counts standing records, by kind.
    `revision` is the digest of the twin's fields (`fields.revision`), `stages` are all enrolments, the oldest first.
    """

    head: str | None
    personas: tuple[str, ...]
    enrolment: Enrolment | None
    levels: tuple[Level, ...]
    rotations: tuple[Rotation, ...]
    exposures: tuple[Exposure, ...]
    outcomes: tuple[Outcome, ...]
    missing: tuple[tuple[str, int], ...]
    warnings: tuple[OpenWarning, ...]
    evidence: tuple[tuple[str, int], ...]
    revision: str = ""
    stages: tuple[Enrolment, ...] = ()
    growth: tuple[Growth, ...] = ()
    duty: tuple[DutyWeek, ...] = ()
    attendance: Attendance | None = None
    feedback: Feedback | None = None
    own_ratings: tuple[OwnRating, ...] = ()
    marks: tuple[Marks, ...] = ()
    concerns: tuple[Concern, ...] = ()


def read(twin: Twin, estimation: Estimation, estimator: Estimator = estimate) -> TwinView:
    """Read a twin; `estimator` makes levels and growth of a competency's cells."""
    estimates = [estimator(competency, theirs, estimation) for competency, theirs in cells(twin).items()]
    stages = tuple(facts.enrolments(twin))
    marks = tuple(tallies.marks(twin))
    return TwinView(
        head=twin.head,
        personas=tuple(sorted(name for name, register in (twin.personas or {}).items() if register.on)),
        enrolment=stages[-1] if stages else None,
        levels=tuple(one.level for one in estimates),
        rotations=tuple(facts.rotations(twin)),
        exposures=tuple(facts.exposures(twin)),
        outcomes=tuple(facts.outcomes(twin)),
        missing=tuple((one.competency, one.missing) for one in marks if one.missing),
        warnings=tuple(facts.warnings(twin)),
        evidence=tuple((parts[1], total[0]) for parts, total in sums_of(twin, "k")),
        revision=revision(twin),
        stages=stages,
        growth=tuple(one.growth for one in estimates if one.growth is not None),
        duty=tallies.duty(twin),
        attendance=tallies.attendance(twin),
        feedback=tallies.feedback(twin),
        own_ratings=tuple(tallies.own_ratings(twin, estimation)),
        marks=marks,
        concerns=tuple(facts.concerns(twin)),
    )
