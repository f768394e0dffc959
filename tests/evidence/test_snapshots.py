"""Versions of models: cut to size, put together again in any order, refused when anything is missing or altered."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.evidence import snapshots
from megdt_stream.evidence.snapshots import Broken, Record

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
parts = st.dictionaries(st.from_regex(r"[a-z]{1,5}(/[0-9])?", fullmatch=True), values, max_size=4)


@given(parts, st.randoms())
def test_a_version_is_put_together_in_any_order(given_parts, random):
    records = snapshots.written("severity", "s1", 7, given_parts)
    others = snapshots.written("severity", "s10", 8, given_parts)
    mixed = [*records, *records, *others]
    random.shuffle(mixed)
    read, found = snapshots.joined(mixed, "severity", "s1")
    assert (read.version, read.at) == ("s1", 7)
    assert {name: msgspec.json.decode(value) for name, value in found.items()} == given_parts
    assert records == snapshots.written("severity", "s1", 7, dict(reversed(given_parts.items())))
    assert records[-1].key == "severity/s1", "the manifest comes last: without it there is no version"


def test_a_large_part_is_cut():
    records = snapshots.written("risk", "r1", 0, {"m": ["x" * 1_000] * 2_000})
    assert len(records) == 4
    assert max(len(one.value) for one in records) <= snapshots.PIECE_BYTES
    _, found = snapshots.joined(records, "risk", "r1")
    assert msgspec.json.decode(found["m"]) == ["x" * 1_000] * 2_000


def test_what_is_missing_or_altered_is_refused():
    records = snapshots.written("severity", "s1", 7, {"a": [1, 2], "b": {}})
    for at, one in enumerate(records):
        with pytest.raises(Broken):
            snapshots.joined(records[:at] + records[at + 1 :], "severity", "s1")
        altered = Record(one.key, one.value[:-1] + b" ")
        with pytest.raises(Broken):
            snapshots.joined([*records[:at], altered, *records[at + 1 :]], "severity", "s1")


@pytest.mark.parametrize(("kind", "version"), [("Severity", "1"), ("risk/x", "1"), ("risk", ""), ("risk", "a/b")])
def test_names_that_would_mix_up_keys_are_refused(kind, version):
    with pytest.raises(ValueError, match="no kind"):
        snapshots.written(kind, version, 0, {})
