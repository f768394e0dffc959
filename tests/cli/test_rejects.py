"""`megdt rejects` without servers: its options, and that nothing a publisher wrote acts on a terminal."""

import json
import os
import time
from contextlib import suppress

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from megdt_stream.cli import rejects
from megdt_stream.cli.app import app
from megdt_stream.cli.payload import pretty, printable


@pytest.fixture
def run(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("MEGDT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MEGDT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "120")
    return lambda *arguments: CliRunner().invoke(app, ["rejects", *arguments])


@pytest.mark.parametrize("command", ["list", "show", "replay"])
def test_every_command_has_an_example(run, command):
    assert f"megdt rejects {command}" in run(command, "--help").stdout.partition("Examples:")[2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("list", "--reason", "wrong"), "unknown_scale"),
        (("list", "--since", "2025-03-04T08:00:00"), "has no zone"),
        (("list", "--since", "yesterday"), "how long ago: 90m"),
        (("list", "--topic", "alerts"), "is no input topic"),
        (("list", "--limit", "0"), "greater than or equal to 1"),
        (("show", "17"), "outcomes/0/17"),
        (("show", "rounds/0/1"), "one of assessments"),
        (("replay", "--json"), "--yes or --dry-run"),
    ],
)
def test_a_wrong_command_line_is_2_says_what_is_right_and_starts_nothing(run, tmp_path, arguments, said):
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.replace("│", "").split())
    assert not (tmp_path / "data").exists()


def test_servers_that_do_not_answer_are_69(run, monkeypatch, refused_connections):
    monkeypatch.setenv("MEGDT_KAFKA", "127.0.0.1:1")
    monkeypatch.setenv("MEGDT_REDIS", "redis://127.0.0.1:1/0")
    result = run("list", "--json")
    assert (result.exit_code, result.stdout) == (69, "")
    assert result.stderr.startswith("megdt: no Kafka broker answers at 127.0.0.1:1")


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("90m", 5_400), ("2h", 7_200), ("7d", 604_800)])
def test_since_is_how_long_ago(text, seconds):
    assert rejects._moment(text) / 1000 == pytest.approx(time.time() - seconds, abs=5)


def test_since_is_a_moment_with_its_zone():
    assert rejects._moment("2025-03-04T08:00:00+08:00") == rejects._moment("2025-03-04T00:00:00Z") == 1_741_046_400_000
    assert rejects._moment("1900-01-01T00:00:00Z") == 0


@given(st.text())
def test_since_is_understood_or_refused(text):
    with suppress(typer.BadParameter):
        assert rejects._moment(text) >= 0


# --- on a terminal ---


@given(st.text())
def test_printable_text_controls_nothing_and_loses_nothing_that_is_readable(text):
    shown = printable(text)
    assert all(character.isprintable() or character in "\u3000\u00a0" for character in shown)
    assert printable(shown) == shown
    if text.isprintable():
        assert shown == text


def test_what_would_act_is_written_out():
    assert printable("\x1b[31m红\u202e\u200b\x9b\n\ud800\U000e0001") == (
        "\\u001b[31m红\\u202e\\u200b\\u009b\\n\\ud800\\U000e0001"
    )
    assert printable("张\u3000三") == "张\u3000三"


@given(st.binary(max_size=3_000))
def test_any_payload_can_be_shown(value):
    shown, cut = pretty(value)
    assert all(character.isprintable() or character in "\n\u3000\u00a0" for character in shown)
    assert not cut


@pytest.mark.parametrize("value", [b"x" * 5_000_000, b"\n" * 5_000, b"[" * 5_000, b"\xff" * 300_000])
def test_what_is_shown_is_bounded(value):
    shown, cut = pretty(value)
    assert len(shown) <= 16_384
    assert shown.count("\n") < 400
    assert cut or value == b"[" * 5_000


def test_json_is_laid_out_and_its_numbers_stay_as_they_came():
    shown, _ = pretty('{"id": 18446744073709551616, "名": ["a\\u001b", 1e999], "名": 1}'.encode())
    assert shown == '{\n  "id": 18446744073709551616,\n  "名": [\n    "a\\u001b",\n    1e999\n  ],\n  "名": 1\n}'


def test_help_and_refusals_load_no_client():
    import subprocess
    import sys

    heavy = "{'kafka', 'aiokafka', 'redis', 'pydantic', 'rich.table', 'megdt_stream.local'}"
    code = f"import sys, megdt_stream.cli.rejects; print(sorted({heavy} & set(sys.modules)))"
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(asked.stdout.strip().replace("'", '"')) == []
