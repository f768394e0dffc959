"""Rule `professionalism-concern`: an incident on record, or several assessors who rate it far below all else.

Each assessor is compared with themselves: what they give for professionalism against what they give for everything
else. Severity is the same in both and cancels, so a harsh assessor's low mark is no concern.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
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
_NO_MARK: Final = (0, 0, 0)
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

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """Give what the names of the cells of `competencies` begin with."""
        return tuple(f"c|{name}|" for name in self.competencies)


def wakes(twin: Twin, fields: Sequence[str], terms: Terms) -> int:
    """Look promptly at incidents, and at forms that say what the warning would, where there are enough of them."""
    own = [field for field in fields if field.startswith(terms.fields)]
    if own and twin.sums.get("k|assessment", _NO_MARK)[0] >= terms.assessors and _says(twin, own, fields, terms):
        how = WAKES
    else:
        how = SLEEPS
    return PROMPTLY if any(field[0] == "o" and field.split("|")[1] in terms.outcomes for field in fields) else how


def _says(twin: Twin, own: Sequence[str], fields: Sequence[str], terms: Terms) -> bool:
    """Tell whether what was given here for `competencies` lies below all else, or there is nothing else."""
    weight, level = _added(twin, own)
    others, other_level = _added(twin, [field for field in fields if field[0] == "c"])
    others, other_level = others - weight, other_level - level
    return bool(weight) and (not others or other_level // others - level // weight >= terms.below_milli)


def _added(twin: Twin, fields: Sequence[str]) -> tuple[int, int]:
    found = [twin.sums.get(field, _NO_MARK) for field in fields]
    return sum(w for _, w, _ in found), sum(wy for _, _, wy in found)


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
    for field, competency, _, rater, value in marks(twin, now // PERIOD_MS - terms.periods + 1):
        if competency in terms.competencies:
            add(meant, rater, value)
            fields.append(field)
        else:
            add(rest, rater, value)
    below = sorted(rest[rater][2] // rest[rater][1] - wy // w for rater, (_, w, wy) in meant.items() if rater in rest)
    if len(below) < terms.assessors:
        return Finding(CLEAR, "rated-below-rest")
    mean = sum(below) // len(below)
    # Without the one who says worst, what is left must still say it.
    robust = sum(below[:-1]) // (len(below) - 1)
    warns = robust >= terms.below_milli
    grade = WARNS if warns else HOLDS if mean > terms.clear_milli else CLEAR
    figures = {"below_milli": mean, "assessors": len(below)}
    return Finding(grade, "rated-below-rest", figures, tuple(sorted(fields)))
