"""What an intervention adds to the true level of one trainee."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Lift:
    """A gain that comes evenly over some time and then stays.

    `trainee` is an index in the plan, `starts` and `ends` in ms (`ends` after `starts`), `gain` in levels; negative
    where harm was done. It counts for every competency alike.
    """

    trainee: int
    starts: int
    ends: int
    gain: float

    def at(self, moment: int) -> float:
        """Give what has been gained by a time (ms), in levels."""
        share = (moment - self.starts) / (self.ends - self.starts)
        return self.gain * min(1.0, max(0.0, share))
