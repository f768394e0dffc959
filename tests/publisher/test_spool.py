"""The spool: what was put in comes out, byte by byte and in order, whatever happens to the process or the disk."""

import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megdt_stream.publisher.errors import SpoolBusy, SpoolFull, SpoolUnusable
from megdt_stream.publisher.spool import Record, Spool

ROOT = Path(__file__).resolve().parents[2]
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
RECORDS = st.builds(
    Record,
    st.sampled_from(["assessments", "rotations"]),
    TEXTS,
    st.binary(max_size=200),
    st.lists(st.tuples(TEXTS, st.binary(max_size=10)), max_size=3).map(tuple),
)


def put_in(spool, *values, key="k1.a"):
    return [spool.put(Record("assessments", key, value)) for value in values]


def values(spool, limit=1_000, max_bytes=1 << 30):
    return [one.record.value for one in spool.oldest(limit, max_bytes)]


@given(st.lists(RECORDS, max_size=20))
@settings(max_examples=30, deadline=None)
def test_any_records_come_out_as_they_were_and_in_order(tmp_path_factory, records):
    path = tmp_path_factory.mktemp("spool") / "events.spool"
    with Spool(path) as spool:
        spool.put_all(records)
    with Spool(path) as spool:
        assert [one.record for one in spool.oldest(100)] == records


def test_only_the_owner_may_read_any_of_its_files(tmp_path):
    with Spool(tmp_path / "events.spool") as spool, spool.sending():
        put_in(spool, b"{}")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert set(modes) >= {"events.spool", "events.spool-wal", "events.spool.sending"}
    assert set(modes.values()) == {0o600}


def test_removing_and_what_waits_are_counted(tmp_path):
    with Spool(tmp_path / "events.spool") as spool:
        first, second = put_in(spool, b"one", b"two")
        before = spool.status()
        spool.remove([first])
        after = spool.status()
    assert (before.events, before.sent, after.events, after.sent) == (2, 0, 1, 1)
    assert before.bytes == 2 * after.bytes > 0
    assert 1_600_000_000_000 < before.oldest <= after.oldest
    assert second > first


@pytest.mark.parametrize("bounds", [{"max_events": 2}, {"max_bytes": 200}])
def test_a_full_spool_says_so_and_takes_nothing(tmp_path, bounds):
    with Spool(tmp_path / "events.spool", **bounds) as spool:
        first, _ = put_in(spool, b"x", b"y")
        with pytest.raises(SpoolFull, match=r"holds at most (2 events|200 bytes)"):
            put_in(spool, b"z")
        with pytest.raises(SpoolFull):
            spool.put_all([Record("assessments", "k1.a", b"z")] * 2)
        assert values(spool) == [b"x", b"y"]
        spool.remove([first])
        put_in(spool, b"z")
        assert values(spool) == [b"y", b"z"]


def test_its_bounds_are_remembered(tmp_path):
    Spool(tmp_path / "events.spool", max_events=2, max_bytes=9_999).close()
    with Spool(tmp_path / "events.spool") as spool:
        assert (spool.status().max_events, spool.status().max_bytes) == (2, 9_999)


def test_a_batch_is_bounded_and_never_empty(tmp_path):
    with Spool(tmp_path / "events.spool") as spool:
        put_in(spool, bytes(1_000), bytes(1_000), bytes(1_000))
        assert len(values(spool, limit=2)) == 2
        assert len(values(spool, max_bytes=2_500)) == 2
        assert len(values(spool, max_bytes=0)) == 1


def test_what_is_set_aside_lets_others_pass_and_comes_back(tmp_path):
    with Spool(tmp_path / "events.spool") as spool:
        first, _ = put_in(spool, b"huge", b"next")
        spool.set_aside(first, "larger than the topic takes")
        assert values(spool) == [b"next"]
        assert spool.refusals() == [(first, "larger than the topic takes")]
        assert (spool.status().events, spool.status().refused) == (2, 1)
        assert spool.take_back() == 1
        assert values(spool) == [b"huge", b"next"]


def test_one_sends_at_a_time(tmp_path):
    path = tmp_path / "events.spool"
    with Spool(path) as one, Spool(path) as other:
        with one.sending():
            with pytest.raises(SpoolBusy), other.sending():
                pass
            with pytest.raises(SpoolBusy), one.sending():
                pass
            put_in(other, b"meanwhile")
        with other.sending():
            assert values(other) == [b"meanwhile"]


HOLDER = """
import sys
from megdt_stream.publisher.spool import Spool
spool = Spool(sys.argv[1])
spool.claim()
print("claimed", flush=True)
sys.stdin.read()
"""


def test_the_claim_is_seen_by_other_processes_and_ends_with_a_killed_one(tmp_path):
    path = tmp_path / "events.spool"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as holder:
        assert holder.stdout.readline() == b"claimed\n"
        with Spool(path) as spool:
            with pytest.raises(SpoolBusy), spool.sending():
                pass
            holder.send_signal(signal.SIGKILL)
            holder.wait(20)
            with spool.sending():
                assert values(spool) == []


WRITER = """
import sys
from megdt_stream.publisher.spool import Record, Spool
spool = Spool(sys.argv[1])
for n in range(1_000_000):
    spool.put(Record("assessments", "k1.a", b'{"n":%d,"text":"%s"}' % (n, "腰穿".encode())))
    print(n, flush=True)
"""


def test_what_was_taken_survives_kill_9(tmp_path):
    path = tmp_path / "events.spool"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as writer:
        for line in writer.stdout:
            if int(line) == 200:
                writer.send_signal(signal.SIGKILL)
                break
        said = [201 + n for n, _ in enumerate(writer.stdout)]  # what it said between the signal and its death
        writer.wait(20)
    taken = said[-1] if said else 200
    with Spool(path) as spool:
        found = values(spool, limit=10_000)
        assert found == [b'{"n":%d,"text":"%s"}' % (n, "腰穿".encode()) for n in range(len(found))]
        assert taken < len(found) <= taken + 2  # the last may have been taken and not told
        assert spool.status().events == len(found)


def test_a_file_that_is_something_else_is_refused_and_left_alone(tmp_path):
    text, other = tmp_path / "notes.txt", tmp_path / "other.db"
    text.write_text("not a database, but long enough to be taken for one by its size" * 50)
    with sqlite3.connect(other) as database:
        database.execute("CREATE TABLE t (x)")
    database.close()
    before = text.read_bytes(), other.read_bytes()
    with pytest.raises(SpoolUnusable, match="not a database"):
        Spool(text)
    with pytest.raises(SpoolUnusable, match="not a spool of this version"):
        Spool(other)
    assert (text.read_bytes(), other.read_bytes()) == before


def test_a_folder_that_is_not_there_and_a_spool_that_is_not_there_are_told(tmp_path):
    with pytest.raises(SpoolUnusable, match="No such file"):
        Spool(tmp_path / "nowhere" / "events.spool")
    with pytest.raises(SpoolUnusable, match="there is no spool"):
        Spool(tmp_path / "events.spool", create=False)
    assert list(tmp_path.iterdir()) == []


FULL_DISK = """
import resource, signal, sys
from megdt_stream.publisher.errors import SpoolFull, SpoolUnusable
from megdt_stream.publisher.spool import Record, Spool
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
spool = Spool(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
taken = 0
try:
    while True:
        spool.put(Record("assessments", "k1.a", bytes(10_000)))
        taken += 1
except (SpoolFull, SpoolUnusable) as error:
    print(taken)
"""


def test_a_full_disk_is_told_and_loses_nothing_taken(tmp_path):
    path = tmp_path / "events.spool"
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True, timeout=60, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 10
    with Spool(path) as spool:
        assert spool.status().events == int(done.stdout)
        assert path.stat().st_size <= 1_000_000
