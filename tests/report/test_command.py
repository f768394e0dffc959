"""`megdt report` without servers: where the page goes, what is refused, and who is meant."""

import json
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from megdt_stream.cli.app import app
from megdt_stream.runtime.query import Stored
from tests.report.samples import NOW, TraineeTelling, bases


class Shelf:
    """A reader of a store with one trainee."""

    def __init__(self, stored):
        self.stored = {one.trainee: one for one in stored}

    def find(self, trainee):
        return self.stored.get(trainee)

    partitions = 0

    def ask(self, commands):
        return [None for _ in commands]

    def near(self, trainee):
        return [name for name in self.stored if trainee in name]

    def trainees(self):
        return iter(self.stored)


@pytest.fixture
def run(monkeypatch):
    import megdt_stream.runtime.entities
    import megdt_stream.session

    shelf = Shelf([Stored("syn.t1", TraineeTelling().all_kinds(), NOW)])

    @contextmanager
    def opened(**_):
        yield SimpleNamespace(settings=SimpleNamespace(seeds_dir=None), query=lambda: nullcontext(shelf))

    def read_entity(query, kind, id_, assumed, say=None):
        return bases()[("base", "process").index(kind)] if id_ == "内科-01" else None

    monkeypatch.setattr(megdt_stream.session, "open_session", opened)
    monkeypatch.setattr(megdt_stream.runtime.entities, "read_entity", read_entity)
    monkeypatch.setattr(megdt_stream.runtime.entities, "list_entities", lambda query, kind, say: ["内科-01", "外科-02"])
    invoke = CliRunner().invoke
    return lambda *arguments: invoke(app, ["report", *arguments])


@pytest.mark.parametrize(("kind", "id_"), [("trainee", "syn.t1"), ("base", "内科-01")])
def test_a_page_is_written_to_a_file_or_to_standard_output(run, tmp_path, kind, id_):
    file = tmp_path / "报告.html"
    done = run(kind, id_, "-o", str(file), "--lang", "zh")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "written" in done.stderr
    shown = run(kind, id_, "-o", "-", "--lang", "zh")
    assert shown.stdout_bytes == file.read_bytes()
    assert '<html lang="zh-CN">' in shown.stdout


def test_the_same_report_is_overwritten_and_nothing_else(run, tmp_path):
    file = tmp_path / "report.html"
    assert run("trainee", "syn.t1", "-o", str(file), "--lang", "en").exit_code == 0
    assert run("trainee", "syn.t1", "-o", str(file), "--lang", "zh").exit_code == 0
    assert 'lang="zh-CN"' in file.read_text("utf-8")
    file.write_text("notes of somebody's", "utf-8")
    refused = run("trainee", "syn.t1", "-o", str(file))
    assert refused.exit_code == 78
    assert "is there and is no report" in refused.stderr
    assert file.read_text("utf-8") == "notes of somebody's"


def test_less_severity_asks_for_what_was_learnt(run, tmp_path, monkeypatch):
    import megdt_stream.runtime.entities
    from megdt_stream.twin.view import estimate

    asked = []

    def learn(query, trainee, say):
        asked.append(trainee)
        return estimate

    monkeypatch.setattr(megdt_stream.runtime.entities, "trainee_estimator", learn)
    file = str(tmp_path / "report.html")
    assert run("trainee", "syn.t1", "-o", file).exit_code == 0
    assert asked == []
    assert run("trainee", "syn.t1", "--less-severity", "-o", file).exit_code == 0
    assert asked == ["syn.t1"]


def test_what_was_written_is_told_as_json(run, tmp_path):
    file = tmp_path / "report.html"
    told = json.loads(run("trainee", "syn.t1", "-o", str(file), "--lang", "en", "--json").stdout)
    assert told["bytes"] == file.stat().st_size
    assert (told["id"], told["kind"], told["lang"], told["findings"]) == ("syn.t1", "trainee", "en", 6)


def test_a_wrong_command_line_is_2(run):
    assert run("trainee", "syn.t1").exit_code == 2
    assert run("trainee", "syn.t1", "-o", "-", "--json").exit_code == 2


def test_a_file_that_cannot_be_written_is_78(run, tmp_path):
    refused = run("trainee", "syn.t1", "-o", str(tmp_path / "nowhere" / "report.html"))
    assert refused.exit_code == 78
    assert refused.stderr.count("\n") == 1
    assert "cannot be written" in refused.stderr


@pytest.mark.parametrize(
    ("kind", "id_", "said"),
    [
        ("trainee", "t1", "did you mean syn.t1?"),
        ("trainee", "zzz", "pseudonyms such as syn.t1"),
        ("base", "内科", "did you mean 内科-01?"),
        ("base", "zzz", "there are 内科-01"),
    ],
)
def test_an_unknown_id_is_1_with_what_may_be_meant(run, tmp_path, kind, id_, said):
    refused = run(kind, id_, "-o", str(tmp_path / "report.html"))
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert said in refused.stderr
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize("kind", ["trainee", "base"])
def test_help_has_an_example(run, kind):
    assert f"megdt report {kind}" in run(kind, "--help").stdout.partition("Examples:")[2]


def test_help_loads_no_charts_and_no_templates():
    import subprocess
    import sys

    code = "import sys, megdt_stream.cli; print(sorted({'matplotlib', 'jinja2', 'markupsafe'} & set(sys.modules)))"
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert asked.stdout.strip() == "[]"


def test_without_its_libraries_it_says_what_to_install(monkeypatch):
    from importlib import util

    real = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda name, *rest: None if name == "matplotlib" else real(name, *rest))
    told = CliRunner().invoke(app, ["report", "trainee", "k1.a", "-o", "page.html"])
    assert told.exit_code == 78
    assert "megdt-stream[reports]" in told.stderr
