"""Reference data: what the words of an event mean.

The tables of `seeds/`, parsed elsewhere (nothing here opens a file) and checked here.
"""

from megdt_stream.evidence.reference.competencies import Competency, Framework
from megdt_stream.evidence.reference.fields import LocalText
from megdt_stream.evidence.reference.indicators import Indicator
from megdt_stream.evidence.reference.instruments import Instrument
from megdt_stream.evidence.reference.library import Contradiction, Library
from megdt_stream.evidence.reference.lookup import Reference
from megdt_stream.evidence.reference.outcomes import Outcome
from megdt_stream.evidence.reference.quotas import QuotaItem, QuotaRotation, QuotaStandard
from megdt_stream.evidence.reference.scales import Category, Scale
from megdt_stream.evidence.reference.targets import StageTarget, Targets, WorkloadLimit

__all__ = [
    "Category",
    "Competency",
    "Contradiction",
    "Framework",
    "Indicator",
    "Instrument",
    "Library",
    "LocalText",
    "Outcome",
    "QuotaItem",
    "QuotaRotation",
    "QuotaStandard",
    "Reference",
    "Scale",
    "StageTarget",
    "Targets",
    "WorkloadLimit",
]
