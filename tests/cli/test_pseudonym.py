"""`megdt pseudonym`: the same pseudonyms as the SDK's, and a key that nobody else can read or overwrite."""

import json
import os
import stat

import pytest
from typer.testing import CliRunner

from megdt_stream.cli.app import app
from megdt_stream.evidence.pseudonym import Pseudonymiser
from megdt_stream.publisher.keys import load_pseudonymiser


@pytest.fixture
def run(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    return lambda *arguments, **options: CliRunner().invoke(app, ["pseudonym", *map(str, arguments)], **options)


@pytest.fixture
def key(run, tmp_path):
    assert run("new-key", tmp_path / "k1.key").exit_code == 0
    return tmp_path / "k1.key"


def test_a_new_key_is_secret_random_and_long(run, key, tmp_path):
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(bytes.fromhex(key.read_text("ascii"))) == 32
    assert key.read_text("ascii") not in run("new-key", tmp_path / "other").output
    assert (tmp_path / "other").read_text("ascii") != key.read_text("ascii")


def test_an_old_key_is_never_overwritten(run, key):
    before = key.read_bytes()
    result = run("new-key", key)
    assert (result.exit_code, key.read_bytes()) == (78, before)
    assert "exists" in result.stderr


def test_a_folder_that_is_not_there_is_told(run, tmp_path):
    result = run("new-key", tmp_path / "nowhere" / "key")
    assert result.exit_code == 78
    assert result.stderr.count("\n") == 1


def test_pseudonyms_are_those_of_the_sdk(run, key):
    maker = Pseudonymiser(bytes.fromhex(key.read_text("ascii")), "k1")
    result = run("of", "20231234", "张三", "--key-file", key, "--prefix", "k1", "--system", "his")
    assert result.stdout.splitlines() == [maker.of("20231234", "his"), maker.of("张三", "his")]
    assert load_pseudonymiser(key, "k1").of("20231234", "his") == maker.of("20231234", "his")


def test_identifiers_come_from_stdin_and_never_come_back(run, key):
    result = run("of", "-", "--key-file", key, "--json", input="20231234\r\n20231235\n")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    maker = load_pseudonymiser(key)
    assert lines == [{"pseudonym": maker.of("20231234")}, {"pseudonym": maker.of("20231235")}]
    assert "20231234" not in result.output


def test_an_empty_line_is_told_by_its_position(run, key):
    result = run("of", "-", "--key-file", key, input="20231234\n\n")
    assert result.exit_code == 65
    assert "identifier 2: an empty identifier" in result.stderr
    assert "20231234" not in result.stderr


def test_a_list_in_another_encoding_is_told(run, key):
    result = run("of", "-", "--key-file", key, input="张三\n".encode("gb18030"))
    assert result.exit_code == 65
    assert "line 1 is not UTF-8" in result.stderr


@pytest.mark.parametrize("content", ["no hex at all", "ab" * 8, "", "é"])
def test_a_file_that_is_no_key_is_refused_and_not_shown(run, tmp_path, content):
    file = tmp_path / "key"
    file.write_text(content, "utf-8")
    result = run("of", "1", "--key-file", file)
    assert result.exit_code == 78
    assert result.stderr.startswith(f"megdt: {file}")
    assert not content or content not in result.stderr


def test_a_prefix_that_no_pseudonym_may_have_is_refused(run, key):
    assert run("of", "1", "--key-file", key, "--prefix", "K1").exit_code == 78


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_key_that_may_not_be_read_is_told(run, key):
    key.chmod(0)
    assert run("of", "1", "--key-file", key).exit_code == 78


@pytest.mark.parametrize("command", ["new-key", "of"])
def test_help_teaches_by_examples(run, command):
    assert f"megdt pseudonym {command}" in run(command, "--help").stdout.partition("Examples:")[2]
