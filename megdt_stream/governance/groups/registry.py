"""Which rules about groups there are, with their tables in `seeds/rules.toml`; an absent table switches one off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from megdt_stream.governance.groups import assessor, base, drift, model, quota, risk, silence
from megdt_stream.governance.groups.contract import Terms

BY_NAME: Final[Mapping[str, type[Terms]]] = {
    silence.NAME: silence.Terms,
    assessor.OUTLIER: assessor.OutlierTerms,
    assessor.OVERLOADED: assessor.OverloadedTerms,
    assessor.LATE: assessor.LateTerms,
    base.SUPPLY: base.SupplyTerms,
    base.SUPERVISION: base.SupervisionTerms,
    base.COMPLETION: base.CompletionTerms,
    base.LINKED: base.LinkedTerms,
    drift.NAME: drift.Terms,
    quota.NAME: quota.Terms,
    risk.NAME: risk.Terms,
    model.DRIFT: model.DriftTerms,
    model.SWITCHED: model.SwitchedTerms,
}

Groups = Mapping[str, Any]
"""Terms by rule."""


def groups(tables: Mapping[str, Any]) -> Groups:
    """Check the tables of the rules here. Raises `pydantic.ValidationError`."""
    return {name: terms.model_validate(tables[name]) for name, terms in BY_NAME.items() if name in tables}
