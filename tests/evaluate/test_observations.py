"""Tables of treatment, outcome and covariates as people have them."""

import json

import pytest
from typer.testing import CliRunner

from megdt_stream.cli.app import app
from megdt_stream.evaluate.effects import evaluate
from megdt_stream.evaluate.look_alikes import crooked
from megdt_stream.evaluate.observations import BadTable, parse


def parsed(text, **named):
    return parse(text.splitlines(keepends=True), **named)


def test_gaps_words_and_chinese():
    table = parsed("干预,年级,性别,结局\n是,1,男,3\n否,NA,女,2\n0,3,女,4.5\ntrue,2,男,1\n,2,男,1\n1,2,男,\n")
    assert table.names == ["年级", "年级 missing", "性别=女"] or table.names == ["年级", "年级 missing"]
    assert list(table.treated) == [1, 0, 0, 1]
    assert list(table.outcome) == [3, 2, 4.5, 1]
    assert list(table.covariates[:, 0]) == [1, 2, 3, 2]
    assert list(table.covariates[:, 1]) == [0, 1, 0, 0]
    assert table.skipped == 2


def test_columns_that_only_number_rows_or_name_the_group_are_left_out():
    rows = [f"{i},{i % 2},{i * 7 % 5},{'AB'[i % 2]},{'XYZ'[i % 3]}\n" for i in range(30)]
    table = parse(["id,treatment,outcome,sample,place\n", *rows])
    assert {name.split("=")[0] for name in table.names} == {"place"}
    assert len(table.notes) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: no column treatment; the header names nothing"),
        ("treatment,x\n", "line 1: no column outcome"),
        ("treatment,treatment,outcome\n", "comes twice"),
        ("treatment,outcome\n2,1\n", "line 2, column treatment: '2' is neither treated"),
        ("treatment,outcome\n1,好\n", "line 2, column outcome: '好' is no number"),
        ("treatment,outcome\n1,1,1\n", "line 2: 3 cells, the header has 2"),
        ("treatment,outcome\n,1\n", "no row with treatment and outcome"),
        ("treatment,outcome\n1,inf\n", "'inf' is no number"),
    ],
)
def test_errors_name_the_place(text, said):
    with pytest.raises(BadTable, match=said.replace("?", r"\?")):
        parsed(text)


def written(tmp_path, seed=1):
    drawn = crooked(seed, 200)
    lines = ["treatment,outcome," + ",".join(f"x{i}" for i in range(10))]
    for t, y, row in zip(drawn.treated, drawn.outcome, drawn.covariates, strict=True):
        lines.append(",".join(map(str, (int(t), y, *row))))
    file = tmp_path / "课程.csv"
    file.write_text("\n".join(lines), "utf-8")
    return str(file)


def test_the_command_says_what_is_promised(tmp_path):
    result = CliRunner().invoke(app, ["evaluate", "effects", written(tmp_path), "--json"])
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert list(found) == [
        "estimand",
        "estimate",
        "ci_low",
        "ci_high",
        "n_treated",
        "n_control",
        "overlap",
        "naive_difference",
    ]
    assert found["estimand"] == "ATT"
    assert found["ci_low"] < found["estimate"] < found["ci_high"]
    assert found["overlap"]["verdict"] in ("good", "limited", "poor")


@pytest.mark.parametrize(
    "arguments",
    [[], ["nowhere.csv"], ["--look-alikes", "2", "x.csv"], ["x.csv", "--estimand", "LATE"]],
    ids=["nothing", "no such file", "both", "estimand"],
)
def test_what_is_not_understood_ends_with_2(arguments):
    assert CliRunner().invoke(app, ["evaluate", "effects", *arguments]).exit_code == 2


def test_figures_by_kind_of_table():
    found = evaluate(2, lambda _: None, {"smooth": lambda seed: crooked(seed, 300)})
    assert abs(found["smooth"]["bias"]) < abs(found["smooth"]["bias_naive"])
