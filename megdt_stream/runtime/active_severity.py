"""Reading with the severities in force: the snapshot that the log activated last, from its copy in Redis.

Where it cannot be read, estimates are made without it and whoever reads is told so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from megdt_stream.evidence.record import Activation
from megdt_stream.evidence.snapshots import Broken
from megdt_stream.runtime import models
from megdt_stream.runtime.log_reader import open_log
from megdt_stream.runtime.models import Active
from megdt_stream.runtime.query import Query
from megdt_stream.runtime.severity_parts import KIND, PERSONS, is_head, share_part

if TYPE_CHECKING:
    from megdt_stream.twin.entities.levels import Severities
    from megdt_stream.twin.estimate import Snapshot
    from megdt_stream.twin.view.levels import Estimator


class Found(NamedTuple):
    """What estimates a trainee's levels, by which version; `degraded` says why it is not the one in force."""

    estimator: Estimator
    version: str | None
    degraded: str | None = None


def trainee_estimator(query: Query, trainee: str, competencies: Sequence[str]) -> Found:
    """Give what estimates a trainee's levels by the snapshot in force; the declared way where none is.

    Raises Unavailable.
    """
    from megdt_stream.twin.view.levels import estimate

    now = models.active(query, KIND)
    if now is None:
        return Found(estimate, None)
    try:
        heads = models.copied(query, KIND, now.version, (*competencies, PERSONS))
        shares = models.copied(query, KIND, now.version, _share_parts(heads, trainee))
        return Found(from_parts(heads | shares, trainee), now.version)
    except (Broken, KeyError, TypeError, ValueError) as error:
        return Found(estimate, None, _said(now, error))


async def at_version(brokers: list[str], options: dict[str, Any], said: Activation, trainee: str) -> Found:
    """Give what estimates a trainee's levels by a version, read from the topic. Raises Unavailable."""
    from megdt_stream.twin.view.levels import estimate

    try:
        async with open_log(brokers, options) as reader:
            _, parts = await models.published(reader, KIND, said.version)
        return Found(from_parts(parts, trainee), said.version)
    except (Broken, KeyError, TypeError, ValueError) as error:
        return Found(estimate, None, _said(Active(said.version, said.at), error))


def from_parts(parts: Mapping[str, Any], trainee: str) -> Estimator:
    """Give what estimates a trainee's levels by the parts of a version. Raises KeyError, TypeError, ValueError."""
    from megdt_stream.twin.estimate import Snapshot
    from megdt_stream.twin.view.learned import estimator

    snapshots = {}
    for competency in (name for name in parts if is_head(name)):
        head = parts[competency]
        shares = parts.get(share_part(competency, trainee, head["buckets"]), {})
        own = {trainee: shares[trainee]} if trainee in shares else {}
        snapshots[competency] = Snapshot.read({**head, "shares": own})
    return estimator(trainee, snapshots, parts.get(PERSONS, {}))


def estimators(query: Query) -> tuple[Callable[[str], Estimator], str | None]:
    """Give what estimates any trainee's levels by the snapshot in force, which is read whole; and why it cannot be.

    Raises Unavailable.
    """
    from megdt_stream.twin.view.levels import estimate

    now = models.active(query, KIND)
    if now is None:
        return (lambda _: estimate), None
    try:
        parts = models.copied(query, KIND, now.version)
        snapshots = whole(parts)
    except (Broken, KeyError, TypeError, ValueError) as error:
        return (lambda _: estimate), _said(now, error)
    from megdt_stream.twin.view.learned import estimator

    return (lambda trainee: estimator(trainee, snapshots, parts.get(PERSONS, {}))), None


def whole(parts: Mapping[str, Any]) -> dict[str, Snapshot]:
    """Read a version's snapshots, by competency, with all shares. Raises KeyError, TypeError, ValueError."""
    from megdt_stream.twin.estimate import Snapshot

    found = {}
    for competency in filter(is_head, parts):
        head = parts[competency]
        names = (f"{competency}/{number}" for number in range(head["buckets"]))
        shares = {trainee: share for name in names for trainee, share in parts.get(name, {}).items()}
        found[competency] = Snapshot.read({**head, "shares": shares})
    return found


def severities(query: Query, variance: float) -> tuple[Severities | None, str | None]:
    """Give the severities in force, None where none is; and why they cannot be read, where that is so.

    Raises Unavailable.
    """
    from megdt_stream.twin.entities.levels import from_snapshots
    from megdt_stream.twin.estimate import Snapshot

    now = models.active(query, KIND)
    if now is None:
        return None, None
    try:
        parts = models.copied(query, KIND, now.version, _heads(query, now))
        found = [Snapshot.read({**head, "shares": {}}) for _, head in sorted(parts.items())]
    except (Broken, KeyError, TypeError, ValueError) as error:
        return None, _said(now, error)
    return from_snapshots(found[0].components.rater if found else variance, found), None


def _heads(query: Query, now: Active) -> list[str]:
    return [name for name in models.parts_of(query, KIND, now.version) if is_head(name)]


def _share_parts(heads: Mapping[str, Any], trainee: str) -> list[str]:
    return [share_part(name, trainee, head["buckets"]) for name, head in heads.items() if is_head(name)]


def _said(now: Active, error: Exception) -> str:
    return f"severity {now.version} is in force and cannot be read ({error}): nothing is subtracted"
