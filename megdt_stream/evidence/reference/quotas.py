"""Quota standards: how much of what a trainee has to see and do, rotation by rotation (病种及例数, 技能操作及例数)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from megdt_stream.evidence.reference.fields import CodeKey, Entry, LocalText, Stage, Text, check_once


class QuotaItem(Entry):
    """A disease, procedure or simulation with its minimum count.

    `code` is the `item` of exposures. `role` is the least a trainee has to do for a procedure to count, in the
    order observed, assisted, performed.
    """

    code: CodeKey
    name: LocalText
    kind: Literal["case", "procedure", "simulation"]
    minimum: Annotated[int, Field(ge=1, le=10_000)]
    role: Literal["observed", "assisted", "performed"] | None = None

    @model_validator(mode="after")
    def _role_where_it_matters(self) -> Self:
        if self.kind == "procedure" and self.role is None:
            raise ValueError(f"procedure {self.code} names no role")
        if self.kind != "procedure" and self.role is not None:
            raise ValueError(f"{self.kind} {self.code} takes no role")
        return self


class QuotaRotation(Entry):
    """A rotation department, its months, and what has to be seen and done there.

    `source` is given where the counts have a better one than the standard as a whole.
    """

    department: CodeKey
    name: LocalText
    months: Annotated[float, Field(gt=0, le=120)]
    source: Text | None = None
    items: Annotated[list[QuotaItem], Field(min_length=1)]


class QuotaStandard(Entry):
    """A programme's quota; `programmes` are the codes of enrolments that it holds for.

    `months` is the whole training; what the rotations leave of it is elective.
    """

    name: LocalText
    stage: Stage
    programmes: Annotated[list[CodeKey], Field(min_length=1)]
    months: Annotated[float, Field(gt=0, le=120)]
    rotations: Annotated[list[QuotaRotation], Field(min_length=1)]
    source: Text

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        check_once(self.programmes, "programme")
        check_once((rotation.department for rotation in self.rotations), "department")
        check_once((item.code for item in self.items()), "item")
        planned = sum(rotation.months for rotation in self.rotations)
        if planned > self.months:
            raise ValueError(f"the rotations take {planned:g} months, the training {self.months:g}")
        return self

    def items(self) -> Iterator[QuotaItem]:
        """Give all items, in the order of the rotations."""
        return (item for rotation in self.rotations for item in rotation.items)
