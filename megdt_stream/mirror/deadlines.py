"""When to look again at what."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush


class Deadlines:
    """When to look again at what: the partition's index of pending expectations, in memory and in due order."""

    def __init__(self, due: Iterable[tuple[str, int]] = ()) -> None:
        """Take (member, due) pairs as the store holds them."""
        self._due = dict(due)
        self._heap = [(due, member) for member, due in self._due.items()]
        self._heap.sort()

    def set(self, member: str, due: int | None) -> bool:
        """Set or clear a deadline; tell whether that changed anything."""
        if self._due.get(member) == due:
            return False
        if due is None:
            del self._due[member]
        else:
            self._due[member] = due
            heappush(self._heap, (due, member))
        return True

    def get(self, member: str) -> int | None:
        """Give when a member is due, None for not at all."""
        return self._due.get(member)

    def reached(self, now: int) -> list[str]:
        """Name the members due at or before `now`, earliest first, without taking them."""
        heap, found, places = self._heap, set(), [0]
        # No child in a heap is before its parent: only what is due is looked at, not all that is pending.
        while places:
            place = places.pop()
            if place < len(heap) and heap[place][0] <= now:
                due, member = heap[place]
                if self._due.get(member) == due:
                    found.add((due, member))
                places += (2 * place + 1, 2 * place + 2)
        return [member for _, member in sorted(found)]

    def pop(self, now: int) -> list[str]:
        """Take the members due at or before `now`, earliest first."""
        taken: list[str] = []
        heap = self._heap
        while heap and heap[0][0] <= now:
            due, member = heappop(heap)
            # Entries whose deadline moved since stay behind in the heap; the dict has the truth.
            if self._due.get(member) == due:
                del self._due[member]
                taken.append(member)
        return taken

    @property
    def earliest(self) -> int | None:
        """Give the earliest entry's time, a lower bound of the next deadline."""
        return self._heap[0][0] if self._heap else None
