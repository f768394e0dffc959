"""Indicator definitions: one calibre, so that two reports of the same name count the same."""

from __future__ import annotations

from typing import Literal

from megdt_stream.evidence.reference.fields import Entry, LocalText, Text


class Indicator(Entry):
    """What is counted over what, when, without whom. An indicator that changes gets a new version."""

    name: LocalText
    numerator: LocalText
    denominator: LocalText
    window: Literal["week", "month", "rotation", "half-year", "academic-year", "cohort"]
    exclusions: LocalText
    unit: Literal["share", "count-per-trainee", "hours", "days", "ratio"]
    direction: Literal["higher-is-better", "lower-is-better", "neither"]
    owner: Text
    source: Text
