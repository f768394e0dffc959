"""Rating scales and their mapping to the common level."""

from __future__ import annotations

from math import floor
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from megdt_stream.evidence.reference.fields import Entry, LocalText, Text, check_once

Bound: TypeAlias = Annotated[float, Field(ge=-1e6, le=1e6)]
MilliLevels: TypeAlias = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]


class Category(Entry):
    """What one value of an ordinal scale says; `label` is what the form prints where that is no number (2a)."""

    value: Bound
    label: Text | None = None
    en: Text
    zh: Text


class Scale(Entry):
    """A rating scale. Levels are thousandths of the common level; `variance` is in squared levels.

    `categories` and `step` describe the form and are not enforced: a score is taken if it lies within the bounds.
    `judgement` is prospective where the assessor says what the trainee may do next, else retrospective.
    """

    name: LocalText
    min: Bound
    max: Bound
    direction: Literal["higher-is-better", "lower-is-better"]
    intercept_milli: MilliLevels
    slope_milli: MilliLevels
    variance: Annotated[float, Field(ge=0.001, le=100)]
    step: Annotated[float, Field(gt=0, le=1e6)] | None = None
    judgement: Literal["prospective", "retrospective"] | None = None
    categories: Annotated[list[Category], Field(min_length=2, max_length=64)] | None = None
    source: Text

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.min >= self.max:
            raise ValueError(f"min {self.min} is not below max {self.max}")
        if (self.slope_milli > 0) != (self.direction == "higher-is-better") or self.slope_milli == 0:
            raise ValueError(f"slope {self.slope_milli} contradicts the direction {self.direction}")
        if self.step is not None and self.step > self.max - self.min:
            raise ValueError(f"step {self.step} is larger than the scale")
        self._check_categories(self.categories or [])
        return self

    def _check_categories(self, categories: list[Category]) -> None:
        values = [category.value for category in categories]
        outside = [value for value in values if not self.holds(value)]
        if outside:
            raise ValueError(f"category {outside[0]:g} is not within {self.min:g} to {self.max:g}")
        check_once(values, "category")
        check_once((category.label for category in categories if category.label is not None), "label")
        if values != sorted(values):
            raise ValueError("categories do not rise")

    def holds(self, value: float) -> bool:
        """Tell whether a score lies on the scale."""
        return self.min <= value <= self.max

    def level(self, value: float) -> int:
        """Map a score to the common level in thousandths.

        Integer arithmetic after the first rounding, so that every implementation gets the same number.
        """
        return self.intercept_milli + (self.slope_milli * floor(value * 1000 + 0.5) + 500) // 1000

    @property
    def weight(self) -> int:
        """Give the information of one score: 1000 / variance, rounded."""
        return floor(1000 / self.variance + 0.5)
