"""Owner, key, mode, retention, and a data class for every field: there, and missed where they are not."""

import json
import re
import shutil

import pytest

from megdt_stream.data_files import schemas_dir
from megdt_stream.evidence import topics
from megdt_stream.schemas.catalogue import DATA_CLASSES, read
from megdt_stream.schemas.completeness import examine, fields
from megdt_stream.schemas.findings import Rule

EXPOSURES = "megdt.exposures.v1"


def test_the_schemas_are_complete():
    assert examine(read()) == []


def test_every_field_has_one_data_class_and_none_is_a_direct_identifier():
    seen = set()
    for schema in read().topics.values():
        for kind, shape in schema.kinds.items():
            for pointer, part in fields(shape):
                (data_class,) = part.data_classes
                assert data_class in DATA_CLASSES, (schema.name, kind, pointer)
                assert data_class != "direct-identifier", (schema.name, kind, pointer)
                seen.add(data_class)
    assert seen == DATA_CLASSES.keys() - {"direct-identifier"}


def test_what_people_write_stays_on_the_input_topics():
    catalogue = read()
    for topic in (topics.EVIDENCE, topics.ALERTS):
        for shape in catalogue.topics[topic.name].kinds.values():
            assert not [pointer for pointer, part in fields(shape) if "free-text" in part.data_classes]


def test_fields_reach_into_lists_and_extension_attributes():
    shape = read().topics["megdt.assessments.v1"].kinds["megdt.assessment.recorded.v1"]
    found = dict(fields(shape))
    assert {"/subject", "/data/scores", "/data/scores/*/missing", "/*"} <= found.keys()
    assert found["/*"].data_classes == {"pseudonymous"}


def edit_kind(**changes):
    return lambda document: document["$defs"]["exposure"]["properties"]["kind"].update(changes)


WRONG = [
    (Rule.ANNOTATION_MISSING, lambda document: document.pop("x-owner"), ""),
    (Rule.ANNOTATION_MISSING, lambda document: document.pop("x-key"), ""),
    (Rule.ANNOTATION_MISSING, lambda document: document.update({"x-compatibility": "SIDEWAYS"}), ""),
    (Rule.RETENTION_DIFFERS, lambda document: document.update({"x-retention": "P31D"}), ""),
    (Rule.RETENTION_DIFFERS, lambda document: document.pop("x-retention"), ""),
    (Rule.KINDS_DIFFER, lambda document: document["properties"]["type"]["enum"].append("megdt.x.y.v1"), "/type"),
    (
        Rule.DATA_CLASS_MISSING,
        lambda document: document["$defs"]["exposure"]["properties"]["kind"].pop("x-data-class"),
        "/data/kind",
    ),
    (Rule.DATA_CLASS_AMBIGUOUS, edit_kind(**{"x-data-class": "secret"}), "/data/kind"),
    (Rule.DIRECT_IDENTIFIER, edit_kind(**{"x-data-class": "direct-identifier"}), "/data/kind"),
    (
        Rule.DATA_CLASS_AMBIGUOUS,
        lambda document: document["properties"].update(subject={"x-data-class": "public"}),
        "/subject",
    ),
    (Rule.EXAMPLE_REFUSED, edit_kind(enum=["case"]), ""),
]


@pytest.mark.parametrize(("rule", "edit", "pointer"), WRONG)
def test_what_is_missing_or_wrong_is_found(tmp_path, rule, edit, pointer):
    folder = shutil.copytree(schemas_dir(), tmp_path / "schemas", ignore=shutil.ignore_patterns("released"))
    path = folder / f"{EXPOSURES}.schema.json"
    document = json.loads(path.read_text("utf-8"))
    edit(document)
    path.write_text(json.dumps(document), "utf-8")
    found = examine(read(folder))
    assert (rule, pointer) in {(finding.rule, finding.pointer) for finding in found}
    assert {finding.topic for finding in found} == {EXPOSURES}


def test_a_schema_or_an_example_that_is_missing_is_found(tmp_path):
    folder = shutil.copytree(schemas_dir(), tmp_path / "schemas", ignore=shutil.ignore_patterns("released"))
    (folder / "megdt.decisions.v1.schema.json").unlink()
    for path in (folder / "examples" / EXPOSURES / "valid").glob("retracted*"):
        path.unlink()
    found = [(finding.topic, finding.rule, finding.kinds) for finding in examine(read(folder))]
    assert found == [
        (EXPOSURES, Rule.NO_EXAMPLE, ("megdt.exposure.retracted.v1",)),
        ("megdt.decisions.v1", Rule.SCHEMA_MISSING, ()),
    ]


def test_the_page_explains_every_data_class():
    page = (schemas_dir() / "README.md").read_text("utf-8")
    for name, meaning in DATA_CLASSES.items():
        assert re.search(rf"^\| `{name}` \| {re.escape(meaning)} \|$", page, flags=re.MULTILINE)
