"""Quota standards that fit the synthetic hospital: what its ordinary bases offer, less a margin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from megdt_stream.evidence.reference.quotas import QuotaItem, QuotaRotation, QuotaStandard
from megdt_stream.synth.catalogue import POSTGRADUATE, SPECIALTIES, Department, Specialty

CASES_PER_WEEK: Final = 2.0
"""Of the plan that is played (HospitalPlan.cases_per_week)."""
_SEEN_PER_MONTH: Final = CASES_PER_WEEK * 1.2 * 1.1 * 30.44 / 7
"""Cases of a postgraduate trainee in a month: 1.2 times the plan's, a tenth of them double (synth.diary, practice)."""
_MARGIN: Final = 0.6
_MONTHS: Final = 2
"""Of the stays of a year in one department; nothing is told of earlier years, so nothing is owed beyond them."""
_ALL_MONTHS: Final = 36


def standards() -> Mapping[str, QuotaStandard]:
    """Give a standard for each specialty, by `name@version`."""
    return {f"synthetic-{number}@1": _standard(one) for number, one in enumerate(SPECIALTIES, 1)}


def _standard(specialty: Specialty) -> QuotaStandard:
    return QuotaStandard(
        name={"en": specialty.code, "zh": specialty.code},
        stage=POSTGRADUATE,
        programmes=[specialty.code],
        months=_ALL_MONTHS,
        rotations=[_rotation(one) for one in specialty.departments],
        source="the synthetic hospital's own rates",
    )


def _rotation(department: Department) -> QuotaRotation:
    whole = sum(department.cases.values())
    items = [
        QuotaItem(
            code=code,
            name={"en": code, "zh": code},
            kind="case",
            minimum=max(1, int(_MARGIN * _SEEN_PER_MONTH * _MONTHS * share / whole)),
        )
        for code, share in department.cases.items()
    ]
    both = department.code
    return QuotaRotation(department=both, name={"en": both, "zh": both}, months=_MONTHS, items=items)
