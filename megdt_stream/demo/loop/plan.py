"""What is played: two years of one hospital, its targets, what is free, and when advice is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Final

from megdt_stream.synth import HospitalPlan, Lift
from megdt_stream.synth.chance import WEEK

_YEAR_DAYS: Final = 365
_YEAR_WEEKS: Final = 52

STAGE: Final = "postgraduate"

TARGETS: Final = """\
# Targets of the demonstration's hospital: about half of its trainees miss them, so that there is something to advise.
version = 1

[stages.postgraduate]
name = { en = "Postgraduate training", zh = "毕业后教育" }
entry = 2.3
by_year = [2.9, 3.5, 4.0]
source = "Declared convention of the demonstration: near the levels that its synthetic trainees reach"

[weak]
probability = 0.8
source = "As shipped"

[quota]
probability = 0.8
source = "As shipped"
"""

_FREE: Final[Mapping[str, float]] = {"faculty-hour": 3.0, "simulator-hour": 1.5}
"""Free in a round, for each trainee of the hospital: declared, enough for about a third of those who come up."""

_MOST_SHARE: Final = 0.4


@dataclass(frozen=True)
class LoopPlan:
    """How large and how often; equal plans play the same, but for what the system's speed decides (nothing).

    Raises ValueError when a number is out of its range.
    """

    trainees: int = 120
    seed: int = 1
    rounds: int = 5

    def __post_init__(self) -> None:
        if not 1 <= self.rounds <= 12:
            raise ValueError("rounds: 1 to 12 fit into a year")

    @cached_property
    def first(self) -> HospitalPlan:
        """Year one: postgraduate entrants, one pseudonym each, nobody leaves."""
        return HospitalPlan(
            seed=self.seed,
            trainees=self.trainees,
            medical_school_share=0.0,
            continuing_share=0.0,
            entrants_only=True,
            second_pseudonym_share=0.0,
            doubled_rate=0.0,
            withdrawal_rate=0.0,
        )

    @cached_property
    def second(self) -> HospitalPlan:
        """Year two of the same people, without any loop."""
        return replace(self.first, start=self.first.start + timedelta(days=_YEAR_DAYS), training_year=2)

    def lifted(self, lifts: tuple[Lift, ...]) -> HospitalPlan:
        """Give year two with what was carried out so far."""
        return replace(self.second, lifts=lifts)

    @property
    def moments(self) -> tuple[int, ...]:
        """When advice is asked for (ms): at the beginning of year two, then evenly."""
        weeks = _YEAR_WEEKS // self.rounds
        return tuple(self.second.opens + number * weeks * WEEK for number in range(self.rounds))

    @property
    def free(self) -> dict[str, float]:
        """What is free at any moment of year two (resource -> amount), before what accepted advice has booked."""
        return {name: share * self.trainees for name, share in _FREE.items()}

    @property
    def most(self) -> int:
        """Most recommendations of a round."""
        return max(1, round(_MOST_SHARE * self.trainees))


def write_targets(folder: Path) -> Path:
    """Put the hospital's targets into a folder and give it: reference data of a site, the rest as shipped."""
    (folder / "targets.toml").write_text(TARGETS, "utf-8")
    return folder
