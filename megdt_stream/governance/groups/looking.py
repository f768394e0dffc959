"""Which rules look at which document: one place for a running system and for an evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from megdt_stream.governance.groups import assessor, base
from megdt_stream.governance.groups.contract import Found, Group, Properties
from megdt_stream.governance.groups.registry import Groups

Judge = Callable[[str, Properties, Any], Group]


BY_KIND: Final[Mapping[str, Mapping[str, Judge]]] = {
    "faculty": {
        assessor.OUTLIER: assessor.outlier,
        assessor.OVERLOADED: assessor.overloaded,
        assessor.LATE: assessor.late,
    },
    "base": {base.SUPPLY: base.supply, base.SUPERVISION: base.supervision, base.COMPLETION: base.completion},
}
"""Rules by the kind of entity whose document they judge."""


def look(kind: str, id_: str, properties: Properties, terms: Groups) -> Iterator[Found]:
    """Let the rules about a kind judge a document's properties (docs/entities.md); those switched off say nothing."""
    for rule, judge in BY_KIND[kind].items():
        if rule in terms:
            yield Found(rule, judge(id_, properties, terms[rule]))
