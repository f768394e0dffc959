"""Rule `source-silent`: a system that used to send has sent nothing for far longer than it ever was quiet.

Days on which a source sends have gaps between them; these are its habit, weekends, rounds of forms and all. Silence is
a gap of twice the longest of them, and of `least_days` at least. Where gaps fall off exponentially, the next one is
twice as long as the longest of `n` with probability `2 / ((n + 1) (n + 2))`: the second moment of the least of `n`
uniform numbers, which `exp(-longest)` is. So odds of one in a thousand take 44 gaps, and of a source with fewer nothing
can be told. A gap that was silence by those before it is an outage, no habit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import isqrt
from typing import Annotated, ClassVar, Final

from pydantic import Field

from megdt_stream.evidence.times import DAY_MS
from megdt_stream.governance.groups import contract
from megdt_stream.governance.groups.contract import CLEAR, WARNS, Group

NAME: Final = "source-silent"
_TIMES: Final = 2
CODES: Final = {"silent": ("days", "longest_days", "usual_per_week")}


class Terms(contract.Terms):
    """`window_days` before the last record tell the habit; `odds`: one gap in so many may be called silence wrongly."""

    CODES: ClassVar = CODES
    window_days: Annotated[int, Field(ge=28, le=1000)]
    least_days: Annotated[int, Field(ge=1, le=90)]
    odds: Annotated[int, Field(ge=100, le=10_000_000)]

    @property
    def fewest(self) -> int:
        """Give how many gaps have to be known."""
        return isqrt(2 * self.odds)


def judge(source: str, per_day: Mapping[int, int], now: int, terms: Terms) -> Group:
    """Look at the number of records that became available from a source each day (day number -> how many)."""
    today = now // DAY_MS
    last = max((day for day, n in per_day.items() if n and day <= today), default=today)
    known = sorted(day for day, n in per_day.items() if n and last - terms.window_days <= day <= last)
    gaps = _habit([later - earlier for earlier, later in pairwise(known)], terms)
    days = today - last
    span = last - known[0] + 1 if known else 1
    figures = {
        "days": days,
        "longest_days": max(gaps, default=0),
        "usual_per_week": round(7 * sum(per_day[day] for day in known) / span),
    }
    return Group("source", source, WARNS if _silent(days, gaps, terms) else CLEAR, "silent", figures)


def _habit(gaps: Sequence[int], terms: Terms) -> list[int]:
    habit: list[int] = []
    for gap in gaps:
        if not _silent(gap, habit, terms):
            habit.append(gap)
    return habit


def _silent(days: int, habit: Sequence[int], terms: Terms) -> bool:
    return len(habit) >= terms.fewest and days >= max(terms.least_days, _TIMES * max(habit))
