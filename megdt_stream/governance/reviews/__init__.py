"""Rules that look a person's twin over now and then, one module each, and the registry of them.

A rule's module has `NAME`, `KINDS` (kinds of fields that it looks at),
`wakes(twin, fields, terms)` (whether a record that changed these fields makes a look due, and how soon), `CODES` (what
it may say, with the figures of each), `Terms` (its table in `seeds/rules.toml`) and `judge(twin, now, terms)`, a pure
function of the twin's fields and the time in integers, so that the checker reaches the same decision by itself.
docs/warnings.md tells how to add one. Here is no order of events, no notice and nothing about groups of trainees.
"""

from megdt_stream.governance.reviews.contract import (
    CLEAR,
    HOLDS,
    PROMPTLY,
    SLEEPS,
    WAKES,
    WARNS,
    Finding,
    Review,
    Terms,
)
from megdt_stream.governance.reviews.registry import BY_NAME, LOOKED_AT, RULES, reviews

__all__ = [
    "BY_NAME",
    "CLEAR",
    "HOLDS",
    "LOOKED_AT",
    "PROMPTLY",
    "RULES",
    "SLEEPS",
    "WAKES",
    "WARNS",
    "Finding",
    "Review",
    "Terms",
    "reviews",
]
