"""An entity twin is a function of the set of its contributors' latest contributions."""

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.twin.entities.state import NOTHING, EntityTwin, Part, pack

FIELDS = ("n|1", "n|2", "f|1|specific")
sums = st.dictionaries(st.sampled_from(FIELDS), st.tuples(st.integers(1, 3), st.integers(-5, 5)))
slots = st.dictionaries(st.sampled_from(("r|A", "e")), st.lists(st.integers(0, 3) | st.none(), max_size=3))
parts = st.builds(Part, sums, slots) | st.just(NOTHING)
deliveries = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 4), parts), max_size=12)


def one_part_a_revision(given_):
    """A contributor's revision has one part, as offsets do."""
    seen = {}
    return [(name, revision, seen.setdefault((name, revision), part)) for name, revision, part in given_]


def directly(given_):
    """Add up the latest contributions, the plain way."""
    latest = {}
    for name, revision, part in given_:
        if name not in latest or revision > latest[name][0]:
            latest[name] = revision, part
    totals = {}
    for _, part in latest.values():
        for field, value in part.sums.items():
            totals[field] = tuple(map(sum, zip(value, totals.get(field, (0, 0)), strict=True)))
    standing = {name: part for name, (_, part) in sorted(latest.items()) if part.sums or part.slots}
    return {field: total for field, total in totals.items() if any(total)}, standing


@given(deliveries.map(one_part_a_revision), st.randoms(use_true_random=False))
def test_order_copies_and_stale_deliveries_change_no_byte(given_, chance):
    once = EntityTwin.of(given_)
    again = given_ + given_[::2]
    chance.shuffle(again)
    other = EntityTwin.of(again)
    assert other.pack() == once.pack()
    assert (other.totals, other.parts, other.revision) == (once.totals, once.parts, once.revision)


@given(deliveries.map(one_part_a_revision))
def test_the_whole_is_what_it_is_computed_directly(given_):
    twin = EntityTwin.of(given_)
    assert (twin.totals, twin.parts) == directly(given_)


@given(deliveries)
def test_even_two_parts_of_one_revision_do_not_depend_on_order(given_):
    assert EntityTwin.of(given_).pack() == EntityTwin.of(reversed(given_)).pack()


@given(deliveries.map(one_part_a_revision))
def test_it_survives_being_stored(given_):
    twin = EntityTwin.of(given_)
    read = EntityTwin.unpack(twin.pack())
    assert (read.pack(), read.totals, read.parts) == (twin.pack(), twin.totals, twin.parts)


def test_an_older_revision_stays_ignored_after_a_withdrawal():
    twin = EntityTwin()
    assert twin.put("a", 5, NOTHING)
    assert not twin.put("a", 4, Part({"n|1": (1, 1)}, {}))
    assert (twin.totals, twin.parts) == ({}, {})
    assert twin.put("a", 6, Part({"n|1": (1, 1)}, {}))
    assert twin.totals == {"n|1": (1, 1)}


def test_put_tells_whether_anything_changed():
    part = Part({"n|1": (1, 1)}, {})
    twin = EntityTwin()
    assert [twin.put("a", 1, part), twin.put("a", 1, part), twin.put("a", 0, part)] == [True, False, False]


def test_the_revision_tells_contents_and_not_when_they_came():
    part, other = Part({"n|1": (1, 1)}, {}), Part({"n|1": (2, 1)}, {})
    assert EntityTwin.of([("a", 1, part)]).revision == EntityTwin.of([("a", 9, part)]).revision
    assert EntityTwin.of([("a", 1, part)]).revision != EntityTwin.of([("a", 1, other)]).revision
    assert EntityTwin.of([("a", 1, part)]).revision != EntityTwin.of([("b", 1, part)]).revision


def test_equal_parts_are_equal_bytes_whatever_order_their_fields_were_found_in():
    fields = {"n|1": (1, 2), "n|2": (3, 4), "v": (1, 0, 0)}
    packed = {pack(Part(dict(order), {})) for order in itertools.permutations(fields.items())}
    assert len(packed) == 1


def test_foreign_bytes_are_refused():
    with pytest.raises(msgspec.DecodeError):
        EntityTwin.unpack(msgspec.msgpack.encode({"a": 1}))
