"""What can be read off a twin: where a trainee stands, how sure that is, and what it rests on.

Pure: a twin, the declared assumptions and the norms in, plain values out. An estimate always has its interval and
what it rests on; bare numbers are counts. `reading` tells what a twin says by itself, `comparison` what comes of
holding that against targets, quotas and what is due, `document` both as data for JSON. Levels are estimated behind
`levels.estimate` and nowhere else. No store, no clock, no drawing of tables, nothing about groups of trainees; and
nothing here is stored: all of it follows from the fields of the twin (docs/records.md, section 3).
"""

from megdt_stream.evidence.times import rfc3339
from megdt_stream.twin.view.comparison import Comparison, compare
from megdt_stream.twin.view.document import document
from megdt_stream.twin.view.estimation import Assumption, Estimation
from megdt_stream.twin.view.facts import Counted, Enrolment, Expected, Exposure, OpenWarning, Outcome, Rotation
from megdt_stream.twin.view.levels import (
    Cell,
    Course,
    Estimate,
    Estimator,
    Growth,
    Level,
    Line,
    cells,
    estimate,
    growth,
    level,
)
from megdt_stream.twin.view.norms import Norms
from megdt_stream.twin.view.reading import TwinView, read

__all__ = [
    "Assumption",
    "Cell",
    "Comparison",
    "Counted",
    "Course",
    "Enrolment",
    "Estimate",
    "Estimation",
    "Estimator",
    "Expected",
    "Exposure",
    "Growth",
    "Level",
    "Line",
    "Norms",
    "OpenWarning",
    "Outcome",
    "Rotation",
    "TwinView",
    "cells",
    "compare",
    "document",
    "estimate",
    "growth",
    "level",
    "read",
    "rfc3339",
]
