"""When a decision counts: at the domain time that it concerns. The wall clock is kept beside it, as `recorded`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, TypedDict

if TYPE_CHECKING:
    from megdt_stream.session import Session

_LIVE: Final = timedelta(days=1)
"""Domain time that lags by less is that of a running hospital; by more, history is played."""


class Times(TypedDict, total=False):
    """What an envelope states; `available` and `recorded` where history is played."""

    time: datetime
    available: datetime
    recorded: datetime


def times(now: int, wall: datetime) -> Times:
    """Give when a decision counts that is made at `wall`, while domain time is `now` (ms, 0: none yet).

    On played history at the moment that it has reached: with the wall clock's the event clock would jump there, and
    everything that is still to be played would come late.
    """
    reached = datetime.fromtimestamp(now / 1000, UTC)
    if now <= 0 or wall - reached < _LIVE:
        return {"time": wall}
    return {"time": reached, "available": reached, "recorded": wall}


def of_session(session: Session) -> Times:
    """Give when a decision counts that is made now. Raises Unavailable."""
    with session.query() as query:
        now = max((cursor.time for cursor in query.evidence_cursors().values()), default=0)
    return times(now, datetime.now(UTC))
