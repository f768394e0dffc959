"""A chain shows what was changed, removed or put in between, and nothing after its head."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.governance.audit import Chains, Claim, Link, Place, follow

PLACE = Place("megdt.alerts.v1", 0)
RECORDS = st.lists(st.tuples(st.binary(max_size=4), st.binary(max_size=8)), min_size=1, max_size=6)


def chained(records, claims=(), offsets=None):
    chains = Chains(claims)
    for offset, (key, value) in zip(offsets or range(len(records)), records, strict=True):
        chains.add(PLACE, offset, key, value)
    return chains


def claim(chains):
    return Claim(PLACE, chains.heads[PLACE])


@given(RECORDS, RECORDS)
def test_an_unchanged_log_holds_and_may_grow(records, more):
    head = claim(chained(records))
    (verdict,) = chained([*records, *more], [head]).verdicts()
    assert verdict.holds


@given(RECORDS, st.data())
def test_any_change_shows(records, data):
    head = claim(chained(records))
    at = data.draw(st.integers(0, len(records) - 1))
    key, value = records[at]
    changed = [*records[:at], (key, value + b"x"), *records[at + 1 :]]
    assert not chained(changed, [head]).verdicts()[0].holds
    offsets = [offset for offset in range(len(records)) if offset != at]
    assert not chained([records[i] for i in offsets], [head], offsets).verdicts()[0].holds


def test_bytes_moved_from_key_to_value_show():
    assert chained([(b"ab", b"c")]).heads != chained([(b"a", b"bc")]).heads


def test_another_partition_is_another_chain():
    one = follow(Link(0, -1, "0" * 64), PLACE, 3, b"k", b"v")
    assert one.hash != follow(Link(0, -1, "0" * 64), Place("megdt.alerts.v1", 1), 3, b"k", b"v").hash
    with pytest.raises(ValueError, match="offset 3 after 3"):
        follow(one, PLACE, 3, b"k", b"v")
