"""A system of our own, and the command on it."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from megdt_stream.cli.app import app
from megdt_stream.local import open_stack
from tests.faults.system import System


@pytest.fixture(scope="module")
def whole() -> Iterator[System]:
    with open_stack() as stack:
        system = System(stack)
        yield system
        system.close()


@pytest.fixture
def system(whole: System) -> Iterator[System]:
    """The system with no worker running, before and after."""
    yield whole
    whole.end_all()


@pytest.fixture
def megdt(system: System, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run `megdt rejects ...`; with --json give what it says, else the result. `code` is the exit code to expect."""
    monkeypatch.setenv("MEGDT_KAFKA", system.stack.kafka)
    monkeypatch.setenv("MEGDT_REDIS", system.stack.redis)
    monkeypatch.setenv("COLUMNS", "160")

    def run(*arguments: str, code: int = 0, **options: Any) -> Any:
        result = CliRunner().invoke(app, ["rejects", *arguments], **options)
        assert result.exit_code == code, (result.stdout, result.stderr, result.exception)
        return json.loads(result.stdout) if "--json" in arguments else result

    return run
