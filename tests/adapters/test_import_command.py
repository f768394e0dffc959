"""`megdt import` as it is typed: counts that add up, exit codes, keys, drafts."""

import json
import os

import pytest
from typer.testing import CliRunner

from megdt_stream.cli.app import app
from tests.adapters.samples import CALIPER, FHIR, ROWS, XAPI, statement
from tests.adapters.test_conformance import COURSE, WORK

MAPPING = """
source = "/tms/mini-cex"
[file]
zone = "Asia/Shanghai"
[[filter]]
column = "状态"
equals = ["草稿"]
why = "draft"
[[event]]
type = "assessment.recorded"
id = { columns = ["表单编号"] }
subject = { column = "学号" }
time = { column = "评价时间" }
[event.data]
instrument = "mini-cex"
scale = "mini-cex@1"
assessor = { column = "带教工号" }
[[event.scores]]
competency = "patient-care"
column = "医疗面谈"
map = { "优秀" = 9, "良好" = 7 }
[[event.scores]]
competency = "professionalism"
column = "人文"
"""


@pytest.fixture
def run(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("MEGDT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MEGDT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "120")

    def invoke(*arguments, **options):
        return CliRunner().invoke(app, ["import", *map(str, arguments)], **options)

    return invoke


@pytest.fixture
def table(tmp_path):
    file, mapping = tmp_path / "mini.csv", tmp_path / "mini.toml"
    lines = [",".join(ROWS[0]), *(",".join(row.values()) for row in ROWS)]
    file.write_text("\n".join(lines) + "\n", encoding="gb18030")
    mapping.write_text(MAPPING, encoding="utf-8")
    return file, mapping


def told(result, code):
    assert result.exit_code == code, result.output
    counts = json.loads(result.stdout)
    assert counts["read"] == counts["evidence"] + sum(counts["rejected"].values()) + counts["not_relevant"]
    return counts


@pytest.mark.parametrize(
    ("name", "documents", "evidence", "rejected", "not_relevant"),
    [
        ("xapi", XAPI, 4, {"not_one_person": 1}, 2),
        ("caliper", CALIPER, 3, {"missing_value": 1}, 3),
        ("fhir", FHIR, 4, {"imprecise_time": 1, "unknown_target": 1}, 3),
    ],
)
@pytest.mark.parametrize("form", ["list", "lines", "stdin", "folder"])
def test_a_dry_run_counts_every_item(run, tmp_path, name, documents, evidence, rejected, not_relevant, form):
    lines = "\n".join(map(json.dumps, documents))
    (tmp_path / "in").mkdir()
    file = tmp_path / "in" / f"{name}.json"
    file.write_text(lines if form == "lines" else json.dumps(documents), encoding="utf-8")
    path = {"stdin": "-", "folder": file.parent}.get(form, file)
    counts = told(run(name, path, "--dry-run", "--json", input=lines if form == "stdin" else None), 1)
    assert (counts["evidence"], counts["rejected"], counts["not_relevant"]) == (evidence, rejected, not_relevant)
    assert {example["becomes"] for example in counts["examples"]} == {"evidence", "rejected", "not_relevant"}
    assert not (tmp_path / "data").exists()


def test_a_table_says_what_becomes_of_each_column(run, table):
    counts = told(run("csv", table[0], "--mapping", table[1], "--dry-run", "--json"), 1)
    assert counts["rejected"] == {"missing_person": 1, "out_of_scale": 1, "unmapped_value": 2}
    assert (counts["evidence"], counts["not_relevant"]) == (3, 1)
    columns = {column["column"]: column["becomes"] for column in counts["columns"]}
    assert list(columns) == list(ROWS[0])
    assert columns["学号"] == columns["带教工号"] == columns["表单编号"] == "pseudonymised"
    assert columns["姓名"] == columns["评语"] == "unused"
    assert columns["人文"] == "used"


def test_the_dry_run_for_people(run, table):
    shown = run("csv", table[0], "--mapping", table[1], "--dry-run").stdout
    assert "rejected: unmapped_value" in shown
    assert "pseudonymised" in shown
    assert "张三丰" not in shown


def test_all_valid_is_0(run, tmp_path):
    (tmp_path / "x.json").write_text(json.dumps(statement()))
    assert told(run("xapi", tmp_path / "x.json", "--dry-run", "--json"), 0)["evidence"] == 1


@pytest.mark.parametrize("name", ["xapi", "fhir", "caliper"])
@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n", b"{", b"null", b"[[[1]]]", b'{"a": 1}\n\xff\n', b"[" * 2000])
def test_hostile_files_are_rejections_and_no_crash(run, tmp_path, name, content):
    (tmp_path / "x.json").write_bytes(content)
    assert told(run(name, tmp_path / "x.json", "--dry-run", "--json"), 1)["evidence"] == 0


def test_what_intake_would_reject_counts_as_rejected(run, tmp_path):
    far = statement(timestamp="2190-01-01T00:00:00Z", id=None)
    negative = statement(result={"score": {"scaled": -1}})
    named = statement(object={"id": "mailto:somebody@hospital.cn"})
    (tmp_path / "x.json").write_text(json.dumps([far, negative, named]))
    counts = told(run("xapi", tmp_path / "x.json", "--dry-run", "--json"), 1)
    assert counts["rejected"] == {"direct_identifier": 1, "future_event": 1, "out_of_scale": 1}
    assert "somebody@" not in json.dumps(counts)


def test_a_draft_can_be_tried_at_once(run, tmp_path, table):
    drafted = run("csv", table[0], "--draft-mapping")
    assert drafted.exit_code == 0
    (tmp_path / "draft.toml").write_text(drafted.stdout, encoding="utf-8")
    told(run("csv", table[0], "--mapping", tmp_path / "draft.toml", "--dry-run", "--json"), 1)


def test_without_a_key_nothing_is_published(run, tmp_path):
    (tmp_path / "x.json").write_text(json.dumps(statement()))
    result = run("xapi", tmp_path / "x.json")
    assert result.exit_code == 78
    assert "megdt pseudonym new-key" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("mapping", "what"),
    [
        ("source = 5\n", "source"),
        ("[[rule]]\nbecomes = 'assessment'\n", "rule.0: state at least one"),
        ("[[rule]]\nverb = 'x'\nbecomes = 'dinner'\n", "rule.0.becomes"),
        ("not toml", "cannot be read"),
    ],
)
def test_a_mapping_that_is_wrong_is_said_in_a_line(run, tmp_path, mapping, what):
    (tmp_path / "x.json").write_text("[]")
    (tmp_path / "m.toml").write_text(mapping)
    result = run("xapi", tmp_path / "x.json", "--mapping", tmp_path / "m.toml", "--dry-run")
    assert result.exit_code == 78
    assert what in result.stderr


def test_columns_that_a_table_lacks_are_named(run, tmp_path, table):
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    result = run("csv", tmp_path / "other.csv", "--mapping", table[1], "--dry-run")
    assert result.exit_code == 78
    assert "医疗面谈" in result.stderr
    assert "there are a, b" in result.stderr


@pytest.mark.parametrize("arguments", [("csv", "x.csv", "--dry-run"), ("xapi", "missing.json", "--dry-run")])
def test_what_is_not_there_is_78(run, tmp_path, arguments):
    (tmp_path / "x.csv").write_text("a\n1\n")
    name, file, *more = arguments
    assert run(name, tmp_path / file, *more).exit_code == 78


def test_a_source_of_the_command_line_stands_above_the_mapping(run, tmp_path):
    (tmp_path / "x.json").write_text(json.dumps(statement()))
    counts = told(run("xapi", tmp_path / "x.json", "--source", "/lms-2", "--historical", "--dry-run", "--json"), 0)
    [event] = counts["examples"][0]["events"]
    assert (event["source"], event["available"]) == ("/lms-2", event["recorded"])
    assert run("xapi", tmp_path / "x.json", "--source", "no source", "--dry-run").exit_code == 78


def test_the_rows_of_oulad_are_counted(run, tmp_path):
    tables = {
        "courses": [COURSE],
        "assessments": [{**WORK, "weight": "50"}],
        "studentInfo": [{**COURSE, "id_student": "7", "final_result": "Pass"}],
        "studentRegistration": [{**COURSE, "id_student": "7", "date_registration": "-3", "date_unregistration": ""}],
        "studentAssessment": [
            {"id_assessment": work, "id_student": "7", "date_submitted": "18", "is_banked": "0", "score": score}
            for work, score in (("11", "78"), ("11", "780"), ("12", "5"))
        ],
    }
    for name, rows in tables.items():
        lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines))
    counts = told(run("oulad", tmp_path, "--dry-run", "--json"), 1)
    assert (counts["read"], counts["evidence"], counts["not_relevant"]) == (7, 3, 2)
    assert counts["rejected"] == {"out_of_scale": 1, "unknown_target": 1}
