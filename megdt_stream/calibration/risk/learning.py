"""Learn events: what a trainer is told, as plain JSON, and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from megdt_stream.calibration.risk.vocabulary import VERSION


class Frozen(NamedTuple):
    """A prediction was made: whose (`key`, in which `cohort` and `group`), when (ms), at which features."""

    cohort: str
    key: str
    group: str
    at: int
    features: tuple[float, ...]


class Known(NamedTuple):
    """An outcome became known. It is learnt when its cohort closes; a later one takes its place until then."""

    cohort: str
    key: str
    adverse: bool


class Intervened(NamedTuple):
    """Somebody acted on the prediction (ms): the outcome is no longer the one that was predicted."""

    cohort: str
    key: str
    at: int


class Left(NamedTuple):
    """Somebody left (ms): what the weekly hazard learns."""

    cohort: str
    key: str
    at: int


class Closed(NamedTuple):
    """Cohorts closed together: all outcomes that will be known of them are."""

    cohorts: tuple[str, ...]


class Passed(NamedTuple):
    """Time passed up to `at` (ms): weeks before it are over for the hazard."""

    at: int


LearnEvent: TypeAlias = Frozen | Known | Intervened | Left | Closed | Passed


class Said(NamedTuple):
    """What a trainer made of an event: `kind` is `snapshot`, `closed`, `drift` or `switch`; `body` is plain JSON."""

    kind: str
    body: dict[str, Any]


_NAMES: Final[dict[str, Any]] = {
    "frozen": Frozen,
    "known": Known,
    "intervened": Intervened,
    "left": Left,
    "closed": Closed,
    "passed": Passed,
}


def to_json(event: LearnEvent) -> dict[str, Any]:
    """Write a learn event; a frozen one names its vocabulary."""
    name = type(event).__name__.lower()
    body = {key: list(value) if isinstance(value, tuple) else value for key, value in event._asdict().items()}
    return {"event": name, **body} | ({"vocabulary": VERSION} if name == "frozen" else {})


def from_json(body: Mapping[str, Any]) -> LearnEvent:
    """Read a learn event. Raises KeyError, TypeError or ValueError where it is none of this vocabulary."""
    if body.get("vocabulary", VERSION) != VERSION:
        raise ValueError(f"features of vocabulary {body['vocabulary']}, not {VERSION}")
    kind = _NAMES[body["event"]]
    values = [tuple(body[name]) if isinstance(body[name], list) else body[name] for name in kind._fields]
    event: LearnEvent = kind(*values)
    return event
