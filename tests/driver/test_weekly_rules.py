"""The weekly rules in a running worker, what waits under them, and answers: on a real broker and a real store."""

import asyncio
import json
from datetime import date, timedelta

import pytest
from typer.testing import CliRunner

from megdt_stream.cli.app import app
from megdt_stream.evidence import topics
from megdt_stream.governance import lifecycle
from megdt_stream.local import open_stack
from megdt_stream.runtime.rebuild import rebuild
from megdt_stream.runtime.settings import load
from tests.driver.histories import event
from tests.evidence.samples import DATA, written
from tests.faults.system import System, eventually

pytestmark = pytest.mark.stack
FORMS = [f"form-{number}" for number in range(1, 6)]
ANSWERS = [
    (("ack",), "acknowledged"),
    (("assign", "--to", "k1.d"), "assigned"),
    (("snooze", "--days", "9"), "snoozed"),
    (("resolve",), "resolved"),
    (("flag", "--reason", "on-leave"), "flagged-incorrect"),
]


def day(number):
    return (date(2024, 1, 1) + timedelta(number)).isoformat()


def told(name, subject, number, source, id_, **data):
    one = event(name, subject, day=day(number), **data) | {"source": source, "id": id_}
    return DATA[name][0].name, subject, written(one)


def case(number):
    return told("exposure.recorded", "k1.t", number, "/his", f"case-{number}")


@pytest.fixture
def system():
    with open_stack() as stack:
        made = System(stack)
        try:
            yield made
        finally:
            made.close()


def notices(system):
    return {one["id"]: one for one in (json.loads(record.value) for record in system.read(topics.ALERTS.name))}


def of_rule(system, rule):
    return [one for one in notices(system).values() if one["data"].get("rule") == rule]


def test_a_source_falls_silent_its_forms_wait_under_it_and_answers_are_kept(system, monkeypatch):
    expects = [{"instrument": "mini-cex", "item": name, "due": f"{day(60)}T00:00:00Z"} for name in FORMS]
    stay = {"starts": f"{day(0)}T00:00:00Z", "ends": f"{day(90)}T00:00:00Z", "rotation": "r-1", "expects": expects}
    system.publish(
        [
            told("identity.enrolled", "k1.t", 0, "/office", "e-1"),
            told("rotation.planned", "k1.t", 0, "/office", "r-1", **stay),
            *(one for number in range(60) for one in (case(number), *([form(number)] if number < 50 else []))),
        ]
    )
    with system.working():
        system.drained()
    assert not of_rule(system, "source-silent")
    with system.working(look_pause_seconds=0):
        system.publish(case(number) for number in range(60, 71))
        eventually(lambda: of_rule(system, "source-silent"), seconds=60.0, otherwise=system.tail)
        eventually(lambda: len(of_rule(system, "expected-assessment-overdue")) == len(FORMS), otherwise=system.tail)
        system.drained()
        (silent,) = of_rule(system, "source-silent")
        assert (silent["subject"], silent["data"]["reason"]["code"]) == ("/forms", "silent")
        assert silent["data"]["names"] == FORMS
        monkeypatch.setenv("MEGDT_KAFKA", system.stack.kafka)
        monkeypatch.setenv("MEGDT_REDIS", system.stack.redis)
        _overdue_forms_wait(silent["id"])
        _answers_are_kept(system)
    before = notices(system)
    report = asyncio.run(rebuild(load(kafka=system.stack.kafka, redis=system.stack.redis), lambda _: None))
    assert report["ok"], report
    assert notices(system) == before, "a rebuild tells nobody"
    system.judge()


def form(number):
    data = {"item": FORMS[number % len(FORMS)], "rotation": "r-2"}
    return told("assessment.recorded", "k1.u", number, "/forms", f"form-{number}", **data)


def run(*arguments):
    result = CliRunner().invoke(app, ["warnings", *arguments, "--json"])
    assert result.exit_code == 0, (result.stdout, result.stderr)
    return json.loads(result.stdout)


def _overdue_forms_wait(under):
    found = run("list", "--rule", "expected-assessment-overdue")
    assert [(one["reaches"], one["under"]) for one in found] == [("inhibited", under)] * len(FORMS)


def _answers_are_kept(system):
    ids = [one["id"] for one in of_rule(system, "expected-assessment-overdue")]
    for id_, ((command, *rest), state) in zip(ids, ANSWERS, strict=True):
        assert run(command, id_, "--by", "k1.c", *rest)["state"] == state
    shown = {id_: run("show", id_) for id_ in ids[:1]}
    assert {one["state"] for one in shown.values()} == {"acknowledged"}
    listed = {one["id"]: one["state"] for one in run("list", "--all")}
    assert [listed[id_] for id_ in ids] == [state for _, state in ANSWERS]
    stored = system.query.find("k1.t")
    kept = [lifecycle.state(stored.twin, id_, lifecycle.OPEN, stored.now)[0] for id_ in ids]
    assert kept == [state for _, state in ANSWERS]
    assert {lifecycle.decided(stored.twin, id_).by for id_ in ids} == {"k1.c"}
