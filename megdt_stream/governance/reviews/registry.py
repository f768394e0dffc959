"""Which rules there are, and their tables in `seeds/rules.toml`. A rule whose table is absent does not run."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any, Final

from megdt_stream.governance.reviews import decline, duty, professionalism
from megdt_stream.governance.reviews.contract import Review

RULES: Final[tuple[ModuleType, ...]] = (duty, professionalism, decline)
BY_NAME: Final[Mapping[str, ModuleType]] = {module.NAME: module for module in RULES}


LOOKED_AT: Final = frozenset("d").union(*(module.KINDS for module in RULES))
"""Kinds of fields that some rule looks at, decisions on warnings among them."""


def reviews(tables: Mapping[str, Any]) -> tuple[Review, ...]:
    """Check the tables of the rules here and make them ready, by name. Raises `pydantic.ValidationError`."""
    return tuple(
        Review(name, module.KINDS, module.Terms.model_validate(tables[name]), module.wakes, module.judge)
        for name, module in sorted(BY_NAME.items())
        if name in tables
    )
