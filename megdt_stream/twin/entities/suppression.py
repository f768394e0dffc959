"""What is not told since it is of too few trainees, directly or by subtraction.

One rule: whatever is told of a group of trainees, and whatever follows from it by subtracting told from told, is of at
least `LEAST` of them (docs/entities.md).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

LEAST: Final = 10


def suppressed() -> dict[str, Any]:
    """Give the property that stands for what is of too few."""
    return {"value": None, "provenance": {"suppressed": f"fewer than {LEAST}"}}


def hidden(groups: Mapping[str, Collection[str]]) -> frozenset[str]:
    """Name the groups of a whole that are not told, so that the whole less the told ones is not of too few.

    `groups` maps each part of the whole to its trainees; a trainee may be in several. A part of fewer than `LEAST` is
    hidden. While the hidden ones together have fewer, the smallest told one is hidden too (the first by name of equal
    ones). A whole of fewer than `LEAST` is hidden throughout.
    """
    order = sorted(groups, key=lambda name: (len(set(groups[name])), name))
    kept_back = [name for name in order if len(set(groups[name])) < LEAST]
    told = [name for name in order if name not in kept_back]
    while kept_back and told and len(_together(groups, kept_back)) < LEAST:
        kept_back.append(told.pop(0))
    return frozenset(kept_back)


def _together(groups: Mapping[str, Collection[str]], names: Collection[str]) -> set[str]:
    return {trainee for name in names for trainee in groups[name]}
