"""Each deliberate break of the protocol is noticed, by the checker or by a named test."""

from __future__ import annotations

from pathlib import Path

import pytest

from megdt_stream.local import Stack
from tests.ablations import breaks

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ablated")
    breaks.copy_package(folder)
    return folder


@pytest.fixture(scope="module")
def store(stack: Stack) -> str:
    """A database of the store that no other test uses: scenarios empty it."""
    return stack.redis.rpartition("/")[0] + "/9"


def test_with_nothing_broken_every_scenario_is_green(folder: Path, store: str) -> None:
    verdicts = breaks.play(folder, store)
    assert {what.noticed_by for what in breaks.ON_STORE} <= set(verdicts)
    assert {name for name, verdict in verdicts.items() if not verdict["ok"]} == set()


@pytest.mark.parametrize("what", breaks.ON_STORE, ids=lambda what: what.what)
def test_the_checker_notices(folder: Path, store: str, what: breaks.Break) -> None:
    with breaks.broken(folder, what):
        verdict = breaks.play(folder, store, [what.noticed_by])[what.noticed_by]
    assert not verdict["ok"]


def test_every_break_of_the_transport_still_applies(folder: Path) -> None:
    """Whether each is noticed on a broker `python -m tests.ablations` shows; here only that none went stale."""
    for what in breaks.ON_BROKER:
        with breaks.broken(folder, what):
            source = (folder / "megdt_stream" / what.file).read_text("utf-8")
        compile(source, what.file, "exec")
