"""Who is where in the weeks to come: rotations that are known, then what the standard leaves, in its order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from megdt_stream.evidence.record import PERIOD_MS, WEEK_MS
from megdt_stream.scenario.world import AWAY, Ints, occupancy

Stay = tuple[str, int, int]
"""A department with its beginning and end (ms)."""


@dataclass(frozen=True)
class Timetable:
    """The schedule (n, W) of the departments' places, and what each trainee has left of a department (weeks)."""

    departments: tuple[str, ...]
    schedule: NDArray[np.int16]
    left: tuple[dict[str, float], ...]
    stays: tuple[list[Stay], ...]

    def place(self, department: str) -> int:
        """Give a department's place."""
        return self._places[department]

    @property
    def _places(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.departments)}

    @property
    def occupancy(self) -> Ints:
        """Count trainees by department and week."""
        return occupancy(self.schedule, len(self.departments))

    def was(self, trainee: int, period: int) -> int | None:
        """Give where a trainee was in the middle of a period of four weeks; None where that is not known."""
        middle = period * PERIOD_MS + PERIOD_MS // 2
        near = [one for one in self.stays[trainee] if one[1] - PERIOD_MS <= middle < one[2] + PERIOD_MS]
        inside = [one for one in near if one[1] <= middle < one[2]]
        found = inside or near
        return self.place(found[0][0]) if found else None

    def trainee_weeks(self, periods: Sequence[int], as_of: int) -> dict[int, float]:
        """Give the trainee-weeks spent in rotations in each period, up to `as_of` (ms)."""
        found = dict.fromkeys(periods, 0.0)
        for stays in self.stays:
            for _, begin, end in stays:
                for period in range(begin // PERIOD_MS, min(end, as_of) // PERIOD_MS + 1):
                    if period in found:
                        first, last = max(begin, period * PERIOD_MS), min(end, as_of, (period + 1) * PERIOD_MS)
                        found[period] += max(0, last - first) / WEEK_MS
        return found


def timetable(
    rotations: Sequence[list[Stay]], as_of: int, weeks: int, standards: Sequence[list[tuple[str, float]]]
) -> Timetable:
    """Lay out the weeks from `as_of` (ms). `standards`: the departments of each trainee's standard with their weeks."""
    names = {name for stays in rotations for name, _, _ in stays} | {name for one in standards for name, _ in one}
    departments = tuple(sorted(names)) or ("-",)
    places = {name: number for number, name in enumerate(departments)}
    schedule = np.full((len(rotations), weeks), AWAY, np.int16)
    left = []
    for number, (stays, standard) in enumerate(zip(rotations, standards, strict=True)):
        for name, begin, end in sorted(stays, key=lambda one: one[1]):
            first, last = (round((moment - as_of) / WEEK_MS) for moment in (begin, end))
            schedule[number, max(first, 0) : max(last, 0)] = places[name]
        left.append(_left(stays, as_of, standard))
        _fill(schedule[number], stays, as_of, left[-1], places)
    return Timetable(departments, schedule, tuple(left), tuple(map(list, rotations)))


def _left(stays: list[Stay], as_of: int, standard: list[tuple[str, float]]) -> dict[str, float]:
    """Give the weeks of the standard that were not spent in each department by `as_of`."""
    spent: dict[str, float] = {}
    for name, begin, end in stays:
        spent[name] = spent.get(name, 0.0) + max(0.0, min(end, as_of) - begin) / WEEK_MS
    return {name: max(0.0, length - spent.get(name, 0.0)) for name, length in standard}


def _fill(
    row: NDArray[np.int16], stays: list[Stay], as_of: int, left: dict[str, float], places: dict[str, int]
) -> None:
    """Fill what comes after the last rotation that is known: the standard's order, else once more round one's own."""
    last = max((round((end - as_of) / WEEK_MS) for _, _, end in stays), default=0)
    at = max(last, 0)
    planned = {name: int((row == places[name]).sum()) for name in left}
    todo = [(name, round(length) - planned[name]) for name, length in left.items()]
    own = [(name, max(1, round((end - begin) / WEEK_MS))) for name, begin, end in stays]
    todo = [one for one in todo if one[1] > 0] or own
    while at < len(row) and todo:
        for name, length in todo:
            row[at : at + length] = places[name]
            at += length
        todo = own
