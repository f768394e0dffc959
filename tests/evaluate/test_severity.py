"""`megdt evaluate severity`: its JSON, its figures on data whose truth is known, small files and errors."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from megdt_stream.cli.app import app
from megdt_stream.evaluate.ratings import Ratings
from megdt_stream.evaluate.severity import evaluate, rater_z, running_mean

KEYS = {"n", "rmse", "rmse_mean", "rmse_rater_z", "variance", "residual_sd", "raters", "connected_components"}


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", "120")

    def run(text, *options):
        file = tmp_path / "ratings.csv"
        file.write_text(text, encoding="utf-8")
        return CliRunner().invoke(app, ["evaluate", "severity", str(file), *options])

    return run


def simulated(seed=1, raters=300, subjects=120, n=9000):
    draw = np.random.default_rng(seed)
    rater, subject = draw.integers(0, raters, n), draw.integers(0, subjects, n)
    severity, level = draw.normal(0, 0.5, raters), draw.normal(0, 0.5, subjects)
    score = 3 - severity[rater] + level[subject] + draw.normal(0, 1.0, n)
    names = [f"r{k}" for k in rater], [f"s{k}" for k in subject]
    return Ratings(names[0], names[1], [None] * n, score.tolist()), severity


def all_numbers(data):
    if isinstance(data, dict | list):
        return [x for part in (data.values() if isinstance(data, dict) else data) for x in all_numbers(part)]
    return [data] if isinstance(data, int | float) else []


def test_the_json_has_its_stable_keys(run):
    result = run("rater,subject,item,score,time\na,u,i,3,2\nb,u,i,4,1\na,v,j,2,3\nb,v,,5,4\n", "--json")
    report = json.loads(result.stdout)
    assert report.keys() >= KEYS
    assert report["variance"].keys() == {"rater", "subject", "residual", "item"}
    assert report["raters"].keys() == {"a", "b"}
    assert report["raters"]["a"].keys() == {"severity", "sd", "n"}
    assert report["raters"]["a"]["severity"] > 0 > report["raters"]["b"]["severity"]
    assert (report["n"], report["raters"]["a"]["n"], report["connected_components"]) == (4, 2, 1)
    assert report["residual_sd"] == pytest.approx(math.sqrt(report["variance"]["residual"]))


def test_severities_and_components_are_recovered():
    ratings, severity = simulated()
    report = evaluate(ratings)
    # Relative errors of components: sqrt(2 / raters) = 8 %, sqrt(2 / subjects) = 13 %, sqrt(2 / n) = 1.5 %; three each.
    assert report.variance.rater == pytest.approx(0.25, rel=0.25)
    assert report.variance.subject == pytest.approx(0.25, rel=0.40)
    assert report.variance.residual == pytest.approx(1.0, rel=0.05)
    assert report.connected_components == 1
    found = {one.rater: one for one in report.raters}
    errors = np.array([(found[f"r{k}"].severity - true) / found[f"r{k}"].sd for k, true in enumerate(severity)])
    errors -= errors.mean()
    assert errors.std() == pytest.approx(1.0, abs=0.12)
    assert report.rmse < report.rmse_rater_z < report.rmse_mean
    # The noise, and what cannot be known yet of raters and subjects half way.
    assert 1.0 < report.rmse < 1.04


def test_the_last_half_is_measured_one_step_ahead():
    scores = [1.0, 5.0, 3.0, 3.0]
    report = evaluate(Ratings(["a"] * 4, ["u"] * 4, [None] * 4, scores))
    assert report.rmse_mean == 0.0
    assert running_mean(scores) == [0.0, 1.0, 3.0, 3.0]


def test_z_scores_map_a_subject_back_to_the_rater_at_hand():
    """A strict rater's good mark predicts a good mark of a lenient rater, on the lenient one's scale."""
    scores = {"strict": (1.0, 3.0), "lenient": (6.0, 10.0)}
    rows = [(r, s, v) for _ in range(300) for r, pair in scores.items() for s, v in zip("ug", pair, strict=True)]
    ratings = Ratings([r for r, _, _ in rows], [s for _, s, _ in rows], [None] * len(rows), [v for _, _, v in rows])
    last = dict(zip([row[:2] for row in rows], rater_z(ratings), strict=True))
    assert last["strict", "u"] == pytest.approx(1.0, abs=0.5)
    assert last["lenient", "g"] == pytest.approx(10.0, abs=0.5)


def test_groups_without_a_common_subject_are_counted(run):
    result = run("rater,subject,score\na,u,1\nb,u,2\nc,v,3\nd,v,4\nc,v,2\n")
    assert "in 2 groups that share no subject" in " ".join(result.stdout.split())


names = st.sampled_from("abc")
small = st.lists(
    st.tuples(names, names, st.sampled_from((None, "i", "j")), st.integers(1, 5).map(float)), min_size=1, max_size=25
)


@settings(max_examples=60)
@given(small, st.sampled_from((1e-6, 1.0, 1e6)))
def test_small_files_give_finite_figures(rows, unit):
    columns = [list(column) for column in zip(*rows, strict=True)]
    columns[3] = [unit * score for score in columns[3]]
    report = evaluate(Ratings(*columns)).to_json()
    assert all(math.isfinite(number) for number in all_numbers(report))
    assert json.loads(json.dumps(report, allow_nan=False)) == report


@pytest.mark.parametrize(
    "rows",
    [
        [("a", f"s{k}", 1.0 + k % 5) for k in range(10)],
        [(f"r{k}", "u", 1.0 + k % 5) for k in range(10)],
        [("a", "u", 1.0 + k % 5) for k in range(10)],
        [(f"r{k % 3}", f"s{k % 4}", 3.0) for k in range(10)],
        [(f"r{k}", f"s{k}", 1.0 + k % 5) for k in range(10)],
    ],
    ids=["one rater", "one subject", "one of each", "all equal", "nothing in common"],
)
def test_little_to_learn_from_is_no_crash(run, rows):
    text = "rater,subject,score\n" + "".join(f"{r},{s},{v}\n" for r, s, v in rows)
    report = json.loads(run(text, "--json").stdout)
    assert all(math.isfinite(report[key]) for key in ("rmse", "rmse_mean", "rmse_rater_z", "residual_sd"))
    assert run(text).exit_code == 0


def test_what_cannot_be_told_is_said_to_be_assumed(run):
    result = run("rater,subject,score\n" + "".join(f"a,s{k},{k}\n" for k in range(5)))
    assert "assumed: variance of rater." in result.stdout


def test_a_single_rating_has_nothing_before_it(run):
    report = json.loads(run("rater,subject,score\na,u,4\n", "--json").stdout)
    assert (report["n"], report["rmse"]) == (1, None)


def test_the_table_ranks_the_strictest_and_the_most_lenient(run):
    ratings, severity = simulated(raters=30, subjects=20, n=2000)
    rows = zip(ratings.rater, ratings.subject, ratings.score, strict=True)
    result = run("rater,subject,score\n" + "".join(f"{r},{s},{v}\n" for r, s, v in rows))
    severe, lenient = result.stdout.split("Most lenient")
    assert f"r{np.argmax(severity)} " in severe
    assert f"r{np.argmin(severity)} " in lenient
    assert "95 % interval" in severe
    assert "share" in severe


def test_order_of_time_not_of_the_file(run):
    forward = [f"r{k % 3},s{k % 4},{k % 5},{k}\n" for k in range(40)]
    header = "rater,subject,score,time\n"
    reports = [json.loads(run(header + "".join(lines), "--json").stdout) for lines in (forward, forward[::-1])]
    for report in reports:
        del report["microseconds_per_rating"]
    assert reports[0] == reports[1]


def test_skipped_rows_are_told_on_stderr(run):
    result = run("rater,subject,score\na,u,3\nb,u,\na,v,4\n", "--json")
    assert "1 row without a score skipped" in result.stderr
    assert json.loads(result.stdout)["skipped"] == 1


def test_a_bad_file_ends_with_65_and_one_line(run):
    result = run("rater,subject,score\na,u,three\n")
    assert result.exit_code == 65
    assert "line 2, column score: 'three' is no number" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_file_that_is_not_there_is_a_usage_error(tmp_path):
    result = CliRunner().invoke(app, ["evaluate", "severity", str(tmp_path / "nowhere.csv")])
    assert result.exit_code == 2
    assert "cannot be read" in " ".join(result.stderr.split())


def test_ratings_come_through_standard_input():
    text = "rater,subject,score\n李,u,3\n王,u,4\n"
    result = CliRunner().invoke(app, ["evaluate", "severity", "-", "--json"], input=text.encode())
    assert json.loads(result.stdout)["raters"].keys() == {"李", "王"}


def test_the_help_says_what_severity_means():
    result = CliRunner().invoke(app, ["evaluate", "severity", "--help"])
    assert "positive means strict" in " ".join(result.stdout.split())
