"""The examples of docs/import.md are what the import makes of them."""

import json
import re

import pytest
from typer.testing import CliRunner

from megdt_stream.cli.app import app
from megdt_stream.evidence.adapters import AdapterReason
from tests.adapters.samples import ROOT

TEXT = (ROOT / "docs" / "import.md").read_text("utf-8")
BLOCKS = {found[1]: found[2] for found in re.finditer(r"^```\w+ (\w+ \w+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)}
ZONE = 'zone = "Asia/Shanghai"\n'
MAPPINGS = {"csv": BLOCKS["csv mapping"], "fhir": ZONE}


def dry_run(tmp_path, name, mapping=None):
    file = tmp_path / "input"
    file.write_text(BLOCKS[f"{name} in"], encoding="utf-8")
    more = []
    if mapping is not None:
        (tmp_path / "mapping.toml").write_text(mapping, encoding="utf-8")
        more = ["--mapping", str(tmp_path / "mapping.toml")]
    return json.loads(CliRunner().invoke(app, ["import", name, str(file), *more, "--dry-run", "--json"]).stdout)


@pytest.mark.parametrize("name", ["csv", "xapi", "fhir", "caliper"])
def test_each_example_becomes_what_is_shown(tmp_path, name):
    counts = dry_run(tmp_path, name, MAPPINGS.get(name))
    made = json.dumps(counts["examples"][0]["events"][0], ensure_ascii=False)
    shown = json.dumps(json.loads(BLOCKS[f"{name} out"]), ensure_ascii=False)
    for placeholder in ("ID", "SUBJECT", "ASSESSOR"):
        shown = shown.replace(f"dryrun.{placeholder}", "dryrun.*")
    assert json.loads(re.sub(r"dryrun\.[a-p]{32}", "dryrun.*", made)) == json.loads(shown)


def test_the_other_rows_of_the_table(tmp_path):
    counts = dry_run(tmp_path, "csv", MAPPINGS["csv"])
    assert (counts["evidence"], counts["rejected"], counts["not_relevant"]) == (2, {"unmapped_value": 1}, 1)
    second = counts["examples"][1]["events"][0]
    assert (second["revision"], second["time"], second["type"]) == (
        1,
        "2025-03-05T12:00:00+08:00",
        "megdt.assessment.amended.v1",
    )
    assert second["data"]["scores"][1] == {"competency": "professionalism", "missing": "not-observed"}


def test_the_mappings_of_the_other_formats(tmp_path):
    event = dry_run(tmp_path, "xapi", BLOCKS["xapi mapping"])["examples"][0]["events"][0]
    assert (event["source"], event["data"]["scale"], event["data"]["item"]) == (
        "/skills-centre",
        "dops@1",
        "高级生命支持",
    )
    assert event["data"]["scores"] == [{"competency": "patient-care", "value": 5.25}]
    assert dry_run(tmp_path, "fhir", BLOCKS["fhir mapping"])["rejected"] == {"missing_person": 1}
    by_reference = re.sub(r"practitioner_system.*", "", BLOCKS["fhir mapping"])
    event = dry_run(tmp_path, "fhir", by_reference)["examples"][0]["events"][0]
    assert event["data"] == {"kind": "procedure", "item": "阑尾切除术", "role": "assisted"}


def test_every_reason_has_its_line():
    told = set(re.findall(r"`([a-z_]+)`", "\n".join(line for line in TEXT.splitlines() if line.startswith("| `"))))
    assert {reason.value for reason in AdapterReason} <= told
