"""What rests of a twin is a function of its fields: no order, no size of a batch, no restart changes a byte."""

import math
import zlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.runtime import stored
from megdt_stream.twin import chunk, layout, resting
from megdt_stream.twin.fold import fold
from megdt_stream.twin.journal import Words
from megdt_stream.twin.layout import cuts
from megdt_stream.twin.state import Twin
from tests.twin.facts import PERIOD, batches, named, placed

CODES = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="|"), min_size=1, max_size=20)


@pytest.fixture(autouse=True, scope="module")
def _short_segments():
    """Put periods away after a few fields, so that few facts make many chunks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "SEGMENT", 3)
        patch.setattr(resting, "SEGMENT", 3)
        patch.setattr(layout, "_MERGED", (4, 2, 1))
        yield


def histories(**options):
    """Draw evidence from many periods, in some order, with versions, conflicts and retractions."""
    return st.tuples(batches(**options), st.integers(1, 2**30)).map(lambda drawn: _spread(*drawn))


def _spread(facts, salt):
    """Move each version to a period of its own choice: copies of it go along."""
    moved = []
    for fact in facts:
        period = int(fact.d, 16) * salt % 13
        body = msgspec.structs.replace(fact, happened=fact.happened % PERIOD + period * PERIOD)
        moved.append(named(body, "k1.a", int(fact.id), fact.rev))
    return [placed(fact, "assessments", 0, n) for n, fact in enumerate(moved)]


MANY = {"max_size": 24, "records": 20, "revisions": 2}


class Kept:
    """A store's hashes of one trainee, written as a commit does."""

    def __init__(self):
        self.hashes = ({}, {}, {})

    def write(self, twin, touched):
        for kept, writing in zip(self.hashes, stored.changed(twin, touched), strict=True):
            for name, value in writing.items():
                kept.pop(name.encode(), None)
                if value is not None:
                    kept[name.encode()] = _bytes(value)

    def read(self):
        twin, beside, chunks = self.hashes
        return stored.read_twin([*twin.items(), *beside.items()], chunks.items())

    @property
    def content(self):
        twin, _, chunks = self.hashes
        return list(stored.content(twin.items(), chunks.items()))


def _bytes(value):
    return value if isinstance(value, bytes) else value.encode()


def written(evidence, batch, restarts=False):
    """Fold evidence and write it every `batch` facts; `restarts`: each time from what was read back."""
    twin, rows, kept = Twin(), {}, Kept()
    for at in range(0, len(evidence), batch):
        touched = set()
        for fact in evidence[at : at + batch]:
            folded = fold(twin, rows.get(fact.h, ()), fact)
            rows[fact.h] = folded.row
            touched.update(folded.touched)
        kept.write(twin, touched)
        if restarts:
            twin = kept.read()
    return twin, kept


@given(histories(**MANY), st.randoms(use_true_random=False), st.integers(1, 9))
def test_order_and_batches_change_no_byte(evidence, chance, batch):
    twin, kept = written(evidence, 1)
    other = evidence[:]
    chance.shuffle(other)
    again, others = written(other, batch)
    assert twin.fields() == again.fields()
    assert kept.hashes == others.hashes
    assert kept.content == list(stored.content_of(twin))


@given(histories(**MANY), st.integers(1, 5))
def test_what_rests_reads_back_and_goes_on(evidence, batch):
    twin, kept = written(evidence, batch)
    read = kept.read()
    assert read.fields() == twin.fields()
    assert (read.sums, read.slots) == (twin.sums, twin.slots)
    restarted, others = written(evidence, batch, restarts=True)
    assert restarted.fields() == twin.fields()
    assert others.hashes == kept.hashes


@given(histories(**MANY), st.lists(st.tuples(st.integers(0, 12), CODES), max_size=6), st.data())
def test_warnings_are_put_away_and_taken_out(evidence, warnings, data):
    twin, kept = written(evidence, 3)
    names = [f"w|expected-assessment-overdue|{code}|{at}" for at, (_, code) in enumerate(warnings)]
    for name, (period, _) in zip(names, warnings, strict=True):
        twin.standing[name] = [period * PERIOD + 5, "00", 3, 1]
    kept.write(twin, names)
    read = kept.read()
    assert read.standing == twin.standing
    gone = data.draw(st.lists(st.sampled_from(names), unique=True)) if names else []
    for name in gone:
        del read.standing[name]
        kept.write(read, [name])
    assert kept.content == list(stored.content_of(read))


def test_what_comes_in_order_of_time_is_put_away_when_a_segment_is_full():
    twin, kept = Twin(), Kept()
    for period in range(30):
        name = f"c|history-taking|{period}|rater"
        twin.sums[name] = (1, 100, 300_000)
        kept.write(twin, [name])
        assert kept.content == list(stored.content_of(twin)), period
    twin.sums["c|history-taking|0|another"] = (1, 100, 200_000)
    kept.write(twin, ["c|history-taking|0|another"])
    assert kept.content == list(stored.content_of(twin))


@given(histories(**MANY))
def test_nothing_is_in_two_places(evidence):
    twin, kept = written(evidence, 2)
    narrow, _, chunks = kept.hashes
    names = [name.decode() for name in narrow]
    for packed in chunks.values():
        names += [name for name, _ in chunk.unpack(chunk.decompress(packed))]
    assert sorted(names) == sorted(twin.fields())


def test_closed_periods_are_away_and_open_ones_are_not():
    counts = dict.fromkeys(range(100, 120), 3)
    assert cuts({}) == ()
    assert cuts({100: 9, 101: 9}) == ()
    assert cuts({100: 9, 102: 1}) == (100,)
    assert cuts({100: 1, 101: 1, 103: 1, 110: 1}) == (103,)
    assert cuts({100: 1, 101: 1, 110: 1}) == ()
    assert cuts(counts) == (103, 107, 111, 115, 117)
    assert max(cuts(counts)) < 119 - layout.OPEN + 1


def test_links_and_shadows_rest_beside_the_twin():
    twin, kept = Twin(), Kept()
    twin.slots["i"] = {"i|00": [1, 0, "k1.张", "linked", None]}
    twin.cover("o|年度|00", [1, 0, "未通过", 1.5, None, None, None])
    kept.write(twin, ["i|00", "s|o|年度|00"])
    narrow, beside, chunks = kept.hashes
    assert (narrow, chunks) == ({}, {})
    assert kept.read().head == "k1.张"
    assert kept.read().shadow == twin.shadow
    assert len(beside) == 2


# --- chunks ---

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
FIELDS = st.dictionaries(TEXTS, TEXTS | TEXTS.map(str.encode), max_size=20)


@given(FIELDS)
def test_a_chunk_reads_back(fields):
    packed = chunk.pack(fields)
    assert packed == chunk.pack(dict(reversed(fields.items())))
    assert chunk.decompress(chunk.compress(packed)) == packed
    read = chunk.unpack(packed)
    assert [(name, text.encode()) for name, text in read] == sorted(
        (name, text if isinstance(text, bytes) else text.encode()) for name, text in fields.items()
    )


SOUND = chunk.pack({f"c|C{n % 2}|{n}|k1.s": f"1 {n} {3 * n}" for n in range(4)} | {"r|R|00": '[1,0,"内科"]'})


@given(st.integers(0, len(SOUND) - 1), st.integers(0, 255), st.integers(0, len(SOUND)))
def test_bytes_that_are_no_chunk_are_refused_or_read(at, byte, cut):
    spoilt = SOUND[:at] + bytes([byte]) + SOUND[at + 1 :]
    for given_ in (spoilt, SOUND[:cut], spoilt[:cut]):
        try:
            stored.read_twin((), [(b"5", chunk.compress(given_))])
        except ValueError:
            continue


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"junk",
        zlib.compress(SOUND)[:-1],
        zlib.compress(SOUND) + b"x",
        zlib.compress(b"\xc1"),
        zlib.compress(msgspec.msgpack.encode([["y", "1"]])),
        zlib.compress(msgspec.msgpack.encode([["k|x", '"a"']])),
        zlib.compress(msgspec.msgpack.encode([["r|R|00", "[1,0"]])),
        zlib.compress(msgspec.msgpack.encode([["k|x", 1]])),
        zlib.compress(msgspec.msgpack.encode([["k|x", "1", "2"]])),
        zlib.compress(msgspec.msgpack.encode([["k|x"]])),
        zlib.compress(msgspec.msgpack.encode({"k|x": "1"})),
    ],
)
def test_what_is_no_archive_is_refused(packed):
    with pytest.raises(ValueError):  # noqa: PT011 - msgspec's, zlib's and our own
        stored.read_twin((), [(b"5", packed)])


def test_a_field_in_two_places_is_refused():
    one = chunk.compress(chunk.pack({"k|outcome": "1"}))
    for narrow, chunks in (
        ([(b"k|outcome", b"1")], [(b"5", one)]),
        ([], [(b"5", one), (b"6", one)]),
        ([], [(b"5", one), (b"open", one)]),
        ([], [(b"5", chunk.compress(msgspec.msgpack.encode([["k|outcome", "1"]] * 2)))]),
        ([(b"k|outcome", b"1")], [(b"open", one)]),
    ):
        with pytest.raises(ValueError, match="twice"):
            stored.read_twin(narrow, chunks)


def test_a_chunk_is_not_unpacked_beyond_the_largest(monkeypatch):
    monkeypatch.setattr(chunk, "LARGEST", 1_000)
    assert chunk.decompress(zlib.compress(bytes(1_000))) == bytes(1_000)
    with pytest.raises(ValueError, match="too long"):
        chunk.decompress(zlib.compress(bytes(1_001)))


# --- journal rows in pieces ---


@given(batches(max_size=30, records=2, revisions=20), st.integers(1, 6))
def test_rows_in_pieces_read_back(evidence, batch):
    twin, rows, shards, words = Twin(), {}, {}, Words()
    for at in range(0, len(evidence), batch):
        changed = {}
        for fact in evidence[at : at + batch]:
            rows[fact.h] = changed[fact.h] = fold(twin, rows.get(fact.h, ()), fact).row
        for h, row in changed.items():
            put, gone = stored.row_pieces(h, row, words)
            assert all(len(piece) <= 64 for piece in put.values())
            shards.update(put)
            for name in gone:
                shards.pop(name, None)
    joined = stored.join_rows(shards)
    assert {name.hex(): stored.journal.unpack(data, name.hex(), words) for name, data in joined.items()} == rows
    assert len(shards) == sum(math.floor(len(data) / 64) + 1 for data in joined.values())
