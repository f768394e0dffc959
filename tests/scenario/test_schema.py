"""The published schemas of rehearsals take what the service takes and gives."""

import json

import jsonschema_rs
import pytest

from megdt_stream.data_files import schemas_dir
from megdt_stream.scenario.rehearsal import prepare, rehearse
from megdt_stream.scenario.requests import REFUSED, REHEARSED, answer
from megdt_stream.scenario.scheme import json_schema
from megdt_stream.schemas.catalogue import read
from tests.scenario.test_service import asked, event
from tests.scenario.worlds import EVERYTHING, KNOWN, act, scheme, small

SCHEME = json.loads((schemas_dir() / "rehearsal" / "scheme.schema.json").read_text("utf-8"))


def valid(name, value):
    validator = jsonschema_rs.validator_for(SCHEME) if name == "scheme" else read().validator(name)
    return validator.is_valid(value)


def test_the_files_are_what_the_models_say():
    models = json_schema()
    assert models == SCHEME
    asked = read().topics["megdt.scenarios.v1"].document
    scheme = asked["allOf"][0]["then"]["properties"]["data"]["properties"]["scheme"]
    assert (asked["$defs"], scheme["anyOf"]) == (models["$defs"], models["anyOf"])


@pytest.mark.parametrize(
    ("change", "good"), [({}, True), ({"dose": -1.0}, False), ({"kind": "x"}, False), ({"colour": 1}, False)]
)
def test_schemes(change, good):
    document = {"name": "a", "interventions": [{**act("reinforced-supervision"), **change}]}
    assert valid("scheme", document) is good
    assert valid("scheme", {"schemes": [document]}) is good


def test_requests_and_answers():
    assert valid("megdt.scenarios.v1", json.loads(asked()))
    assert valid("megdt.scenarios.v1", json.loads(event("cancelled", request="r-1")))
    assert not valid("megdt.scenarios.v1", json.loads(event()))
    result = rehearse(prepare(small(), [scheme(*EVERYTHING)], KNOWN, 1, 10))
    at = "2025-03-04T00:00:00Z"
    assert valid("megdt.scenario-results.v1", json.loads(answer(REHEARSED, "/a", "b", at, {"result": result})))
    del result["schemes"]["a"]["p_best"]
    assert not valid("megdt.scenario-results.v1", json.loads(answer(REHEARSED, "/a", "b", at, {"result": result})))
    assert not valid("megdt.scenario-results.v1", json.loads(answer(REFUSED, "/a", "b", at, {})))
