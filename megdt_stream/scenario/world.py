"""The world that a rehearsal starts from: trainees, their schedule, departments, and what is not known of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from megdt_stream.scenario.interventions import Interventions

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
TOP: Final = 5.0
FLOOR: Final = 1.0
AWAY: Final = -1
"""The department of a trainee who is in none, in a week."""
WEEKS_A_YEAR: Final = 52.0


class Normal(NamedTuple):
    """A quantity that is known as far as `sd`."""

    mean: float
    sd: float


class Risk(NamedTuple):
    """Log-odds of failure: `intercept` at the target, `slope` for each level below; `shift_sd` between cohorts."""

    intercept: Normal
    slope: Normal
    shift_sd: float


@dataclass(frozen=True)
class Physics:
    """The quantities of the dynamics that are the same for all, each with its uncertainty.

    `practice`: how much faster learning is with all the practice there is than with none (share of the pace);
    `feedback`: the same of full feedback against none (SMD); `forgetting`: SDs of level lost in a year without
    practice. `pace_shared_sd`: how far the mean pace of all is not known (log).
    """

    practice: Normal
    feedback: Normal
    forgetting: Normal
    risk: Risk
    hours_fixed: float
    hours_per_case: float
    hours_feedback: float
    hours_limit: float
    pace_shared_sd: float


@dataclass(frozen=True)
class World:
    """Where a rehearsal starts: n trainees, W weeks, D departments.

    Per trainee: `base` and `group` index their names; `level` and `level_sd` are the posterior of the level now,
    `pace` and `pace_sd` that of the logarithm of the yearly rate (level = 5 - (5 - level) exp(-rate years)); `wanted`
    is the target at the end. `schedule` (n, W) is the department of each week, `AWAY` for none. `need` (n, D) is the
    count of cases that should be reached in these weeks.
    Per department: `arrivals` (D, W) are countable cases a week, `arrivals_sd` (D) how far they are not known (log),
    `slots` cases a week that its beds allow, `faculty` teachers' hours a week. `simulators` are hours a week of all
    simulators, `simulator_use` hours a week that are used now.
    `begins` (ms) is the start of week 0, `snapshot` names what all this was read from.
    """

    snapshot: str
    begins: int
    trainees: tuple[str, ...]
    bases: tuple[str, ...]
    groups: tuple[str, ...]
    departments: tuple[str, ...]
    base: Ints
    group: Ints
    level: Floats
    level_sd: Floats
    pace: Floats
    pace_sd: Floats
    wanted: Floats
    schedule: NDArray[np.int16]
    need: Floats
    arrivals: Floats
    arrivals_sd: Floats
    slots: Floats
    faculty: Floats
    simulators: float
    simulator_use: float
    physics: Physics

    def __post_init__(self) -> None:
        n, weeks, places = len(self.trainees), self.schedule.shape[1], len(self.departments)
        shapes = {
            **dict.fromkeys(("base", "group", "level", "level_sd", "pace", "pace_sd", "wanted"), (n,)),
            "schedule": (n, weeks),
            "need": (n, places),
            "arrivals": (places, weeks),
            **dict.fromkeys(("arrivals_sd", "slots", "faculty"), (places,)),
        }
        for name, shape in shapes.items():
            found: NDArray[Any] = getattr(self, name)
            if found.shape != shape:
                raise ValueError(f"{name} has shape {found.shape}, not {shape}")
            if not np.isfinite(found).all():
                raise ValueError(f"{name} has values that are no numbers")
        if not n or not weeks or not places:
            raise ValueError("a world has at least one trainee, one week and one department")
        if self.schedule.min() < AWAY or self.schedule.max() >= places:
            raise ValueError("schedule names a department that is not there")

    @property
    def size(self) -> int:
        """Give the number of trainees."""
        return len(self.trainees)

    @property
    def weeks(self) -> int:
        """Give the number of weeks."""
        return int(self.schedule.shape[1])

    @property
    def level_spread(self) -> float:
        """Give the SD of levels between trainees of whom the same is wanted; the unit of an SMD.

        The variance of posterior means and the mean posterior variance together are that of the levels.
        """
        seen = float(np.var(self.level - self.wanted) + np.mean(self.level_sd**2))
        return float(np.sqrt(max(seen, 0.2**2)))

    @property
    def usual_cases(self) -> float:
        """Give the mean cases of a trainee in a week on duty, by the schedule as it is."""
        on_duty = int((self.schedule >= 0).sum())
        staffed = occupancy(self.schedule, len(self.departments)) > 0
        return max(float((self.arrivals * staffed).sum()) / max(on_duty, 1), 0.1)


def occupancy(schedule: NDArray[np.int16], departments: int) -> Ints:
    """Count trainees by department and week, shape (D, W)."""
    weeks = schedule.shape[1]
    flat = (schedule.astype(np.int64) + 1) * weeks + np.arange(weeks)
    counts = np.bincount(flat.ravel(), minlength=(departments + 1) * weeks)
    return counts.reshape(departments + 1, weeks)[1:]


def physics(known: Interventions, hours_limit: float, risk: Risk | None = None, pace_shared_sd: float = 0.1) -> Physics:
    """Take the dynamics' quantities from the seeds, and the risk from outcomes where it was estimated."""
    prior = known.dynamics
    at = prior.risk.at_target
    assumed = Risk(
        Normal(float(np.log(at / (1 - at))), prior.risk.at_target_sd),
        Normal(prior.risk.slope, prior.risk.slope_sd),
        prior.risk.shift_sd,
    )
    return Physics(
        Normal(prior.practice.mean, prior.practice.sd),
        Normal(known.feedback.mean, known.feedback.prediction_sd),
        Normal(prior.forgetting.mean, prior.forgetting.sd),
        risk or assumed,
        prior.hours.fixed,
        prior.hours.per_case,
        prior.hours.feedback,
        hours_limit,
        pace_shared_sd,
    )
