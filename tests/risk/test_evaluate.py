"""`megdt evaluate risk`: its form, its choices, and that nothing which arrives late is used."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from megdt_stream.calibration.risk import measures
from megdt_stream.cli.app import app
from megdt_stream.evaluate.risk.choice import Choice, choose, chosen
from megdt_stream.evaluate.risk.play import play
from megdt_stream.evaluate.risk.report import evaluate
from megdt_stream.seed_files import load_reference
from tests.risk.oulad import write

REFERENCE = load_reference()
OULAD = Path(os.environ.get("OULAD_DIR", "/nowhere"))
LEAVES = {
    *("auc", "brier", "p_at_10", "calibration_slope", "calibration_intercept", "intercept_slope_fixed"),
    *("coverage_80", "recall_gap"),
}


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    return write(tmp_path_factory.mktemp("oulad"))


def run(*arguments):
    return CliRunner().invoke(app, ["evaluate", "risk", *map(str, arguments)])


def test_the_json_has_the_form_that_stays_stable(tables, tmp_path):
    done = run("--train", tables, "--test", tables, "--json", "--write", tmp_path)
    assert done.exit_code == 0, done.output
    days = json.loads(done.stdout)["days"]
    assert list(days) == ["30", "60", "90", "120"]
    for one in days.values():
        assert set(one) == {"n", "prevalence", "frozen", "learning"}
        assert set(one["frozen"]) == set(one["learning"]) == LEAVES
    assert days["120"]["frozen"]["auc"] > 0.75
    assert f"{days['30']['frozen']['brier']:.3f}" in (tmp_path / "risk.md").read_text("utf-8")


def test_the_table_is_for_people_and_mistakes_are_named(tables):
    shown = run("--train", tables, "--test", tables, "--modules", "AAA")
    assert shown.exit_code == 0
    assert "learning" in shown.stdout
    for arguments, said in (
        (("--train", tables / "no", "--test", tables), "lacks"),
        (("--train", tables, "--test", tables, "--test-presentations", "2019B"), "2019B"),
        (("--train", tables, "--test", tables, "--modules", "ZZZ"), "ZZZ"),
    ):
        wrong = run(*arguments)
        assert wrong.exit_code == 2
        assert said in wrong.output


@pytest.mark.parametrize(
    ("trains", "tests", "expected"),
    [
        ((), (), Choice(("2013B",), ("2013J",))),
        (("2013J",), (), Choice(("2013J",), ("2013B",))),
        ((), ("2013B",), Choice(("2013J",), ("2013B",))),
    ],
)
def test_no_presentation_both_trains_and_tests(tables, trains, tests, expected):
    assert choose(tables, tables, (), trains, tests) == expected


def test_one_presentation_alone_cannot_be_evaluated(tmp_path):
    write(tmp_path, ("2013B",), 5)
    with pytest.raises(ValueError, match="nothing is left"):
        choose(tmp_path, tmp_path, (), (), ())


def _quiet(_):
    pass


def test_an_oracle_in_evidence_that_arrives_late_earns_nothing(tables):
    """Everybody's marks are rewritten to tell the outcome, but arrive after the last cut of interest."""
    known = chosen(tables, ("2013B",), ())
    adverse = {row["id_student"]: row["final_result"] != "Pass" for row in known.student_info}
    fixed = {row["id_assessment"]: row for row in known.student_assessment}
    told = [
        {**row, "date_submitted": "125", "score": "0" if adverse[row["id_student"]] else "100"}
        for row in known.student_assessment
    ]
    silent = play([replace(known, student_assessment=[])], REFERENCE, _quiet)
    oracle = play([replace(known, student_assessment=told)], REFERENCE, _quiet)
    before = [[cut for cut in one.cuts if cut.day <= 120] for one in (silent, oracle)]
    after = [[cut for cut in one.cuts if cut.day > 130] for one in (silent, oracle)]
    assert fixed
    assert before[0] == before[1]
    assert after[0] != after[1]


def test_only_who_is_still_registered_is_predicted(tables):
    played = play([chosen(tables, ("2013B",), ())], REFERENCE, _quiet)
    for cut in played.cuts:
        left = played.cohorts[cut.cohort].left.get(cut.trainee)
        assert left is None or left > cut.at - 86_400_000


def test_learning_on_takes_a_closed_presentation_and_no_other(tmp_path):
    write(tmp_path, ("2013B", "2013J", "2014J"), 60)
    parts = [chosen(tmp_path, ("2013B",), ()), chosen(tmp_path, ("2013J", "2014J"), ())]
    played = play(parts, REFERENCE, _quiet)
    days, said = evaluate(played, ("2013B",), _quiet)
    closed = [one.body["cohorts"] for one in said if one.kind == "closed"]
    assert closed == [["AAA-2013B", "BBB-2013B"], ["AAA-2013J", "BBB-2013J"]]
    assert days["30"]["learning"] != days["30"]["frozen"]


@pytest.mark.skipif(not OULAD.is_dir(), reason="set OULAD_DIR to a directory with the OULAD tables of 2013")
def test_figures_on_the_data_set_itself():
    done = run("--train", OULAD, "--test", OULAD, "--modules", "BBB,DDD,FFF", "--json")
    days = json.loads(done.stdout)["days"]
    for day, least, most in (("30", 0.768, 0.192), ("60", 0.83, 0.161), ("90", 0.843, 0.155), ("120", 0.886, 0.127)):
        assert days[day]["learning"]["auc"] >= least
        assert days[day]["learning"]["brier"] <= most
        assert 0.9 <= days[day]["learning"]["calibration_slope"] <= 1.1


# --- measures ---


def test_measures_on_what_is_known():
    p, y = np.array([0.1, 0.4, 0.35, 0.8]), np.array([0.0, 0.0, 1.0, 1.0])
    assert measures.auc(p, y) == 0.75
    assert measures.auc(np.ones(4), y) == 0.5
    assert measures.auc(p, np.ones(4)) is None
    assert measures.precision_at(p, y, 0.5) == 0.5
    assert measures.brier(y, y) == 0.0


def test_calibration_finds_a_planted_intercept_and_slope():
    rng = np.random.default_rng(1)
    z = rng.normal(0, 1.5, 40_000)
    y = (rng.random(40_000) < 1 / (1 + np.exp(-(0.3 + 0.8 * z)))).astype(float)
    found = measures.calibration(1 / (1 + np.exp(-z)), y)
    assert found.intercept == pytest.approx(0.3, abs=4 * found.intercept_se)
    assert found.slope == pytest.approx(0.8, abs=4 * found.slope_se)


def test_a_gap_in_recall_between_groups_is_found():
    p = np.concatenate([np.full(50, 0.9), np.full(450, 0.1)])
    y = np.ones(500)
    groups = ["a"] * 50 + ["b"] * 450
    assert measures.recall_gap({"g": groups}, p, y) == 1.0
    assert measures.recall_gap({"g": ["a"] * 500}, p, y) is None
