"""What is rejected is listed, explained, and gets in after all; what must not be kept is not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from kafka import KafkaProducer

from megdt_stream.evidence import topics
from tests.faults.events import encoded, outcome
from tests.faults.system import System

pytestmark = pytest.mark.stack

SCALE = "ward-round@1"
SCALES = """
["ward-round@1"]
name = { en = "Ward round", zh = "查房" }
min = 1
max = 5
direction = "higher-is-better"
intercept_milli = 0
slope_milli = 1000
variance = 0.5
source = "this test"
"""
DATA = {"instrument": "ward-round", "scale": SCALE, "scores": [{"competency": "patient-care", "value": 4}]}


def attributes(id_: str, source: str, subject: str) -> dict[str, str]:
    return {
        "specversion": "1.0",
        "source": source,
        "id": id_,
        "type": "megdt.assessment.recorded.v1",
        "subject": subject,
        "time": "2025-01-10T08:00:00+08:00",
    }


def structured(id_: str, source: str = "/tms", subject: str = "k1.replay") -> bytes:
    return json.dumps({**attributes(id_, source, subject), "data": DATA}).encode()


def binary(id_: str, source: str, subject: str) -> list[tuple[str, bytes]]:
    return [(f"ce_{name}", text.encode()) for name, text in attributes(id_, source, subject).items()]


PHONE, NUMBER, MAIL = "13912345678", "11010519491231002X", "zhang.san@hospital.example.cn"
BINARY = [
    *binary("b1", "/lms/查房".replace("查房", "%E6%9F%A5"), "k1.replay"),
    ("content-type", b"application/json"),
    ("ce_hospital", "北京".encode()),
    ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ("x-raw", b"\xff\x00\xfe"),
    ("x-empty", b""),
]


class Sent(NamedTuple):
    topic: str
    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes]]


ORIGINALS = [
    Sent("assessments", b"k1.replay", structured("s1"), []),
    Sent("assessments", b"\xff\xfe key", structured("s2"), [("x-raw", b"\x00")]),
    Sent("assessments", None, json.dumps(DATA).encode(), BINARY),
]
GARBAGE = [
    Sent("outcomes", b"k1.replay", b"\xff\xfe no text", []),
    Sent("outcomes", b"k1.replay", b'{"specversion": "1.0", "note": "\x1b[31m"}', []),
    Sent("outcomes", b"k1.replay", encoded(outcome(type="megdt.outcome.recorded.v9", source="/his[red]")), []),
]
NAMED = [
    Sent("assessments", PHONE.encode(), structured("p1", subject=f"k1.{PHONE}"), [("x", PHONE.encode())]),
    Sent("assessments", b"k1.a", structured("p2", source=f"mailto:{MAIL}"), [("from", MAIL.encode())]),
    Sent("assessments", b"k1.a", json.dumps(DATA).encode(), binary(NUMBER, "/lms", "k1.replay")),
    Sent(
        "outcomes",
        b"k1.a",
        encoded(outcome(id_=f"x-{NUMBER}", source="/his/故障")).replace(b"49", b"\\u0034\\u0039"),
        [],
    ),
]


@pytest.fixture(scope="module")
def rejected(whole: System) -> System:
    """The system after a worker with the shipped seeds has rejected everything."""
    producer = KafkaProducer(bootstrap_servers=whole.stack.kafka, acks="all")
    for sent in [*ORIGINALS, *GARBAGE, *NAMED]:
        name = topics.BY_SHORT[sent.topic].name
        producer.send(name, key=sent.key, value=sent.value, headers=sent.headers).get(30)
    producer.close()
    with whole.working():
        whole.drained()
    return whole


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Path]:
    """Seeds of a site that knows the scale; from the call on, also what the command here goes by."""

    def use() -> Path:
        (tmp_path / "extra").mkdir()
        (tmp_path / "extra" / "scales.toml").write_text(SCALES, "utf-8")
        monkeypatch.setenv("MEGDT_SEEDS_DIR", str(tmp_path))
        return tmp_path

    return use


def test_everything_is_listed_with_its_reason_and_counted_by_source(rejected: System, megdt: Any) -> None:
    found = megdt("list", "--json")
    assert (found["matched"], found["shown"], found["copies"], found["foreign"]) == (10, 10, 0, 0)
    assert [row["time"] for row in found["rejects"]] == sorted(row["time"] for row in found["rejects"])
    assert all(row["stage"] == "intake" and row["detail"] for row in found["rejects"])
    summary = megdt("list", "--summary", "--json")
    assert summary["by_reason"] == {
        "direct_identifier": 4,
        "unknown_scale": 3,
        "undecodable": 2,
        "unknown_type": 1,
    }
    groups = {(group["reason"], group["source"]): group["count"] for group in summary["groups"]}
    assert groups == {
        ("unknown_scale", "/tms"): 2,
        ("unknown_scale", "/lms/%E6%9F%A5"): 1,
        ("undecodable", ""): 2,
        ("unknown_type", "/his[red]"): 1,
        ("direct_identifier", "/tms"): 1,
        ("direct_identifier", ""): 1,
        ("direct_identifier", "/lms"): 1,
        ("direct_identifier", "/his/故障"): 1,
    }


def test_a_list_can_be_narrowed(rejected: System, megdt: Any) -> None:
    def places(*arguments: str) -> list[str]:
        return [row["at"] for row in megdt("list", "--json", *arguments)["rejects"]]

    everything = places()
    assert len(places("--reason", "unknown_scale")) == 3
    assert len(places("--reason", "unknown_scale", "--reason", "unknown_type")) == 4
    assert len(places("--reason", "unknown_scale", "--source", "/tms")) == 2
    assert len(places("--topic", "outcomes")) == 4
    assert places("--limit", "2") == everything[-2:]
    assert places("--since", "1h") == everything
    assert places("--since", "2999-01-01T00:00:00Z") == []
    assert places("--source", "/nobody") == []


def test_the_tables_are_readable_and_nothing_in_them_acts(rejected: System, megdt: Any) -> None:
    table = megdt("list")
    assert "/his[red]" in table.stdout
    assert "\x1b" not in table.stdout
    assert "10 of 10 rejects" in table.stderr
    summary = megdt("list", "--summary")
    assert "unknown_scale" in summary.stdout
    assert "seeds/scales.toml" in summary.stderr
    assert "no rejects" in megdt("list", "--source", "/nobody").stdout


def test_one_reject_is_shown_with_remedy_headers_and_payload(rejected: System, megdt: Any) -> None:
    rows = megdt("list", "--json", "--reason", "unknown_scale", "--source", "/lms/%E6%9F%A5")["rejects"]
    told = megdt("show", rows[0]["at"], "--json")
    assert told["remedy"].startswith("Use a scale id of seeds/scales.toml")
    assert told["headers"]["megdt-path"] == "/data/scale"
    assert json.loads(told["payload"]["text"]) == DATA
    assert {"name": "ce_hospital", "text": "北京"} in told["input_headers"]
    assert {"name": "x-raw", "base64": "/wD+"} in told["input_headers"]
    shown = megdt("show", told["headers"]["megdt-topic"] + rows[0]["at"].removeprefix("assessments")).stdout
    for part in (
        "unknown_scale",
        "seeds/scales.toml",
        "input header ce_hospital",
        "北京",
        '"instrument": "ward-round"',
    ):
        assert part in shown


def test_a_payload_that_would_act_on_a_terminal_is_written_out(rejected: System, megdt: Any) -> None:
    for row in megdt("list", "--json", "--reason", "undecodable")["rejects"]:
        shown = megdt("show", row["at"]).stdout
        assert "\x1b" not in shown
        assert "\\u001b[31m" in shown or "\\xff\\xfe no text" in shown


def test_what_was_not_rejected_is_not_found(rejected: System, megdt: Any) -> None:
    assert "there is no reject of rotations/0/12345" in megdt("show", "rotations/0/12345", code=1).stderr


def test_no_direct_identifier_is_on_the_topic_in_any_form(rejected: System, megdt: Any) -> None:
    records = rejected.read(topics.REJECTS.name)
    stored = b"".join(rejected.store.dump(key) or b"" for key in rejected.store.scan_iter("*"))
    everything = [stored, *(record.value for record in records), *(record.key for record in records)]
    everything += [name.encode() + value for record in records for name, value in record.headers]
    for secret in (PHONE, NUMBER, MAIL, "zhang.san"):
        assert not [text for text in everything if secret.encode() in text], secret
        assert not [text for text in everything if secret.encode() in text.replace(b"\\u0034\\u0039", b"49")], secret
    rows = megdt("list", "--json", "--reason", "direct_identifier")["rejects"]
    for row in rows:
        told = megdt("show", row["at"], "--json")
        assert (told["form"], told["input_headers"], told["headers"]["megdt-key"]) == ("redacted", [], "")
        assert told["replayable"] is False
        assert "the original is with its source" in told["refusal"]
    hashes = {megdt("show", row["at"], "--json")["headers"]["megdt-sha256"] for row in rows}
    assert hashes == {hashlib.sha256(sent.value).hexdigest() for sent in NAMED}


def test_a_dry_run_tells_what_todays_rules_say_and_sends_nothing(
    rejected: System, megdt: Any, site: Callable[[], Path]
) -> None:
    before = _ends(rejected)
    today = megdt("replay", "--dry-run", "--json", code=1)
    assert (today["matched"], today["ok"], today["refused"]) == (10, 0, 4)
    assert today["rejected_again"] == {"unknown_scale": 3, "undecodable": 2, "unknown_type": 1}
    assert len(today["notes"]) == 1
    assert all(SCALE in one["detail"] for one in today["examples"] if one["reason"] == "unknown_scale")
    site()
    there = megdt("replay", "--dry-run", "--json", "--reason", "unknown_scale")
    assert (there["matched"], there["ok"], there["rejected_again"]) == (3, 3, {})
    assert "3 of 3 would be accepted today" in megdt("replay", "--dry-run", "--reason", "unknown_scale").stdout
    assert _ends(rejected) == before


def test_nothing_is_sent_without_a_yes(rejected: System, megdt: Any, site: Callable[[], Path]) -> None:
    site()
    before = _ends(rejected)
    asked = megdt("replay", "--reason", "unknown_scale", code=1, input="n\n")
    assert "Publish 3 again?" in asked.stderr
    assert "published 0 of 3" in asked.stdout
    assert megdt("replay", "--reason", "undecodable", "--yes", "--json", code=1)["published"] == 0
    assert _ends(rejected) == before


def test_originals_come_back_as_they_were_and_become_evidence_once(
    rejected: System, megdt: Any, site: Callable[[], Path]
) -> None:
    folder = site()
    before = len(rejected.read(topics.ASSESSMENTS.name))
    result = megdt("replay", "--yes", "--json", "--topic", "assessments", code=1)
    assert (result["matched"], result["ok"], result["published"], result["refused"]) == (6, 3, 3, 3)
    records = rejected.read(topics.ASSESSMENTS.name)
    assert len(records) == before + 3
    again = [record for record in records if _count(records, record) == 2]
    came = {(record.key, record.value, tuple(record.headers)) for record in again}
    assert came == {(sent.key, sent.value, tuple(sent.headers)) for sent in ORIGINALS}
    with _working(rejected, folder):
        rejected.drained()
        flow = rejected.query.flow()["assessments"]
        assert (flow.accepted, flow.duplicate, flow.rejected) == (3, 0, 6)
        found = rejected.query.find("k1.replay")
        assert found is not None
        twin = found.twin.fields()
        assert twin["k|assessment"] == "3"
        # Again, now in answer to the question: what was accepted meanwhile is a duplicate, and nothing else changes.
        megdt("replay", "--reason", "unknown_scale", input="y\n")
        rejected.drained()
        flow = rejected.query.flow()["assessments"]
        assert (flow.accepted, flow.duplicate, flow.rejected) == (3, 3, 6)
        known = rejected.query.find("k1.replay")
        assert known is not None
        assert known.twin.fields() == twin


def test_force_sends_what_will_be_rejected_again_and_copies_count_once(rejected: System, megdt: Any) -> None:
    matched = megdt("list", "--json", "--reason", "unknown_type")["matched"]
    sent = megdt("replay", "--reason", "unknown_type", "--force", "--yes", "--json", code=0)
    assert (sent["ok"], sent["published"]) == (0, matched)
    with rejected.working():
        rejected.drained()
    assert megdt("list", "--json", "--reason", "unknown_type")["matched"] == 2 * matched
    producer = KafkaProducer(bootstrap_servers=rejected.stack.kafka, acks="all")
    copied = next(record for record in rejected.read(topics.REJECTS.name) if record.value)
    options = {"partition": copied.partition, "timestamp_ms": copied.timestamp}
    for headers in (copied.headers, [("other", b"x")]):
        key, value = copied.key, copied.value
        producer.send(topics.REJECTS.name, key=key, value=value, headers=list(headers), **options).get(30)
    producer.close()
    found = megdt("list", "--json")
    assert (found["copies"], found["foreign"]) == (1, 1)


def _ends(system: System) -> int:
    return sum(len(system.read(topics.BY_SHORT[name].name)) for name in ("assessments", "outcomes"))


def _count(records: list[Any], one: Any) -> int:
    return sum((record.value, record.headers) == (one.value, one.headers) for record in records)


@contextmanager
def _working(system: System, seeds: Path) -> Iterator[None]:
    with system.working(seeds_dir=seeds):
        yield
