"""Outcomes: what an `outcome` code and its results mean. Informative; other codes are taken too."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from megdt_stream.evidence.reference.fields import CodeKey, Entry, LocalText, Text, VersionedId, check_once


class Outcome(Entry):
    """An outcome with the results that are usual for it, and which of those count as adverse.

    `scale` is what its `value` is measured on. The table of a code that ends in `/` speaks for all codes that
    begin so: `remediation/` for `remediation/airway-course`.
    """

    name: LocalText
    aliases: list[CodeKey] = Field(default_factory=list)
    results: Annotated[dict[CodeKey, LocalText], Field(min_length=1)]
    adverse: list[CodeKey] = Field(default_factory=list)
    scale: VersionedId | None = None
    source: Text

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        check_once(self.aliases, "alias")
        check_once(self.adverse, "adverse result")
        unknown = [result for result in self.adverse if result not in self.results]
        if unknown:
            raise ValueError(f"adverse result {unknown[0]} is not among the results {', '.join(self.results)}")
        return self
