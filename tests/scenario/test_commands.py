"""`megdt rehearse` on invented trainees: tables, JSON, a page, and what it says of a bad file."""

import json
import os

import pytest
from typer.testing import CliRunner

from megdt_stream.cli.app import app

SCHEME = """
name: 督导与病种   # a comment
interventions:
  - kind: reinforced-supervision
    target: {department: 心内科}
    dose: 0.1
    start: 1970-01-15
    weeks: 4
  - kind: case-mix-supplement
    target: {weakest: 0.2}
    weeks: 4
"""
SMALL = ("--synthetic", "40", "--weeks", "12", "--draws", "20", "--processes", "1")


@pytest.fixture
def run(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("MEGDT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments, scheme=SCHEME):
        (tmp_path / "方案.yaml").write_text(scheme, "utf-8")
        return CliRunner().invoke(app, ["rehearse", "方案.yaml", *SMALL, *arguments])

    return invoke


def test_json_has_the_form_that_stays_and_is_the_same_again(run):
    found, again = run("--json"), run("--json")
    assert found.exit_code == 0, found.stderr
    result = json.loads(found.stdout)
    assert list(result["schemes"]) == ["nothing", "督导与病种"]
    assert (result["seed"], result["draws"]) == (1, 20)
    assert again.stdout == found.stdout
    assert json.loads(run("--json", "--seed", "2").stdout) != result


def test_tables_in_both_languages(run):
    english, chinese = run("--lang", "en"), run("--lang", "zh")
    assert (english.exit_code, chinese.exit_code) == (0, 0)
    assert "going on as now" in english.stdout
    assert "维持现状" in chinese.stdout
    assert "无外部估计" in chinese.stdout


def test_the_page_needs_nothing_else(run, tmp_path):
    assert run("-o", "r.html", "--lang", "zh").exit_code == 0
    page = (tmp_path / "r.html").read_text("utf-8")
    assert "督导与病种" in page
    assert "http" not in page.replace("http-equiv", "")
    assert "<script" not in page
    (tmp_path / "mine.html").write_text("my own", "utf-8")
    assert run("-o", "mine.html").exit_code == 78


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("心内科", "太空科", "interventions.0.target.department"),
        ("dose: 0.1", "dose: -1", "interventions.0.dose"),
        ("dose: 0.1", "dose: 9", "capacity exceeded"),
        ("weeks: 4", "weeks: 99", "--weeks"),
        ("kind: case-mix-supplement", "kind: prayer", "interventions.1.kind"),
        ("name:", "name: [", "is no YAML"),
    ],
)
def test_a_bad_scheme_ends_with_2_and_names_field_and_remedy(run, old, new, said):
    result = run(scheme=SCHEME.replace(old, new, 1))
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in " ".join(result.stderr.replace("│", " ").split())


def test_help_teaches():
    result = CliRunner().invoke(app, ["rehearse", "--help"])
    assert result.exit_code == 0
    for word in ("--synthetic", "--at", "reinforced-supervision", "weakest"):
        assert word in result.stdout
