"""Twins of another version's format are neither read nor written; a rebuild makes them anew."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from megdt_stream.cli.app import app
from megdt_stream.evidence import topics
from megdt_stream.runtime import keys
from megdt_stream.twin.state import FORMAT
from tests.faults.events import hospital
from tests.faults.system import PARTITIONS, System

pytestmark = [pytest.mark.stack, pytest.mark.slow]


def test_a_worker_leaves_twins_of_another_format_alone_and_a_rebuild_makes_them_anew(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    system.publish(hospital(seed=41, trainees=6, days=60))
    with system.working():
        system.drained()
    owns = [keys.own(topics.EVIDENCE.name, number) for number in range(PARTITIONS)]
    assert {system.store.hget(name, "format") for name in owns} == {str(FORMAT).encode()}
    for name in owns:
        system.store.hset(name, "format", FORMAT + 1)
    before = {name: system.store.hgetall(name) for name in owns}

    assert system.worker().wait_exit(60) == 78, system.tail()
    assert "newer than this version" in system.tail()
    assert {name: system.store.hgetall(name) for name in owns} == before, "it took nothing"

    monkeypatch.setenv("MEGDT_KAFKA", system.stack.kafka)
    monkeypatch.setenv("MEGDT_REDIS", system.stack.redis)
    rebuilt = CliRunner().invoke(app, ["rebuild", "--json"])
    assert rebuilt.exit_code == 0, (rebuilt.stdout, rebuilt.stderr)
    assert json.loads(rebuilt.stdout)["upgraded_partitions"] == PARTITIONS
    system.publish(hospital(seed=42, trainees=6, days=60))
    with system.working():
        system.drained()
        system.judge()
