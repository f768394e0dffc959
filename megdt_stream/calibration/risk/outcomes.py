"""What became of a trainee in a rotation, read off the twin: the label of the live model.

An adverse outcome within the rotation or the horizon after it, against being followed to a favourable one. Which
results are adverse is said in `seeds/outcomes.toml`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from megdt_stream.calibration.risk.schedule import DAY_MS, Schedule
from megdt_stream.evidence.reference.outcomes import Outcome
from megdt_stream.twin.rotation import RotationState, rotation_state
from megdt_stream.twin.state import Slot, Twin

HORIZON_DAYS: Final = 91
"""Results that name no rotation count up to a quarter after its end: most are of a year or of a stage."""
_LEFT: Final = frozenset({"withdrawn", "dismissed"})
_FAVOURABLE: Final = frozenset({"pass", "passed", "distinction", "completed", "granted", "graduated"})
_ENDED: Final = "ended"
_BEGUN: Final = frozenset({"started", _ENDED})
_HELP: Final = "remediation/"
_ACTED: Final = frozenset({"accepted", "modified", "implemented"})
"""Decisions by which somebody did something for the trainee; to note, to put off or to pass on is not that."""


class Adverse(NamedTuple):
    """Adverse results by code of the outcome, and by what codes begin with."""

    codes: Mapping[str, frozenset[str]]
    starts: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, outcomes: Mapping[str, Outcome]) -> Adverse:
        """Take the checked tables of `seeds/outcomes.toml`."""
        named = {alias: frozenset(one.adverse) for code, one in outcomes.items() for alias in (code, *one.aliases)}
        starts = {code: adverse for code, adverse in named.items() if code.endswith("/")}
        return cls(named, starts)

    def __call__(self, outcome: str, result: str) -> bool:
        """Tell whether a result is adverse; to leave is, whatever the code under which that is said."""
        if result in _LEFT:
            return True
        found = self.codes.get(outcome)
        if found is None:
            found = next((one for start, one in self.starts.items() if outcome.startswith(start)), frozenset())
        return result in found


class Label(NamedTuple):
    """Adverse or not, None where nobody can tell; since when (ms) somebody acted, None where nobody did."""

    adverse: bool | None
    intervened: int | None


def label(twin: Twin, plan: Schedule, adverse: Adverse) -> Label:
    """Read what is known by now of a rotation's outcome."""
    seen = list(_within(twin, plan))
    if any(adverse(outcome, slot[2]) for outcome, slot in seen):
        return Label(True, _intervened(twin, plan, seen))
    followed = _followed(twin, plan) or any(slot[2] in _FAVOURABLE for _, slot in seen)
    return Label(False if followed else None, _intervened(twin, plan, seen))


def _within(twin: Twin, plan: Schedule) -> Iterator[tuple[str, Slot]]:
    """Give outcomes of the rotation, and those of none that happened in its time or the horizon after it."""
    last = plan.ends + HORIZON_DAYS * DAY_MS
    for group, slots in twin.slots.items():
        if group.startswith("o|"):
            for slot in slots.values():
                if slot[4] == plan.code or (slot[4] is None and plan.starts < slot[0] <= last):
                    yield group[2:], slot


def _followed(twin: Twin, plan: Schedule) -> bool:
    """Tell whether the rotation was ended, and the trainee in another one when the horizon was over, or later."""
    if all(slot[2] != _ENDED for slot in twin.slots.get(f"r|{plan.code}", {}).values()):
        return False
    over = plan.ends + HORIZON_DAYS * DAY_MS
    others = (slots for group, slots in twin.slots.items() if group.startswith("r|") and group[2:] != plan.code)
    return any(_took_place(rotation_state(slots), over) for slots in others)


def _took_place(state: RotationState, over: int) -> bool:
    return state.status in _BEGUN and (state.ends is None or state.ends >= over)


def _intervened(twin: Twin, plan: Schedule, seen: Iterable[tuple[str, Slot]]) -> int | None:
    """Give when help began, or a decision to act was taken, in the time of the rotation."""
    helped = [slot[0] for outcome, slot in seen if outcome.startswith(_HELP) and slot[2] == "started"]
    for group, slots in twin.slots.items():
        if group.startswith("d|"):
            helped += [s[0] for s in slots.values() if s[2] in _ACTED and plan.starts < s[0] <= plan.ends]
    return min(helped, default=None)
