"""Letting the rules speak: at ticks, and where a record changed what they look at."""

from __future__ import annotations

from collections.abc import Sequence

from megdt_stream.evidence import topics
from megdt_stream.evidence.record import Fact, Tick
from megdt_stream.governance import notice, overdue
from megdt_stream.governance.notice import Cause
from megdt_stream.governance.overdue import Finding
from megdt_stream.governance.reviews import LOOKED_AT
from megdt_stream.mirror import reviews
from megdt_stream.mirror.work import Work
from megdt_stream.twin.state import Twin


def reach(work: Work, offset: int, tick: Tick) -> None:
    """Let time pass up to a tick: look at whatever is due by then."""
    partition = work.partition
    if tick.at <= partition.now:
        return
    partition.now = work.changes.now = tick.at
    for member in partition.deadlines.pop(tick.at):
        work.changes.deadlines[member] = None
        trainee, rotation, key = member.split("|")
        twin = partition.twins[trainee]
        if not rotation:
            reviews.look(work, offset, trainee, twin, key)
            continue
        finding = overdue.examine(twin, rotation, key, partition.now, work.rule.grace_ms)
        _act(work, offset, trainee, twin, finding, None)


def examine(work: Work, offset: int, trainee: str, touched: Sequence[str], fact: Fact | None) -> None:
    """Look at what the touched fields may have changed; `fact` is the evidence that touched them, if it was own."""
    now, grace = work.partition.now, work.rule.grace_ms
    twin = work.partition.twins[trainee]
    looked_at = []
    for name in touched:
        kind = name[0]
        if kind == "a":
            _, rotation, key = name.split("|")
            if f"r|{rotation}" in twin.slots:
                _act(work, offset, trainee, twin, overdue.examine(twin, rotation, key, now, grace), fact)
        elif kind == "r":
            _examine_rotation(work, offset, trainee, name.split("|")[1], fact)
        elif kind in LOOKED_AT:
            looked_at.append(name)
    if looked_at:
        reviews.wake(work, trainee, twin, looked_at)


def examine_all(work: Work, offset: int, trainee: str, fact: Fact | None) -> None:
    """Look at every rotation: a pseudonym began or ceased to stand for itself."""
    twin = work.partition.twins[trainee]
    rotations = {group[2:] for group in twin.slots if group.startswith("r|")}
    rotations |= {name.split("|")[2] for name in twin.standing if name.startswith(overdue.PREFIX)}
    for rotation in sorted(rotations):
        _examine_rotation(work, offset, trainee, rotation, fact)
    reviews.turn(work, offset, trainee, twin)


def _examine_rotation(work: Work, offset: int, trainee: str, rotation: str, fact: Fact | None) -> None:
    twin = work.partition.twins[trainee]
    for finding in overdue.examine_rotation(twin, rotation, work.partition.now, work.rule.grace_ms):
        _act(work, offset, trainee, twin, finding, fact)


def _act(work: Work, offset: int, trainee: str, twin: Twin, finding: Finding, fact: Fact | None) -> None:
    member = f"{trainee}|{finding.rotation}|{finding.key}"
    if work.partition.deadlines.set(member, finding.deadline):
        work.changes.deadlines[member] = finding.deadline
    if finding.transition is None:
        return
    now = work.partition.now
    said = notice.warning(
        work.rule,
        trainee,
        finding,
        now,
        Cause(work.partition.number, offset),
        _evidence(twin, finding.rotation, fact),
    )
    name = overdue.standing_field(finding.rotation, finding.key)
    if finding.transition == "opened":
        due, count = finding.expected[2], finding.expected[1]  # type: ignore[index]
        twin.standing[name] = [now, said.id, due, count]
    else:
        del twin.standing[name]
    work.changed(trainee, (name,))
    work.message(offset, topics.ALERTS.name, trainee.encode(), said.value, ())


def _evidence(twin: Twin, rotation: str, fact: Fact | None) -> list[dict[str, str]]:
    steps = twin.slots.get(f"r|{rotation}", {})
    said = [{"h": name[name.rindex("|") + 1 :]} for name in sorted(steps)]
    if fact is not None:
        said = [item for item in said if item["h"] != fact.h]
        said.append({"source": fact.source, "id": fact.id, "h": fact.h})
    return said
