"""All tables of `seeds/rules.toml` beside that of `expected-assessment-overdue`; an unknown one is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, create_model

from megdt_stream.governance import groups, reviews
from megdt_stream.governance.reviews import Review


class Rulebook(NamedTuple):
    """The rules that review a trainee, ready to run in the mirror, and the terms of those about groups, by name."""

    reviews: tuple[Review, ...]
    groups: Mapping[str, Any]


def _model() -> type[BaseModel]:
    kinds: dict[str, type[Any]] = {name: module.Terms for name, module in reviews.BY_NAME.items()}
    kinds |= groups.BY_NAME
    fields: dict[str, Any] = {
        name.replace("-", "_"): (terms | None, Field(default=None, alias=name)) for name, terms in kinds.items()
    }
    return create_model("Tables", __config__=ConfigDict(extra="forbid"), **fields)


_TABLES: Final = _model()


def read(tables: Mapping[str, Any]) -> Rulebook:
    """Check the tables of all rules. Raises `pydantic.ValidationError`, with the table as the first place."""
    _TABLES.model_validate(tables)
    return Rulebook(reviews.reviews(tables), groups.groups(tables))
