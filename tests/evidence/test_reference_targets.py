"""Targets: the line of a stage, and tables that are refused by name."""

import copy
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from megdt_stream.data_files import seeds_dir
from megdt_stream.errors import ConfigError
from megdt_stream.evidence.reference import StageTarget, Targets
from megdt_stream.seed_files import check, load_norms, load_targets

TABLES = tomllib.loads((seeds_dir() / "targets.toml").read_text("utf-8"))
TEXT = {"en": "Text", "zh": "文字"}
POSTGRADUATE = load_targets().stages["postgraduate"]


def stage(**fields):
    return StageTarget.model_validate({"name": TEXT, "source": "a test"} | fields)


def test_the_shipped_targets_end_at_graduation_and_name_their_sources():
    targets = load_targets()
    assert set(targets.stages) == {"medical-school", "postgraduate", "continuing"}
    assert POSTGRADUATE.by_year[-1] == 4.0
    assert POSTGRADUATE.wanted(0) == targets.stages["medical-school"].wanted(0) == 1.0
    assert targets.stages["continuing"].wanted(None) == 4.0
    assert (targets.workload.hours, targets.workload.weeks) == (80, 4)
    assert load_norms().targets == targets


@pytest.mark.parametrize(("years", "level"), [(0, 1), (0.5, 1.5), (1, 2), (2.25, 3.25), (3, 4), (9, 4), (None, None)])
def test_a_line_is_straight_between_the_ends_of_years(years, level):
    assert POSTGRADUATE.wanted(years) == level


@given(st.lists(st.floats(0, 5), min_size=2, max_size=8).map(sorted), st.floats(0, 20), st.floats(0, 5))
def test_a_target_never_falls_and_stays_within_its_ends(line, years, later):
    target = stage(entry=line[0], by_year=line[1:])
    wanted = target.wanted(years)
    assert line[0] <= wanted <= target.wanted(years + later) + 1e-9 <= line[-1] + 2e-9
    assert target.years == len(line) - 1


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"level": 4.0, "by_year": [4.0], "entry": 1.0},
        {"by_year": [4.0]},
        {"entry": 1.0},
        {"level": 1.0, "entry": 1.0},
        {"entry": 3.0, "by_year": [2.0]},
        {"entry": 1.0, "by_year": [3.0, 2.0]},
        {"entry": 1.0, "by_year": []},
        {"level": 5.5},
        {"level": float("nan")},
        {"level": "4"},
    ],
)
def test_a_stage_states_one_form_that_does_not_fall(fields):
    with pytest.raises(ValidationError):
        stage(**fields)


def test_a_site_without_a_limit_leaves_the_table_out():
    tables = {name: table for name, table in TABLES.items() if name != "workload"}
    assert Targets.from_tables(tables).workload is None


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("version",), 0),
        (("stages", "residency"), {"name": TEXT, "level": 4.0, "source": "a test"}),
        (("weak", "probability"), 0.3),
        (("quota", "probability"), 1.0),
        (("workload", "hours"), 200),
        (("workload", "weeks"), 9),
        (("weak", "source"), ""),
        (("stray",), 1),
    ],
)
def test_a_wrong_table_is_refused(path, value):
    tables = copy.deepcopy(TABLES)
    inner = tables
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    with pytest.raises(ValidationError):
        Targets.from_tables(tables)


def test_a_sites_own_file_replaces_the_shipped_one_and_its_faults_are_named(tmp_path):
    text = (seeds_dir() / "targets.toml").read_text("utf-8")
    (tmp_path / "targets.toml").write_text(text.replace("by_year = [2.0, 3.0, 4.0]", "by_year = [2.0, 4.0]"), "utf-8")
    assert load_norms(tmp_path).targets.stages["postgraduate"].years == 2
    (tmp_path / "targets.toml").write_text(text.replace("by_year = [2.0, 3.0, 4.0]", "by_year = [9.0]"), "utf-8")
    with pytest.raises(ConfigError, match=r"targets\.toml: stages\.postgraduate\.by_year"):
        load_targets(tmp_path)
    assert [fault.field for fault in check(tmp_path)] == ["postgraduate.by_year.0"]
