"""What one piece of evidence contributes to its trainee's twin.

A function of the evidence alone: no state, nothing learned. That is what makes a twin a function of the set of its
evidence, and an amendment an exact subtraction.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from megdt_stream.evidence.record import (
    PERIOD_MS,
    Activity,
    Assessment,
    Decision,
    Enrolment,
    Exposure,
    Fact,
    Feedback,
    Identity,
    Outcome,
    Resource,
    Retraction,
    Rotation,
    SelfAssessment,
    week_of,
)
from megdt_stream.twin.state import Slot, Sum


class Contribution(msgspec.Struct, frozen=True, gc=False):
    """Sums to add and slots to fill, by field."""

    sums: tuple[tuple[str, Sum], ...]
    slots: tuple[tuple[str, Slot], ...]


NOTHING: Final = Contribution((), ())
_ONE: Final[Sum] = (1,)
_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 60 * _MINUTE_MS


def _assessment(fact: Assessment) -> Contribution:
    period = fact.happened // PERIOD_MS
    rater = fact.assessor or "-"
    progress = progress_field(fact.rotation, fact.item or fact.instrument)
    # Zero where nothing was marked: counts and times of such forms are known all the same.
    mean = sum(y for _, _, y, _ in fact.marks) // len(fact.marks) if fact.marks else 0
    sums: list[tuple[str, Sum]] = [("k|assessment", _ONE), (progress, (1, mean, fact.happened // _HOUR_MS))]
    for competency, _, y, w in fact.marks:
        sums.append((f"c|{competency}|{period}|{rater}", (1, w, w * y)))
    for competency, _ in fact.missing:
        sums.append((f"m|{competency}|{period}", _ONE))
    return Contribution(tuple(sums), ())


def _feedback(fact: Feedback) -> Contribution:
    cell = f"f|{fact.assessor or '-'}|{fact.happened // PERIOD_MS}|"
    specific = "-" if fact.specific is None else "specific" if fact.specific else "general"
    if fact.observed is None:
        return Contribution((("k|feedback", _ONE), (cell + specific, (1, fact.characters, 0))), ())
    delay = max(0, (fact.happened - fact.observed) // _MINUTE_MS)
    sums = (("k|feedback", _ONE), (cell + specific, (1, fact.characters, delay)), (cell + "timed", _ONE))
    return Contribution(sums, ())


def _activity(fact: Activity) -> Contribution:
    sum_: Sum
    if fact.kind == "duty":
        field = f"u|{week_of(fact.starts or 0)}|{'on-call' if fact.on_call else 'duty'}"
        sum_ = (1, fact.minutes, 0)
    else:
        field = f"t|{fact.kind}|{fact.item}|{fact.happened // PERIOD_MS}"
        sum_ = (1, fact.minutes, int(fact.attended))
    return Contribution((("k|activity", _ONE), (field, sum_)), ())


def _self_assessment(fact: SelfAssessment) -> Contribution:
    period = fact.happened // PERIOD_MS
    marks = tuple((f"v|{competency}|{period}", (1, w, w * y)) for competency, _, y, w in fact.marks)
    return Contribution((("k|self-assessment", _ONE), *marks), ())


def progress_field(rotation: str | None, key: str) -> str:
    """Name the sum of assessments of a rotation under an expected key: count, mean levels (thousandths), hours."""
    return f"a|{rotation or '-'}|{key}"


def rotation_group(rotation: str) -> str:
    """Name the slot group of a rotation."""
    return f"r|{rotation}"


def _rotation(fact: Rotation) -> Contribution:
    slot: Slot = [
        fact.happened,
        fact.rev,
        fact.status,
        fact.starts,
        fact.ends,
        fact.base,
        fact.department,
        fact.supervisor,
        None if fact.expects is None else [list(expected) for expected in fact.expects],
    ]
    return Contribution((("k|rotation", _ONE),), ((f"r|{fact.rotation}|{fact.h}", slot),))


def _exposure(fact: Exposure) -> Contribution:
    field = f"x|{fact.kind}|{fact.item}|{fact.role or '-'}|{fact.happened // PERIOD_MS}"
    return Contribution((("k|exposure", _ONE), (field, (fact.count,))), ())


def _outcome(fact: Outcome) -> Contribution:
    slot: Slot = [fact.happened, fact.rev, fact.result, fact.value, fact.rotation, fact.starts, fact.ends]
    return Contribution((("k|outcome", _ONE),), ((f"o|{fact.outcome}|{fact.h}", slot),))


def _enrolment(fact: Enrolment) -> Contribution:
    slot: Slot = [fact.happened, fact.rev, fact.stage, fact.base, fact.programme, fact.cohort]
    return Contribution((("k|enrolment", _ONE),), ((f"e|{fact.h}", slot),))


def _resource(fact: Resource) -> Contribution:
    slot: Slot = [
        *(fact.happened, fact.rev, fact.base, fact.department),
        *(fact.capacity, fact.unit, fact.starts, fact.ends),
    ]
    return Contribution((("k|resource", _ONE),), ((f"q|{fact.kind}|{fact.h}", slot),))


def _decision(fact: Decision) -> Contribution:
    slot: Slot = [fact.happened, fact.rev, fact.action, fact.by, fact.reason, fact.until]
    if fact.assignee is not None:
        slot.append(fact.assignee)
    return Contribution((("k|decision", _ONE),), ((f"d|{fact.on}|{fact.h}", slot),))


def _identity(fact: Identity) -> Contribution:
    # No `k` sum: who somebody is adds nothing to what they did, so a merge taken back leaves no trace in the twin.
    return Contribution((), ((f"i|{fact.h}", [fact.happened, fact.rev, fact.head, fact.event, fact.system]),))


def _retraction(_fact: Retraction) -> Contribution:
    return NOTHING


_BY_TYPE: Final[dict[type, Any]] = {
    Assessment: _assessment,
    Feedback: _feedback,
    Rotation: _rotation,
    Exposure: _exposure,
    Activity: _activity,
    SelfAssessment: _self_assessment,
    Outcome: _outcome,
    Resource: _resource,
    Enrolment: _enrolment,
    Identity: _identity,
    Decision: _decision,
    Retraction: _retraction,
}


def contribution(fact: Fact) -> Contribution:
    """Give what a piece of evidence adds to a twin."""
    return _BY_TYPE[type(fact)](fact)  # type: ignore[no-any-return]
