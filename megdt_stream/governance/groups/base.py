"""Rules `base-short-of-cases`, `supervision-thin`, `forms-incomplete` and `base-in-decline`, about a specialty base.

Documents tell nothing of fewer than ten trainees, so neither do these rules.
"""

from __future__ import annotations

from math import sqrt
from typing import Annotated, ClassVar, Final

from pydantic import Field

from megdt_stream.governance.groups import contract
from megdt_stream.governance.groups.contract import CLEAR, HOLDS, WARNS, Group, Properties, value

SUPPLY: Final = "base-short-of-cases"
SUPERVISION: Final = "supervision-thin"
COMPLETION: Final = "forms-incomplete"
LINKED: Final = "base-in-decline"


class SupplyTerms(contract.Terms):
    """Percent of the demand over all items that are told, over at least `trainee_months`; surely: by three SD of a
    Poisson count."""

    CODES: ClassVar = {"short": ("share_percent", "items", "of_items")}
    share_percent: Annotated[int, Field(ge=1, le=100)]
    clear_percent: Annotated[int, Field(ge=1, le=100)]
    trainee_months: Annotated[int, Field(ge=1, le=1000)]


class SupervisionTerms(contract.Terms):
    """Active assessors per trainee (thousandths)."""

    CODES: ClassVar = {"thin": ("ratio_milli",)}
    ratio_milli: Annotated[int, Field(ge=1, le=10_000)]


class CompletionTerms(contract.Terms):
    """Percent of the expected forms that came, surely: by the upper end of its interval."""

    CODES: ClassVar = {"incomplete": ("percent",)}
    percent: Annotated[int, Field(ge=1, le=100)]


class LinkedTerms(contract.Terms):
    """So many trainees of a base and percent of them with a warning at once are the base's warning."""

    CODES: ClassVar = {"many-down": ("warned", "trainees")}
    warned: Annotated[int, Field(ge=2, le=100)]
    percent: Annotated[int, Field(ge=1, le=100)]


def supply(base: str, properties: Properties, terms: SupplyTerms) -> Group:
    """Compare what trainees see with what their standard asks for in the months they spent there."""
    told = [
        one["provenance"]
        for name, one in properties.items()
        if name.startswith("supply|") and one.get("value") is not None
    ]
    months = max((one["trainee_months"] for one in told), default=0.0)
    wanted = sum(one["demand"] * one["trainee_months"] for one in told)
    seen = sum(one["seen"] for one in told)
    if not wanted or months < terms.trainee_months:
        return Group("base", base, CLEAR, "short")
    surely = seen + 3 * sqrt(seen + 1)
    grade = WARNS if 100 * surely < terms.share_percent * wanted else HOLDS
    if 100 * seen >= terms.clear_percent * wanted:
        grade = CLEAR
    short = sum(one["ratio"] < 1 for one in told)
    figures = {"share_percent": round(100 * seen / wanted), "items": short, "of_items": len(told)}
    return Group("base", base, grade, "short", figures)


def supervision(base: str, properties: Properties, terms: SupervisionTerms) -> Group:
    """Look at active assessors per trainee."""
    ratio = value(properties, "supervision")
    grade = WARNS if ratio is not None and 1000 * ratio < terms.ratio_milli else CLEAR
    return Group("base", base, grade, "thin", {"ratio_milli": round(1000 * (ratio or 0))})


def completion(base: str, properties: Properties, terms: CompletionTerms) -> Group:
    """Look at the share of expected forms that came."""
    share = value(properties, "completion")
    if share is None:
        return Group("base", base, CLEAR, "incomplete")
    _, high = properties["completion"].get("interval") or (share, share)
    grade = WARNS if 100 * high < terms.percent else CLEAR
    return Group("base", base, grade, "incomplete", {"percent": round(100 * share)})


def linked(base: str, warned: int, trainees: int, terms: LinkedTerms) -> Group:
    """Look how many trainees of a base have a warning of one rule at once: then it is not about them."""
    many = warned >= terms.warned and 100 * warned >= terms.percent * trainees
    return Group("base", base, WARNS if many else CLEAR, "many-down", {"warned": warned, "trainees": trainees})
