"""Reference data the contract needs: rating scales and their mapping to the common level.

Values come from `seeds/scales.toml`, parsed elsewhere (this module opens nothing) and checked here.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import floor
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

LocalText: TypeAlias = Annotated[dict[Literal["en", "zh"], Annotated[str, Field(min_length=1)]], Field(min_length=2)]
"""A text in both languages."""

Bound: TypeAlias = Annotated[float, Field(ge=-1e6, le=1e6)]
MilliLevels: TypeAlias = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]


class Scale(BaseModel):
    """A rating scale. Levels are thousandths of the common level; `variance` is in squared levels."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: LocalText
    min: Bound
    max: Bound
    direction: Literal["higher-is-better", "lower-is-better"]
    intercept_milli: MilliLevels
    slope_milli: MilliLevels
    variance: Annotated[float, Field(ge=0.001, le=100)]
    source: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.min >= self.max:
            raise ValueError(f"min {self.min} is not below max {self.max}")
        if (self.slope_milli > 0) != (self.direction == "higher-is-better") or self.slope_milli == 0:
            raise ValueError(f"slope {self.slope_milli} contradicts the direction {self.direction}")
        return self

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


_SCALES: Final = TypeAdapter(dict[str, Scale])


class Reference:
    """All scales by id, with what intake needs of each precomputed."""

    __slots__ = ("_weights", "scales")

    def __init__(self, scales: Mapping[str, Scale]) -> None:
        """Take checked scales; weights are computed once."""
        self.scales: Mapping[str, Scale] = MappingProxyType(dict(scales))
        self._weights = {name: scale.weight for name, scale in scales.items()}

    @classmethod
    def from_tables(cls, scales: Mapping[str, Any]) -> Reference:
        """Check the tables of `seeds/scales.toml`.

        Raises `pydantic.ValidationError` naming the table and field that is wrong.
        """
        return cls(_SCALES.validate_python(scales))

    def weight(self, scale: str) -> int:
        """Give the weight of one score on a known scale."""
        return self._weights[scale]
