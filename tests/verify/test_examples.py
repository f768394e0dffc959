"""The shipped examples against the checker's reading of the contract."""

import json
from pathlib import Path

import jsonschema_rs
import pytest

from megdt_stream.data_files import schemas_dir
from megdt_stream.verify.contract import Refusal, decide
from megdt_stream.verify.log import Origin, Record
from megdt_stream.verify.names import ALERTS, EVIDENCE, INPUTS, full_name, short_name

APPENDED = 1_767_225_600_000


def _examples(kind: str, shorts: tuple[str, ...]) -> list:
    folders = [schemas_dir() / "examples" / full_name(short) / kind for short in shorts]
    paths = [path for folder in folders for path in sorted(folder.glob("*.json"))]
    return [pytest.param(path, id=f"{path.parent.parent.name}/{path.stem}") for path in paths]


def _decide(path: Path, reference):
    short = short_name(path.parent.parent.name)
    return decide(Origin(short, 0, 0), Record(0, APPENDED, None, path.read_bytes()), reference)


@pytest.mark.parametrize("path", _examples("valid", INPUTS))
def test_valid_input_becomes_evidence(path, reference):
    decision = _decide(path, reference)
    assert not isinstance(decision, Refusal), decision
    assert reference.satisfies(EVIDENCE, decision)


@pytest.mark.parametrize("path", _examples("invalid", INPUTS))
def test_invalid_input_is_refused_for_its_reason(path, reference):
    assert _decide(path, reference) == Refusal(path.stem.split("--")[0])


@pytest.mark.parametrize("path", [p for p in _examples("valid", (EVIDENCE,)) if "." in p.values[0].stem])
def test_evidence_examples_are_what_their_inputs_become(path, reference):
    short, name = path.stem.split(".")
    source = schemas_dir() / "examples" / full_name(short) / "valid" / f"{name}.json"
    assert _plain(_decide(source, reference)) == json.loads(path.read_bytes())


def _plain(evidence):
    """Not being banked is the rule: intake states it where the checker leaves it open."""
    return evidence | ({"carried_over": bool(evidence["carried_over"])} if evidence["k"] == "assessment" else {})


@pytest.mark.parametrize("path", _examples("valid", (EVIDENCE, ALERTS)))
def test_valid_output_fits(path, reference):
    assert reference.satisfies(short_name(path.parent.parent.name), json.loads(path.read_bytes()))


@pytest.mark.parametrize("path", _examples("invalid", (EVIDENCE, ALERTS)))
def test_invalid_output_does_not_fit(path, reference):
    assert not reference.satisfies(short_name(path.parent.parent.name), json.loads(path.read_bytes()))


@pytest.mark.parametrize("path", sorted(schemas_dir().glob("*.json")), ids=lambda path: path.name)
def test_schemas_are_schemas(path):
    schema = json.loads(path.read_text("utf-8"))
    assert jsonschema_rs.meta.is_valid(schema)
    assert schema["$id"].endswith("/" + path.name)


def test_every_input_topic_has_both_kinds_of_examples():
    for short in (*INPUTS, EVIDENCE, ALERTS):
        assert _examples("valid", (short,)), short
        assert _examples("invalid", (short,)), short
