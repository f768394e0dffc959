"""The command line without servers: help, exit codes, one-line errors, nothing heavy loaded."""

import json
import os
import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from megdt_stream.cli.app import app
from megdt_stream.errors import EXIT_CODES, ConfigError

COMMANDS = ["demo", "chaos", "up", "worker", "watch", "publish", "synth", "verify", "rebuild", "doctor", "version"]
IN_GROUPS = [
    *("report trainee", "report base"),
    "topics create",
    "topics check",
    *(f"import {kind}" for kind in ("csv", "xapi", "fhir", "caliper", "oulad")),
    *("reference list", "reference show", "reference check"),
    *("rejects list", "rejects show", "rejects replay"),
    *("schemas list", "schemas show", "schemas check"),
    *("spool status", "spool drain", "pseudonym new-key", "pseudonym of"),
    "bench intake",
    *("twin show", "twin history", "twin diff"),
    "bench replay",
    "bench scale",
    "bench latency",
]


@pytest.fixture
def run(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("MEGDT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MEGDT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "120")

    def invoke(*arguments, **options):
        return CliRunner().invoke(app, list(arguments), **options)

    return invoke


def test_help_lists_every_command_and_exit_code(run):
    shown = run("--help").stdout
    assert all(command.split()[0] in shown for command in COMMANDS + IN_GROUPS)
    assert all(str(code) in shown for code in EXIT_CODES)


@pytest.mark.parametrize("command", COMMANDS + IN_GROUPS)
def test_every_command_has_an_example(run, command):
    shown = run(*command.split(), "--help").stdout
    assert f"megdt {command}" in shown.partition("Examples:")[2]


def test_help_loads_no_client_and_no_framework():
    # Typer itself loads pydantic, where it is there, to show a command's options.
    heavy = "{'faust', 'kafka', 'aiokafka', 'redis', 'numpy', 'matplotlib', 'jinja2', 'megdt_stream.local'}"
    code = f"""
import sys
from megdt_stream.cli import main
try:
    main(["twin", "show", "--help"])
except SystemExit:
    print(sorted({heavy} & set(sys.modules)))
"""
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert asked.stdout.splitlines()[-1] == "[]"


def test_the_version_is_an_option_and_a_command(run):
    assert run("--version").stdout == run("version").stdout


def test_an_error_is_one_line_with_its_exit_code(run, monkeypatch):
    monkeypatch.setenv("MEGDT_KAFKA", "localhost:9092")
    result = run("verify")
    assert result.exit_code == ConfigError.exit_code
    assert result.stdout == ""
    assert result.stderr.startswith("megdt: MEGDT_REDIS is not set")
    assert result.stderr.count("\n") == 1


def test_debug_shows_where_an_error_came_from(run, monkeypatch):
    monkeypatch.setenv("MEGDT_KAFKA", "localhost:9092")
    assert isinstance(run("--debug", "verify").exception, ConfigError)


def test_a_wrong_command_line_is_2(run):
    assert run("verify", "--no-such-option").exit_code == 2


def test_servers_that_do_not_answer_are_69(run, monkeypatch):
    monkeypatch.setenv("MEGDT_KAFKA", "127.0.0.1:1")
    monkeypatch.setenv("MEGDT_REDIS", "redis://127.0.0.1:1/0")
    result = run("twin", "show", "trainee", "syn.t1")
    assert (result.exit_code, result.stdout) == (69, "")
    assert result.stderr.startswith("megdt: Redis does not answer")


def test_synth_gives_equal_bytes_for_equal_seeds_and_publish_can_read_them(run, tmp_path):
    from megdt_stream.cli.files import read
    from megdt_stream.synth import HospitalPlan, generate

    paths = [tmp_path / "one.ndjson", tmp_path / "two.ndjson"]
    for path in paths:
        done = run(
            "synth", "--trainees", "3", "--days", "60", "--seed", "7", "-o", str(path), "--truth", str(path) + ".t"
        )
        assert done.exit_code == 0
    assert paths[0].read_bytes() == paths[1].read_bytes()
    with paths[0].open("rb") as file:
        found = list(read(file))
    from dataclasses import replace

    hospital = generate(replace(HospitalPlan.demo(seed=7, trainees=3), days=60))
    assert found == [(e.topic, e.key, e.value) for e in hospital.events]
    assert json.loads((tmp_path / "one.ndjson.t").read_text("utf-8"))["counts"] == hospital.truth.counts


def test_publish_sends_nothing_of_a_file_with_an_unknown_type(run, tmp_path):
    file = tmp_path / "events.json"
    file.write_text('{"type": "somebody.else.v1"}')
    result = run("publish", str(file))
    assert result.exit_code == 65
    assert "line 1 has the unknown type 'somebody.else.v1'" in result.stderr
    assert not (tmp_path / "data").exists()


def test_a_missing_oulad_table_is_named(run, tmp_path):
    result = run("import", "oulad", str(tmp_path))
    assert result.exit_code == 78
    assert "courses.csv" in result.stderr


def test_doctor_names_an_unknown_setting(run, monkeypatch):
    monkeypatch.setenv("MEGDT_KAFKAA", "x")
    result = run("doctor", "--json")
    checks = json.loads(result.stdout)["checks"]
    assert result.exit_code == 1
    assert any("MEGDT_KAFKAA (did you mean MEGDT_KAFKA?)" in check["found"] for check in checks)


def test_a_data_directory_has_one_user_at_a_time(run, tmp_path):
    from contextlib import ExitStack

    import orjson

    from megdt_stream.session import _take_or_attach

    folder = tmp_path / "data"
    with ExitStack() as held:
        assert _take_or_attach(folder, held) is None
        endpoint = {
            "kafka": "k:1",
            "redis": "redis://r:1/0",
            "pid": 7,
            "worker": True,
            "shared": False,
            "clock": "wall",
        }
        (folder / "endpoint.json").write_bytes(orjson.dumps(endpoint))
        result = run("twin", "show", "trainee", "syn.t1")
        assert result.exit_code == 78
        assert f"another command (process 7) works on {folder}" in result.stderr
        (folder / "endpoint.json").write_bytes(orjson.dumps(endpoint | {"shared": True}))
        with ExitStack() as second:
            assert _take_or_attach(folder, second).kafka == "k:1"


def test_a_worker_that_is_told_to_end_before_it_listens_just_ends(monkeypatch, run):
    from megdt_stream.runtime import app as runtime_app
    from megdt_stream.runtime import settings

    def told(_settings):
        signal.raise_signal(signal.SIGTERM)
        return 3

    monkeypatch.setattr(runtime_app, "run_worker", told)
    monkeypatch.setattr(settings, "load", lambda _needed: None)
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert run("worker").exit_code == 0
    finally:
        signal.signal(signal.SIGTERM, before)
