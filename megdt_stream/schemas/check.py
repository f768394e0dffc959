"""The check of a set of schemas: complete by itself, and no break of what was released."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from megdt_stream.schemas.catalogue import Catalogue
from megdt_stream.schemas.compatibility import compare
from megdt_stream.schemas.completeness import examine
from megdt_stream.schemas.findings import Finding, Note


class Report(NamedTuple):
    """What was found, compared with which releases, and what changed without breaking anybody."""

    against: tuple[str, ...]
    findings: tuple[Finding, ...]
    notes: tuple[Note, ...]


def check(current: Catalogue, releases: Sequence[Catalogue]) -> Report:
    """Check the current schemas by themselves and against releases, given oldest first."""
    findings = examine(current)
    notes: list[Note] = []
    for release in releases:
        broken, added = compare(release, current, last=release is releases[-1])
        findings += broken
        notes += added
    return Report(
        tuple(release.version for release in releases),
        tuple(sorted(findings, key=lambda finding: (finding.topic, finding.pointer, finding.rule, finding.against))),
        tuple(sorted(notes)),
    )
