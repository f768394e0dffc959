"""The fold: one piece of evidence into a twin and its journal row.

Pure state change without I/O. What a version does to the twin follows from docs/records.md, section 3: the highest
revision stands, among equal revisions the smaller digest, whatever came first.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from itertools import zip_longest

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


class Admitted(msgspec.Struct, frozen=True, gc=False):
    """A row with a new version in it: `stands` tells whether that one stands, `before` which one stood."""

    verdict: Verdict
    row: Row
    stands: bool
    given: Contribution
    before: Version | None
    displaced: Origin | None = None


def fold(twin: Twin, row: Row, fact: Fact) -> Folded:
    """Apply a fact to the twin of a pseudonym to which nothing is carried, changing it in place.

    `row` holds the versions of this record known so far (empty for a new one).
    """
    if not row:
        given = contribution(fact)
        touched = apply(twin, given)
        return Folded(Verdict.APPLIED, (_version(fact, given),), touched)
    admitted = admit(row, fact)
    touched = []
    if admitted.stands:
        if admitted.before is not None:
            touched = withdraw(twin, admitted.before.sums, admitted.before.slots)
        touched += apply(twin, admitted.given)
    return Folded(admitted.verdict, admitted.row, touched, admitted.displaced)


def admit(row: Row, fact: Fact) -> Admitted:
    """Take a fact into its record's row, without a look at any twin."""
    before = standing(row) if row else None
    same = next((v for v in row if v.rev == fact.rev), None)
    displaced = None
    if same is not None:
        digest = bytes.fromhex(fact.d)
        if digest >= same.digest:
            verdict = Verdict.DUPLICATE if digest == same.digest else Verdict.ID_CONFLICT
            return Admitted(verdict, row, False, NOTHING, before)
        row, displaced = tuple(v for v in row if v is not same), same.origin
    elif len(row) >= MAX_VERSIONS:
        return Admitted(Verdict.TOO_MANY_REVISIONS, row, False, NOTHING, before)
    if before is not None and before.rev > fact.rev:
        return Admitted(Verdict.SUPERSEDED, _ordered(row, _version(fact, NOTHING)), False, NOTHING, before, displaced)
    given = contribution(fact)
    row = tuple(v.stripped() if v is before else v for v in row)
    return Admitted(Verdict.APPLIED, _ordered(row, _version(fact, given)), True, given, before, displaced)


def standing(row: Row) -> Version:
    """Give the version that stands: the highest revision."""
    return max(row, key=lambda version: version.rev)


def _ordered(row: Row, version: Version) -> Row:
    """Keep versions by revision, so that the row's bytes do not tell the order of arrival."""
    return tuple(sorted((*row, version), key=lambda v: v.rev))


def _version(fact: Fact, given: Contribution) -> Version:
    slots = tuple([field for field, _ in given.slots]) if given.slots else ()
    return Version(fact.rev, bytes.fromhex(fact.d), *fact.origin, given.sums, slots)


def apply(twin: Twin, given: Contribution) -> list[str]:
    """Add a contribution to a twin; give the fields it touched."""
    sums = twin.sums
    touched = []
    for field, value in given.sums:
        touched.append(field)
        old = sums.get(field)
        if old is None:
            sums[field] = value
        elif len(old) == len(value) == 1:
            _put(sums, field, (old[0] + value[0],))
        elif len(old) != len(value):
            # Rows carried over by a worker of format 1 have a bare count where there are three numbers today.
            _put(sums, field, tuple(a + b for a, b in zip_longest(old, value, fillvalue=0)))
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


def withdraw(twin: Twin, sums: Iterable[tuple[str, Sum]], slots: Iterable[str]) -> list[str]:
    """Take a contribution's sums and slots out of a twin; give the fields it touched."""
    negated = tuple((field, tuple(-number for number in value)) for field, value in sums)
    touched = apply(twin, Contribution(negated, ()))
    for field in slots:
        group = group_of(field)
        there = twin.slots[group]
        del there[field]
        if not there:
            del twin.slots[group]
        touched.append(field)
    return touched
