"""Rule `form-drift`: marks on one instrument shifted against all other marks of the same trainees.

For each trainee with marks on the instrument and on others both before and after, the change of the difference
(difference in differences): a trainee's growth and level cancel, what is left is the form, or how it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from math import sqrt
from typing import Annotated, ClassVar, Final, NamedTuple

from pydantic import Field

from megdt_stream.governance.groups import contract
from megdt_stream.governance.groups.contract import CLEAR, HOLDS, WARNS, Group, milli

NAME: Final = "form-drift"
CODES: Final = {"shifted-down": ("shift_milli", "trainees"), "shifted-up": ("shift_milli", "trainees")}


class Terms(contract.Terms):
    """Shift in thousandths of a level, at least `z_tenths` tenths of its standard error, over so many trainees."""

    CODES: ClassVar = CODES
    shift_milli: Annotated[int, Field(ge=100, le=4000)]
    clear_milli: Annotated[int, Field(ge=0, le=4000)]
    z_tenths: Annotated[int, Field(ge=20, le=100)]
    trainees: Annotated[int, Field(ge=5, le=1000)]


class Marked(NamedTuple):
    """A trainee's mean level (levels) on the instrument and on all others, before and lately."""

    own_before: float
    others_before: float
    own_lately: float
    others_lately: float

    @property
    def shift(self) -> float:
        """Give by how much the instrument moved against the others."""
        return (self.own_lately - self.others_lately) - (self.own_before - self.others_before)


def judge(instrument: str, marked: Iterable[Marked], terms: Terms) -> Group:
    """Test whether the instrument's marks moved."""
    shifts = [one.shift for one in marked]
    n = len(shifts)
    if n < terms.trainees:
        return Group("instrument", instrument, CLEAR, "shifted-down")
    mean = sum(shifts) / n
    error = sqrt(sum((one - mean) ** 2 for one in shifts) / (n - 1) / n)
    size = abs(mean)
    warns = 1000 * size >= terms.shift_milli and 10 * size >= terms.z_tenths * error
    grade = WARNS if warns else HOLDS if 1000 * size > terms.clear_milli else CLEAR
    figures = {"shift_milli": abs(milli(mean)), "trainees": n}
    return Group("instrument", instrument, grade, "shifted-down" if mean < 0 else "shifted-up", figures)


def sift(
    instruments: Iterable[str], marked: Callable[[str, Container[str]], Iterable[Marked]], terms: Terms
) -> list[Group]:
    """Judge all instruments; `marked` gives the levels of one, the others without some.

    What shifted most comes first and is left out of what the rest is compared with: else every other form would seem to
    have moved the other way.
    """
    left, out = sorted(instruments), set[str]()
    found: list[Group] = []
    while left:
        judged = [judge(name, marked(name, out), terms) for name in left]
        first = max(judged, key=lambda one: (one.grade, one.figures.get("shift_milli", 0), one.id))
        if first.grade != WARNS:
            return found + judged
        found.append(first)
        out.add(first.id)
        left.remove(first.id)
    return found
