"""A rehearsal from end to end: schemes on a world, block by block, to a result.

`blocks` and `block` are apart so that a caller may spread them over processes; the result does not depend on that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

from megdt_stream.scenario.compare import result
from megdt_stream.scenario.dynamics import BLOCK, Course, simulate
from megdt_stream.scenario.interventions import Interventions
from megdt_stream.scenario.measures import Told, joined, told
from megdt_stream.scenario.plan import Plan, lay_out, nothing
from megdt_stream.scenario.scheme import Scheme
from megdt_stream.scenario.world import World

DRAWS: Final = 200
WEEKS: Final = 52


class Rehearsal(NamedTuple):
    """What is to be rehearsed: plans on a world, the first of them going on as now."""

    world: World
    plans: tuple[Plan, ...]
    known: Interventions
    seed: int
    draws: int
    course: Course


def prepare(world: World, schemes: Sequence[Scheme], known: Interventions, seed: int, draws: int) -> Rehearsal:
    """Lay schemes out beside going on as now. Raises BadScheme."""
    if draws < 1:
        raise ValueError("a rehearsal takes at least one draw")
    plans = (nothing(world), *(lay_out(world, scheme, known) for scheme in schemes))
    return Rehearsal(world, plans, known, seed, draws, Course.of(world))


def blocks(draws: int) -> list[range]:
    """Give the draws of each block."""
    return [range(first, min(first + BLOCK, draws)) for first in range(0, draws, BLOCK)]


def block(rehearsal: Rehearsal, draws: range) -> list[Told]:
    """Run a block of draws; gives what each plan's tell."""
    world, plans, known, seed, _, course = rehearsal
    return [told(world, one) for one in simulate(world, plans, known, seed, draws, course)]


def finish(rehearsal: Rehearsal, parts: Iterable[Sequence[Told]]) -> dict[str, Any]:
    """Put blocks together, in their order, and write the result."""
    world, plans, known, seed, draws, _ = rehearsal
    found = [joined(one) for one in zip(*parts, strict=True)]
    return result(world, plans, found, known, seed, draws)


def rehearse(rehearsal: Rehearsal, progress: Callable[[int, int], None] | None = None) -> dict[str, Any]:
    """Do it all here, one block after the other."""
    parts, todo = [], blocks(rehearsal.draws)
    for number, draws in enumerate(todo):
        parts.append(block(rehearsal, draws))
        if progress is not None:
            progress(number + 1, len(todo))
    return finish(rehearsal, parts)
