"""Letting rules review twins: what makes a look due, and what a look at a tick leads to."""

from __future__ import annotations

from collections.abc import Sequence

from megdt_stream.evidence import topics
from megdt_stream.governance import concern, reviewing
from megdt_stream.governance.notice import Cause
from megdt_stream.governance.reviewing import Reviewed
from megdt_stream.governance.reviews import PROMPTLY, SLEEPS, Review
from megdt_stream.mirror.work import Work
from megdt_stream.twin.state import Twin


def wake(work: Work, trainee: str, twin: Twin, touched: Sequence[str]) -> None:
    """Make looks due where what a record changed asks for it, unless one is due already."""
    reviews = work.rule.reviews
    if not reviews or twin.head is not None:
        return
    kinds = {name[0] for name in touched}
    for review in reviews:
        if not kinds.isdisjoint(review.kinds):
            how = review.wakes(twin, touched, review.terms)
            if how != SLEEPS:
                _wake(work, trainee, review, promptly=how == PROMPTLY)
    if "d" in kinds and twin.standing:
        for on in {name.split("|")[1] for name in touched if name[0] == "d"}:
            _answer(work, trainee, twin, on)


def _wake(work: Work, trainee: str, review: Review, *, promptly: bool) -> None:
    deadlines, now = work.partition.deadlines, work.partition.now
    member = reviewing.member(trainee, review)
    known = deadlines.get(member)
    if promptly and (known is None or known > now + 1):
        _set(work, member, now + 1)
    elif known is None:
        _set(work, member, review.terms.next_moment(trainee, now))


def _answer(work: Work, trainee: str, twin: Twin, on: str) -> None:
    """Look promptly at a warning that somebody decided on."""
    for review in work.rule.reviews:
        stands = twin.standing.get(reviewing.field(review))
        if stands is not None and stands[1] == on:
            _wake(work, trainee, review, promptly=True)


def turn(work: Work, offset: int, trainee: str, twin: Twin) -> None:
    """Close everything where a pseudonym began to belong to somebody, look anew where it ceased to."""
    for review in work.rule.reviews:
        if twin.head is None:
            _wake(work, trainee, review, promptly=True)
            continue
        _set(work, reviewing.member(trainee, review), None)
        reviewed = reviewing.linked(twin, review)
        if reviewed is not None:
            _act(work, offset, trainee, twin, review, reviewed)


def look(work: Work, offset: int, trainee: str, twin: Twin, name: str) -> None:
    """Review a twin by the rule of this name, since a look was due."""
    review = next((one for one in work.rule.reviews if one.name == name), None)
    if review is None:  # the rule was taken out of the reference data
        return
    now = work.partition.now
    reviewed = reviewing.look(twin, review, now)
    _act(work, offset, trainee, twin, review, reviewed)
    if reviewed.standing is not None:
        _set(work, reviewing.member(trainee, review), review.terms.next_moment(trainee, now))


def _act(work: Work, offset: int, trainee: str, twin: Twin, review: Review, reviewed: Reviewed) -> None:
    name = reviewing.field(review)
    stood = twin.standing.get(name)
    standing = reviewed.standing
    if reviewed.transition is not None:
        cause = Cause(work.partition.number, offset)
        notice = concern.said(review, trainee, twin, reviewed, stood, work.partition.now, cause)
        if reviewed.transition == "raised" and standing is not None:
            standing = [standing[0], notice.id, standing[2]]
        work.message(offset, topics.ALERTS.name, trainee.encode(), notice.value, ())
    if standing == stood:
        return
    if standing is None:
        del twin.standing[name]
    else:
        twin.standing[name] = standing
    work.changed(trainee, (name,))


def _set(work: Work, member: str, due: int | None) -> None:
    if work.partition.deadlines.set(member, due):
        work.changes.deadlines[member] = due
