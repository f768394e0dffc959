"""Targets: which level is wanted by when, and from where on something is called weak, short or too much."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from megdt_stream.evidence.reference.fields import Entry, LocalText, Stage, Text

Level = Annotated[float, Field(ge=0, le=5)]
"""A level on the common scale."""

Probability = Annotated[float, Field(gt=0.5, lt=1)]
"""From where on something counts as so; below a half the contrary would be likelier."""


class StageTarget(Entry):
    """What is wanted in a stage: one `level`, or a line from `entry` through the end of each year of training."""

    name: LocalText
    level: Level | None = None
    entry: Level | None = None
    by_year: Annotated[list[Level], Field(min_length=1, max_length=15)] | None = None
    source: Text

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.level is None) == (self.by_year is None):
            raise ValueError("states either level, or entry and by_year")
        if (self.entry is None) != (self.by_year is None):
            raise ValueError("entry and by_year go together")
        line = [level for level in (self.entry, *(self.by_year or ())) if level is not None]
        if line != sorted(line):
            raise ValueError("by_year falls")
        return self

    @property
    def years(self) -> int | None:
        """Give how many years of training the line has; None where the target is one level."""
        return None if self.by_year is None else len(self.by_year)

    def wanted(self, years: float | None) -> float | None:
        """Give the level wanted after so many years of training (at least 0).

        Straight between the ends of years, the last one after that. None where it depends on the time in training and
        that is None.
        """
        if self.by_year is None or self.entry is None:
            return self.level
        if years is None:
            return None
        line = [self.entry, *self.by_year]
        year = min(int(years), len(self.by_year) - 1)
        share = min(1.0, years - year)
        return line[year] + share * (line[year + 1] - line[year])


class Threshold(Entry):
    """From which probability on something is called so."""

    probability: Probability
    source: Text


class WorkloadLimit(Entry):
    """More than `hours` a week on average over `weeks` is too much."""

    hours: Annotated[float, Field(gt=0, le=168)]
    weeks: Annotated[int, Field(ge=1, le=8)]
    source: Text


class Targets(Entry):
    """All of `seeds/targets.toml`; a stage without a table has no target, no `workload` means no limit."""

    version: Annotated[int, Field(ge=1)]
    stages: dict[Stage, StageTarget]
    weak: Threshold
    quota: Threshold
    workload: WorkloadLimit | None = None

    @classmethod
    def from_tables(cls, tables: Mapping[str, Any]) -> Self:
        """Check the file's tables. Raises `pydantic.ValidationError`."""
        return cls.model_validate(tables)
