"""What a twin is held against: targets and quota standards of the reference data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from megdt_stream.evidence.reference.quotas import QuotaStandard
from megdt_stream.evidence.reference.targets import Targets


class Norms(NamedTuple):
    """Targets, and quota standards by `name@version`."""

    targets: Targets
    quotas: Mapping[str, QuotaStandard]

    def standard(self, stage: str, programme: str | None) -> tuple[str, QuotaStandard] | None:
        """Find the standard of a programme by its id, the newest version where there are several."""
        found = [
            (name, standard)
            for name, standard in self.quotas.items()
            if programme in standard.programmes and standard.stage == stage
        ]
        return max(found, key=lambda item: int(item[0].rpartition("@")[2]), default=None)
