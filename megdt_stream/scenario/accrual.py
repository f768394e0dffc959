"""Quotas as they fill: cases by trainee and department."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from megdt_stream.scenario.world import AWAY, Floats, Ints, World


class Quota:
    """Cases by trainee and department where some are needed; a count of one department helps in no other."""

    def __init__(self, world: World, b: int) -> None:
        self._needed = world.need > 0
        whose, place = np.nonzero(self._needed)
        self._need = world.need[whose, place]
        self._slots = np.full(world.need.shape, -1, np.int64)
        self._slots[whose, place] = np.arange(len(whose))
        self._counts = np.zeros((b, len(whose)), np.float32)
        self._with, self._cuts = np.unique(whose, return_index=True)
        self._size = world.size
        self._here = np.full(self._size, AWAY, np.int16)
        self._running = np.zeros((b, self._size), np.float32)

    def add(self, places: NDArray[np.int16], seen: Floats) -> None:
        """Count a week's cases; they are booked when a trainee moves on, which is an eighth of the work."""
        moved = np.flatnonzero(places != self._here)
        if len(moved):
            self._book(moved)
            self._here = places.copy()
        self._running += seen

    def _book(self, who: Ints) -> None:
        here = self._here[who].astype(np.int64)
        slots = np.where(here >= 0, self._slots[who, here], -1)
        counted = slots >= 0
        self._counts[:, slots[counted]] += np.take(self._running, who[counted], axis=1)
        self._running[:, who] = 0

    def reached(self) -> Floats:
        """Give the share of each trainee's need that was reached, 1 where none is."""
        self._book(np.arange(self._size))
        share = np.ones((len(self._counts), self._size), np.float32)
        if len(self._with):
            done = np.add.reduceat(np.minimum(self._counts, self._need), self._cuts, axis=1)
            share[:, self._with] = done / np.add.reduceat(self._need, self._cuts)
        return share
