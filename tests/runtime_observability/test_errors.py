"""The error tree: what the docstring draws is what the classes say, and every message stays on one line."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megdt_stream import errors
from megdt_stream.errors import EXIT_CODES, ConfigError, MegdtError, TwinCorrupt, Unavailable

CLASSES = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, MegdtError)]
DRAWN = re.compile(r"([A-Z]\w+) +(\d+) +(retry|reject|stop)\b")


def drawn() -> dict[str, tuple[int, str]]:
    return {name: (int(code), policy) for name, code, policy in DRAWN.findall(errors.__doc__ or "")}


def test_the_drawn_tree_has_every_class_with_its_policy() -> None:
    actual = {c.__name__: (c.exit_code, c.disposition) for c in CLASSES if c is not MegdtError}
    assert drawn() == actual


def test_every_exit_code_is_documented() -> None:
    assert {c.exit_code for c in CLASSES} <= set(EXIT_CODES)


@pytest.mark.parametrize("error", CLASSES)
def test_every_class_says_what_it_means(error: type[MegdtError]) -> None:
    assert error.__doc__


@given(message=st.text(), remedy=st.text())
def test_a_message_stays_on_one_line_whatever_is_in_it(message: str, remedy: str) -> None:
    shown = str(ConfigError(message, remedy=remedy))
    assert shown.isprintable()
    assert len(shown.splitlines()) <= 1


def test_message_and_remedy_are_both_shown() -> None:
    assert str(Unavailable("没有 broker 应答", remedy="start it")) == "没有 broker 应答; start it"


def test_a_class_brings_its_own_remedy() -> None:
    assert "rebuild" in str(TwinCorrupt("megdt:{p0.0}:a:t:x holds a list"))
