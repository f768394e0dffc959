"""Severity snapshots as the parts of a version: by competency all but shares, these by trainees, and the persons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from megdt_stream.evidence.partition import partition_of

if TYPE_CHECKING:
    from megdt_stream.twin.estimate import Snapshot

KIND: Final = "severity"
PERSONS: Final = "persons"
"""The part that maps pseudonyms of assessors to the names in the snapshots."""

SHARES_A_PART: Final = 200
"""Trainees whose shares lie in one part: a reader of one trainee reads so many."""


def as_parts(snapshots: list[Snapshot], known: Mapping[str, str]) -> dict[str, Any]:
    """Cut snapshots into named parts: by competency all but the shares, these by trainees; and who the raters are."""
    parts: dict[str, Any] = {}
    raters: set[str] = set()
    for snapshot in snapshots:
        document = snapshot.document()
        shares: dict[str, Any] = document.pop("shares")
        buckets = max(1, -(-len(shares) // SHARES_A_PART))
        for trainee, share in shares.items():
            bucket = share_part(snapshot.competency, trainee, buckets)
            parts.setdefault(bucket, {})[trainee] = share
        parts[snapshot.competency] = document | {"buckets": buckets}
        raters |= {rater for block in snapshot.blocks for rater in block.raters}
    if parts:
        parts[PERSONS] = {alias: person for alias, person in sorted(known.items()) if person in raters}
    return parts


def is_head(name: str) -> bool:
    """Tell whether a part holds a competency."""
    return "/" not in name and name != PERSONS


def share_part(competency: str, trainee: str, buckets: int) -> str:
    """Name the part that holds a trainee's share."""
    return f"{competency}/{partition_of(trainee, buckets)}"
