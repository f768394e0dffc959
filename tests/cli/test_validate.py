"""`megdt validate`: the verdict of arrival, one typed line an event, whatever is in the file."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from megdt_stream.cli.app import app
from megdt_stream.evidence.reasons import Reason
from megdt_stream.evidence.topics import INPUTS, MAX_EVENT_BYTES

ROOT = Path(__file__).resolve().parents[2]
NOW = "2026-03-05T00:00:00Z"
VALID = {
    "specversion": "1.0",
    "type": "megdt.exposure.recorded.v1",
    "source": "/his/cases",
    "id": "1",
    "subject": "k1.abc",
    "time": "2026-03-04T10:15:00+08:00",
    "data": {"kind": "procedure", "item": "腰椎穿刺术"},
}
NAIVE = VALID | {"time": "2026-03-04T10:15:00"}


@pytest.fixture
def run(monkeypatch):
    for name in [name for name in os.environ if name.startswith("MEGDT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "120")

    def invoke(*arguments, data=None):
        return CliRunner().invoke(app, ["validate", "--at", NOW, *map(str, arguments)], input=data)

    return invoke


@pytest.fixture
def verdicts(run, tmp_path):
    """Validate one file of these bytes; give its verdicts as (ok, reason, path)."""

    def judge(data, *arguments):
        file = tmp_path / "events"
        file.write_bytes(data if isinstance(data, bytes) else text(data).encode())
        result = run(file, "--json", *arguments)
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        assert all(list(line) == ["file", "index", "ok", "reason", "path", "hint"] for line in lines)
        assert [line["index"] for line in lines] == list(range(len(lines)))
        assert {line["file"] for line in lines} <= {str(file)}
        assert all(line["ok"] == (line["reason"] is None) == (line["hint"] is None) for line in lines)
        assert result.exit_code == (0 if all(line["ok"] for line in lines) else 1), result.stderr
        return [(line["ok"], line["reason"], line["path"]) for line in lines]

    return judge


def text(event, **options):
    return json.dumps(event, ensure_ascii=False, **options)


OK = (True, None, None)
NO_ZONE = (False, "naive_timestamp", "/time")


@pytest.mark.parametrize("indent", [None, 2])
def test_one_event_may_be_on_one_line_or_on_several(verdicts, indent):
    assert verdicts(text(VALID, indent=indent).encode()) == [OK]
    assert verdicts(text(NAIVE, indent=indent).encode()) == [NO_ZONE]


def test_lines_and_lists_are_judged_one_by_one(verdicts):
    lines = "\n".join([text(VALID), "", text(NAIVE), "{", text(VALID)])
    assert verdicts(lines.encode()) == [OK, NO_ZONE, (False, "undecodable", ""), OK]
    assert verdicts([VALID, NAIVE, 5]) == [OK, NO_ZONE, (False, "not_an_object", "")]
    assert verdicts(text([VALID, NAIVE], indent=1).encode()) == [OK, NO_ZONE]
    assert verdicts(b"[]") == []


@pytest.mark.parametrize(
    ("data", "reasons"),
    [
        (b"", ["empty"]),
        (b"\n \r\n", ["undecodable"]),
        (b"\xef\xbb\xbf" + text(VALID).encode(), ["undecodable"]),
        (text(VALID).encode("utf-16"), ["undecodable"]),
        (text(VALID).encode("gb18030"), ["undecodable"]),
        (bytes(range(256)) * 10, ["undecodable"]),
        (b"not json", ["undecodable"]),
        (b'"words"', ["not_an_object"]),
        (b"null", ["not_an_object"]),
        (b"[" * 100_000, ["undecodable"]),
        (b"[" * 100_000 + b"]" * 100_000, ["undecodable"]),
        (b'{"a":' * 40_000 + b"1" + b"}" * 40_000, ["undecodable"]),
        (text(VALID).encode()[:-1] + b',"n":NaN}', ["undecodable"]),
        (text(VALID).encode()[:-1] + b',"n":1e999}', ["undecodable"]),
        (text(VALID).encode()[:-1] + b',"n":18446744073709551616}', ["undecodable"]),
        (text(VALID).encode()[:-1] + b',"n":' + b"1" * 5_000 + b"}", ["undecodable"]),
        (text(VALID).encode()[:-1] + b',"n":"\\ud800"}', ["undecodable"]),
        (text(VALID | {"x": "x" * MAX_EVENT_BYTES}).encode(), ["too_large"]),
        (b"[" + text(VALID | {"x": "x" * MAX_EVENT_BYTES}).encode() + b"," + text(NAIVE).encode(), ["too_large"] * 1),
    ],
)
def test_whatever_is_in_a_file_gets_its_reason(verdicts, data, reasons):
    found = [reason for _, reason, _ in verdicts(data)]
    assert found[: len(reasons)] == reasons
    assert len(found) == len(reasons) or found[-1] == "undecodable"


@given(st.binary(max_size=400))
@settings(max_examples=100, deadline=None)
def test_any_bytes_get_typed_lines(tmp_path_factory, data):
    file = tmp_path_factory.mktemp("any") / "bytes"
    file.write_bytes(data)
    result = CliRunner().invoke(app, ["validate", str(file), "--json"])
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == (0 if all(line["ok"] for line in found) else 1)
    assert all(Reason(line["reason"]) for line in found if not line["ok"])


@pytest.mark.parametrize("topic", INPUTS, ids=[topic.short for topic in INPUTS])
def test_every_example_of_the_schemas_gets_the_verdict_in_its_name(run, topic):
    examples = (ROOT / "schemas" / "examples" / topic.name).glob("*/*.json")
    inputs = [path for path in sorted(examples) if not path.read_bytes().startswith(b"[")]  # a list is a batch here
    assert len(inputs) > 10
    result = run("--at", "2026-01-01T00:00:00Z", "--topic", topic.short, "--json", *inputs)
    found = {line["file"]: line["reason"] for line in map(json.loads, result.stdout.splitlines())}
    names = {path: None if path.parent.name == "valid" else path.name.partition("--")[0] for path in inputs}
    assert found == {str(path): reason for path, reason in names.items()}


def test_a_topic_can_be_asked_for(verdicts, run):
    assert verdicts(VALID, "--topic", "exposures") == [OK]
    assert verdicts(VALID, "--topic", "megdt.assessments.v1") == [(False, "wrong_topic", "/type")]
    assert run("-", "--topic", "alerts", data=b"{}").exit_code == 2


def test_an_event_of_the_future_depends_on_the_time_of_arrival(verdicts, run):
    assert verdicts(VALID, "--at", "2026-03-03T00:00:00Z") == [(False, "future_event", "/time")]
    assert verdicts(VALID, "--at", "2026-03-03T10:15:00+08:00") == [OK]
    for wrong in ("2026-03-03T00:00:00", "yesterday"):
        assert run("-", "--at", wrong, data=b"{}").exit_code == 2


def test_a_line_of_synth_carries_its_topic(verdicts):
    envelope = {"topic": "exposures", "key": "k1.abc", "value": text(VALID)}
    assert verdicts(text(envelope).encode()) == [OK]
    assert verdicts(text(envelope | {"topic": "rotations"}).encode()) == [(False, "wrong_topic", "/type")]


def test_the_envelope_can_be_checked_alone(verdicts):
    other = {"specversion": "1.0", "type": "com.example.other", "source": "/x", "id": "1", "data": [1]}
    assert verdicts(other) == [(False, "unknown_type", "/type")]
    assert verdicts(other, "--envelope-only") == [OK]
    assert verdicts(other | {"specversion": "0.3"}, "--envelope-only") == [(False, "invalid", "/specversion")]
    assert verdicts([other, {**other, "id": ""}, 5], "--envelope-only") == [
        OK,
        (False, "invalid", "/id"),
        (False, "not_an_object", ""),
    ]
    assert verdicts(b"\xff", "--envelope-only") == [(False, "undecodable", "")]
    assert verdicts(b"", "--envelope-only") == [(False, "empty", "")]


def test_several_files_and_stdin(run, tmp_path):
    file = tmp_path / "事件.ndjson"
    file.write_text(text(VALID) + "\n" + text(NAIVE) + "\n", "utf-8")
    result = run(file, "-", data=text(NAIVE).encode())
    assert result.exit_code == 1
    first, second, third = result.stdout.splitlines()
    assert first == f"{file}[0]: ok"
    assert second.startswith(f"{file}[1]: naive_timestamp at /time: ")
    assert "Add the zone" in second
    assert third.startswith("-[0]: naive_timestamp")
    assert "3 events, 2 not valid" in result.stderr


@pytest.mark.parametrize("name", ["nobody.json", "."])
def test_a_file_that_is_not_there_and_a_folder_are_usage_errors_before_anything_is_said(run, tmp_path, name):
    file = tmp_path / "event.json"
    file.write_text(text(VALID), "utf-8")
    result = run(file, tmp_path / name, "--json")
    assert (result.exit_code, result.stdout) == (2, "")


def test_no_file_is_a_usage_error(run):
    assert run().exit_code == 2


def test_a_site_s_own_scales_count(verdicts, tmp_path):
    event = VALID | {
        "type": "megdt.assessment.recorded.v1",
        "data": {"instrument": "x", "scale": "ours@1", "scores": [{"competency": "patient-care", "value": 3}]},
    }
    assert verdicts(event) == [(False, "unknown_scale", "/data/scale")]
    seeds = tmp_path / "seeds"
    seeds.mkdir()
    shipped = (ROOT / "seeds" / "scales.toml").read_text("utf-8")
    table = "[" + shipped.partition('["mini-cex@1"]')[2].partition("\n[")[0]
    (seeds / "scales.toml").write_text(shipped + '["ours@1"]' + table.removeprefix("["), "utf-8")
    assert verdicts(event, "--seeds", seeds) == [OK]


MEASURED = """
import sys
from pathlib import Path
from megdt_stream.cli import main
try:
    main(["validate", "-", "--json"])
finally:
    # Not ru_maxrss: that of a new process begins with what its parent had.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    print(int(status["VmHWM"].split()[0]), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("begin", "part", "end", "lines"),
    [
        (b"", b"\x00\xff" * 50_000, b"", 1),
        (b"{\n", b"x" * 100_000 + b"\n", b"}", 1),
        (b'{"a":"', b"x" * 100_000, b'"}\n', 1),
        (b"", b"{}\n" + b"x" * 999_997 + b"\n", b"", 198),
        (b"[1", b"," + b" " * 999_999 + b"1", b"]", 100),
    ],
)
def test_a_hundred_megabytes_are_judged_in_bounded_memory(begin, part, end, lines):
    with subprocess.Popen(
        [sys.executable, "-c", MEASURED],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    ) as process:
        process.stdin.write(begin)
        for _ in range(100_000_000 // len(part)):
            process.stdin.write(part)
        found, said = process.communicate(end, timeout=100)
    verdicts = [json.loads(line) for line in found.splitlines()]
    assert len(verdicts) == lines
    assert {verdict["reason"] for verdict in verdicts} <= {"too_large", "invalid", "not_an_object"}
    assert int(said.split()[-1]) < 200 * 1024


def test_help_teaches_by_examples(run):
    assert "megdt validate" in run("--help").stdout.partition("Examples:")[2]
