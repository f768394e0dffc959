"""The commands as a stranger runs them, one after the other, without any server configured."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.stack, pytest.mark.slow]


@pytest.fixture
def megdt(tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MEGDT_")}
    environment |= {"MEGDT_DATA_DIR": str(tmp_path / "data"), "LC_ALL": "C.UTF-8"}
    root = str(Path(__file__).resolve().parents[2])
    environment["PYTHONPATH"] = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])

    def run(*arguments, wait=True):
        command = [sys.executable, "-m", "megdt_stream.cli", *arguments]
        if wait:
            return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200)
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return run


def test_published_events_become_twins_that_verify(megdt, tmp_path):
    file = tmp_path / "events.ndjson"
    assert megdt("synth", "--trainees", "4", "--days", "70", "--seed", "5", "-o", str(file)).returncode == 0
    lines = file.read_text("utf-8").splitlines()
    first = json.loads(megdt("publish", str(file), "--json").stdout)
    assert (first["published"], first["applied"]) == (len(lines), True)
    assert first["accepted"] + first["duplicate"] + first["rejected"] == len(lines)

    shown = megdt("twin", "show", "trainee", "syn.t000001", "--json")
    document = json.loads(shown.stdout)
    assert (shown.returncode, document["id"], document["kind"]) == (0, "syn.t000001", "trainee")
    assert document["properties"]["evidence|enrolment"]["value"] == 1

    again = json.loads(megdt("publish", str(file), "--json").stdout)
    assert (again["accepted"], again["duplicate"]) == (0, len(lines) - again["rejected"])

    verified = megdt("verify", "--json")
    report = json.loads(verified.stdout)
    assert (verified.returncode, report["ok"], report["read"]) == (0, True, 2 * len(lines))
    assert json.loads(megdt("twin", "show", "trainee", "syn.t000001", "--json").stdout) == document
    past = megdt("twin", "show", "trainee", "syn.t000001", "--at", document["as_of"], "--json")
    assert json.loads(past.stdout) == document

    unknown = megdt("twin", "show", "trainee", "syn.t00001")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "did you mean syn.t00000" in unknown.stderr


def test_a_small_demo_reconciles_and_ends_well(megdt):
    done = megdt("demo", "--json", "--trainees", "6", "--days", "80", "--seconds", "1")
    result = json.loads(done.stdout)
    assert (done.returncode, result["ok"], result["problems"]) == (0, True, []), done.stderr
    assert result["events_published"] == result["read"] > 0
    assert result["read"] == result["accepted"] + result["duplicate"] + result["rejected"]
    assert result["twins"] > 6  # the six, their other pseudonyms, and what has a capacity


def test_commands_attach_to_a_running_up_and_its_worker_dies_with_it(megdt, tmp_path):
    running = megdt("up", wait=False)
    try:
        assert "up, Ctrl-C ends it" in running.stdout.readline()
        event = {
            "specversion": "1.0",
            "source": "/tests",
            "id": "1",
            "type": "megdt.exposure.recorded.v1",
            "subject": "syn.x1",
            "time": "2025-01-02T03:04:05Z",
            "data": {"kind": "procedure", "item": "腰椎穿刺术"},
        }
        file = tmp_path / "event.json"
        file.write_text(json.dumps(event, indent=2), "utf-8")
        assert json.loads(megdt("publish", str(file), "--json").stdout)["accepted"] == 1
        shown = megdt("twin", "show", "trainee", "syn.x1", "--json").stdout
        assert json.loads(shown)["properties"]["exposure|procedure|腰椎穿刺术"]["value"] == 1
        workers = children_of(running.pid)
        assert workers
    finally:
        running.send_signal(signal.SIGKILL)
        running.communicate(timeout=30)
    deadline, pause = time.monotonic() + 30, threading.Event()
    while any(Path(f"/proc/{pid}").exists() for pid in workers):
        assert time.monotonic() < deadline, "what the killed process had started is still there"
        pause.wait(0.1)


def children_of(pid):
    """Find every process below one, by /proc."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        parents[int(stat.parent.name)] = int(fields[1])
    found, fresh = set(), {pid}
    while fresh:
        fresh = {child for child, parent in parents.items() if parent in fresh}
        found |= fresh
    return found
