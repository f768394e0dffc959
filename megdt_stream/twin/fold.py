"""The fold: one piece of evidence into a twin and its journal row.

Pure state change without I/O. What a version does to the twin follows from docs/records.md, section 3: the highest
revision stands, among equal revisions the smaller digest, whatever came first.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from megdt_stream.evidence.record import Fact, Origin
from megdt_stream.twin.contribution import NOTHING, Contribution, contribution
from megdt_stream.twin.journal import MAX_VERSIONS, Row, Version
from megdt_stream.twin.state import Sum, Twin, group_of


class Verdict(StrEnum):
    """What became of a piece of evidence."""

    APPLIED = "applied"
    SUPERSEDED = "superseded"
    DUPLICATE = "duplicate"
    ID_CONFLICT = "id_conflict"
    TOO_MANY_REVISIONS = "too_many_revisions"


class Folded(msgspec.Struct, frozen=True, gc=False):
    """The verdict, the journal row afterwards, the twin's fields that changed, and who lost a conflict to this one."""

    verdict: Verdict
    row: Row
    touched: list[str]
    displaced: Origin | None = None


def fold(twin: Twin, row: Row, fact: Fact) -> Folded:
    """Apply a fact to a twin, changing it in place.

    `row` holds the versions of this record known so far (empty for a new one).
    """
    if not row:
        given = contribution(fact)
        touched = _apply(twin, given)
        return Folded(Verdict.APPLIED, (_version(fact, given),), touched)
    return _revise(twin, row, fact)


def _revise(twin: Twin, row: Row, fact: Fact) -> Folded:
    same = next((v for v in row if v.rev == fact.rev), None)
    if same is None:
        if len(row) >= MAX_VERSIONS:
            return Folded(Verdict.TOO_MANY_REVISIONS, row, [])
        return _add(twin, row, fact)
    digest = bytes.fromhex(fact.d)
    if digest == same.digest:
        return Folded(Verdict.DUPLICATE, row, [])
    if digest > same.digest:
        return Folded(Verdict.ID_CONFLICT, row, [])
    rest = tuple(v for v in row if v is not same)
    if same is standing(row):
        touched = _withdraw(twin, same)
        folded = _add(twin, rest, fact)
        return Folded(folded.verdict, folded.row, touched + folded.touched, same.origin)
    folded = _add(twin, rest, fact)
    return Folded(folded.verdict, folded.row, folded.touched, same.origin)


def standing(row: Row) -> Version:
    """Give the version that stands: the highest revision."""
    return max(row, key=lambda version: version.rev)


def _add(twin: Twin, row: Row, fact: Fact) -> Folded:
    """Add a version of a revision the row does not hold."""
    current = standing(row) if row else None
    if current is not None and current.rev > fact.rev:
        return Folded(Verdict.SUPERSEDED, _ordered(row, _version(fact, NOTHING)), [])
    touched: list[str] = []
    if current is not None:
        touched = _withdraw(twin, current)
        row = tuple(v.stripped() if v is current else v for v in row)
    given = contribution(fact)
    touched += _apply(twin, given)
    return Folded(Verdict.APPLIED, _ordered(row, _version(fact, given)), touched)


def _ordered(row: Row, version: Version) -> Row:
    """Keep versions by revision, so that the row's bytes do not tell the order of arrival."""
    return tuple(sorted((*row, version), key=lambda v: v.rev))


def _version(fact: Fact, given: Contribution) -> Version:
    slots = tuple([field for field, _ in given.slots]) if given.slots else ()
    return Version(fact.rev, bytes.fromhex(fact.d), *fact.origin, given.sums, slots)


def _apply(twin: Twin, given: Contribution) -> list[str]:
    sums = twin.sums
    touched = []
    for field, value in given.sums:
        touched.append(field)
        old = sums.get(field)
        if old is None:
            sums[field] = value
        elif len(old) == 1:
            _put(sums, field, (old[0] + value[0],))
        else:
            _put(sums, field, (old[0] + value[0], old[1] + value[1], old[2] + value[2]))
    for field, slot in given.slots:
        twin.slots.setdefault(group_of(field), {})[field] = slot
        touched.append(field)
    return touched


def _put(sums: dict[str, Sum], field: str, value: Sum) -> None:
    if value[0]:
        sums[field] = value
    else:
        del sums[field]


def _withdraw(twin: Twin, version: Version) -> list[str]:
    negated = tuple((field, tuple(-number for number in value)) for field, value in version.sums)
    touched = _apply(twin, Contribution(negated, ()))
    for field in version.slots:
        group = group_of(field)
        slots = twin.slots[group]
        del slots[field]
        if not slots:
            del twin.slots[group]
    return [*touched, *version.slots]
