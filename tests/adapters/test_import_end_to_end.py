"""An import into real servers, and the same import again."""

import json
import os
import subprocess
import sys

import pytest

from tests.adapters.samples import FHIR, ROOT, XAPI

pytestmark = [pytest.mark.stack, pytest.mark.slow]


@pytest.fixture
def megdt(tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MEGDT_")}
    environment |= {"MEGDT_DATA_DIR": str(tmp_path / "data"), "LC_ALL": "C.UTF-8"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])

    def run(*arguments):
        command = [sys.executable, "-m", "megdt_stream.cli", *map(str, arguments)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200)

    return run


def test_an_import_is_applied_and_a_second_one_is_all_duplicates(megdt, tmp_path):
    key, file = tmp_path / "site.key", tmp_path / "statements.ndjson"
    assert megdt("pseudonym", "new-key", key).returncode == 0
    file.write_text("\n".join(map(json.dumps, XAPI)), encoding="utf-8")
    done = megdt("import", "xapi", file, "--key-file", key, "--historical", "--json")
    assert done.returncode == 1, done.stderr  # the statement about a group is rejected
    first = json.loads(done.stdout)
    assert first["import"] == {"read": 7, "evidence": 4, "rejected": {"not_one_person": 1}, "not_relevant": 2}
    assert (first["published"], first["accepted"], first["rejected"]) == (4, 4, 0)
    assert "statements.ndjson:4: not_one_person at /actor" in done.stderr

    again = json.loads(megdt("import", "xapi", file, "--key-file", key, "--historical", "--json").stdout)
    assert (again["accepted"], again["duplicate"], again["rejected"]) == (0, 4, 0)

    (tmp_path / "case.json").write_text(json.dumps(FHIR[1]), encoding="utf-8")
    one = megdt("import", "fhir", tmp_path / "case.json", "--key-file", key, "--json")
    assert (one.returncode, json.loads(one.stdout)["accepted"]) == (0, 1)

    verified = megdt("verify", "--json")
    assert (verified.returncode, json.loads(verified.stdout)["ok"]) == (0, True), verified.stdout
