"""What a twin, a journal row and a rotation refuse, and their limits."""

import msgspec
import pytest

from megdt_stream.evidence.record import Exposure, Retraction
from megdt_stream.twin import journal
from megdt_stream.twin.contribution import Contribution
from megdt_stream.twin.fold import Verdict, apply, fold
from megdt_stream.twin.journal import MAX_VERSIONS
from megdt_stream.twin.rotation import rotation_state
from megdt_stream.twin.state import Twin
from tests.twin.facts import BLANK, DAY, named, placed


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (b"", b"1"),
        (b"z|x", b"1"),
        (b"k|assessment", b""),
        (b"k|assessment", b"one"),
        (b"k|assessment", b"1  2"),
        (b"r|R1|00", b"{}"),
        (b"r|R1|00", b"[1"),
        (b"r", b"[]"),
        (b"\xff", b"1"),
        (b"w|x", b"7"),
    ],
)
def test_an_unknown_state_is_refused(field, value):
    with pytest.raises(ValueError):  # noqa: PT011 - msgspec's, Unicode's and our own
        Twin.from_fields([(field, value)])


VERSION = [0, bytes(8), 25, 0, 5]


@pytest.mark.parametrize("value", [b"", b"\xc1", b"[]", b"\x91\x01", b"\x90"])
def test_an_unknown_row_is_refused(value):
    with pytest.raises(ValueError):  # noqa: PT011
        journal.unpack(value, "00" * 8, WORDS)


OWN = len(journal.COMMON)
SHAPE = 2 * OWN
WORDS = journal.Words(enumerate(["y|1|1", "动脉血气分析"], OWN))


@pytest.mark.parametrize(
    "coded",
    [
        VERSION,
        [*VERSION, 1],
        [*VERSION, -1],
        [*VERSION, 0, 0],
        [0, bytes(7), 25, 0, 5, 0],
        [0, 7, 25, 0, 5, 0],
        [-1, bytes(8), 25, 0, 5, 0],
        [0, bytes(8), OWN + 2, 0, 5, 0],
        [0, bytes(8), -1, 0, 5, 0],
        [*VERSION, 2, SHAPE, 3],
        [*VERSION, 3, 2 * OWN + 4, 4, 1],
        [*VERSION, 3, SHAPE, OWN + 3, 1],
        [*VERSION, 3, SHAPE, OWN, b""],
        [*VERSION, 3, 2 * 25, 3, 1],
        [*VERSION, 2, 3, 3],
        [*VERSION, 2, -1, 3],
        [*VERSION, 4, SHAPE, OWN, 1, 9],
    ],
)
def test_a_row_of_other_content_is_refused(coded):
    assert journal.unpack(msgspec.msgpack.encode([*VERSION, 3, SHAPE, OWN + 2, 1]), "00" * 8, WORDS)[0].sums == (
        ("y|动脉血气分析", (1,)),
    )
    with pytest.raises(ValueError):  # noqa: PT011
        journal.unpack(msgspec.msgpack.encode(coded), "00" * 8, WORDS)


@pytest.mark.parametrize(
    "stored",
    [[(1, "a")], [(0, "a"), (0, "b")], [(0, "a"), (2, "b")], [(0, "a"), (1, "a")]],
)
def test_words_with_gaps_are_refused(stored):
    with pytest.raises(ValueError, match="words"):
        journal.Words((OWN + number, word) for number, word in stored)


def version(rev, count=1):
    body = Exposure(kind="case", item="P", role=None, count=count, rotation=None, **BLANK, happened=0)
    return placed(named(body, "k1.a", 0, rev), "exposures", 0, rev)


def test_a_record_takes_64_versions_and_no_more():
    twin, row = Twin(), ()
    for rev in range(MAX_VERSIONS):
        row = fold(twin, row, version(rev, rev + 1)).row
    before = twin.fields()
    assert before["x|case|P|-|0"] == "64"
    refused = fold(twin, row, version(MAX_VERSIONS))
    assert (refused.verdict, refused.row, list(refused.touched)) == (Verdict.TOO_MANY_REVISIONS, row, [])
    assert fold(twin, row, version(3, 4)).verdict is Verdict.DUPLICATE
    assert twin.fields() == before


def test_a_full_record_still_settles_conflicts():
    twin, row = Twin(), ()
    for rev in range(MAX_VERSIONS):
        row = fold(twin, row, version(rev)).row
    smaller = next(v for count in range(2, 99) if (v := version(63, count)).d < version(63).d)
    settled = fold(twin, row, smaller)
    assert (settled.verdict, settled.displaced) == (Verdict.APPLIED, ("exposures", 0, 63))
    assert len(settled.row) == MAX_VERSIONS
    assert twin.fields()["x|case|P|-|0"] == str(smaller.count)


def test_a_retraction_of_an_unknown_record_waits_for_it():
    twin = Twin()
    first = fold(twin, (), placed(named(Retraction(**BLANK, happened=0), "k1.a", 0, 1), "exposures", 0, 9))
    assert (first.verdict, list(first.touched)) == (Verdict.APPLIED, [])
    assert fold(twin, first.row, version(0)).verdict is Verdict.SUPERSEDED
    assert twin.fields() == {}
    assert fold(twin, first.row, version(2)).verdict is Verdict.APPLIED
    assert twin.fields()["k|exposure"] == "1"


def slot(happened, rev, status, base=None, expects=None):
    dates = (1, 2) if expects is not None else (None, None)
    return [happened, rev, status, *dates, base, None, None, expects]


def test_a_rotation_is_what_its_latest_step_says():
    plan, ended = slot(0, 0, "planned", "B1", [["mini-cex", 1, 9]]), slot(5, 0, "ended")
    state = rotation_state({"r|R|bb": plan, "r|R|aa": ended})
    assert (state.status, state.base, state.expects) == ("ended", "B1", (("mini-cex", 1, 9),))
    assert state.expectation("mini-cex") == ("mini-cex", 1, 9)
    assert state.expectation("dops") is None


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("zz", slot(0, 9, "planned", "B1", [])), ("aa", slot(1, 0, "started", "B2", []))),
        (("zz", slot(1, 0, "planned", "B1", [])), ("aa", slot(1, 1, "started", "B2", []))),
        (("aa", slot(1, 1, "planned", "B1", [])), ("bb", slot(1, 1, "started", "B2", []))),
    ],
)
def test_steps_are_ordered_by_time_then_revision_then_hash(first, second):
    both = [(f"r|a|b|{h}", value) for h, value in (first, second)]
    for order in (both, both[::-1]):
        state = rotation_state(dict(order))
        assert (state.status, state.base) == ("started", "B2")


def test_a_cancelled_rotation_expects_nothing():
    plan = slot(0, 0, "planned", "B1", [["mini-cex", 1, DAY]])
    state = rotation_state({"r|R|aa": plan, "r|R|bb": slot(1, 0, "cancelled")})
    assert state.base == "B1"
    assert state.expectation("mini-cex") is None
    again = rotation_state(
        {"r|R|aa": plan, "r|R|bb": slot(1, 0, "cancelled"), "r|R|cc": slot(2, 0, "started", "B1", [])}
    )
    assert (again.status, again.expects) == ("started", ())


def test_a_plan_that_states_no_expectations_leaves_the_earlier_ones():
    first, second = slot(0, 0, "planned", "B1", [["dops", 1, 9]]), [1, 0, "started", 5, 6, "B2", "D2", "k1.s", None]
    state = rotation_state({"r|R|bb": first, "r|R|aa": second})
    assert state == ("started", 5, 6, "B2", "D2", "k1.s", (("dops", 1, 9),))
    emptied = rotation_state({"r|R|bb": first, "r|R|aa": second, "r|R|cc": slot(2, 0, "planned", "B3", [])})
    assert (emptied.base, emptied.expects) == ("B3", ())
    assert rotation_state({"r|R|aa": second}).expects == ()


def test_a_step_without_a_plan_expects_nothing():
    state = rotation_state({"r|R|aa": slot(0, 0, "ended"), "r|R|bb": slot(1, 0, "ended")})
    assert (state.base, state.starts, state.expects) == (None, None, ())


def test_a_bare_count_of_format_1_adds_to_the_three_numbers_of_today():
    for first, second in (((1,), (1, 3000, 480_000)), ((1, 3000, 480_000), (1,))):
        twin = Twin()
        apply(twin, Contribution((("a|R-1|m-1", first),), ()))
        apply(twin, Contribution((("a|R-1|m-1", second),), ()))
        assert twin.sums == {"a|R-1|m-1": (2, 3000, 480_000)}
