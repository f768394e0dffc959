"""What an estimate assumes beside the scores: the tables of `seeds/estimation.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import NormalDist
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field


class Assumption(BaseModel):
    """A number that no score told, with where it comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Annotated[str, Field(min_length=1)]


class _Rater(Assumption):
    variance: Annotated[float, Field(gt=0, le=4)]


class _Window(Assumption):
    periods: Annotated[int, Field(ge=1, le=1000)]


class _Interval(Assumption):
    coverage: Annotated[float, Field(gt=0.5, lt=1)]


class Estimation(BaseModel):
    """The assumptions of an estimate, from `seeds/estimation.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rater: _Rater
    window: _Window
    interval: _Interval

    @classmethod
    def from_tables(cls, tables: Mapping[str, Any]) -> Self:
        """Check the file's tables. Raises `pydantic.ValidationError`."""
        return cls.model_validate(tables)

    @property
    def z(self) -> float:
        """Give the half width of the interval in standard deviations."""
        return NormalDist().inv_cdf(0.5 + self.interval.coverage / 2)
