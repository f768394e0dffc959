"""Rule `quota-projected-short`: at the rate so far, too many items of the quota will not be reached.

From the projection of `twin.view.quota` (a gamma-Poisson count for what is to come, with its interval): the
probability that an item stays below its minimum. One warning a trainee, the surest items first. It rests on floating
point and on the quota standards and therefore does not run in the mirror, whose decisions the checker repeats exactly.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

from pydantic import Field

from megdt_stream.evidence.times import DAY_MS
from megdt_stream.governance.groups import contract
from megdt_stream.governance.groups.contract import CLEAR, HOLDS, WARNS, Group, milli
from megdt_stream.twin.view.quota import Coverage

NAME: Final = "quota-projected-short"


class Terms(contract.Terms):
    """So many items below their minimum with at least this probability, after `observed_days` in their department."""

    CODES: ClassVar = {"short": ("items", "probability_milli")}
    items: Annotated[int, Field(ge=1, le=100)]
    probability_milli: Annotated[int, Field(ge=500, le=1000)]
    observed_days: Annotated[int, Field(ge=7, le=1000)]


def judge(trainee: str, found: Coverage | None, terms: Terms, base: str | None = None) -> Group:
    """Count the items that are projected short, of departments whose rate is known."""
    short = [
        (one.projection.short, one.item.code)
        for one in (found.items if found is not None else ())
        if one.projection is not None
        and one.projection.span.observed >= terms.observed_days * DAY_MS
        and one.done < one.item.minimum
        and 1000 * one.projection.short >= terms.probability_milli
    ]
    short.sort(key=lambda one: (-one[0], one[1]))
    grade = WARNS if len(short) >= terms.items else HOLDS if short else CLEAR
    least = milli(short[min(len(short), terms.items) - 1][0]) if short else 0
    figures = {"items": len(short), "probability_milli": least}
    return Group("trainee", trainee, grade, "short", figures, tuple(code for _, code in short), base)
