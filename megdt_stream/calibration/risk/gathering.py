"""Cuts of all twins once a week of domain time, kept until their cohort closes and its outcomes are read.

A cohort is who ends a rotation in the same thirteen weeks, as planned when the cut was made. It closes on a date, when
its results can be known, and not as they arrive (docs/decisions/0014-labels-enter-when-their-cohort-closes.md).
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from megdt_stream.calibration.risk.features import features
from megdt_stream.calibration.risk.learning import Closed, Frozen, Intervened, Known, LearnEvent, Said
from megdt_stream.calibration.risk.outcomes import HORIZON_DAYS, Adverse, label
from megdt_stream.calibration.risk.schedule import DAY_MS, Schedule, group_of, running, schedule
from megdt_stream.calibration.risk.trainer import Trainer
from megdt_stream.twin.rotation import rotation_state
from megdt_stream.twin.state import Twin

COHORT_DAYS: Final = 91
_LATE_DAYS: Final = 14
"""So long after the horizon results may come in."""


class _Cut(NamedTuple):
    """One frozen prediction; an array, for there is one for each trainee and week."""

    trainee: str
    rotation: str
    group: str
    at: int
    features: array[float]


def cohort_of(ends: int) -> int:
    """Number the cohort of a rotation that ends at a moment (ms)."""
    return ends // (COHORT_DAYS * DAY_MS)


def closes(cohort: int) -> int:
    """Give the moment (ms) at which a cohort's outcomes are read."""
    return (cohort + 1) * COHORT_DAYS * DAY_MS + (HORIZON_DAYS + _LATE_DAYS) * DAY_MS


class Gathering:
    """Learn events of one evidence partition, by cohort."""

    def __init__(self, adverse: Adverse) -> None:
        self._adverse = adverse
        self._waiting: defaultdict[int, list[_Cut]] = defaultdict(list)
        self._closed: dict[int, tuple[list[_Cut], list[LearnEvent]]] = {}

    @property
    def open(self) -> int:
        """Count the cuts whose cohort has not closed."""
        return sum(map(len, self._waiting.values()))

    @property
    def closed(self) -> list[int]:
        """Name the cohorts that have closed."""
        return sorted(self._closed)

    def events(self, cohort: int) -> Iterator[LearnEvent]:
        """Give the learn events of a closed cohort, none of one that is not there."""
        cuts, rest = self._closed.get(cohort, ([], []))
        for one in cuts:
            yield Frozen(str(cohort), f"{one.trainee}/{one.rotation}", one.group, one.at, tuple(one.features))
        yield from rest

    def week(self, at: int, twins: Mapping[str, Twin]) -> None:
        """Look at the twins of what was available by `at` (ms): read outcomes of who is due, then cut everybody."""
        for cohort in sorted(one for one in self._waiting if closes(one) <= at):
            cuts = self._waiting.pop(cohort)
            self._closed[cohort] = cuts, list(self._outcomes(cohort, cuts, twins))
        for trainee, twin in twins.items():
            if twin.head is None:
                self._cut(trainee, twin, at)

    def _cut(self, trainee: str, twin: Twin, at: int) -> None:
        for rotation in running(twin, at):
            plan = schedule(twin, rotation)
            found = features(twin, at, rotation)
            if plan is None or found is None or closes(cohort_of(plan.ends)) <= at:
                continue
            # Nothing is foretold of whom it is known already.
            if label(twin, plan, self._adverse).adverse is not True:
                cut = _Cut(trainee, rotation, group_of(twin, rotation), at, array("d", found))
                self._waiting[cohort_of(plan.ends)].append(cut)

    def _outcomes(self, cohort: int, cuts: list[_Cut], twins: Mapping[str, Twin]) -> Iterator[LearnEvent]:
        name = str(cohort)
        for trainee, rotation in dict.fromkeys((one.trainee, one.rotation) for one in cuts):
            plan = _plan(twins[trainee], rotation)
            # Whoever belongs to another pseudonym by now is counted as censored: the outcome stands there.
            if plan is None or twins[trainee].head is not None:
                continue
            found = label(twins[trainee], plan, self._adverse)
            if found.adverse is not None:
                yield Known(name, f"{trainee}/{rotation}", found.adverse)
            if found.intervened is not None:
                yield Intervened(name, f"{trainee}/{rotation}", found.intervened)


def _plan(twin: Twin, rotation: str) -> Schedule | None:
    """Read a rotation's dates, also where it was cancelled on the way: who leaves often ends so."""
    slots = twin.slots.get(f"r|{rotation}")
    if not slots:
        return None
    state = rotation_state(slots)
    if state.starts is None:
        return None
    last = max((due for _, _, due in state.expects), default=state.starts)
    return Schedule(rotation, state.starts, last if state.ends is None else state.ends, [])


class Learnt(NamedTuple):
    """A trainer that has taken all closed cohorts, what it said on the way, and how many cuts wait."""

    trainer: Trainer
    said: list[Said]
    open: int


def learn(gathered: Iterable[Gathering]) -> Learnt:
    """Learn the closed cohorts of all partitions, the oldest first. A function of what was gathered, in any order."""
    parts = list(gathered)
    trainer, said = Trainer(), []
    for cohort in sorted({one for part in parts for one in part.closed}):
        for part in parts:
            for event in part.events(cohort):
                said += trainer.take(event)
        said += trainer.take(Closed((str(cohort),)))
    return Learnt(trainer, said, sum(part.open for part in parts))


def document(learnt: Learnt) -> dict[str, Any]:
    """Give what is published: the predictor, what is predicted, and what was said of each cohort."""
    told = [{"kind": one.kind, **one.body} for one in learnt.said if one.kind != "snapshot"]
    terms = {"horizon_days": HORIZON_DAYS, "cohort_days": COHORT_DAYS, "open_cuts": learnt.open}
    return {"predictor": learnt.trainer.snapshot(), "terms": terms, "said": told}
