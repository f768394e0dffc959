"""Each rule of compatibility: a change that breaks it, the harmless change beside it, and that silence means yes."""

import copy
import json
import re
import shutil

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from megdt_stream.data_files import schemas_dir
from megdt_stream.evidence import topics
from megdt_stream.schemas.catalogue import read, read_releases
from megdt_stream.schemas.check import check
from megdt_stream.schemas.compatibility import changes, compare
from megdt_stream.schemas.findings import Rule, remedy
from megdt_stream.schemas.shape import Flattener, SchemaFault
from tests.schemas.values import of_shape

EXPOSURES, ASSESSMENTS, ROTATIONS = "megdt.exposures.v1", "megdt.assessments.v1", "megdt.rotations.v1"
ALERTS, EVIDENCE, DECISIONS = "megdt.alerts.v1", "megdt.evidence.v1", "megdt.decisions.v1"
RECORDED = "megdt.exposure.recorded.v1"


@pytest.fixture
def edited(tmp_path):
    """Make a copy of the schemas, without examples, in which one file is changed."""

    def make(topic, edit):
        for path in schemas_dir().glob("*.schema.json"):
            shutil.copy(path, tmp_path)
        path = tmp_path / f"{topic}.schema.json"
        document = json.loads(path.read_text("utf-8"))
        edit(document)
        path.write_text(json.dumps(document), "utf-8")
        return read(tmp_path)

    return make


def data_of(document, definition):
    return document["$defs"][definition]["properties"]


def exposure(document):
    return data_of(document, "exposure")


def put(of, *path):
    """Make an edit: the last of the path becomes the value of the one before, below `of(document)`."""
    *steps, name, value = path

    def edit(document):
        inside = of(document)
        for step in steps:
            inside = inside[step]
        inside[name] = value

    return edit


def drop(of, *path):
    """Make an edit: what stands at the path, below `of(document)`, is taken out."""
    *steps, name = path

    def edit(document):
        inside = of(document)
        for step in steps:
            inside = inside[step]
        del inside[name]

    return edit


def whole(document):
    return document


def warning(document):
    return data_of(document, "warning")


NEW_FIELD = {"type": "string", "x-data-class": "operational"}
KINDS = ["case", "procedure", "simulation"]

BACKWARD = [
    (
        Rule.KIND_REMOVED,
        EXPOSURES,
        put(whole, "properties", "type", "enum", [RECORDED]),
        put(whole, "properties", "type", "enum", [RECORDED, "megdt.exposure.retracted.v1", "megdt.exposure.seen.v1"]),
        "",
    ),
    (Rule.FIELD_REMOVED, EXPOSURES, drop(exposure, "role"), put(exposure, "ward", NEW_FIELD), "/data/role"),
    (
        Rule.FIELD_REQUIRED,
        EXPOSURES,
        put(whole, "$defs", "exposure", "required", ["kind", "item", "role"]),
        put(whole, "$defs", "exposure", "required", ["kind"]),
        "/data/role",
    ),
    (
        Rule.TYPE_NARROWED,
        EXPOSURES,
        put(exposure, "count", "type", "integer"),
        put(exposure, "count", "type", ["number", "null"]),
        "/data/count",
    ),
    (
        Rule.VALUE_REMOVED,
        EXPOSURES,
        put(exposure, "kind", "enum", KINDS[:2]),
        put(exposure, "kind", "enum", [*KINDS, "bedside"]),
        "/data/kind",
    ),
    (
        Rule.BOUND_TIGHTENED,
        EXPOSURES,
        put(exposure, "count", "maximum", 99),
        put(exposure, "count", "maximum", 9999),
        "/data/count",
    ),
    (
        Rule.BOUND_TIGHTENED,
        ASSESSMENTS,
        put(lambda document: data_of(document, "feedback"), "text", "minLength", 2),
        drop(lambda document: data_of(document, "feedback"), "text", "minLength"),
        "/data/text",
    ),
    (
        Rule.PATTERN_TIGHTENED,
        EXPOSURES,
        put(exposure, "item", "pattern", "^[A-Z]"),
        put(exposure, "item", "description", "Other words."),
        "/data/item",
    ),
    (
        Rule.CLOSED,
        EXPOSURES,
        put(whole, "$defs", "exposure", "additionalProperties", False),
        put(whole, "$defs", "exposure", "additionalProperties", True),
        "/data/*",
    ),
    (
        Rule.CONDITION_TIGHTENED,
        EXPOSURES,
        put(whole, "$defs", "exposure", "if", {"properties": {"kind": {"const": "case"}}}),
        put(whole, "$defs", "exposure", "$comment", "nothing"),
        "/data",
    ),
    (Rule.KEY_CHANGED, EXPOSURES, put(whole, "x-key", "{id}"), put(whole, "title", "Cases"), ""),
    (Rule.MODE_CHANGED, EXPOSURES, put(whole, "x-compatibility", "BACKWARD"), put(whole, "x-owner", "others"), ""),
    (
        Rule.VALUE_REMOVED,
        DECISIONS,
        put(lambda document: data_of(document, "decision"), "action", "enum", ["accepted"]),
        drop(whole, "$defs", "decision", "if"),
        "/data/action",
    ),
    (
        Rule.TYPE_NARROWED,
        EVIDENCE,
        put(whole, "$defs", "standing", "prefixItems", 3, "items", {"type": "integer"}),
        put(lambda document: data_of(document, "fact"), "rev", "maximum", 99_999),
        None,
    ),
]
FORWARD = [
    (
        Rule.FIELD_REQUIRED,
        put(whole, "$defs", "warning", "required", ["rule"]),
        put(warning, "note", NEW_FIELD),
        "/data/due",
    ),
    (
        Rule.TYPE_NARROWED,
        put(warning, "rotation", {"type": ["string", "null"], "x-data-class": "pseudonymous"}),
        put(warning, "base", {"type": "null", "x-data-class": "operational"}),
        "/data/rotation",
    ),
    (
        Rule.BOUND_TIGHTENED,
        put(warning, "expected", "maximum", 999),
        put(warning, "expected", "maximum", 9),
        "/data/expected",
    ),
    (
        Rule.PATTERN_TIGHTENED,
        drop(warning, "rule", "pattern"),
        put(warning, "severity", "pattern", "^[a-z]+$"),
        "/data/rule",
    ),
    (
        Rule.VALUE_REMOVED,
        put(whole, "properties", "specversion", {"enum": ["1.0", "1.1"], "x-data-class": "public"}),
        put(warning, "severity", {"enum": ["low", "high"], "x-data-class": "operational"}),
        "/specversion",
    ),
]


def found(released, current):
    return {(finding.rule, finding.pointer) for finding in compare(released, current)[0]}


@pytest.mark.parametrize(("rule", "topic", "breaking", "harmless", "pointer"), BACKWARD)
def test_a_change_of_what_publishers_may_send(edited, rule, topic, breaking, harmless, pointer):
    released = read()
    broken = compare(released, edited(topic, breaking))[0]
    if rule is Rule.TYPE_NARROWED and topic == EVIDENCE:
        # Part of an `anyOf`, which is compared as a whole.
        assert {finding.rule for finding in broken} == {Rule.CONDITION_TIGHTENED, Rule.EXAMPLE_REFUSED}
    else:
        assert (rule, pointer) in {(finding.rule, finding.pointer) for finding in broken}
    assert {finding.topic for finding in broken} == {topic}
    assert found(released, edited(topic, harmless)) == set()


@pytest.mark.parametrize(("rule", "breaking", "harmless", "pointer"), FORWARD)
def test_a_change_of_what_consumers_read(edited, rule, breaking, harmless, pointer):
    released = read()
    assert (rule, pointer) in found(released, edited(ALERTS, breaking))
    assert found(released, edited(ALERTS, harmless)) == set()


def test_what_breaks_publishers_may_be_harmless_to_consumers_and_the_reverse(edited):
    released = read()
    widened = put(warning, "reason", "properties", "code", {"type": ["string", "null"], "x-data-class": "operational"})
    assert found(released, edited(ALERTS, widened)) != set()
    narrowed = put(warning, "item", "maxLength", 10)
    assert found(released, edited(ALERTS, narrowed)) == set()


def test_a_change_of_what_all_share_is_found_on_every_topic(edited):
    tightened = put(whole, "$defs", "event", "properties", "id", "maxLength", 64)
    broken = compare(read(), edited("common", tightened))[0]
    bounds = [finding for finding in broken if finding.rule is Rule.BOUND_TIGHTENED]
    assert {finding.topic for finding in bounds} == {topic.name for topic in topics.INPUTS}
    for finding in bounds:
        assert finding.pointer == "/id"
        assert set(finding.kinds) == read().topics[finding.topic].kinds.keys()


def test_a_topic_without_its_schema(edited, tmp_path):
    edited(EXPOSURES, lambda _: None)
    (tmp_path / f"{EXPOSURES}.schema.json").unlink()
    assert found(read(), read(tmp_path)) == {(Rule.TOPIC_REMOVED, "")}


def test_examples_are_the_net_below_the_rules(edited):
    # Formats are annotations to the rules.
    broken = compare(read(), edited(EXPOSURES, put(exposure, "item", "format", "date")))[0]
    assert {finding.rule for finding in broken} == {Rule.EXAMPLE_REFUSED}
    assert {finding.pointer for finding in broken} == {"/data/item"}
    assert any("procedure" in finding.detail for finding in broken)


def test_notes_say_what_readers_of_a_release_make_of_an_addition(edited):
    notes = compare(read(), edited(EXPOSURES, put(exposure, "ward", NEW_FIELD)))[1]
    assert [(note.topic, note.kinds, note.pointer) for note in notes] == [(EXPOSURES, (RECORDED,), "/data/ward")]
    assert "ignore" in notes[0].detail


def test_a_finding_names_what_to_do():
    assert "megdt.exposures.v2" in remedy(Rule.FIELD_REMOVED, EXPOSURES)
    assert all(remedy(rule, EXPOSURES) for rule in Rule)


def test_the_page_lists_every_rule_of_compatibility():
    page = (schemas_dir() / "README.md").read_text("utf-8").partition("## Changes")[2].partition("\n## ")[0]
    listed = {
        name for row in re.findall(r"^\| (`.*?) \|", page, flags=re.MULTILINE) for name in row.strip("`").split("`, `")
    }
    rules = list(Rule)
    assert listed == set(rules[: rules.index(Rule.SCHEMA_MISSING)])


# --- the real schemas --------------------------------------------------------------------------------------------


def test_the_schemas_are_complete_and_break_no_release():
    report = check(read(), read_releases())
    assert report.against
    assert report.findings == ()


def test_releases_are_in_order(tmp_path):
    for version in ("1.10.0", "1.9.0", "1.9"):
        (tmp_path / "released" / version).mkdir(parents=True)
        for path in schemas_dir().glob("*.schema.json"):
            shutil.copy(path, tmp_path / "released" / version)
    assert [release.version for release in read_releases(tmp_path)] == ["1.9", "1.9.0", "1.10.0"]


def test_only_transitive_modes_look_beyond_the_last_release(edited):
    def not_transitive(document):
        document["x-compatibility"] = "BACKWARD"

    old = edited(EXPOSURES, not_transitive)
    current = edited(EXPOSURES, lambda document: (not_transitive(document), drop(exposure, "role")(document)))
    assert compare(old, current, last=False)[0] == []
    assert compare(old, current, last=True)[0] != []


def test_no_release_and_no_schemas_are_said(tmp_path):
    with pytest.raises(SchemaFault, match="no released version"):
        read_releases(tmp_path)
    with pytest.raises(SchemaFault, match=r"no common\.schema\.json"):
        read(tmp_path)
    (tmp_path / "common.schema.json").write_text('{"$id": 7}')
    with pytest.raises(SchemaFault, match="does not end with its name"):
        read(tmp_path)
    (tmp_path / "common.schema.json").write_text("{")
    with pytest.raises(SchemaFault, match="cannot be read"):
        read(tmp_path)


def test_a_reference_that_leads_nowhere_or_round(edited):
    with pytest.raises(SchemaFault, match="leads nowhere"):
        edited(EXPOSURES, put(exposure, "item", {"$ref": "common.schema.json#/$defs/none"}))
    with pytest.raises(SchemaFault, match="leads in a circle"):
        edited(EXPOSURES, put(exposure, "item", {"$ref": "#/$defs/exposure"}))
    with pytest.raises(SchemaFault, match=r"no JSON Schema 2020-12"):
        edited(EXPOSURES, put(exposure, "item", {"type": "text"}))


# --- silence means yes -------------------------------------------------------------------------------------------

TYPES = ["null", "boolean", "integer", "number", "string"]
BOUNDS = st.dictionaries(
    st.sampled_from(["minimum", "maximum", "minLength", "maxLength"]), st.integers(0, 5), max_size=2
).filter(
    lambda bounds: (
        bounds.get("minimum", 0) <= bounds.get("maximum", 9)
        and bounds.get("minLength", 0) <= bounds.get("maxLength", 9)
    )
)
TYPE_LISTS = st.lists(st.sampled_from(TYPES), min_size=1, max_size=3, unique=True)
LEAVES = st.one_of(
    st.builds(lambda types, bounds: {"type": types, **bounds}, TYPE_LISTS, BOUNDS),
    st.builds(
        lambda values: {"enum": values}, st.lists(st.sampled_from([None, True, 1, 2, "a"]), min_size=1, unique_by=repr)
    ),
    st.builds(lambda pattern: {"type": "string", "pattern": pattern}, st.sampled_from(["^[a-z]{1,3}$", "^[a-c]+$"])),
    st.builds(lambda value: {"type": "integer", "not": {"const": value}}, st.integers(0, 3)),
)


def objects(inner):
    names = st.sampled_from("abcd")
    return st.builds(
        lambda fields, required, others: {
            "type": "object",
            "properties": fields,
            "required": [name for name in required if name in fields],
            **({} if others is None else {"additionalProperties": others}),
        },
        st.dictionaries(names, inner, max_size=3),
        st.lists(names, unique=True, max_size=3),
        st.one_of(st.none(), st.booleans(), LEAVES),
    )


def arrays(inner):
    return st.builds(
        lambda first, rest, least, more: {
            "type": "array",
            "prefixItems": first,
            "minItems": least,
            "maxItems": least + more,
            **({} if rest is None else {"items": rest}),
        },
        st.lists(inner, min_size=1, max_size=2),
        st.one_of(st.none(), st.booleans(), inner),
        st.integers(0, 1),
        st.integers(0, 2),
    )


SCHEMAS = st.recursive(LEAVES, lambda inner: st.one_of(objects(inner), arrays(inner)), max_leaves=6)
EDITS = st.lists(
    st.tuples(st.integers(0, 99), st.sampled_from(["drop", "raise", "lower", "replace", "add", "widen"]), LEAVES),
    min_size=1,
    max_size=3,
)


def parts(schema):
    """Give every schema within a schema, itself first."""
    yield schema
    for part in [*schema.get("properties", {}).values(), *schema.get("prefixItems", ()), schema.get("items")]:
        if isinstance(part, dict):
            yield from parts(part)


def mutated(schema, edits):
    """Change a schema in places, harmlessly or not."""
    made = copy.deepcopy(schema)
    for place, what, leaf in edits:
        inside = list(parts(made))
        part = inside[place % len(inside)]
        names = sorted(part)
        name = names[place % len(names)] if names else ""
        if what == "drop" and name:
            del part[name]
        elif what == "replace":
            part.clear()
            part.update(leaf)
        elif what == "add" and "properties" in part:
            part["properties"]["abcd"[place % 4]] = leaf
        elif what == "widen" and isinstance(part.get("type"), list):
            part["type"] = sorted({*part["type"], TYPES[place % 5]})
        elif name and isinstance(part.get(name), int) and not isinstance(part[name], bool):
            part[name] = max(0, part[name] + (1 if what == "raise" else -1))
    return made


def shape_of(schema):
    id_ = "https://schemas.megdt.invalid/one.schema.json"
    return Flattener({id_: schema}).kinds(id_)[1][""]


THOROUGH = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


@THOROUGH
@given(SCHEMAS, EDITS, st.data())
def test_where_nothing_is_found_the_reader_takes_what_the_writer_may_write(schema, edits, data):
    current = mutated(schema, edits)
    released_shape, current_shape = shape_of(schema), shape_of(current)
    for direction, writer, reader in (("backward", schema, current), ("forward", current, schema)):
        if any(change.rule for change in changes(released_shape, current_shape, direction)):
            continue
        made = data.draw(of_shape(shape_of(writer)))
        assume(jsonschema_rs.is_valid(writer, made))
        assert jsonschema_rs.is_valid(reader, made), (direction, writer, reader)


@THOROUGH
@given(SCHEMAS)
def test_a_schema_is_compatible_with_itself(schema):
    shape = shape_of(schema)
    assert [change for direction in ("backward", "forward") for change in changes(shape, shape, direction)] == []
