"""The price of intake is measured in the shape that others read. No figure is judged."""

import json

import pytest
from typer.testing import CliRunner

from megdt_stream.bench.intake import intake
from megdt_stream.evidence.events import BY_TYPE


def test_both_are_measured_on_a_mix_of_types() -> None:
    said: list[str] = []
    found = intake(said.append, events=400, rounds=2)
    assert json.loads(json.dumps(found)) == found
    assert found["events"] == 400
    assert len(said) == 3
    assert {"megdt.exposure.recorded.v1", "megdt.assessment.recorded.v1"} < {row["type"] for row in found["types"]}
    assert {row["type"] for row in found["types"]} <= set(BY_TYPE)
    assert sum(row["events"] for row in found["types"]) == 400
    for row in (found, *found["types"]):
        assert row["ours_us"] > 0
        assert row["pydantic_us"] > 0
        assert row["ratio"] > 0


@pytest.mark.parametrize("as_json", [True, False])
def test_the_command(as_json: bool) -> None:
    from megdt_stream.cli.app import app

    shown = CliRunner().invoke(
        app, ["bench", "intake", "--events", "300", "--rounds", "1", *["--json"][: int(as_json)]]
    )
    assert shown.exit_code == 0
    if as_json:
        found = json.loads(shown.stdout)
        assert list(found) == ["ours_us", "pydantic_us", "ratio"]
        assert all(value > 0 for value in found.values())
    else:
        assert "ratio" in shown.stdout
        assert "megdt.exposure.recorded.v1" in shown.stdout
    assert "round 1 of 1" in shown.stderr


def test_nonsense_is_a_usage_error() -> None:
    from megdt_stream.cli.app import app

    for option in ("--events", "--rounds"):
        assert CliRunner().invoke(app, ["bench", "intake", option, "0"]).exit_code == 2
