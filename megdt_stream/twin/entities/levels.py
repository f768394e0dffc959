"""A trainee's level in a competency from the sums that a base is told, assessors' severities subtracted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from megdt_stream.twin.entities.contribution import UNNAMED
from megdt_stream.twin.entities.state import Part, Sum
from megdt_stream.twin.estimate import Snapshot

_WEIGHT_UNIT: Final = 1000
_LEVEL_UNIT: Final = 1000


class Severity(NamedTuple):
    """How far an assessor's scores lie below those that others would give the same trainees (levels), and its SD.

    `raters` assessors, this one among them, and `trainees` are connected by who rated whom: severities compare within
    them only. `snapshot` names the estimate.
    """

    severity: float
    sd: float
    raters: int
    trainees: int
    snapshot: str

    @property
    def identified(self) -> bool:
        """Whether trainees tie the assessor to another; else severity cannot be told from their trainees' levels."""
        return self.raters > 1


class Severities(NamedTuple):
    """Severities by competency and assessor, and the variance (squared levels) of one of whom nothing is known."""

    variance: float
    known: Mapping[str, Mapping[str, Severity]]

    def of(self, competency: str, rater: str) -> Severity | None:
        """Give an assessor's severity where it is identified."""
        found = None if rater == UNNAMED else self.known.get(competency, {}).get(rater)
        return found if found is not None and found.identified else None

    def left(self, competency: str, rater: str) -> float:
        """Give the variance that is left of an assessor's severity once what is known of it is subtracted."""
        found = self.of(competency, rater)
        return self.variance if found is None else found.sd**2

    def of_rater(self, rater: str) -> dict[str, Severity]:
        """Give all that is known of an assessor, by competency, identified or not."""
        return {competency: known[rater] for competency, known in sorted(self.known.items()) if rater in known}


def from_snapshots(variance: float, snapshots: Iterable[Snapshot]) -> Severities:
    """Read severities off one snapshot per competency; `variance` holds where none tells of an assessor."""
    return Severities(variance, {one.competency: dict(_severities(one)) for one in snapshots})


def _severities(snapshot: Snapshot) -> Iterator[tuple[str, Severity]]:
    for block in snapshot.blocks:
        for rater in block.raters:
            yield rater, Severity(*snapshot.severity(rater), len(block.raters), block.trainees, snapshot.version)


class Rated(NamedTuple):
    """A trainee's level in a competency, and the share that each assessor's scores have in it (they add up to 1)."""

    level: float
    shares: Mapping[str, float]


def trainee_levels(part: Part, severities: Severities) -> dict[str, Rated]:
    """Give a trainee's level by competency.

    Scores of one assessor share what is left of that assessor's severity, so their mean has variance 1000 / W + s2;
    assessors are combined by inverse variance (Searle, Casella, McCulloch: Variance Components, 1992, ch. 3).
    """
    cells: defaultdict[str, dict[str, tuple[float, float]]] = defaultdict(dict)
    for field, given in part.sums.items():
        if field.startswith("y|"):
            _, competency, rater = field.split("|")
            known = severities.of(competency, rater)
            severity = 0.0 if known is None else known.severity
            cells[competency][rater] = _of_one(given, severity, severities.left(competency, rater))
    return {competency: _combined(found) for competency, found in sorted(cells.items())}


def _combined(found: Mapping[str, tuple[float, float]]) -> Rated:
    total = sum(precision for precision, _ in found.values())
    shares = {rater: precision / total for rater, (precision, _) in found.items()}
    return Rated(sum(shares[rater] * mean for rater, (_, mean) in found.items()), shares)


def _of_one(given: Sum, severity: float, left: float) -> tuple[float, float]:
    """Give the precision of one assessor's scores and their mean (levels)."""
    _n, w, wy = given
    return 1 / (_WEIGHT_UNIT / w + left), wy / w / _LEVEL_UNIT + severity
