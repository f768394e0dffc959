"""Rules `assessor-outlier`, `assessor-overloaded` and `feedback-late`, from the document of a teacher.

Severity is estimated with each trainee's level and the other assessors of the same trainees taken into account; it is a
reason to talk about standards, not a fault: a strict assessor may be the one who is right.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

from pydantic import Field

from megdt_stream.governance.groups import contract
from megdt_stream.governance.groups.contract import CLEAR, HOLDS, WARNS, Group, Properties, milli, value

OUTLIER: Final = "assessor-outlier"
OVERLOADED: Final = "assessor-overloaded"
LATE: Final = "feedback-late"
_FIGURES: Final = ("severity_milli", "at_most_milli", "competencies")
CODES: Final = {"severe": _FIGURES, "lenient": _FIGURES}


class OutlierTerms(contract.Terms):
    """`beyond_milli`: how far from the others on average over competencies; the intervals of at least `competencies` of
    them are to lie beyond half of it. `at_most_milli` in figures: the mean of their far ends."""

    CODES: ClassVar = CODES
    beyond_milli: Annotated[int, Field(ge=100, le=4000)]
    clear_milli: Annotated[int, Field(ge=0, le=4000)]
    competencies: Annotated[int, Field(ge=1, le=20)]


class OverloadedTerms(contract.Terms):
    """Forms in four weeks, or trainees supervised at once."""

    CODES: ClassVar = {"overloaded": ("forms", "supervises")}
    forms: Annotated[int, Field(ge=1, le=1000)]
    supervises: Annotated[int, Field(ge=1, le=1000)]


class LateTerms(contract.Terms):
    """Mean hours from what was observed to the feedback, over at least `timed` feedbacks."""

    CODES: ClassVar = {"late": ("hours", "timed")}
    hours: Annotated[int, Field(ge=1, le=2000)]
    timed: Annotated[int, Field(ge=1, le=1000)]


def outlier(assessor: str, properties: Properties, terms: OutlierTerms) -> Group:
    """Look whether an assessor is far stricter or more lenient than those who rate the same trainees."""
    known = [
        (one["value"], one["interval"])
        for name, one in properties.items()
        if name.startswith("severity|") and one.get("value") is not None
    ]
    if not known:
        return Group("faculty", assessor, CLEAR, "severe")
    mean = sum(found for found, _ in known) / len(known)
    half = terms.beyond_milli / 2000
    sure = sum(low > half if mean > 0 else high < -half for _, (low, high) in known)
    size = abs(milli(mean))
    warns = size >= terms.beyond_milli and sure >= terms.competencies
    grade = WARNS if warns else HOLDS if size > terms.clear_milli else CLEAR
    far = sum(high if mean > 0 else -low for _, (low, high) in known) / len(known)
    figures = {"severity_milli": size, "at_most_milli": milli(far), "competencies": sure}
    return Group("faculty", assessor, grade, "severe" if mean > 0 else "lenient", figures)


def overloaded(assessor: str, properties: Properties, terms: OverloadedTerms) -> Group:
    """Look at forms in four weeks and trainees at once."""
    forms, trainees = (value(properties, name) or 0 for name in ("load|forms", "supervises"))
    grade = WARNS if forms > terms.forms or trainees > terms.supervises else CLEAR
    return Group("faculty", assessor, grade, "overloaded", {"forms": round(forms), "supervises": round(trainees)})


def late(assessor: str, properties: Properties, terms: LateTerms) -> Group:
    """Look how long feedback takes."""
    hours = value(properties, "feedback|hours")
    timed = 0 if hours is None else properties["feedback|hours"]["provenance"]["timed"]
    grade = WARNS if hours is not None and hours > terms.hours and timed >= terms.timed else CLEAR
    return Group("faculty", assessor, grade, "late", {"hours": round(hours or 0), "timed": timed})
