"""Rule `duty-hours-over-limit`: too many hours in a week, or too many on average over four.

Only weeks that are over count. A week without a record has no hours: nobody is warned of for what was not written down.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Final

from pydantic import Field

from megdt_stream.evidence.record import week_of
from megdt_stream.governance.reviews import contract
from megdt_stream.governance.reviews.contract import CLEAR, HOLDS, SLEEPS, WAKES, WARNS, Finding
from megdt_stream.twin.state import Twin

NAME: Final = "duty-hours-over-limit"
KINDS: Final = "u"
WEEKS: Final = 4
_HOUR: Final = 60
CODES: Final = {
    "week-over": ("highest_hours", "mean_hours", "limit_hours", "mean_limit_hours"),
    "mean-over": ("highest_hours", "mean_hours", "limit_hours", "mean_limit_hours"),
}


class Terms(contract.Terms):
    """Limits in hours a week: in any one, and on average over four. `clear_share` of the average limit (percent) is
    under it for good."""

    CODES: ClassVar = CODES
    week_hours: Annotated[int, Field(ge=1, le=168)]
    mean_hours: Annotated[int, Field(ge=1, le=168)]
    clear_share: Annotated[int, Field(ge=1, le=100)]


def wakes(twin: Twin, fields: Sequence[str], terms: Terms) -> int:
    """Look where a week has more hours than a limit: no mean is above a limit without a week that is."""
    limit = min(terms.week_hours, terms.mean_hours) * _HOUR
    return WAKES if any(_minutes(twin, field.split("|")[1]) > limit for field in fields if field[0] == "u") else SLEEPS


def _minutes(twin: Twin, week: str) -> int:
    return sum(twin.sums.get(f"u|{week}|{kind}", (0, 0))[1] for kind in ("duty", "on-call"))


def judge(twin: Twin, now: int, terms: Terms) -> Finding:
    """Hold the last four whole weeks against the limits."""
    last = week_of(now)
    sums = twin.sums
    minutes, fields = [], []
    for week in range(last - WEEKS, last):
        total = 0
        for kind in ("duty", "on-call"):
            field = f"u|{week}|{kind}"
            if field in sums:
                total += sums[field][1]
                fields.append(field)
        minutes.append(total)
    highest, mean = max(minutes), sum(minutes) // WEEKS
    week_over, mean_over = highest > terms.week_hours * _HOUR, mean > terms.mean_hours * _HOUR
    figures = {
        "highest_hours": highest // _HOUR,
        "mean_hours": mean // _HOUR,
        "limit_hours": terms.week_hours,
        "mean_limit_hours": terms.mean_hours,
    }
    if week_over or mean_over:
        grade = WARNS
    else:
        grade = CLEAR if 100 * mean <= terms.clear_share * terms.mean_hours * _HOUR else HOLDS
    return Finding(grade, "mean-over" if mean_over else "week-over", figures, tuple(sorted(fields)))
