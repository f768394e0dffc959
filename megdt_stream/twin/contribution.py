"""What one piece of evidence contributes to its trainee's twin.

A function of the evidence alone: no state, nothing learned. That is what makes a twin a function of the set of its
evidence, and an amendment an exact subtraction.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from megdt_stream.evidence.record import (
    PERIOD_MS,
    Assessment,
    Enrolment,
    Exposure,
    Fact,
    Outcome,
    Retraction,
    Rotation,
)
from megdt_stream.twin.state import Slot, Sum


class Contribution(msgspec.Struct, frozen=True, gc=False):
    """Sums to add and slots to fill, by field."""

    sums: tuple[tuple[str, Sum], ...]
    slots: tuple[tuple[str, Slot], ...]


NOTHING: Final = Contribution((), ())
_ONE: Final[Sum] = (1,)


def _assessment(fact: Assessment) -> Contribution:
    period = fact.happened // PERIOD_MS
    rater = fact.assessor or "-"
    progress = progress_field(fact.rotation, fact.item or fact.instrument)
    sums: list[tuple[str, Sum]] = [("k|assessment", _ONE), (progress, _ONE)]
    for competency, _, y, w in fact.marks:
        sums.append((f"c|{competency}|{period}|{rater}", (1, w, w * y)))
    for competency, _ in fact.missing:
        sums.append((f"m|{competency}|{period}", _ONE))
    return Contribution(tuple(sums), ())


def progress_field(rotation: str | None, key: str) -> str:
    """Name the sum that counts assessments of a rotation under an expected key."""
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
    slot: Slot = [fact.happened, fact.rev, fact.result, fact.value, fact.rotation]
    return Contribution((("k|outcome", _ONE),), ((f"o|{fact.outcome}|{fact.h}", slot),))


def _enrolment(fact: Enrolment) -> Contribution:
    slot: Slot = [fact.happened, fact.rev, fact.stage, fact.base, fact.programme, fact.cohort]
    return Contribution((("k|enrolment", _ONE),), ((f"e|{fact.h}", slot),))


def _retraction(_fact: Retraction) -> Contribution:
    return NOTHING


_BY_TYPE: Final[dict[type, Any]] = {
    Assessment: _assessment,
    Rotation: _rotation,
    Exposure: _exposure,
    Outcome: _outcome,
    Enrolment: _enrolment,
    Retraction: _retraction,
}


def contribution(fact: Fact) -> Contribution:
    """Give what a piece of evidence adds to a twin."""
    return _BY_TYPE[type(fact)](fact)  # type: ignore[no-any-return]
