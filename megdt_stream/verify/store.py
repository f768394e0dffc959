"""The store against the fold: twins, persons, carried rows, journal, deadlines, counts and cursors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from megdt_stream.verify.contributions import Version, total
from megdt_stream.verify.log import MirrorState, Origin
from megdt_stream.verify.mirror import Mirror
from megdt_stream.verify.packed import PackedVersion, archived, join
from megdt_stream.verify.packed import versions as packed_versions
from megdt_stream.verify.persons import Person, Register, Row, highest, standing_of
from megdt_stream.verify.report import Report
from megdt_stream.verify.strict_json import canonical

_SHOWN_FIELDS = 5


def check_store(mirror: Mirror, state: MirrorState, report: Report) -> None:
    """Compare one partition's state with what the log makes of it."""
    where = f"p{mirror.partition}"
    expected = mirror.twins()
    report.twins += len(expected)
    for trainee in sorted(expected.keys() | state.twins.keys() | state.archives.keys()):
        found = _whole(where, trainee, state, report)
        if found is not None:
            _check_twin(where, trainee, expected.get(trainee, {}), found, report)
    for trainee in sorted(mirror.people.keys() | state.persons.keys() | state.journal.keys() | state.carried.keys()):
        _check_person(f"{where}/{trainee}", mirror.people.get(trainee, Person(trainee)), state, report)
    _check_map("seen", where, {f"{t}:{p}": offset for (t, p), offset in mirror.seen.items()}, state.seen, report)
    counts = {f"{topic}:{outcome}": count for (topic, outcome), count in mirror.counts.items()}
    _check_map("count", where, _nonzero(counts), _nonzero(state.counts), report)
    _check_map("now", where, {"now": mirror.now}, {"now": state.now}, report)
    _check_deadlines(where, mirror, state.due, report)
    active = {kind: f"{at} {version}" for kind, (at, version) in mirror.active.items()}
    if active != state.active:
        report.differ("active", where, expected=active, found=state.active)


def check_counts(where: str, expected: Mapping[str, int], found: Mapping[str, int], report: Report) -> None:
    """Compare counters; a zero and an absent one are the same."""
    _check_map("count", where, _nonzero(expected), _nonzero(found), report)


def _nonzero(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count}


def _check_map(kind: str, where: str, expected: Mapping[str, int], found: Mapping[str, int], report: Report) -> None:
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            report.differ(kind, where, field=name, expected=expected.get(name), found=found.get(name))


def _check_deadlines(where: str, mirror: Mirror, found: Mapping[str, int], report: Report) -> None:
    """A deadline that is missing is a warning that never comes; one too many is looked at in vain.

    But where a pseudonym has a head there must be none.
    """
    for member, score in sorted(mirror.deadlines().items()):
        if found.get(member) != score:
            report.differ("deadline", where, member=member, expected=score, found=found.get(member))
    muted = {name for name, watch in mirror.watches.items() if watch.muted}
    for member, score in sorted(found.items()):
        if member.partition("|")[0] in muted:
            report.differ("deadline", where, member=member, expected=None, found=score)


def _whole(where: str, trainee: str, state: MirrorState, report: Report) -> dict[str, str] | None:
    """Give all fields of a twin, its archive's among them; None where that cannot be read."""
    fields = dict(state.twins.get(trainee, {}))
    try:
        for name, text in archived(state.archives.get(trainee, {})):
            if name in fields:
                raise ValueError(f"{name} is there twice")
            fields[name] = text
    except ValueError as error:
        report.differ_twin(trainee, "twin", f"{where}/{trainee}", problem=f"archive: {error}")
        return None
    return fields


def _check_twin(partition: str, trainee: str, expected: dict[str, str], found: dict[str, str], report: Report) -> None:
    if expected == found:
        return
    fields = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    _count_lost(expected, found, report)
    shown = {name: {"expected": expected.get(name), "found": found.get(name)} for name in fields[:_SHOWN_FIELDS]}
    report.differ_twin(trainee, "twin", f"{partition}/{trainee}", differing=len(fields), fields=shown)


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
    for trainee, shards in state.journal.items():
        words = state.words.get(trainee, {})
        for shard in shards.values():
            for h, packed in join(shard).items():
                yield from (Origin(*version[2:5]) for version in _unpack(packed, h.hex(), words) or ())


def _check_person(where: str, person: Person, state: MirrorState, report: Report) -> None:
    """Compare what rests of a pseudonym beside its twin."""
    _check_hash(where, _hash_of(person), state.persons.get(person.name, {}), report)
    words = state.words.get(person.name, {})
    _check_journal(where, person.versions, state.journal.get(person.name, {}), words, report)
    _check_carried(where, person, state.carried.get(person.name, {}), report)


def _hash_of(person: Person) -> dict[str, str]:
    """Give identity slots, registers, and the slots of own versions that stand among the own ones only."""
    own = {h: highest(versions) for h, versions in person.versions.items()}
    texts = {f"p|{persona}": canonical(list(register)) for persona, register in person.registers.items()}
    for h, version in own.items():
        if version and version.link:
            texts.update(version.slots)
        elif version and person.standing.get(h) != version.candidate:
            texts.update((f"s|{field}", text) for field, text in version.slots)
    return texts


def _check_hash(where: str, expected: dict[str, str], found: dict[str, str], report: Report) -> None:
    """Compare field by field; a register as it is at first need not be stored."""
    at_first = canonical(list(Register()))
    for name in sorted(expected.keys() | found.keys()):
        absent = at_first if name.startswith("p|") else None
        if expected.get(name, absent) != found.get(name, absent):
            report.differ("person", where, field=name, expected=expected.get(name), found=found.get(name))


def _check_carried(where: str, person: Person, shards: dict[str, dict[bytes, bytes]], report: Report) -> None:
    found = {(nibble, field): packed for nibble, shard in shards.items() for field, packed in shard.items()}
    expected = {
        (h[-1], bytes.fromhex(h) + persona.encode()): row
        for persona, rows in person.held.items()
        for h, row in rows.items()
    }
    for place in sorted(expected.keys() | found.keys()):
        packed = found.get(place)
        row, known = (None if packed is None else _unpack_row(packed)), expected.get(place)
        if packed is None or row is None or row != known:
            where_row = f"{where}/{place[0]}/{place[1][:8].hex()}"
            report.differ("carried_row", where_row, persona=_text(place[1][8:]), expected=str(known), found=str(row))


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _unpack_row(packed: bytes) -> Row | None:
    """Read a carried row; None when it is not one."""
    try:
        seq, *content = msgspec.msgpack.decode(packed, type=list[Any])
        if not content or content[0] < 0:  # nothing stands there any more
            return Row(seq, None)
        rev, d, via, sums, slots = content
        return Row(seq, standing_of(rev, bytes(d).hex(), via, sums, slots))
    except (msgspec.DecodeError, TypeError, ValueError):
        return None


def _check_journal(
    where: str,
    records: dict[str, dict[int, Version]],
    shards: dict[str, dict[bytes, bytes]],
    words: Mapping[str, str],
    report: Report,
) -> None:
    found = {(nibble, h.hex()): packed for nibble, shard in shards.items() for h, packed in join(shard).items()}
    expected = {(h[-1], h): versions for h, versions in records.items()}
    for place in sorted(expected.keys() | found.keys()):
        problem = _journal_problem(expected.get(place), found.get(place), place[1], words)
        if problem:
            report.differ("journal", f"{where}/{place[0]}/{place[1]}", problem=problem)


def _journal_problem(
    versions: dict[int, Version] | None, packed: bytes | None, h: str, words: Mapping[str, str]
) -> str | None:
    if versions is None:
        return "a record that the log does not have"
    if packed is None:
        return "the record is missing"
    rows = _unpack(packed, h, words)
    if rows is None:
        return "not a list of versions"
    known = {v.rev: (bytes.fromhex(v.d), v.origin) for v in versions.values()}
    if len(rows) != len(known) or {row[0]: (row[1], Origin(*row[2:5])) for row in rows} != known:
        return "other versions than the log has"
    return _contribution_problem(rows, highest(versions))


def _unpack(packed: bytes, h: str, words: Mapping[str, str]) -> list[PackedVersion] | None:
    try:
        return packed_versions(packed, h, words)
    except ValueError:
        return None


def _contribution_problem(rows: list[PackedVersion], stands: Version | None) -> str | None:
    """Compare what the standing version is said to contribute: an amendment will take exactly that back."""
    for row in rows:
        is_standing = stands is not None and row[0] == stands.rev
        if stands is not None and is_standing:
            if total(row[5]) != stands.sums or set(row[6]) != {field for field, _ in stands.slots}:
                return "other contributions of the version that stands"
        elif row[5] or row[6]:
            return "contributions of a version that does not stand"
    return None
