"""Rule `professionalism-concern`: an incident on record, or several assessors who rate it far below all else.

Each assessor is compared with themselves: what they give for professionalism against what they give for everything
else. Severity is the same in both and cancels, so a harsh assessor's low mark is no concern.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

from pydantic import Field

from megdt_stream.evidence.record import PERIOD_MS
from megdt_stream.evidence.times import DAY_MS
from megdt_stream.governance.reviews import contract
from megdt_stream.governance.reviews.cells import Rated, add, marks
from megdt_stream.governance.reviews.contract import CLEAR, HOLDS, PROMPTLY, SLEEPS, WAKES, WARNS, Finding
from megdt_stream.twin.state import Twin

NAME: Final = "professionalism-concern"
KINDS: Final = "co"
PROMPT: Final = "o"
CODES: Final = {"incident": ("incidents",), "rated-below-rest": ("below_milli", "assessors")}


class Terms(contract.Terms):
    """`outcomes` are codes of incidents, each for `window_days`; `competencies` what is compared with all others over
    `periods` of four weeks; limits in thousandths of a level."""

    CODES: ClassVar = CODES
    outcomes: Annotated[list[str], Field(max_length=20)]
    window_days: Annotated[int, Field(ge=1, le=1100)]
    competencies: Annotated[list[str], Field(min_length=1, max_length=20)]
    periods: Annotated[int, Field(ge=1, le=13)]
    assessors: Annotated[int, Field(ge=2, le=20)]
    below_milli: Annotated[int, Field(ge=100, le=4000)]
    clear_milli: Annotated[int, Field(ge=0, le=4000)]


def wakes(twin: Twin, field: str, terms: Terms) -> int:
    """Look promptly at incidents, and at marks where there are assessments enough."""
    if field[0] == "o":
        return PROMPTLY if field.split("|")[1] in terms.outcomes else SLEEPS
    return WAKES if twin.sums.get("k|assessment", (0,))[0] >= terms.assessors else SLEEPS


def judge(twin: Twin, now: int, terms: Terms) -> Finding:
    """Look for incidents, then for what assessors rate below the rest."""
    since = now - terms.window_days * DAY_MS
    incidents = sorted(
        name.rpartition("|")[2]
        for code in set(terms.outcomes)
        for name, slot in twin.slots.get(f"o|{code}", {}).items()
        if slot[0] > since
    )
    if incidents:
        return Finding(WARNS, "incident", {"incidents": len(incidents)}, (), tuple(incidents))
    return _compared(twin, now, terms)


def _compared(twin: Twin, now: int, terms: Terms) -> Finding:
    meant, rest = Rated(), Rated()
    fields = []
    for competency, period, rater, value in marks(twin, now // PERIOD_MS - terms.periods + 1):
        if competency in terms.competencies:
            add(meant, rater, value)
            fields.append(f"c|{competency}|{period}|{rater}")
        else:
            add(rest, rater, value)
    below = sorted(rest[rater][2] // rest[rater][1] - wy // w for rater, (_, w, wy) in meant.items() if rater in rest)
    if len(below) < terms.assessors:
        return Finding(CLEAR, "rated-below-rest")
    mean = sum(below) // len(below)
    # Without the one who says worst, what is left must still say half of it.
    robust = sum(below[:-1]) // (len(below) - 1)
    warns = mean >= terms.below_milli and 2 * robust >= terms.below_milli
    grade = WARNS if warns else HOLDS if mean > terms.clear_milli else CLEAR
    figures = {"below_milli": mean, "assessors": len(below)}
    return Finding(grade, "rated-below-rest", figures, tuple(sorted(fields)))
