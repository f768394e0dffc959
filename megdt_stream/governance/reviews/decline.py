"""Rule `trainee-in-decline`: several assessors together see less than several did before.

Severity is not known where rules run, so its spread is part of the uncertainty, every assessor counts once, and the
drop must remain without the one who says least now and without the one who said most before: no harsh assessor, no
lenient one and no single form makes a decline. (With severities known, `megdt twin show` tells levels without them.)
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist
from typing import Annotated, ClassVar, Final

from pydantic import Field

from megdt_stream.evidence.record import PERIOD_MS
from megdt_stream.governance.reviews import contract
from megdt_stream.governance.reviews.cells import Rated, add, forms_fell, marks, root, window, without
from megdt_stream.governance.reviews.contract import CLEAR, HOLDS, NOTHING, SLEEPS, WAKES, WARNS, Finding
from megdt_stream.twin.state import Twin

NAME: Final = "trainee-in-decline"
KINDS: Final = "c"
CODES: Final = {
    "level-fell": (
        "drop_milli",
        "sd_milli",
        "before_milli",
        "now_milli",
        "assessors",
        "assessors_before",
        "margin_milli",
    )
}
_Z80: Final = 1282
"""Half width of an 80 % interval in thousandths of a standard deviation."""


class Terms(contract.Terms):
    """Windows in periods of four weeks, limits in thousandths of a level, `z_tenths` in tenths of an SD."""

    CODES: ClassVar = CODES
    late_periods: Annotated[int, Field(ge=1, le=6)]
    early_periods: Annotated[int, Field(ge=1, le=26)]
    assessors: Annotated[int, Field(ge=2, le=20)]
    drop_milli: Annotated[int, Field(ge=100, le=4000)]
    clear_milli: Annotated[int, Field(ge=0, le=4000)]
    z_tenths: Annotated[int, Field(ge=10, le=60)]
    rater_sd_milli: Annotated[int, Field(ge=0, le=3000)]
    mark_sd_milli: Annotated[int, Field(ge=1, le=3000)]


def wakes(twin: Twin, fields: Sequence[str], terms: Terms) -> int:
    """Look once as many more assessments have come as both windows need."""
    n = twin.sums.get("k|assessment", (0,))[0]
    return WAKES if n and n % (2 * terms.assessors) == 0 and any(name[0] == "c" for name in fields) else SLEEPS


def judge(twin: Twin, now: int, terms: Terms) -> Finding:
    """Compare what assessors say in the latest periods with what they said before.

    `margin_milli`: how severe a single assessor can be without the warning needing it.
    """
    turn = now // PERIOD_MS - terms.late_periods
    first = turn - terms.early_periods + 1
    if not forms_fell(twin, first, turn + 1, terms.clear_milli):
        return NOTHING
    late: Rated = {}
    early: Rated = {}
    fields = []
    for field, _, period, rater, value in marks(twin, first):
        add(late if period > turn else early, rater, value)
        if period > turn:
            fields.append(field)
    if len(late) < terms.assessors or len(early) < terms.assessors:
        return NOTHING
    ago, lately = (window(rated, terms.rater_sd_milli, terms.mark_sd_milli) for rated in (early, late))
    drop, variance = ago.mean - lately.mean, ago.variance + lately.variance
    sd = root(variance)
    half = _Z80 * sd // 1000
    robust = min(ago.mean - without(lately.means, True), without(ago.means, False) - lately.mean)
    k = len(late)
    # An assessor among k pulls the mean down by a kth of the severity, the mean without one by no more than a (k-1)th.
    margin = min(k * (drop - terms.drop_milli), (k - 1) * (robust - terms.z_tenths * sd // 10))
    figures = {
        "drop_milli": drop,
        "sd_milli": sd,
        "before_milli": ago.mean,
        "now_milli": lately.mean,
        "assessors": k,
        "assessors_before": len(early),
        "margin_milli": margin,
    }
    warns = drop >= terms.drop_milli and robust > 0 and 100 * robust**2 >= terms.z_tenths**2 * variance
    grade = WARNS if warns else HOLDS if drop > terms.clear_milli else CLEAR
    chance = round(NormalDist().cdf(drop / max(sd, 1)), 3)
    return Finding(grade, "level-fell", figures, tuple(sorted(fields)), (), (drop - half, drop + half), chance)
