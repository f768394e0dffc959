"""The store against the fold: twins, journal, deadlines, counts and cursors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest

import msgspec

from megdt_stream.verify.contributions import Version
from megdt_stream.verify.log import MirrorState, Origin
from megdt_stream.verify.mirror import Mirror, standing
from megdt_stream.verify.report import Report

_SHOWN_FIELDS = 5

_Row = tuple[int, bytes, str, int, int, list[tuple[str, list[int]]], list[str]]
"""A version in the journal: rev, d, short topic, partition, offset, sums, fields of the slots."""


def check_store(mirror: Mirror, state: MirrorState, report: Report) -> None:
    """Compare one partition's state with what the log makes of it."""
    where = f"p{mirror.partition}"
    expected = mirror.twins()
    report.twins += len(expected)
    for trainee in sorted(expected.keys() | state.twins.keys()):
        _check_twin(f"{where}/{trainee}", expected.get(trainee, {}), state.twins.get(trainee, {}), report)
    for trainee in sorted(mirror.versions.keys() | state.journal.keys()):
        _check_journal(f"{where}/{trainee}", mirror.versions.get(trainee, {}), state.journal.get(trainee, {}), report)
    _check_map("seen", where, {f"{t}:{p}": offset for (t, p), offset in mirror.seen.items()}, state.seen, report)
    counts = {f"{topic}:{outcome}": count for (topic, outcome), count in mirror.counts.items()}
    _check_map("count", where, _nonzero(counts), _nonzero(state.counts), report)
    _check_map("now", where, {"now": mirror.now}, {"now": state.now}, report)
    _check_deadlines(where, mirror.deadlines(), state.due, report)


def check_counts(where: str, expected: Mapping[str, int], found: Mapping[str, int], report: Report) -> None:
    """Compare counters; a zero and an absent one are the same."""
    _check_map("count", where, _nonzero(expected), _nonzero(found), report)


def _nonzero(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count}


def _check_map(kind: str, where: str, expected: Mapping[str, int], found: Mapping[str, int], report: Report) -> None:
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            report.differ(kind, where, field=name, expected=expected.get(name), found=found.get(name))


def _check_deadlines(where: str, needed: Mapping[str, int], found: Mapping[str, int], report: Report) -> None:
    """A deadline that is missing is a warning that never comes; one too many is looked at in vain."""
    for member, score in sorted(needed.items()):
        if found.get(member) != score:
            report.differ("deadline", where, member=member, expected=score, found=found.get(member))


def _check_twin(where: str, expected: dict[str, str], found: dict[str, str], report: Report) -> None:
    if expected == found:
        return
    report.differing_twins += 1
    fields = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    _count_lost(expected, found, report)
    shown = {name: {"expected": expected.get(name), "found": found.get(name)} for name in fields[:_SHOWN_FIELDS]}
    report.differ("twin", where, differing=len(fields), fields=shown)


def _count_lost(expected: dict[str, str], found: dict[str, str], report: Report) -> None:
    """Tell missing evidence from evidence counted again by the twin's own tally of records, `k|<kind>`."""
    for name in expected.keys() | found.keys():
        if name.startswith("k|"):
            difference = _integer(expected.get(name, "0")) - _integer(found.get(name, "0"))
            report.lost += max(difference, 0)
            report.doubled += max(-difference, 0)


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        return 0


def journal_origins(state: MirrorState) -> Iterable[Origin]:
    """Give the coordinates of every version in a partition's journal."""
    for shards in state.journal.values():
        for shard in shards.values():
            for packed in shard.values():
                yield from (Origin(*version[2:5]) for version in _unpack(packed) or ())


def _check_journal(
    where: str, records: dict[str, dict[int, Version]], shards: dict[str, dict[bytes, bytes]], report: Report
) -> None:
    found = {(nibble, h.hex()): packed for nibble, shard in shards.items() for h, packed in shard.items()}
    expected = {(h[-1], h): versions for h, versions in records.items()}
    for place in sorted(expected.keys() | found.keys()):
        problem = _journal_problem(expected.get(place), found.get(place))
        if problem:
            report.differ("journal", f"{where}/{place[0]}/{place[1]}", problem=problem)


def _journal_problem(versions: dict[int, Version] | None, packed: bytes | None) -> str | None:
    if versions is None:
        return "a record that the log does not have"
    if packed is None:
        return "the record is missing"
    rows = _unpack(packed)
    if rows is None:
        return "not a list of versions"
    known = {v.rev: (bytes.fromhex(v.d), v.origin) for v in versions.values()}
    if len(rows) != len(known) or {row[0]: (row[1], Origin(*row[2:5])) for row in rows} != known:
        return "other versions than the log has"
    return _contribution_problem(rows, standing(versions))


def _unpack(packed: bytes) -> list[_Row] | None:
    try:
        return msgspec.msgpack.decode(packed, type=list[_Row]) if packed else None
    except msgspec.DecodeError:
        return None


def _contribution_problem(rows: list[_Row], stands: Version | None) -> str | None:
    """Compare what the standing version is said to contribute: an amendment will take exactly that back."""
    for row in rows:
        is_standing = stands is not None and row[0] == stands.rev
        sums, slots = (_summed(row[5]), set(row[6])) if is_standing else (row[5], row[6])
        if stands is not None and is_standing:
            if sums != _summed(stands.sums) or slots != {field for field, _ in stands.slots}:
                return "other contributions of the version that stands"
        elif sums or slots:
            return "contributions of a version that does not stand"
    return None


def _summed(sums: Iterable[tuple[str, Sequence[int]]]) -> dict[str, list[int]]:
    """Add up (field, numbers) by field."""
    total: dict[str, list[int]] = {}
    for field, numbers in sums:
        before = total.get(field, [0] * len(numbers))
        total[field] = [a + b for a, b in zip_longest(before, numbers, fillvalue=0)]
    return total
