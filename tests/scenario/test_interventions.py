"""Interventions are data with sources; a bad table is named with its field."""

import tomllib

import pytest
from pydantic import ValidationError

from megdt_stream.data_files import seeds_dir
from megdt_stream.errors import ConfigError
from megdt_stream.scenario.interventions import Interventions, LocalOnly
from megdt_stream.seed_files import check, load_interventions

FILE = seeds_dir() / "interventions.toml"


def test_six_kinds_each_with_a_source():
    known = load_interventions()
    assert len(known.kinds) == 6
    assert all(len(one.effect.source) > 40 for one in known.kinds.values())
    assert {kind for kind, one in known.kinds.items() if one.prior} == {"remedial-training", "simulation-training"}
    supervision = known.kinds["reinforced-supervision"]
    assert isinstance(supervision.effect, LocalOnly)
    assert supervision.effect.direction == "beneficial"


def test_the_prediction_interval_of_feedback_is_the_published_one():
    feedback = load_interventions().feedback
    low, high = (feedback.mean + sign * 1.96 * feedback.prediction_sd for sign in (-1, 1))
    assert (low, high) == (pytest.approx(-0.06, abs=0.01), pytest.approx(1.46, abs=0.01))


def test_what_is_used_over_the_whole_duration():
    kinds = load_interventions().kinds
    assert kinds["reinforced-supervision"].used(2.0, 10) == {"faculty-hour": 20.0}
    assert kinds["simulation-training"].used(8.0, 10) == {"simulator-hour": 8.0, "faculty-hour": 2.0}


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("prediction_sd = 0.51", "prediction_sd = 0.01", "kinds.simulation-training.effect"),
        ("default = 18.0", "default = -1.0", "kinds.remedial-training.dose.default"),
        ("case-slot = 50.0, ", "", "case-slot"),
        ('scale = "log-odds", mean = -0.0315, se', "se", "kinds.remedial-training.effect"),
        ("[kinds.resource-tilt]", "[kinds.prayer]", "kinds.prayer"),
    ],
)
def test_a_bad_table_is_named(tmp_path, old, new, named):
    text = FILE.read_text("utf-8")
    assert old in text
    (tmp_path / "interventions.toml").write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(ConfigError) as refused:
        load_interventions(tmp_path)
    assert "interventions.toml" in str(refused.value)
    assert named in str(refused.value)
    assert check(tmp_path)


def test_no_effect_without_a_source():
    tables = tomllib.loads(FILE.read_text("utf-8"))
    tables["kinds"]["simulation-training"]["effect"]["source"] = " "
    with pytest.raises(ValidationError, match="source"):
        Interventions.from_tables(tables)
