"""What rules about groups have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from megdt_stream.governance.reviews.contract import Wording

WARNS: Final = 2
HOLDS: Final = 1
CLEAR: Final = 0


class Terms(Wording):
    """The common part of the table of a rule about groups."""


class Group(NamedTuple):
    """What a rule says of an entity: `kind` and `id` name it; grades and figures are those of `reviews.Finding`.

    `names` say more, such as the items that are short; `base` is where a trainee is. `probability` with its 80 %
    `interval` and `model` (`name`, `version`) are of what a model says.
    """

    kind: str
    id: str
    grade: int
    code: str
    figures: Mapping[str, int] = {}
    names: tuple[str, ...] = ()
    base: str | None = None
    probability: float | None = None
    interval: tuple[float, float] | None = None
    model: Mapping[str, str] | None = None


class Found(NamedTuple):
    """What a rule says of an entity."""

    rule: str
    group: Group


Properties = Mapping[str, Mapping[str, Any]]


def value(properties: Properties, name: str) -> float | None:
    """Give a property's value; None where it is absent, suppressed or not known."""
    found = properties.get(name)
    told: float | None = None if found is None else found.get("value")
    return told


def milli(number: float) -> int:
    """Give a number in thousandths, rounded."""
    return round(1000 * number)
