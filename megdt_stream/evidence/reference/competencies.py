"""Competency frameworks: the codes that scores are given for, and what they correspond to elsewhere."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from megdt_stream.evidence.reference.fields import CodeKey, Entry, LocalText, Text


class Competency(Entry):
    """One competency; `maps_to` is the code of another framework that comes closest."""

    name: LocalText
    maps_to: CodeKey | None = None


class Framework(Entry):
    """A competency framework: code -> competency."""

    name: LocalText
    competencies: Annotated[dict[CodeKey, Competency], Field(min_length=1)]
    source: Text
