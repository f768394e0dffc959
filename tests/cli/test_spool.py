"""`megdt publish --check` and `--spool`, `megdt spool`: what happens to events while Kafka is away."""

import json
import os
import time

import pytest
from typer.testing import CliRunner

from megdt_stream.cli.app import app
from megdt_stream.publisher import producer
from megdt_stream.publisher.spool import Spool

# kafka-python leaves the sockets of refused connections to the collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

EVENT = {
    "specversion": "1.0",
    "type": "megdt.exposure.recorded.v1",
    "source": "/his/cases",
    "id": "1",
    "subject": "k1.abc",
    "time": "2025-03-04T10:15:00+08:00",
    "data": {"kind": "procedure", "item": "腰椎穿刺术"},
}


@pytest.fixture
def run(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("MEGDT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MEGDT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("MEGDT_KAFKA", "127.0.0.1:1")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(producer, "_CONNECT_SECONDS", 0.3)
    return lambda *arguments, **options: CliRunner().invoke(app, [str(one) for one in arguments], **options)


@pytest.fixture
def events(tmp_path):
    def write(*found):
        file = tmp_path / "events.ndjson"
        file.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in found), "utf-8")
        return file

    return write


@pytest.mark.usefixtures("refused_connections")
def test_events_are_safe_in_the_spool_while_kafka_is_away(run, events, tmp_path):
    spool = tmp_path / "events.spool"
    file = events(EVENT, EVENT | {"id": "2"})
    result = run("publish", file, "--spool", spool, "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (
        0,
        {"spooled": 2, "published": 0, "waiting": 2, "refused": 0},
    )
    assert f"2 events are safe in {spool}" in result.stderr
    with Spool(spool) as opened:
        found = [(one.record.topic, one.record.key, one.record.value) for one in opened.oldest(10)]
    assert found == [("exposures", "k1.abc", line) for line in file.read_bytes().splitlines()]


@pytest.mark.usefixtures("refused_connections")
def test_the_status_of_a_spool_is_told(run, events, tmp_path):
    spool = tmp_path / "events.spool"
    run("publish", events(EVENT), "--spool", spool)
    found = json.loads(run("spool", "status", spool, "--json").stdout)
    assert (found["file"], found["events"], found["refused"], found["sent"]) == (str(spool), 1, 0, 0)
    assert 0 <= found["oldest_seconds"] < 100
    assert found["oldest"] <= time.time() * 1000
    assert found["bytes"] > 100
    assert "oldest seconds" in run("spool", "status", spool).stdout


@pytest.mark.usefixtures("refused_connections")
def test_draining_without_a_broker_is_69_and_loses_nothing(run, events, tmp_path):
    spool = tmp_path / "events.spool"
    run("publish", events(EVENT), "--spool", spool)
    result = run("spool", "drain", spool, "--json")
    assert (result.exit_code, result.stdout) == (69, "")
    assert json.loads(run("spool", "status", spool, "--json").stdout)["events"] == 1


def test_a_spool_that_is_not_there_is_not_made(run, tmp_path):
    for command in ("status", "drain"):
        result = run("spool", command, tmp_path / "nobody.spool")
        assert result.exit_code == 78
        assert "there is no spool" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_file_with_a_fault_spools_nothing(run, events, tmp_path):
    result = run("publish", events(EVENT, {"type": "somebody.else"}), "--spool", tmp_path / "events.spool")
    assert result.exit_code == 65
    with Spool(tmp_path / "events.spool") as spool:
        assert spool.status().events == 0


def test_a_full_spool_takes_nothing_and_is_69(run, events, tmp_path):
    Spool(tmp_path / "events.spool", max_events=1).close()
    result = run("publish", events(EVENT, EVENT), "--spool", tmp_path / "events.spool")
    assert result.exit_code == 69
    assert "holds at most 1 events" in result.stderr


def test_check_publishes_nothing_if_anything_is_wrong(run, events):
    result = run("publish", events(EVENT, EVENT | {"time": "2025-03-04T10:15:00"}), "--check")
    assert result.exit_code == 65
    assert "event 1 of" in result.stderr
    assert "naive_timestamp at /time" in result.stderr
    assert run("publish", "-", "--check", input="{}").exit_code == 78


@pytest.mark.parametrize("command", ["status", "drain"])
def test_help_teaches_by_examples(run, command):
    assert f"megdt spool {command}" in run("spool", command, "--help").stdout.partition("Examples:")[2]
