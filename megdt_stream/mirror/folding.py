"""The step itself: each record of a batch is taken in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from megdt_stream.evidence.reasons import Reason
from megdt_stream.evidence.record import Activation, Carried, Fact, Identity, Tick
from megdt_stream.governance.overdue import OverdueRule
from megdt_stream.mirror import carrying, rejecting, rules
from megdt_stream.mirror.state import Changes, Partition, Record, Rows
from megdt_stream.mirror.work import Work
from megdt_stream.twin import person
from megdt_stream.twin.fold import Folded, Verdict, admit, apply, fold, withdraw
from megdt_stream.twin.journal import Row
from megdt_stream.twin.person import Candidate
from megdt_stream.twin.state import Twin

LATE_MS: Final = 7 * 24 * 3600 * 1000
"""Evidence available over a week after it happened is labelled late. A label and a metric, never a reason to leave
it out."""


class FoldFailed(Exception):
    """The step failed on one record. The state is spoilt; drop it, and condemn the record if it fails again."""

    def __init__(self, offset: int) -> None:
        """Name the record."""
        super().__init__(f"the step failed on the evidence at offset {offset}")
        self.offset = offset


def step(
    partition: Partition,
    batch: Sequence[Record],
    rows: Rows,
    rule: OverdueRule,
    condemned: frozenset[int] = frozenset(),
) -> Changes:
    """Fold a batch into a partition's twins and let the rules speak, in record order.

    All of `needs`, `needs_whole` and `needs_carried` must have been loaded: twins into `partition.twins`, rows as
    `rows` (absent: new).
    Raises FoldFailed; the partition must then be thrown away.
    """
    work = Work(partition, rows, rule)
    for entry in batch:
        try:
            _take(work, entry, entry.offset in condemned)
        except Exception as error:
            raise FoldFailed(entry.offset) from error
    work.touch()
    return work.changes


def _take(work: Work, entry: Record, condemned: bool) -> None:
    fact = entry.fact
    if fact is None:
        rejecting.without_origin(work, entry, Reason.UNDECODABLE)
    elif isinstance(fact, Tick):
        rules.reach(work, entry.offset, fact)
    elif isinstance(fact, Activation):
        work.activate(fact)
    elif isinstance(fact, Carried):
        carrying.receive(work, entry, fact, condemned)
    elif _first_delivery(work, fact):
        if condemned:
            rejecting.rejected(work, entry, fact, Reason.INTERNAL_ERROR)
        else:
            _fold(work, entry, fact)


def _first_delivery(work: Work, fact: Fact) -> bool:
    topic, number, offset = fact.origin
    source = topic, number
    seen = work.partition.seen
    if offset <= seen.get(source, -1):
        work.changes.count(topic, "redelivered")
        return False
    seen[source] = work.changes.seen[source] = offset
    return True


def _fold(work: Work, entry: Record, fact: Fact) -> None:
    changes, trainee, h = work.changes, fact.trainee, fact.h
    known = work.row(trainee, h)
    twin = work.partition.twins[trainee]
    head = twin.head
    before = work.stands(trainee, h) if head is not None else None
    # Hardly any pseudonym has others carried to it: only then may something else stand in front of its own.
    folded = _fold_among(work, twin, known, fact) if twin.personas else fold(twin, known, fact)
    verdict = folded.verdict
    if verdict is Verdict.APPLIED or verdict is Verdict.SUPERSEDED:
        changes.rows[trainee, h] = folded.row
        if folded.displaced is not None:
            rejecting.displaced(work, entry, fact, folded.displaced)
        if folded.touched:
            work.changed(trainee, folded.touched)
        moved = [h] if head is not None and work.stands(trainee, h) != before else []
        carrying.spread(work, entry.offset, trainee, head, moved, folded.touched, fact)
        late = verdict is Verdict.APPLIED and fact.available - fact.happened > LATE_MS
        changes.count(fact.origin[0], "late" if late else verdict.value)
    elif verdict is Verdict.DUPLICATE:
        changes.count(fact.origin[0], "duplicate")
    else:
        rejecting.rejected(work, entry, fact, Reason(verdict.value))


def _fold_among(work: Work, twin: Twin, row: Row, fact: Fact) -> Folded:
    """Fold a fact where carried rows may stand in front of it."""
    admitted = admit(row, fact)
    if not admitted.stands:
        return Folded(admitted.verdict, admitted.row, [], admitted.displaced)
    trainee, carried = fact.trainee, work.carried(fact.trainee, fact.h)
    was = person.own_candidate(twin, row)
    before = person.best(trainee, twin, was, carried)
    touched = []
    if admitted.before is not None and was is None:  # a link: it stands in its own right
        touched += withdraw(twin, (), admitted.before.slots)
    own: Candidate | None = None
    if isinstance(fact, Identity):
        touched += apply(twin, admitted.given)
    else:
        own = Candidate(fact.rev, bytes.fromhex(fact.d), (), admitted.given.sums, admitted.given.slots)
    stands = person.best(trainee, twin, own, carried)
    touched += person.replace(twin, before, stands)
    touched += person.shade(twin, was, own, stands)
    return Folded(admitted.verdict, admitted.row, touched, admitted.displaced)
