"""Interventions as data: target, dose, what it uses, and its effect with a source (`seeds/interventions.toml`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from megdt_stream.evidence.reference.fields import Entry, LocalText, Text

Kind: TypeAlias = Literal[
    "rotation-change",
    "reinforced-supervision",
    "remedial-training",
    "resource-tilt",
    "case-mix-supplement",
    "simulation-training",
]
Resource: TypeAlias = Literal["faculty-hour", "simulator-hour", "case-slot", "rotation-week"]
TargetKind: TypeAlias = Literal["trainees", "base", "department"]
Positive: TypeAlias = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Amount: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Prior(Entry):
    """An external estimate: `mean` with its standard error, and the SD of what a next place may see.

    On `smd` a standardised mean difference of a whole course, on `log-odds` the change of the log-odds of an adverse
    outcome for each unit of the dose.
    """

    scale: Literal["smd", "log-odds"]
    mean: Annotated[float, Field(allow_inf_nan=False)]
    se: Positive
    prediction_sd: Positive
    source: Text

    @model_validator(mode="after")
    def _wider(self) -> Self:
        if self.prediction_sd < self.se:
            raise ValueError("prediction_sd is below se: a next place cannot be better known than the mean")
        return self


class LocalOnly(Entry):
    """That no external estimate exists; `direction` where reviews agree on that much."""

    local_only: Literal[True]
    direction: Literal["beneficial", "harmful"] | None = None
    source: Text


class Dose(Entry):
    """In what an intervention is dosed, how much is usual, and the `most` that is taken for meant."""

    unit: Text
    default: Positive
    most: Positive

    @model_validator(mode="after")
    def _within(self) -> Self:
        if self.default > self.most:
            raise ValueError("default is more than most")
        return self


class Intervention(Entry):
    """A kind of intervention; `weeks` is how long it usually runs, `weekly` that the dose is one of each week."""

    name: LocalText
    targets: Annotated[list[TargetKind], Field(min_length=1)]
    dose: Dose
    weeks: Annotated[int, Field(ge=1, le=260)]
    weekly: bool = False
    per_dose: Annotated[dict[Resource, Positive], Field(min_length=1)]
    effect: Prior | LocalOnly

    @property
    def prior(self) -> Prior | None:
        """Give the external estimate; None where there is none."""
        return self.effect if isinstance(self.effect, Prior) else None

    def used(self, dose: float, weeks: int) -> dict[str, float]:
        """Give what is used for one trainee (for a tilt: in all) by resource, over the whole duration."""
        times = dose * weeks if self.weekly else dose
        return {resource: amount * times for resource, amount in self.per_dose.items()}


class Prices(Entry):
    """What a unit of each resource costs."""

    currency: Text
    units: dict[Resource, Amount]
    source: Text


class Uncertain(Entry):
    """A quantity with its standard deviation."""

    mean: Positive
    sd: Positive
    source: Text


class Hours(Entry):
    """Hours of a trainee's week that no case fills, for each case, and of a teacher for full feedback."""

    fixed: Annotated[float, Field(ge=0, lt=168)]
    per_case: Positive
    feedback: Positive
    source: Text


class RiskPrior(Entry):
    """How failure depends on the distance to the target, before outcomes of the site say more.

    `at_target` is the share that fails exactly there, `slope` the log-odds for each level below it; `shift_sd` is how
    far cohorts differ (log-odds).
    """

    at_target: Annotated[float, Field(gt=0, lt=1)]
    at_target_sd: Positive
    slope: Positive
    slope_sd: Positive
    shift_sd: Amount
    source: Text


class DynamicsPrior(Entry):
    """What the weekly dynamics assume beside what is estimated of a site."""

    practice: Uncertain
    forgetting: Uncertain
    hours: Hours
    risk: RiskPrior


class Committed(Entry):
    """What a trainee takes in a week of what resource twins count, by their unit, and how far ahead advice books."""

    per_trainee: dict[Literal["hours-per-week", "slots-per-week"], Amount]
    weeks: Annotated[int, Field(ge=1, le=12)]
    source: Text


class Interventions(Entry):
    """All of `seeds/interventions.toml`."""

    version: Annotated[int, Field(ge=1)]
    prices: Prices
    committed: Committed
    feedback: Prior
    dynamics: DynamicsPrior
    kinds: dict[Kind, Intervention]

    @model_validator(mode="after")
    def _priced(self) -> Self:
        for kind, one in self.kinds.items():
            for resource in one.per_dose:
                if resource not in self.prices.units:
                    raise ValueError(f"kind {kind} uses {resource}, which has no price")
        if self.feedback.scale != "smd":
            raise ValueError("feedback is on the scale smd")
        return self

    @classmethod
    def from_tables(cls, tables: Mapping[str, Any]) -> Self:
        """Check the file's tables. Raises `pydantic.ValidationError`."""
        return cls.model_validate(tables)
