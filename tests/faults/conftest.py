"""One system of our own for all cases of this folder: they kill its servers."""

from collections.abc import Iterator

import pytest

from megdt_stream.local import open_stack
from tests.faults.system import System


@pytest.fixture(scope="session")
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
