"""`megdt twin`: which form is right, and what show, history and diff say of a running system's log."""

import json
import os

import pytest
from typer.testing import CliRunner

from megdt_stream.cli.app import app
from megdt_stream.local import open_stack
from tests.driver.histories import DAYS, event, link
from tests.evidence.samples import DATA, written
from tests.faults.system import System

EXPECTS = [{"instrument": "mini-cex", "item": "mini-cex-1", "due": f"{DAYS[1]}T12:00:00Z"}]
HISTORY = [
    event("identity.enrolled", "k1.a", 1),
    event("rotation.planned", "k1.a", 2, expects=EXPECTS),
    event("exposure.recorded", "sk.a", 3, item="腰椎穿刺术"),
    link("sk.a", "k1.a", available=DAYS[1]),
    event("exposure.recorded", "k1.a", 4, available=DAYS[2]),
    event("exposure.recorded", "k1.a", 4, available=DAYS[2]),
    event("assessment.recorded", "k1.a", 5, day=DAYS[2], available=DAYS[3]),
    event("exposure.retracted", "k1.a", 4, 1, day=DAYS[3]),
]
"""In the order in which they became available."""


@pytest.fixture
def run(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("MEGDT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MEGDT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("COLUMNS", "200")

    def invoke(*arguments):
        return CliRunner().invoke(app, ["twin", *arguments])

    return invoke


# --- without servers ---


@pytest.mark.parametrize("command", ["show", "history", "diff"])
def test_without_a_kind_the_right_form_is_told(run, command):
    result = run(command, "syn.t000001")
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"twin {command} trainee syn.t000001" in result.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2025-03-04T10:00:00", "has no zone; write 2025-03-04T10:00:00Z"),
        ("2025-02-30", "2025-02-30 is no real time"),
        ("yesterday", "a time is written like"),
        ("2025-03-4x", "a time is written like"),
        ("1625-03-04", "between the years 1900 and 2200"),
    ],
)
def test_what_is_no_time_is_said(run, text, said):
    for arguments in (("show", "--at"), ("history", "--since"), ("diff", "--from")):
        result = run(arguments[0], "trainee", "k1.a", arguments[1], text)
        assert (result.exit_code, result.stdout) == (2, "")
        assert said in " ".join(result.stderr.replace("│", " ").split())


def test_a_difference_goes_forward(run):
    result = run("diff", "trainee", "k1.a", "--from", DAYS[1], "--to", DAYS[0])
    assert result.exit_code == 2
    assert "--to lies before --from" in result.stderr
    assert run("diff", "trainee", "k1.a").exit_code == 2


# --- with servers ---


@pytest.fixture(scope="module")
def system():
    with open_stack() as stack:
        system = System(stack)
        try:
            events = [(_topic(one), one["subject"], written(one)) for one in HISTORY]
            with system.working():
                for event in events:  # one after the other: topics are read in no order among each other
                    system.publish([event])
                    system.drained()
            yield system
        finally:
            system.close()


def _topic(one):
    return DATA[one["type"].removeprefix("megdt.").removesuffix(".v1")][0].short


@pytest.fixture
def served(run, monkeypatch, system):
    monkeypatch.setenv("MEGDT_KAFKA", system.stack.kafka)
    monkeypatch.setenv("MEGDT_REDIS", system.stack.redis)
    return run


def asked(served, *arguments):
    result = served(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def values(document):
    return {name: told["value"] for name, told in document["properties"].items()}


@pytest.mark.stack
def test_at_the_logs_end_the_past_is_the_present(served):
    now = asked(served, "show", "trainee", "k1.a")
    then = asked(served, "show", "trainee", "k1.a", "--at", now["as_of"])
    assert then == now
    assert (now["id"], now["kind"], now["as_of"]) == ("k1.a", "trainee", f"{DAYS[3]}T12:00:00Z")


@pytest.mark.stack
def test_a_past_moment_shows_what_was_known_then(served):
    first = asked(served, "show", "trainee", "k1.a", "--at", f"{DAYS[0]}T20:00:00+08:00")
    assert (first["as_of"], values(first)["evidence|rotation"]) == (f"{DAYS[0]}T12:00:00Z", 1)
    assert {"personas", "exposure|procedure|腰椎穿刺术", "exposure|procedure|P-1"}.isdisjoint(values(first))
    linked = values(asked(served, "show", "trainee", "k1.a", "--at", f"{DAYS[1]}T12:00:00Z"))
    assert (linked["personas"], linked["exposure|procedure|腰椎穿刺术"]) == (["sk.a"], 3)
    start_of_day = values(asked(served, "show", "trainee", "k1.a", "--at", DAYS[2]))
    assert "exposure|procedure|P-1" not in start_of_day
    noon = values(asked(served, "show", "trainee", "k1.a", "--at", f"{DAYS[2]}T12:00:00Z"))
    assert (noon["exposure|procedure|P-1"], noon["warning|expected-assessment-overdue|内科-17|mini-cex-1"]) == (
        3,
        "open",
    )
    assert "level|patient-care" not in noon, "it had happened, and was not there yet"


@pytest.mark.stack
def test_a_base_at_a_past_moment_is_what_was_known_of_it_then(served):
    now = asked(served, "show", "base", "B1")
    then = asked(served, "show", "base", "B1", "--at", now["as_of"])
    assert then["properties"].keys() == now["properties"].keys()
    assert asked(served, "show", "base", "B1", "--at", DAYS[1])["as_of"] == f"{DAYS[1]}T00:00:00Z"
    before = served("show", "base", "B1", "--at", "2020-01-01")
    assert (before.exit_code, before.stdout) == (1, "")
    assert "nothing was known of base B1" in before.stderr
    assert "lies ahead of the log" in served("show", "base", "B1", "--at", "2035-01-01").stderr


@pytest.mark.stack
def test_the_tables_of_a_past_moment_are_those_of_the_present(served):
    shown = served("show", "trainee", "k1.a", "--at", f"{DAYS[1]}T12:00:00Z", "--lang", "zh")
    assert shown.exit_code == 0
    assert "腰椎穿刺术" in shown.stdout
    assert DAYS[1] in shown.stdout


@pytest.mark.stack
def test_history_tells_each_record_and_what_it_changed(served):
    told = asked(served, "history", "trainee", "k1.a")
    rows = [(row["id"], row["kind"], row["verdict"], row["trainee"]) for row in told["records"]]
    assert rows == [
        ("R-1", "enrolment", "applied", "k1.a"),
        ("R-2", "rotation", "applied", "k1.a"),
        ("R-90", "identity", "applied", "sk.a"),
        ("R-4", "exposure", "applied", "k1.a"),
        ("R-4", "exposure", "duplicate", "k1.a"),
        ("R-5", "assessment", "applied", "k1.a"),
        ("R-4", "retraction", "retracts", "k1.a"),
    ]
    linked = {change["words"] for change in told["records"][2]["changes"]}
    assert "records of sk.a: – → counted here" in linked
    assert any("腰椎穿刺术" in said and said.endswith("– → 3") for said in linked)
    assert told["records"][4]["changes"] == []
    came = {change["words"] for change in told["records"][5]["changes"]}
    assert "warning: mini-cex-1 in rotation 内科-17: open → –" in came
    times = [told["records"][5][name][:10] for name in ("happened", "available")]
    assert times == [DAYS[2], DAYS[3]]


@pytest.mark.stack
def test_history_can_be_cut_and_is_a_table_in_two_languages(served):
    some = asked(served, "history", "trainee", "k1.a", "--since", DAYS[2], "--until", f"{DAYS[2]}T12:00:00Z")
    assert [row["id"] for row in some["records"]] == ["R-4", "R-4"]
    assert (some["since"], some["until"]) == (f"{DAYS[2]}T00:00:00Z", f"{DAYS[2]}T12:00:00Z")
    english = served("history", "trainee", "k1.a").stdout
    assert "what changed in the twin" in english
    assert "/s R-4 @1" in english
    chinese = served("history", "trainee", "k1.a", "--lang", "zh").stdout
    assert "孪生体的变化" in chinese
    assert "撤回" in chinese
    assert "no evidence in this time" in served("history", "trainee", "k1.a", "--since", "2026-01-01").stdout


@pytest.mark.stack
def test_a_difference_has_both_values_with_their_intervals(served):
    told = asked(served, "diff", "trainee", "k1.a", "--from", f"{DAYS[2]}T12:00:00Z")
    assert (told["from"], told["to"]) == (f"{DAYS[2]}T12:00:00Z", f"{DAYS[3]}T12:00:00Z")
    changed = {row["property"]: (row["before"], row["after"]) for row in told["changed"]}
    assert changed["exposure|procedure|P-1"] == ({"value": 3}, None)
    before, after = changed["level|patient-care"]
    assert before is None
    assert after["interval"][0] < after["value"] < after["interval"][1]
    assert all(before != after for before, after in changed.values())
    assert "exposure|procedure|腰椎穿刺术" not in changed, "it is as it was"
    table = served("diff", "trainee", "k1.a", "--from", DAYS[2], "--to", f"{DAYS[3]}T12:00:00Z").stdout
    assert f"[{after['interval'][0]}, {after['interval'][1]}]" in table
    assert "patient care" in table
    moment = f"{DAYS[3]}T12:00:00Z"
    assert "no property differs" in served("diff", "trainee", "k1.a", "--from", moment, "--to", moment).stdout


@pytest.mark.stack
def test_what_cannot_be_told_is_said(served):
    unknown = served("show", "trainee", "k1.aa", "--at", DAYS[2])
    assert (unknown.exit_code, unknown.stdout) == (1, "")
    assert "there is no twin of k1.aa; did you mean k1.a" in unknown.stderr
    assert served("show", "trainee", "k1.aa").stderr == unknown.stderr
    assert served("history", "trainee", "k1.aa").exit_code == 1
    ahead = served("show", "trainee", "k1.a", "--at", "2025-12-02")
    assert (ahead.exit_code, ahead.stdout) == (1, "")
    assert f"2025-12-02T00:00:00Z lies ahead of the log, which reaches until {DAYS[3]}T12:00:00Z" in ahead.stderr
    early = served("diff", "trainee", "k1.a", "--from", "2020-01-01")
    assert (early.exit_code, early.stdout) == (1, "")
    assert "nothing was known of k1.a at 2020-01-01T00:00:00Z" in early.stderr
    assert f"from {DAYS[0]}T12:00:00Z on" in early.stderr


@pytest.mark.stack
def test_the_present_needs_no_broker(served, monkeypatch):
    monkeypatch.setenv("MEGDT_KAFKA", "127.0.0.1:1")
    assert served("show", "trainee", "k1.a").exit_code == 0
