"""`megdt warnings` without servers: what it lists, what it publishes, and how a wrong line ends."""

import json
import os
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from megdt_stream.cli import warnings
from megdt_stream.cli.app import app
from megdt_stream.console.notices import Tally, line, parse
from megdt_stream.console.words import choose
from megdt_stream.data_files import schemas_dir
from megdt_stream.runtime.warning_list import collect
from megdt_stream.twin.state import Twin

EXAMPLES = schemas_dir() / "examples" / "megdt.alerts.v1" / "valid"
RAISED = json.loads((EXAMPLES / "raised.json").read_text())
CLEARED = json.loads((EXAMPLES / "cleared.json").read_text())
ESCALATED = json.loads((EXAMPLES / "escalated.json").read_text())
NOW = RAISED["data"]["since"] + 86_400_000


def decided(action, until=None, assignee=None):
    twin = Twin()
    slot = [NOW, 0, action, "k1.c", None, until, *([assignee] if assignee else [])]
    group = f"d|{RAISED['id']}"
    twin.slots[group] = {f"{group}|00000000000000aa": slot}
    return twin


@pytest.fixture
def run(monkeypatch, tmp_path):
    for name in [name for name in os.environ if name.startswith("MEGDT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "200")
    found = collect([RAISED, RAISED], lambda _: (Twin(), NOW))

    @contextmanager
    def opened(_data_dir, *, worker=False):
        yield SimpleNamespace()

    monkeypatch.setattr(warnings, "_open", opened)
    monkeypatch.setattr(warnings, "_collect", lambda *_: found)
    return lambda *arguments: CliRunner().invoke(app, ["warnings", *arguments])


def states(notices, twin):
    return [(one.state, one.ends) for one in collect(notices, lambda _: (twin, NOW))]


@pytest.mark.parametrize(
    ("notices", "twin", "expected"),
    [
        ([RAISED], Twin(), ("open", False)),
        ([RAISED, ESCALATED], Twin(), ("escalated", False)),
        ([RAISED], decided("acknowledged"), ("acknowledged", False)),
        ([RAISED], decided("assigned", assignee="k1.d"), ("assigned", False)),
        ([RAISED], decided("snoozed", until=NOW + 1), ("snoozed", False)),
        ([RAISED], decided("snoozed", until=NOW), ("open", False)),
        ([RAISED], decided("resolved"), ("resolved", True)),
        ([RAISED], decided("flagged-incorrect"), ("flagged-incorrect", True)),
        ([CLEARED, RAISED], Twin(), ("cleared", True)),
    ],
)
def test_the_state_follows_from_notices_and_decisions(notices, twin, expected):
    assert states(notices, twin) == [expected]


def test_a_copy_is_listed_once(run):
    found = json.loads(run("list", "--json").stdout)
    assert [(one["id"], one["state"], one["reaches"]) for one in found] == [(RAISED["id"], "open", "notified")]
    assert found[0]["warning"] == RAISED


@pytest.mark.parametrize(
    "option", [("--owner", "nobody"), ("--rule", "x"), ("--trainee", "k1.z"), ("--state", "cleared")]
)
def test_a_list_can_be_narrowed(run, option):
    assert json.loads(run("list", "--json", *option).stdout) == []


def test_both_languages_tell_it(run):
    assert "Level in decline" in run("show", RAISED["id"][:6], "--lang", "en").stdout
    assert "能力水平下降" in run("list", "--lang", "zh").stdout


@pytest.mark.parametrize("command", ["list", "show", "ack", "assign", "snooze", "resolve", "flag"])
def test_every_command_has_an_example(run, command):
    assert f"megdt warnings {command}" in run(command, "--help").stdout.partition("Examples:")[2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "ffff"), "no warning ffff"),
        (("ack", RAISED["id"]), "--by"),
        (("assign", RAISED["id"], "--by", "k1.c"), "--to"),
        (("flag", RAISED["id"], "--by", "k1.c"), "--reason"),
        (("snooze", RAISED["id"], "--by", "k1.c", "--days", "0"), "--days"),
    ],
)
def test_a_wrong_command_line_is_2_and_says_what_is_right(run, arguments, said):
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.replace("│", "").split())


def test_watch_and_the_tally_know_all_that_happens_to_a_warning():
    tally = Tally()
    for event, open_ in ((RAISED, 1), (ESCALATED | {"id": "00000000000000ee"}, 1), (CLEARED, 0)):
        notice = parse(json.dumps(event).encode())
        assert tally.add(notice)
        assert len(tally.open) == open_
        assert notice.about in line(notice, choose("en")).plain
    assert (tally.opened, tally.recovered) == (1, 1)
    assert parse(json.dumps(RAISED | {"type": "megdt.warning.unheard-of.v1"}).encode()) is None
