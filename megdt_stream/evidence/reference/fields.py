"""What the tables of reference data have in common."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

# What `events.Code` takes, with an error for people who write tables.
_CODE: Final = re.compile(r"[^\s\uFEFF|\x00-\x1f\x7f]{1,64}")
_VERSIONED: Final = re.compile(r"[^\s\uFEFF|@\x00-\x1f\x7f]{1,56}@[1-9][0-9]{0,4}")


class Entry(BaseModel):
    """A table of reference data: nothing unknown, nothing converted."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _is_code(text: str) -> str:
    if not _CODE.fullmatch(text):
        raise ValueError(f"{text!r} is no code: 1 to 64 characters, no white space, no |")
    return text


def _is_versioned(text: str) -> str:
    if not _VERSIONED.fullmatch(text):
        raise ValueError(f"{text!r} is not of the form name@version, such as mini-cex@1")
    return text


Text: TypeAlias = Annotated[str, StringConstraints(pattern=r"\S")]
"""A text that says something: sources, owners."""

LocalText: TypeAlias = Annotated[dict[Literal["en", "zh"], Annotated[str, Field(min_length=1)]], Field(min_length=2)]
"""A text in both languages."""

CodeKey: TypeAlias = Annotated[str, AfterValidator(_is_code)]
"""A code as events carry it."""

VersionedId: TypeAlias = Annotated[str, AfterValidator(_is_versioned)]
"""`name@version`: what changes its meaning gets a new version, so that old evidence keeps the old one."""

Stage: TypeAlias = Literal["medical-school", "postgraduate", "continuing"]


def name_of(versioned: str) -> str:
    """Give the part before the version."""
    return versioned.partition("@")[0]


def check_once(keys: Iterable[Hashable], what: str) -> None:
    """See that no key is repeated. Raises ValueError naming the first that is."""
    seen: set[Hashable] = set()
    for key in keys:
        if key in seen:
            raise ValueError(f"{what} {key} stands twice")
        seen.add(key)
