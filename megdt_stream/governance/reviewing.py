"""From what a rule finds to what is said: opening, escalating and closing a warning, with hysteresis and dwell.

One warning a trainee, rule and horizon. A warning that a person closed stays closed until its cause is gone: the same
cause does not speak twice.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

from megdt_stream.governance.lifecycle import CLOSED, ESCALATED, OPEN, decided
from megdt_stream.governance.reviews import CLEAR, WARNS, Finding, Review
from megdt_stream.twin.state import Slot, Twin

Transition: TypeAlias = Literal["raised", "escalated", "cleared", "closed"]

_SINCE: Final = 0
_STATE: Final = 2
LINKED: Final = "linked"
IS_CLEAR: Final = "clear"
UNANSWERED: Final = "unanswered"


class Reviewed(NamedTuple):
    """What a look came to: `code` says why; `standing` is the twin's field afterwards, None for none.

    A raised warning's id is known only to who writes its notice: it goes into the second place of `standing`.
    """

    transition: Transition | None
    code: str
    finding: Finding
    standing: Slot | None


def field(review: Review) -> str:
    """Name the twin's field of a warning."""
    return f"w|{review.name}|{review.terms.horizon_days}"


def member(trainee: str, review: Review) -> str:
    """Name a look among the deadlines; no rotation has an empty code, so it is none of an expectation's."""
    return f"{trainee}||{review.name}"


def look(twin: Twin, review: Review, now: int) -> Reviewed:
    """Review a twin by one rule at domain time `now` (ms); nothing is changed here."""
    found: Finding = review.judge(twin, now, review.terms)
    stands = twin.standing.get(field(review))
    if stands is None:
        if found.grade == WARNS:
            return Reviewed("raised", found.code, found, [now, "", OPEN])
        return Reviewed(None, found.code, found, None)
    since, id_, state = stands
    over = found.grade == CLEAR and now >= since + review.terms.dwell_ms
    if state == CLOSED:
        return Reviewed(None, found.code, found, None if over else stands)
    last = decided(twin, id_)
    if last is not None and last.closes:
        return Reviewed("closed", last.action, found, [since, id_, CLOSED])
    if over:
        return Reviewed("cleared", IS_CLEAR, found, None)
    answered = last is not None and last.answers(now)
    if state == OPEN and not answered and now >= since + review.terms.escalate_ms:
        return Reviewed("escalated", UNANSWERED, found, [since, id_, ESCALATED])
    return Reviewed(None, found.code, found, stands)


def linked(twin: Twin, review: Review) -> Reviewed | None:
    """Close what stands at a pseudonym that belongs to somebody; None where nothing does. Rules speak for persons."""
    stands = twin.standing.get(field(review))
    if stands is None:
        return None
    said: Transition | None = None if stands[_STATE] == CLOSED else "cleared"
    return Reviewed(said, LINKED, Finding(CLEAR, LINKED), None)
