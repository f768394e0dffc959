"""What interventions truly do in the demonstration's hospital. The system is never told.

The table disagrees with the priors of `seeds/interventions.toml` on purpose: simulation does about twice as much as
its source says, remedial training about a third. Learning has to find that out.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from megdt_stream.synth import Lift
from megdt_stream.synth.chance import WEEK, generator


class TrueEffect(NamedTuple):
    """Mean gain at the usual dose, and its SD between trainees, both in SDs of levels (those of the advice)."""

    mean: float
    sd: float


TRUE: Final[Mapping[str, TrueEffect]] = MappingProxyType(
    {"simulation-training": TrueEffect(0.80, 0.20), "remedial-training": TrueEffect(0.10, 0.10)}
)

NOTHING: Final = TrueEffect(0.0, 0.0)
"""Of kinds that are not in the table."""

_COMES_WEEKS: Final = 2
"""A gain is there after two weeks: what is scored before an intervention's usual end has most of it."""


def gain(seed: int, trainee: int, kind: str, number: int) -> float:
    """Give a trainee's own gain (SDs) of a kind the `number`th time (0: the first); equal arguments, equal gain."""
    true = TRUE.get(kind, NOTHING)
    return generator(seed, "true effect", kind, trainee, number).gauss(true.mean, true.sd)


def lift(trainee: int, starts: int, gained: float, outcome_sd: float) -> Lift:
    """Make a gain (SDs) one of levels, from `starts` (ms) on."""
    return Lift(trainee, starts, starts + _COMES_WEEKS * WEEK, gained * outcome_sd)
