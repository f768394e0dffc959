"""docs/integrate.md does what it says: its code runs, its events are taken, its commands exist."""

import ast
import json
import os
import re
import shlex
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from megdt_stream.cli.app import app
from megdt_stream.evidence.intake import Accepted, decide
from megdt_stream.evidence.pseudonym import Pseudonymiser
from megdt_stream.evidence.reasons import REMEDY, Reason
from megdt_stream.evidence.topics import BY_NAME
from megdt_stream.local import open_stack
from megdt_stream.publisher import Client
from megdt_stream.seed_files import load_reference
from tests.faults.system import System, eventually

PAGE = Path(__file__).resolve().parents[2] / "docs" / "integrate.md"
TEXT = PAGE.read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, flags=re.DOTALL | re.MULTILINE)
PYTHON = [text for language, text in BLOCKS if language == "python"]
SHELL = "".join(text for language, text in BLOCKS if not language)


def reasons() -> str:
    """The table of reasons, from the closed list."""
    rows = [f"| `{reason.value}` | {REMEDY[reason]} |" for reason in Reason]
    return "\n".join(["| reason | what to do |", "|---|---|", *rows])


def test_the_table_of_reasons_is_current() -> None:
    """To make it anew, put what `reasons()` gives between the two marks."""
    found = re.search(r"<!-- generated: reasons -->\n(.*?)\n<!-- end of generated part -->", TEXT, flags=re.DOTALL)
    assert found is not None
    assert found[1] == reasons()


def taken(topic: str, value: bytes, headers: tuple[tuple[str, bytes], ...] = ()) -> bool:
    now = int(time.time() * 1000)
    decision = decide(value, BY_NAME[topic], ("assessments", 0, 0), now, load_reference(), headers)
    assert isinstance(decision, Accepted), decision
    return True


def test_the_event_in_json_is_taken() -> None:
    (value,) = [text for language, text in BLOCKS if language == "json"]
    assert taken("megdt.exposures.v1", value.encode())


def test_what_the_shell_sends_is_taken_in_both_modes() -> None:
    (whole,) = [json.loads(text) for language, text in BLOCKS if language == "json"]
    commands = re.findall(r"^(kcat .*?) <<'EOF'\n(.*?)\nEOF$", SHELL, flags=re.DOTALL | re.MULTILINE)
    assert len(commands) == 2
    for command, value in commands:
        words = shlex.split(command)
        assert "\n" not in value
        stated = [words[n + 1].partition("=") for n, word in enumerate(words) if word == "-H"]
        headers = tuple((name, text.encode()) for name, _, text in stated)
        assert taken(words[words.index("-t") + 1], value.encode(), headers)
        assert words[words.index("-k") + 1] == whole["subject"]
        assert json.loads(value) == (whole["data"] if headers else whole)


def test_the_recipe_for_pseudonyms_is_the_sdk_s() -> None:
    import hmac
    import unicodedata

    key = bytes(range(32))
    plain = unicodedata.normalize("NFKC", " Ａ0012 ").strip().casefold()
    digest = hmac.digest(key, b"hr" + b"\0" + plain.encode(), "sha256")[:16].hex()
    recipe = "k1." + "".join("abcdefghijklmnop"[int(digit, 16)] for digit in digest)
    assert Pseudonymiser(key, "k1").of(" Ａ0012 ", "hr") == recipe


def commands() -> set[str]:
    told = re.findall(r"megdt (?:[a-z-]+ ?)+", TEXT)
    return {command.strip() for command in told}


@pytest.mark.parametrize("command", sorted(commands()))
def test_the_commands_exist(command: str) -> None:
    words = command.split()[1:]
    while words and CliRunner().invoke(app, [*words, "--help"]).exit_code:
        words = words[:-1]  # what follows a command is an argument
    assert words, f"there is no {command}"


@pytest.mark.parametrize("code", PYTHON)
def test_the_code_is_python(code: str) -> None:
    ast.parse(code)


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    with open_stack() as stack:
        system = System(stack)
        system.worker()
        eventually(lambda: bool(system.owners()), otherwise=system.tail)
        yield system
        system.close()


@pytest.mark.stack
def test_the_first_event_is_applied(system: System, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    first = PYTHON[0]
    code_lines = [line for line in first.splitlines() if line.strip()]
    assert len(code_lines) <= 10
    monkeypatch.setenv("KAFKA", system.stack.kafka)
    monkeypatch.setenv("REDIS", system.stack.redis)
    for _ in range(2):
        exec(compile(first, str(PAGE), "exec"), {})
    said = capsys.readouterr().out.splitlines()
    assert said == ["Applied(duplicate=False, standing=True)", "Applied(duplicate=True, standing=True)"]
    assert "`Applied(duplicate=False, standing=True)`" in TEXT


@pytest.mark.stack
def test_everything_else_in_python_runs_as_it_stands(
    system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, ["pseudonym", "new-key", "k1.key"]).exit_code == 0
    now = datetime.now(UTC) - timedelta(hours=1)
    with Client(system.stack.kafka, source="/my-hospital/tms", redis=system.stack.redis) as client:
        for code in PYTHON[1:]:
            names = {"KAFKA": system.stack.kafka, "Client": Client, "now": now, "client": client}
            exec(compile(code.replace("/var/lib/tms/", f"{tmp_path}{os.sep}"), str(PAGE), "exec"), names)
            if names["client"] is not client:
                names["client"].flush()
                names["client"].close()
        client.flush()
        again = client.identities.enrolled(subject="k1.tms", id="enrol-1", stage="postgraduate", base="im-1", time=now)
        assert again.wait_applied(60).duplicate
    eventually(lambda: system.query.find("k1.3f9c2a7be1") is not None)
    assert (tmp_path / "events.spool").exists()
    assert system.read("megdt.rejects.v1") == []
