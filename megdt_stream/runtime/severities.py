"""Severities of assessors, learnt from all twins that a scan has read: one joint solution per competency.

For reading now and then; a running system keeps snapshots instead. Costs some twenty joint solutions per competency.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

from megdt_stream.calibration.blocks import as_snapshot, solve
from megdt_stream.calibration.blocks_components import BELIEVED, learn
from megdt_stream.calibration.blocks_messages import arrange
from megdt_stream.calibration.components import Variance
from megdt_stream.runtime.query import Stored
from megdt_stream.twin.entities.levels import Severities, from_snapshots
from megdt_stream.twin.estimate import Snapshot, Sums
from megdt_stream.twin.view import cells

Say: TypeAlias = Callable[[str], None]
Ratings: TypeAlias = dict[str, dict[str, list[Sums]]]
"""Cells by competency and trainee."""


def ratings(found: Iterable[Stored]) -> Ratings:
    """Collect the cells of all persons; a pseudonym with a head leaves them to its head."""
    collected: defaultdict[str, dict[str, list[Sums]]] = defaultdict(dict)
    for stored in found:
        if stored.twin.head is None:
            for competency, theirs in cells(stored.twin).items():
                collected[competency][stored.trainee] = [
                    (one.period, one.rater, one.n, one.w, one.wy) for one in theirs
                ]
    return dict(collected)


def severities(given: Ratings, persons: Mapping[str, str], version: str, say: Say | None = None) -> Severities:
    """Learn severities, with assessors under their persons' names; `version` names the snapshots."""
    return from_snapshots(BELIEVED.rater, list(snapshots(given, persons, version, say)))


def snapshots(given: Ratings, persons: Mapping[str, str], version: str, say: Say | None = None) -> Iterator[Snapshot]:
    """Learn a snapshot of each competency; arguments as those of `severities`."""
    for competency, by_trainee in sorted(given.items()):
        if say is not None:
            say(f"severities: {competency}")
        named = {
            trainee: [(period, persons.get(rater, rater), n, w, wy) for period, rater, n, w, wy in theirs]
            for trainee, theirs in by_trainee.items()
        }
        arranged = arrange(named)
        weight = arranged.weight
        components = learn(arranged, Variance(BELIEVED.rater, BELIEVED.subject, 1000.0 / weight))
        yield as_snapshot(arranged, solve(arranged, components), components, version, competency)
