"""The AsyncAPI document: current, valid by the official schema, complete, and readable by what reads YAML."""

import json
from pathlib import Path

import jsonschema_rs
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream.data_files import schemas_dir
from megdt_stream.evidence import topics
from megdt_stream.evidence.topics import Role
from megdt_stream.schemas.asyncapi import document
from megdt_stream.schemas.catalogue import read, read_releases
from megdt_stream.schemas.yaml_text import dump

OFFICIAL = json.loads((Path(__file__).parent / "asyncapi/3.0.0.json").read_text("utf-8"))
COMMITTED = schemas_dir() / "asyncapi.yaml"


@pytest.fixture(scope="module")
def written():
    return document(read(), read_releases()[-1].version)


def test_the_committed_document_is_current(written):
    assert COMMITTED.read_text("utf-8") == dump(written), "megdt schemas show --asyncapi > schemas/asyncapi.yaml"


def test_it_is_valid_by_the_official_schema(written):
    validator = jsonschema_rs.validator_for(OFFICIAL)
    validator.validate(written)
    # The schema is really applied: a slip is seen.
    assert not validator.is_valid({**written, "operations": {"receive-assessments": {"action": "take"}}})


def test_every_topic_has_a_channel_with_its_settings_and_an_operation(written):
    assert {channel["address"] for channel in written["channels"].values()} == {topic.name for topic in topics.ALL}
    for topic in topics.ALL:
        kafka = written["channels"][topic.short]["bindings"]["kafka"]
        assert str(kafka["topicConfiguration"]["retention.ms"]) == topic.settings["retention.ms"]
        action = "receive" if topic.role in (Role.INPUT, Role.REQUEST) else "send"
        assert written["operations"][f"{action}-{topic.short}"]["action"] == action


def test_references_lead_somewhere(written):
    seen = list(references(written))
    assert len(seen) > 100
    for reference in seen:
        file, _, pointer = reference.partition("#")
        if file:
            assert (schemas_dir() / file).is_file(), reference
            continue
        found = written
        for step in pointer.split("/")[1:]:
            found = found[step]


def references(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for part in value.values():
            yield from references(part)
    elif isinstance(value, list):
        for part in value:
            yield from references(part)


def test_every_message_shows_an_example_that_its_schema_takes(written):
    catalogue = read()
    for channel in written["channels"].values():
        for name in channel["messages"]:
            (example,) = written["components"]["messages"][name]["examples"]
            value = example["headers"] if channel["address"] == topics.REJECTS.name else example["payload"]
            catalogue.validator(channel["address"]).validate(value)


# --- YAML --------------------------------------------------------------------------------------------------------

TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=("Cs",))),
    st.sampled_from(
        ["no", "NULL", "on", "y", "-", "--", "a-b", "1e3", "0x1", "~", "2025-01-01", "病种", "a: b", "# c", ""]
    ),
)
PLAIN = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=12,
)


@given(PLAIN)
def test_yaml_says_what_json_says(value):
    assert yaml.safe_load(dump(value)) == value
