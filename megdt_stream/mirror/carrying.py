"""What stands at a pseudonym that belongs to somebody is carried to that head (docs/records.md, "Persons")."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from megdt_stream.evidence import record, topics
from megdt_stream.evidence.reasons import Reason
from megdt_stream.evidence.record import Carried, Fact
from megdt_stream.mirror import rejecting, rules
from megdt_stream.mirror.state import Record
from megdt_stream.mirror.work import Work
from megdt_stream.twin import person
from megdt_stream.twin.person import NOBODY
from megdt_stream.twin.state import Register

ROWS_A_RECORD: Final = 400
"""Most rows in one record that carries them, so that it stays well below what the topic takes."""


def receive(work: Work, entry: Record, carried: Carried, condemned: bool) -> None:
    """Take what a pseudonym carries over to its head."""
    if condemned:
        rejecting.without_origin(work, entry, Reason.INTERNAL_ERROR)
        return
    trainee, persona, seq = carried.trainee, carried.persona, carried.seq
    twin = work.partition.twins[trainee]
    head = twin.head
    register = (twin.personas or {}).get(persona, NOBODY)
    turned = person.turned(register, carried.state, seq)
    known = work.carried_by(trainee, persona) if turned else []
    hashes = dict.fromkeys((*known, *(row.h for row in carried.rows)))
    owns = {h: person.own_candidate(twin, work.row(trainee, h)) for h in hashes}
    before = {h: person.best(trainee, twin, owns[h], work.carried(trainee, h)) for h in hashes}
    if turned or persona not in (twin.personas or ()):
        twin.register(persona, turned or register)
        work.changed(trainee, (f"p|{persona}",))
    _keep(work, carried, turned or register, known if turned else [])
    touched: list[str] = []
    moved: list[str] = []
    for h in hashes:
        stands = person.best(trainee, twin, owns[h], work.carried(trainee, h))
        touched += person.replace(twin, before[h], stands)
        touched += person.shade(twin, owns[h], owns[h], stands)
        if stands != before[h]:
            moved.append(h)
    if touched:
        work.changed(trainee, touched)
    spread(work, entry.offset, trainee, head, moved, touched, None)


def spread(
    work: Work, offset: int, trainee: str, head: str | None, moved: list[str], touched: list[str], fact: Fact | None
) -> None:
    """Carry on what changed at a pseudonym, and let the rules look at it; `head` is the one it had before."""
    twin = work.partition.twins[trainee]
    now = twin.head
    if now == head:
        if now is not None and moved:
            _carry(work, offset, trainee, now, "some", moved)
        rules.examine(work, offset, trainee, touched, fact)
        return
    if head is not None:
        _carry(work, offset, trainee, head, "none", [])
    if now is not None:
        _carry(work, offset, trainee, now, "all", work.standing_hashes(trainee))
    rules.examine_all(work, offset, trainee, fact)


def _keep(work: Work, carried: Carried, register: Register, known: Iterable[str]) -> None:
    """Forget the rows that a register has overtaken and keep those that are news."""
    trainee, persona, seq = carried.trainee, carried.persona, carried.seq
    for h in known:
        held = work.held((trainee, h, persona))
        if held is not None and held.seq < register.base:
            work.changes.carried[trainee, h, persona] = None
    for row in carried.rows:
        key = trainee, row.h, persona
        if person.takes(register, work.held(key), seq):
            work.changes.carried[key] = person.held(seq, row)


def _carry(work: Work, offset: int, trainee: str, head: str, state: str, hashes: list[str]) -> None:
    """Send rows over to the head: as they stand now, or that nothing stands any more."""
    rows = [person.carried_row(trainee, h, work.stands(trainee, h)) for h in hashes]
    for at in range(0, max(1, len(rows)), ROWS_A_RECORD):
        piece = tuple(rows[at : at + ROWS_A_RECORD])
        said = Carried(head, trainee, offset, state if at == 0 else "some", piece)  # type: ignore[arg-type]
        work.message(offset, topics.EVIDENCE.name, head.encode(), record.encode(said), ())
