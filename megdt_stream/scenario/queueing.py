"""The queue for simulators."""

from __future__ import annotations

import numpy as np

from megdt_stream.scenario.plan import Doing, Plan
from megdt_stream.scenario.world import Floats, World

_F = np.float32


class Queue:
    """The queue for simulators: what is booked now as one, and each member of a course. Hours wait until served."""

    def __init__(self, world: World, plan: Plan, b: int) -> None:
        self._world, self._courses = world, plan.courses
        self._usual = np.zeros(b, np.float32)
        self._waiting = [np.zeros((b, len(one.members)), np.float32) for one in plan.courses]
        self._served = [np.zeros((b, len(one.members)), np.float32) for one in plan.courses]
        self._asked, self._left = np.zeros(b, np.float32), np.zeros(b, np.float32)

    @property
    def busy(self) -> bool:
        """Whether there is any course."""
        return bool(self._courses)

    def serve(self, week: int, z: Floats) -> list[tuple[Doing, Floats]]:
        """Let a week's hours be asked for and served; gives the share of each course that its members got."""
        use = self._world.simulator_use
        came = np.maximum(np.rint(_F(use) + _F(use**0.5) * z), 0).astype(np.float32)
        self._usual += came
        total = self._usual.copy()
        self._asked += came
        for one, waiting in zip(self._courses, self._waiting, strict=True):
            if one.first <= week < one.last:
                waiting += _F(one.a_week)
                self._asked += _F(one.a_week * len(one.members))
            total += waiting.sum(axis=1)
        share = np.minimum(1, _F(self._world.simulators) / np.maximum(total, _F(1e-6))).astype(np.float32)
        self._usual *= 1 - share
        self._left += total * (1 - share)
        return [(one, self._course(number, share)) for number, one in enumerate(self._courses)]

    def _course(self, number: int, share: Floats) -> Floats:
        one, waiting, served = self._courses[number], self._waiting[number], self._served[number]
        got = waiting * share[:, None]
        waiting -= got
        before = np.minimum(served, _F(one.full))
        served += got
        return ((np.minimum(served, _F(one.full)) - before) / _F(one.full)).astype(_F)

    def waiting(self) -> Floats:
        """Give the mean weeks of waiting (Little JDC. Oper Res 1961;9:383-387: what waits over what comes)."""
        return (self._left / np.maximum(self._asked, 1)).astype(_F)
