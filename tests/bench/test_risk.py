"""`megdt bench risk`: what it measures, not how fast this machine is."""

import json

from typer.testing import CliRunner

from megdt_stream.cli.app import app


def test_both_are_measured_on_the_same_features():
    done = CliRunner().invoke(app, ["bench", "risk", "--persons", "100", "--rounds", "1", "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    for name in ("predict", "learn"):
        assert found[f"{name}_us"] > 0
        ours, theirs = found[f"{name}_us"], found[f"river_{name}_us"]
        assert abs(found[f"{name}_ratio"] - ours / theirs) < 1e-9
