"""`megdt reference`, and the page that teaches it: its examples work as they are written."""

import json
import os
import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from megdt_stream.cli import reference
from megdt_stream.evidence import topics
from megdt_stream.evidence.intake import Accepted, decide
from megdt_stream.evidence.record import decode
from megdt_stream.evidence.reference.library import PARTS
from megdt_stream.seed_files import load_library, load_reference

PAGE = (Path(__file__).resolve().parents[2] / "docs/reference-data.md").read_text("utf-8")
APPENDED = 1_780_000_000_000


@pytest.fixture
def run(monkeypatch):
    for name in [name for name in os.environ if name.startswith("MEGDT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "120")
    app = typer.Typer()
    app.callback()(lambda: None)
    reference.register(app)
    return lambda *arguments: CliRunner().invoke(app, ["reference", *arguments])


@pytest.fixture
def ours(tmp_path):
    """The folder that the page makes."""
    for name, text in re.findall(r"`our-seeds/([\w/]+\.toml)`:\n\n```toml\n(.*?)```", PAGE, flags=re.DOTALL):
        path = tmp_path / "our-seeds" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return tmp_path / "our-seeds"


# --- the page ---


def test_the_page_makes_a_scale_and_a_competency_that_intake_takes(run, ours):
    assert run("check", str(ours)).exit_code == 0
    published = re.search(r"```json\n(.*?)```", PAGE, flags=re.DOTALL)[1].encode()
    decided = decide(published, topics.ASSESSMENTS, ("assessments", 0, 0), APPENDED, load_reference(ours))
    assert isinstance(decided, Accepted), decided
    assert decode(decided.value).marks == (("临床思维", 8.0, 4000, 1250),)
    shipped = decide(published, topics.ASSESSMENTS, ("assessments", 0, 0), APPENDED, load_reference())
    assert shipped.reason == "unknown_scale"


def test_the_page_names_every_file():
    assert set(re.findall(r"^\| `(\w+)\.toml`", PAGE, flags=re.MULTILINE)) == {
        *PARTS,
        "rules",
        "targets",
        "interventions",
    }


# --- list ---


def test_list_gives_every_table_of_every_part(run):
    listed = json.loads(run("list", "--json").stdout)
    assert {part: [entry["id"] for entry in entries] for part, entries in listed.items()} == {
        part: list(tables) for part, tables in load_library()._asdict().items()
    }


@pytest.mark.parametrize("part", PARTS)
def test_list_of_a_part_is_for_people_too(run, part):
    shown = run("list", part)
    assert shown.exit_code == 0
    assert all(name in shown.stdout for name in getattr(load_library(), part))
    assert list(json.loads(run("list", part, "--json").stdout)) == [part]


def test_list_of_no_part_is_a_usage_error(run):
    refused = run("list", "scale")
    assert (refused.exit_code, refused.stdout) == (2, "")


def test_list_knows_a_sites_own(run, ours, monkeypatch):
    assert "ward-rating@1" in run("list", "scales", "--seeds", str(ours)).stdout
    monkeypatch.setenv("MEGDT_SEEDS_DIR", str(ours))
    assert "临床思维" in run("list", "competencies").stdout


# --- show ---


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("mini-cex@1", [("scales", "mini-cex@1", None)]),
        ("mini-cex", [("scales", "mini-cex@1", None), ("instruments", "mini-cex", None)]),
        ("patient-care", [("competencies", "patient-care", "acgme@1")]),
        ("acgme", [("competencies", "acgme@1", None)]),
        ("心力衰竭", [("quotas", "心力衰竭", "internal-medicine@1")]),
        (
            "气管插管术",
            [("quotas", "气管插管术", f"{name}@1") for name in ("internal-medicine", "surgery", "anaesthesia")],
        ),
        ("出科考核", [("instruments", "rotation-exam", None)]),
        ("quota-coverage", [("indicators", "quota-coverage@1", None)]),
        ("remediation/", [("outcomes", "remediation/", None)]),
    ],
)
def test_show_finds_all_of_a_name_with_its_source(run, name, places):
    found = json.loads(run("show", name, "--json").stdout)["found"]
    assert [(one["part"], one["id"], one["within"]) for one in found] == places
    assert all(one["entry"]["name"]["zh"] for one in found)
    assert all(one["entry"]["source"] for one in found if one["within"] != "acgme@1")
    shown = run("show", name)
    assert shown.exit_code == 0
    assert all(one["entry"]["name"]["en"] in " ".join(shown.stdout.split()) for one in found)


def test_every_table_can_be_shown(run):
    for tables in load_library():
        for name in tables:
            assert run("show", name).exit_code == 0, name


def test_show_of_an_unknown_name_says_what_is_near(run):
    missing = run("show", "mini-cex@9")
    assert (missing.exit_code, missing.stdout) == (1, "")
    assert "did you mean mini-cex@1" in missing.stderr
    assert "`megdt reference list`" in run("show", "完全不同").stderr


# --- check ---


def test_check_of_a_good_folder(run, ours):
    checked = json.loads(run("check", str(ours), "--json").stdout)
    assert (checked["ok"], checked["faults"]) == (True, [])
    assert checked["known"]["scales"] == len(load_library().scales) + 1
    assert "everything agrees" in run("check", str(ours)).stdout


def test_check_of_a_bad_folder_names_file_table_and_field(run, ours):
    path = ours / "extra/scales.toml"
    path.write_text(path.read_text("utf-8").replace("max = 10", 'max = "十"'), "utf-8")
    refused = run("check", str(ours), "--json")
    assert refused.exit_code == 78
    assert json.loads(refused.stdout) == {
        "ok": False,
        "faults": [
            {"file": str(path), "table": "ward-rating@1", "field": "max", "problem": "Input should be a valid number"}
        ],
        "known": {},
    }
    told = run("check", str(ours))
    assert (told.exit_code, told.stdout) == (78, "")
    assert told.stderr == f"megdt: {path}: ward-rating@1.max: Input should be a valid number\n"


@pytest.mark.parametrize("command", ["list", "show", "check"])
def test_every_command_has_an_example(run, command):
    assert f"megdt reference {command}" in run(command, "--help").stdout.partition("Examples:")[2]
