"""Rule `source-silent`: a system that used to send every day has sent nothing for too long.

A source has days on which it sends. With nine tenths of their share among the days before, so many days in a row
without any are to be less likely than one in `odds`, and `least_days` at least. Days count, not records: a source that
sends much at once and then nothing for weeks is not silent, it is like that.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import log
from typing import Annotated, ClassVar, Final

from pydantic import Field

from megdt_stream.evidence.times import DAY_MS
from megdt_stream.governance.groups import contract
from megdt_stream.governance.groups.contract import CLEAR, WARNS, Group

NAME: Final = "source-silent"
_OF_USUAL: Final = 0.9
CODES: Final = {"silent": ("days", "usual_per_week")}


class Terms(contract.Terms):
    """`window_days` before the last record tell the usual share of days; below `least_percent` nothing can be told."""

    CODES: ClassVar = CODES
    window_days: Annotated[int, Field(ge=7, le=365)]
    least_days: Annotated[int, Field(ge=1, le=90)]
    least_percent: Annotated[int, Field(ge=1, le=100)]
    odds: Annotated[int, Field(ge=100, le=10_000_000)]


def judge(source: str, per_day: Mapping[int, int], now: int, terms: Terms) -> Group:
    """Look at the number of records that became available from a source each day (day number -> how many)."""
    today = now // DAY_MS
    last = max((day for day, n in per_day.items() if n and day <= today), default=None)
    if last is None:
        return Group("source", source, CLEAR, "silent")
    days = today - last
    known = min(terms.window_days, last - min(per_day) + 1)
    sent = [per_day.get(last - back, 0) for back in range(known)]
    share = sum(n > 0 for n in sent) / known
    regular = 100 * share >= terms.least_percent
    silent = regular and days >= terms.least_days and -days * log(1 - _OF_USUAL * share) >= log(terms.odds)
    figures = {"days": days, "usual_per_week": round(7 * sum(sent) / known)}
    return Group("source", source, WARNS if silent else CLEAR, "silent", figures)
