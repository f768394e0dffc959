"""Instruments: the forms and examinations that an assessment names. Informative; other codes are taken too."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from megdt_stream.evidence.reference.fields import CodeKey, Entry, LocalText, Stage, Text, VersionedId, check_once


class Instrument(Entry):
    """A form or examination, the scales it is used with, and the stages of training that use it."""

    name: LocalText
    aliases: list[CodeKey] = Field(default_factory=list)
    kind: Literal["workplace", "multi-source", "exam", "report", "committee", "self", "coursework"]
    scales: Annotated[list[VersionedId], Field(min_length=1)]
    stages: Annotated[list[Stage], Field(min_length=1)]
    source: Text

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        check_once(self.aliases, "alias")
        check_once(self.scales, "scale")
        check_once(self.stages, "stage")
        return self
