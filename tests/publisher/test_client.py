"""The client on a real broker, store and worker: receipts tell the truth, the spool outlives the broker and us."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from megdt_stream.data_files import seeds_dir
from megdt_stream.errors import ConfigError, PublishError, Unavailable
from megdt_stream.evidence import topics
from megdt_stream.evidence.pseudonym import Pseudonymiser
from megdt_stream.evidence.reasons import Reason
from megdt_stream.local import open_stack
from megdt_stream.publisher import (
    Applied,
    Client,
    InvalidEvent,
    NotApplied,
    Original,
    Publisher,
    Rejected,
    Spool,
    SpoolBusy,
    SpoolFull,
)
from megdt_stream.publisher import producer as producing
from megdt_stream.publisher.forward import drain
from megdt_stream.publisher.spool import Record
from tests.faults.system import System, eventually

pytestmark = pytest.mark.stack
ROOT = Path(__file__).resolve().parents[2]
NOW = datetime.now(UTC) - timedelta(hours=1)


def away(test):
    """For tests without a broker: kafka-python leaves refused connections to the collector, now or later."""
    ignored = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
    return pytest.mark.usefixtures("refused_connections")(ignored(test))


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    with open_stack() as stack:
        system = System(stack)
        yield system
        system.close()


@pytest.fixture(scope="module")
def worked(system: System) -> Iterator[System]:
    """The system with a worker."""
    system.worker()
    eventually(lambda: bool(system.owners()), otherwise=system.tail)
    yield system
    system.end_all()


def client_of(system: System, **options) -> Client:
    stated = {"source": "/教务", "redis": system.stack.redis} | options
    return Client(system.stack.kafka, **stated)


def assess(client: Client, id_: str, value: float = 6, **changes):
    stated = {
        "subject": "k1.client",
        "id": id_,
        "time": NOW,
        "instrument": "mini-cex",
        "scale": "mini-cex@1",
        "scores": {"patient-care": value},
    }
    return client.assessments.recorded(**(stated | changes))


# --- is it in the twin? ---


def test_an_event_is_waited_for_until_it_is_in_the_twin(worked: System) -> None:
    with client_of(worked) as client:
        receipt = assess(client, "a-1", subject="k1.applied")
        assert receipt.wait_applied(60) == Applied(duplicate=False, standing=True)
        assert receipt.acknowledged
        stored = worked.query.find("k1.applied")
    assert stored is not None
    assert any(field.startswith("c|patient-care|") for field in stored.twin.sums)


def test_a_copy_and_a_superseded_version_are_told(worked: System) -> None:
    with client_of(worked) as client:
        first = assess(client, "a-2")
        assert first.wait_applied(60) == Applied(duplicate=False, standing=True)
        assert assess(client, "a-2").wait_applied(60) == Applied(duplicate=True, standing=True)
        amended = client.assessments.amended(
            subject="k1.client",
            id="a-2",
            time=NOW,
            revision=1,
            instrument="mini-cex",
            scale="mini-cex@1",
            scores={"patient-care": 7},
        )
        assert amended.wait_applied(60) == Applied(duplicate=False, standing=True)
        assert first.wait_applied(60) == Applied(duplicate=False, standing=False)
        withdrawn = client.assessments.retracted(subject="k1.client", id="a-2", time=NOW, revision=2, reason="错录")
        assert withdrawn.wait_applied(60) == Applied(duplicate=False, standing=True)


def test_what_the_mirror_rejects_is_told(worked: System) -> None:
    with client_of(worked) as client:
        receipts = [assess(client, "a-3", value) for value in (5, 6)]
        fates = {type(receipt.wait_applied(60)) for receipt in receipts}
        # Which of two contents stands is decided by their digests, and the other one is rejected.
        (rejected,) = [fate for fate in (r.wait_applied(60) for r in receipts) if isinstance(fate, Rejected)]
    assert fates == {Applied, Rejected}
    assert rejected.reason == Reason.ID_CONFLICT.value
    assert "raise `revision`" in rejected.hint
    assert not rejected.applied


def test_what_intake_rejects_after_all_is_told_with_its_path(worked: System, tmp_path: Path) -> None:
    """The worker has other seeds than the publisher."""
    scales = (seeds_dir() / "scales.toml").read_text("utf-8")
    table = scales.partition('["mini-cex@1"]')[2].partition("\n[")[0]
    (tmp_path / "scales.toml").write_text(f'{scales}\n["ours@1"]{table}', "utf-8")
    with client_of(worked, seeds_dir=tmp_path) as client:
        receipts = [assess(client, f"a-4-{n}", scale="ours@1") for n in range(3)]
        fates = [receipt.wait_applied(60) for receipt in receipts]
        known = assess(client, "a-4")
        assert known.wait_applied(60).applied
        # The mirror has seen a later event of the same partition by now, and never these.
        assert [receipt.wait_applied(60) for receipt in receipts] == fates
    assert {(fate.reason, fate.path) for fate in fates} == {("unknown_scale", "/data/scale")}
    assert all("ours@1" in fate.detail for fate in fates)


def test_events_of_every_topic_are_found(worked: System) -> None:
    who = {"subject": "k1.all", "time": NOW}
    with client_of(worked) as client:
        receipts = [
            client.rotations.ended(id="1", rotation="R1", **who),
            client.exposures.recorded(id="2", kind="case", item="肺炎", **who),
            client.activities.teaching_attended(id="3", session="s1", **who),
            client.outcomes.leave_recorded(id="4", kind="sick", starts=NOW, ends=NOW, **who),
            client.resources.recorded(id="5", kind="beds", base="im", capacity=4, unit="beds", starts=NOW, **who),
            client.identities.linked(id="6", person="k1.head", **who),
            client.decisions.made(id="7", on="w1", action="accepted", by="k1.boss", **who),
        ]
        assert {receipt.wait_applied(60) for receipt in receipts} == {Applied(duplicate=False, standing=True)}


def test_many_threads_share_a_client(worked: System) -> None:
    fates = []
    with client_of(worked) as client:

        def publish(number: int) -> None:
            receipts = [assess(client, f"t-{number}-{n}", subject=f"k1.t{number}") for n in range(20)]
            fates.extend(receipt.wait_applied(60) for receipt in receipts)

        threads = [threading.Thread(target=publish, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert fates == [Applied(duplicate=False, standing=True)] * 120


def test_without_a_store_it_cannot_be_told(system: System) -> None:
    with client_of(system, redis=None) as client, pytest.raises(ConfigError, match="redis="):
        assess(client, "a-5").wait_applied(1)


def test_a_store_that_does_not_answer_is_told(system: System) -> None:
    with client_of(system, redis="redis://127.0.0.1:1/0") as client, pytest.raises(Unavailable, match="Redis"):
        assess(client, "a-6").wait_applied(5)


# --- checking before sending ---


def test_what_would_be_rejected_is_not_sent(system: System) -> None:
    before = len(system.read("megdt.assessments.v1"))
    with client_of(system) as client:
        with pytest.raises(InvalidEvent) as caught:
            assess(client, "b-1", scale="mini-cex@9")
        with pytest.raises(InvalidEvent, match="naive_timestamp at /time"):
            assess(client, "b-1", time=NOW.replace(tzinfo=None))
        with pytest.raises(InvalidEvent, match="direct_identifier"):
            client.check({"specversion": "1.0", "id": "zhang@hospital.cn"})
    assert (caught.value.reason, caught.value.path, caught.value.exit_code) == ("unknown_scale", "/data/scale", 65)
    assert "mini-cex@1" in caught.value.detail
    assert "seeds/scales.toml" in caught.value.hint
    assert len(system.read("megdt.assessments.v1")) == before


def test_an_event_written_by_hand_is_sent_as_it_is(system: System) -> None:
    event = {
        "specversion": "1.0",
        "type": "megdt.exposure.recorded.v1",
        "source": "/x",
        "id": "c-1",
        "subject": "k1.hand",
        "time": "2026-01-02T03:04:05+08:00",
        "data": {"kind": "case", "item": "肺炎"},
    }
    odd = b"  " + json.dumps(event).encode() + b"\n"
    headers = [(f"ce_{name}", str(value).encode()) for name, value in event.items() if name != "data"]
    with client_of(system) as client:
        places = [
            client.publish(event).wait(30),
            client.publish(odd).wait(30),
            client.publish(json.dumps(event["data"]).encode(), headers).wait(30),
        ]
    found = {(r.partition, r.offset): r for r in system.read("megdt.exposures.v1")}
    whole, as_it_is, binary = (found[place.partition, place.offset] for place in places)
    assert json.loads(whole.value) == event
    assert as_it_is.value == odd
    assert (json.loads(binary.value), binary.headers) == (event["data"], headers)
    assert {record.key for record in (whole, as_it_is, binary)} == {b"k1.hand"}


def test_originals_become_pseudonyms_on_the_way(system: System) -> None:
    key = Pseudonymiser(bytes(32), "k7")
    with client_of(system, pseudonyms=key) as client:
        who = client.pseudonym(Original("20231234"))
        assess(client, "d-1", subject=Original("20231234"), assessor=Original("T1", "hr")).wait(30)
    (record,) = [r for r in system.read("megdt.assessments.v1") if r.key == who.encode()]
    assert json.loads(record.value)["data"]["assessor"] == key.of("T1", "hr")
    assert b"20231234" not in record.value


# --- the spool ---


def spooled(system: System, name: str) -> list[str]:
    """Give the ids that are in the log for a trainee, each where it stands last: after it, nothing older follows."""
    ids = [json.loads(r.value)["id"] for r in system.read("megdt.assessments.v1") if r.key == name.encode()]
    return [id_ for n, id_ in enumerate(ids) if id_ not in ids[n + 1 :]]


def test_events_reach_the_broker_through_a_spool_in_order(worked: System, tmp_path: Path) -> None:
    with client_of(worked, spool=tmp_path / "events.spool") as client:
        receipts = [assess(client, f"s-{n}", subject="k1.spooled") for n in range(300)]
        assert receipts[-1].wait_applied(60) == Applied(duplicate=False, standing=True)
        assert receipts[0].wait(30).offset >= 0
        client.flush(30)
        status = client.spool.status()
    assert (status.events, status.sent) == (0, 300)
    assert spooled(worked, "k1.spooled") == [f"s-{n}" for n in range(300)]


@pytest.mark.slow
@away
def test_events_wait_while_the_broker_is_away_and_go_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(producing, "_CONNECT_SECONDS", 2.0)
    with open_stack() as stack:
        system = System(stack)
        assert stack.broker is not None
        stack.broker.kill()
        path = tmp_path / "events.spool"
        with client_of(system, spool=path) as client:
            early = [assess(client, f"w-{n}", subject=f"k1.w{n % 3}") for n in range(30)]
            eventually(lambda: client.trouble is not None)
            with pytest.raises(PublishError, match="waits in the spool"):
                early[0].wait(0.1)
            with pytest.raises(PublishError, match=r"30 events wait in .*no Kafka broker answers"):
                client.flush(0.1)
            stack.broker.start()
            stack.broker.wait_ready()
            late = [assess(client, f"w-{n}", subject=f"k1.w{n % 3}") for n in range(30, 60)]
            client.flush(90)
            assert all(receipt.wait(10).offset >= 0 for receipt in early + late)
            assert client.trouble is None
        for n in range(3):
            assert spooled(system, f"k1.w{n}") == [f"w-{m}" for m in range(n, 60, 3)]
        system.close()


@pytest.mark.slow
@away
def test_the_broker_dies_in_the_middle_of_draining_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(producing, "_CONNECT_SECONDS", 2.0)
    with open_stack() as stack:
        system = System(stack)
        assert stack.broker is not None
        with client_of(system, spool=tmp_path / "events.spool", delivery_seconds=3) as client:
            for n in range(4_000):
                assess(client, f"m-{n}", subject=f"k1.m{n % 2}")
                if n == 2_000:
                    stack.broker.kill()
            stack.broker.start()
            stack.broker.wait_ready()
            client.flush(100)
        for n in range(2):
            assert spooled(system, f"k1.m{n}") == [f"m-{m}" for m in range(n, 4_000, 2)]
        system.close()


PUBLISHING = """
import sys
from datetime import UTC, datetime
from megdt_stream.publisher import Client
WHEN = datetime(2026, 1, 1, tzinfo=UTC)
client = Client(sys.argv[1], source="/killed", spool=sys.argv[2])
for n in range(1_000_000):
    client.exposures.recorded(subject="k1.killed", id=f"k-{n}", time=WHEN, kind="case", item="x")
    print(n, flush=True)
"""


def test_a_killed_publisher_s_events_are_sent_by_the_next_one(system: System, tmp_path: Path) -> None:
    path = tmp_path / "events.spool"
    with subprocess.Popen(
        [sys.executable, "-c", PUBLISHING, system.stack.kafka, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) == 500:
                process.send_signal(signal.SIGKILL)
                break
        taken = [500, *map(int, process.stdout.read().split())][-1]
        process.wait(20)
    result = subprocess.run(
        [sys.executable, "-m", "megdt_stream.cli", "spool", "drain", str(path), "--json"],
        env={**os.environ, "MEGDT_KAFKA": system.stack.kafka},
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert result.returncode == 0, result.stderr
    ids = [json.loads(r.value)["id"] for r in system.read("megdt.exposures.v1") if r.key == b"k1.killed"]
    last = [id_ for n, id_ in enumerate(ids) if id_ not in ids[n + 1 :]]
    assert last == [f"k-{n}" for n in range(len(last))]
    assert taken < len(last) <= taken + 2
    found = json.loads(result.stdout)
    assert (found["events"], found["refused"], found["sent"]) == (0, 0, len(last))


@away
def test_a_client_without_a_broker_keeps_its_events_and_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(producing, "_CONNECT_SECONDS", 0.5)
    path = tmp_path / "events.spool"
    with Client("127.0.0.1:1", source="/x", spool=path) as client:
        assess(client, "n-1")
    with Spool(path) as spool:
        (waiting,) = spool.oldest(10)
    assert json.loads(waiting.record.value)["id"] == "n-1"
    assert (waiting.record.topic, waiting.record.key) == ("assessments", "k1.client")


@away
def test_a_full_spool_refuses_the_next_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(producing, "_CONNECT_SECONDS", 0.5)
    with (
        Spool(tmp_path / "events.spool", max_events=1) as spool,
        Client("127.0.0.1:1", source="/x", spool=spool) as client,
    ):
        assess(client, "f-1")
        with pytest.raises(SpoolFull):
            assess(client, "f-2")
        assert spool.status().events == 1


def test_a_record_that_the_topic_does_not_take_is_set_aside(system: System, tmp_path: Path) -> None:
    own = KafkaAdminClient(bootstrap_servers=system.stack.kafka)
    narrow = ConfigResource(ConfigResourceType.TOPIC, topics.DECISIONS.name, {"max.message.bytes": "10000"})
    own.alter_configs([narrow])
    with Spool(tmp_path / "events.spool") as spool, Publisher(system.stack.kafka) as publisher:
        spool.put_all([Record("decisions", "k1.a", value) for value in (b"{}", os.urandom(20_000), b"[]")])
        with spool.sending():
            assert drain(spool, publisher) == 2
        assert [why.startswith("a record for megdt.decisions.v1 is larger") for _, why in spool.refusals()] == [True]
        wide = ConfigResource(ConfigResourceType.TOPIC, topics.DECISIONS.name, {"max.message.bytes": "100000"})
        own.alter_configs([wide])
        own.close()
        assert spool.take_back() == 1
        with spool.sending():
            assert drain(spool, publisher) == 1
        assert spool.status().events == 0


def test_two_processes_do_not_send_at_once(system: System, tmp_path: Path) -> None:
    path = tmp_path / "events.spool"
    with client_of(system, spool=path) as client:
        assess(client, "p-1").wait(30)
        with Spool(path) as other, pytest.raises(SpoolBusy), other.sending():
            pass
        with Spool(path) as other:
            other.put(Record("assessments", "k1.other", b'{"id":"p-2"}'))
        client.flush(30)
    assert spooled(system, "k1.other") == ["p-2"]


# --- last, since it needs a system whose worker is gone ---


def test_without_a_worker_waiting_ends_and_says_so(system: System) -> None:
    system.end_all()
    with client_of(system) as client:
        receipt = assess(client, "z-1")
        begun = time.monotonic()
        with pytest.raises(NotApplied, match=r"neither applied nor rejected in time"):
            receipt.wait_applied(0.5)
        assert time.monotonic() - begun < 20
