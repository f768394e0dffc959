"""Features of a trainee's risk in a rotation, cut from the twin as it stands at a moment.

A twin in record order holds what was available by then and nothing else, so that features need no other cut; what they
must not do is read anything that depends on the future, such as results that stand beside a later `happened`.
"""

from __future__ import annotations

import math
from typing import Final

from megdt_stream.calibration.risk.schedule import DAY_MS, Schedule, Work, schedule
from megdt_stream.calibration.risk.vocabulary import clamped
from megdt_stream.twin.rotation import CANCELLED, rotation_state
from megdt_stream.twin.state import Twin

MIDDLE: Final = 3.8
"""Level that a trainee without levels is taken for (70 per cent on `oulad-percent@1`)."""
_MIDDLE_N: Final = 1.5
_SPREAD: Final = 0.8
_HINGES: Final = (2.6, 3.2, 3.4, 4.0)
_FAILS: Final = 2.6
_RECENT_DAYS: Final = 30.0
_FADES_DAYS: Final = 20.0
_PASSED: Final = frozenset({"pass", "passed", "distinction", "completed", "granted", "graduated"})
_FAILED: Final = frozenset({"fail", "failed", "refused", "not-completed", "not-graduated"})
_LEFT: Final = frozenset({"withdrawn", "dismissed"})


def features(twin: Twin, now: int, rotation: str) -> tuple[float, ...] | None:
    """Give the features (`vocabulary.FEATURES`, by position) of a trainee's risk in a rotation at `now` (ms).

    None where the rotation is unknown, cancelled or without a beginning. Never raises for a twin that the fold made.
    """
    plan = schedule(twin, rotation)
    if plan is None:
        return None
    past = [work for work in plan.works if work.due <= now]
    missed = [work.missed for work in past]
    return clamped(
        (
            *_missed(past, missed, now),
            *_ahead(plan, past, now),
            *_submitted(plan, past, now),
            *_levels(plan.works, sum(missed) / len(missed) if missed else 0.0),
            *_before(twin, plan, now),
            *_time(plan, now),
        )
    )


def _missed(past: list[Work], missed: list[bool], now: int) -> tuple[float, ...]:
    """Give what concerns works whose due date is past."""
    if not past:
        return (0.0,) * 10
    latest = past[-1].due
    last = [gone for work, gone in zip(past, missed, strict=True) if work.due == latest]
    before = missed[: len(past) - len(last)]
    share_last = sum(last) / len(last)
    run = 0
    for gone in reversed(missed):
        if not gone:
            break
        run += 1
    weight = missing = 0.0
    recent = []
    for work, gone in zip(past, missed, strict=True):
        days = (now - work.due) / DAY_MS
        w = math.exp(-days / _FADES_DAYS)
        weight += w
        missing += w * gone
        if days < _RECENT_DAYS:
            recent.append(gone)
    since = min((now - latest) / DAY_MS, 60.0)
    return (
        *(sum(missed) / len(missed), share_last, float(bool(before) and before[-1]), min(run, 5) / 3),
        *(float(bool(recent) and all(recent)), float(any(recent)), missing / (weight + 0.05), float(all(missed))),
        *(share_last * math.exp(-since / 7), since / 30),
    )


def _ahead(plan: Schedule, past: list[Work], now: int) -> tuple[float, ...]:
    following = next((work for work in plan.works if work.due > now), None)
    if following is None:
        return float(not past), 1.0, 0.0, 2.0
    return float(not past), 0.0, float(not following.missed), min((following.due - now) / DAY_MS, 60.0) / 30


def _submitted(plan: Schedule, past: list[Work], now: int) -> tuple[float, ...]:
    """Give what concerns the times of what came. Work from before the rotation was carried over: it has no lead."""
    leads = []
    last_at, carried = float(plan.starts), 0.0
    for work in sorted([work for work in plan.works if work.came], key=_when):
        if work.at < plan.starts:
            carried = 1.0
            continue
        leads.append(max(-14.0, min((work.due - work.at) / DAY_MS, 30.0)))
        last_at = work.at
    n = len(leads)
    silence = min((now - last_at) / DAY_MS, 80.0)
    lead = leads[-1] if leads else 0.0
    return (
        *(float(not n), min(n / (len(past) + 1), 1.5), silence / 30, max(0.0, silence - 35) / 30),
        *((sum(leads) + 4.0) / (n + 2) / 10, lead / 10, sum(x < 0 for x in leads) / (n + 1), float(lead < 0), carried),
    )


def _when(work: Work) -> float:
    return work.at


def _levels(works: list[Work], missed_share: float) -> tuple[float, ...]:
    levels = [work.level for work in sorted(works, key=_when) if work.level is not None]
    n = len(levels)
    mean = (sum(levels) + _MIDDLE_N * MIDDLE) / (n + _MIDDLE_N)
    last = levels[-1] if levels else MIDDLE
    return (
        (mean - MIDDLE) / _SPREAD,
        *[max(0.0, hinge - mean) / _SPREAD for hinge in _HINGES],
        *((last - MIDDLE) / _SPREAD, max(0.0, last - 4.2) / _SPREAD, max(0.0, 3.0 - last) / _SPREAD),
        sum(level < _FAILS for level in levels) / (n + 1),
        *(((min(levels) if levels else MIDDLE) - MIDDLE) / _SPREAD, (last - mean) / _SPREAD, min(n, 10) / 5),
        (mean - 1.0) / 4 * (1 - missed_share),
    )


def _before(twin: Twin, plan: Schedule, now: int) -> tuple[float, ...]:
    """Give when the trainee registered, what else they do or did, and what they came with."""
    slots = twin.slots.get(f"r|{plan.code}", {})
    registered = min(slot[0] for slot in slots.values())
    early = max(-30.0, min((plan.starts - registered) / DAY_MS, 200.0))
    beside = 0
    for group, others in twin.slots.items():
        if group.startswith("r|") and group[2:] != plan.code:
            state = rotation_state(others)
            beside += state.status != CANCELLED and (state.starts or now) <= now < (state.ends or now)
    return (
        *(max(0.0, 7 - early) / 20, min(beside, 2)),
        *_outcomes(twin, plan.code),
        _elsewhere(twin, plan.code),
        *_entry(twin),
    )


def _outcomes(twin: Twin, rotation: str) -> tuple[float, float, float]:
    """Count passed, failed and left, each up to 2, of other rotations than this one."""
    passed = failed = left = 0
    for group, slots in twin.slots.items():
        if group.startswith("o|"):
            for slot in slots.values():
                if slot[4] != rotation or slot[4] is None:
                    passed += slot[2] in _PASSED
                    failed += slot[2] in _FAILED
                    left += slot[2] in _LEFT
    return float(min(passed, 2)), float(min(failed, 2)), float(min(left, 2))


def _elsewhere(twin: Twin, rotation: str) -> float:
    """Give the mean level in all other rotations, shrunken to the middle by two."""
    level, n = 2 * MIDDLE, 2
    own = f"a|{rotation}|"
    for field, total in twin.sums.items():
        if field.startswith("a|") and not field.startswith(own) and len(total) > 1 and total[1]:
            level += total[1] / 1000
            n += total[0]
    return (level / n - MIDDLE) / _SPREAD


_ENTRY: Final = ("o|entry/qualification", "o|entry/attempts", "o|entry/load", "o|entry/area")
"""Outcomes whose latest `value` says what a trainee came with: 0-1, a count, full-time shares, 0-1."""


def _entry(twin: Twin) -> tuple[float, ...]:
    qualification, attempts, load, area = [_latest_value(twin, group) for group in _ENTRY]
    tries, burden = attempts or 0.0, 1.0 if load is None else load
    return (
        *(0.0 if qualification is None else 4 * qualification - 1.7, min(tries, 3.0), float(tries > 0)),
        *(min(burden, 4.0) - 1.0, max(0.0, min(burden, 5.0) - 1.0), 0.0 if area is None else 2 * area - 1.0),
    )


def _latest_value(twin: Twin, group: str) -> float | None:
    slots = twin.slots.get(group)
    if not slots:
        return None
    if len(slots) == 1:
        (slot,) = slots.values()
    else:
        _, slot = max(slots.items(), key=lambda item: (item[1][0], item[1][1], item[0]))
    value: float | None = slot[3]
    return value


def _time(plan: Schedule, now: int) -> tuple[float, ...]:
    days = (now - plan.starts) / DAY_MS
    length = max(plan.ends - plan.starts, DAY_MS) / DAY_MS
    return days / 100, days / length, max(0.0, 50 - days) / 20
