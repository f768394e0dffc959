"""`megdt schemas list|show|check`, run as a person or a pipeline runs them."""

import json
import os
import shutil

import jsonschema_rs
import pytest
import typer
import yaml
from typer.testing import CliRunner

from megdt_stream.cli import schemas
from megdt_stream.data_files import schemas_dir
from megdt_stream.evidence import topics
from megdt_stream.schemas.catalogue import read
from megdt_stream.schemas.shape import SchemaFault


@pytest.fixture
def run(monkeypatch):
    for name in [name for name in os.environ if name.startswith("MEGDT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "160")
    app = typer.Typer()
    app.callback()(lambda: None)
    schemas.register(app)
    return lambda *arguments: CliRunner().invoke(app, ["schemas", *arguments])


@pytest.fixture
def copied(tmp_path):
    return shutil.copytree(schemas_dir(), tmp_path / "schemas")


@pytest.mark.parametrize("command", ["list", "show", "check"])
def test_help_teaches_by_examples(run, command):
    shown = run(command, "--help").stdout
    assert f"megdt schemas {command}" in shown.partition("Examples:")[2]


def test_list(run):
    listed = json.loads(run("list", "--json").stdout)
    assert {topic["topic"] for topic in listed} == {topic.name for topic in topics.ALL}
    assert all(topic["owner"] and topic["key"] and topic["compatibility"] and topic["retention"] for topic in listed)
    shown = run("list").stdout
    assert all(topic.name in shown for topic in topics.ALL)


@pytest.mark.parametrize("topic", topics.ALL, ids=lambda topic: topic.short)
def test_a_schema_is_shown_as_one_file_that_needs_no_other(run, topic):
    shown = json.loads(run("show", topic.short, "--json").stdout)
    alone = jsonschema_rs.Draft202012Validator(shown, validate_formats=True)
    for value in read().examples(topic.name).values():
        alone.validate(value)
    assert not alone.is_valid({})


@pytest.mark.parametrize("name", ["exposures", "megdt.exposures.v1", "exposure.recorded", "megdt.exposure.recorded.v1"])
def test_fields_are_shown_by_topic_or_type(run, name):
    shown = run("show", name)
    assert shown.exit_code == 0
    assert all(word in shown.stdout for word in ("/data/role", "pseudonymous", '"performed"', "BACKWARD_TRANSITIVE"))
    assert ("megdt.exposure.retracted.v1" in shown.stdout) == ("exposures" in name)


def test_an_unknown_name_gets_a_suggestion(run):
    shown = run("show", "exposur")
    assert (shown.exit_code, shown.stdout) == (1, "")
    assert "did you mean" in shown.stderr
    assert "exposures" in shown.stderr
    assert run("show", "病种").exit_code == 1


def test_show_wants_one_thing(run):
    assert run("show").exit_code == 2
    assert run("show", "exposures", "--asyncapi").exit_code == 2


def test_the_asyncapi_document_in_both_forms(run):
    text = run("show", "--asyncapi").stdout
    assert text == (schemas_dir() / "asyncapi.yaml").read_text("utf-8")
    assert json.loads(run("show", "--asyncapi", "--json").stdout) == yaml.safe_load(text)


def test_the_real_schemas_pass(run):
    shown = run("check", "--json")
    found = json.loads(shown.stdout)
    assert (shown.exit_code, found["ok"], found["findings"]) == (0, True, [])
    assert found["against"]
    assert "break nothing of" in run("check").stdout


def test_a_breaking_change_is_named_with_place_rule_and_remedy(run, copied):
    path = copied / "megdt.exposures.v1.schema.json"
    document = json.loads(path.read_text("utf-8"))
    document["$defs"]["exposure"]["required"].append("role")
    document["$defs"]["exposure"]["properties"]["ward"] = {"type": "string", "x-data-class": "operational"}
    path.write_text(json.dumps(document), "utf-8")

    shown = run("check", "--schemas", str(copied), "--json")
    found = json.loads(shown.stdout)
    assert (shown.exit_code, found["ok"]) == (1, False)
    first = next(finding for finding in found["findings"] if finding["rule"] == "field-required")
    assert (first["topic"], first["pointer"]) == ("megdt.exposures.v1", "/data/role")
    assert first["kinds"] == ["megdt.exposure.recorded.v1"]
    assert "megdt.exposures.v2" in first["remedy"]
    notes = [note["pointer"] for note in found["notes"] if note["topic"] == "megdt.exposures.v1"]
    assert notes == ["/data/ward"]

    for_people = run("check", "--schemas", str(copied), "--against", str(schemas_dir()))
    assert for_people.exit_code == 1
    assert all(
        word in for_people.stdout for word in ("field-required", "/data/role", "megdt.exposures.v2", "/data/ward")
    )


def test_a_folder_that_holds_no_schemas_is_a_configuration_error(run, tmp_path):
    failed = run("check", "--against", str(tmp_path))
    assert isinstance(failed.exception, SchemaFault)
    assert failed.exception.exit_code == 78
