"""How a check inside intake ends an event: control flow that `intake.decide` turns into its answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from megdt_stream.evidence.reasons import Reason, Rejection

_LONGEST_ECHO: Final = 80
_LONGEST_LIST: Final = 600


class Refused(Exception):
    """The first check that failed. It never leaves `intake.decide`."""

    def __init__(self, reason: Reason, detail: str, path: str = "", redacted: bytes | None = None) -> None:
        self.rejection = Rejection(reason, detail, path, redacted)
        super().__init__(detail)


def short(text: str) -> str:
    """Cut a long text of a publisher's."""
    return text if len(text) <= _LONGEST_ECHO else text[: _LONGEST_ECHO - 3] + "..."


def quoted(text: str) -> str:
    """Repeat a publisher's text in a message, a long one cut."""
    return repr(short(text))


def listed(names: Iterable[str]) -> str:
    """Write what exists, as far as a message takes it."""
    text = ", ".join(names)
    return text if len(text) <= _LONGEST_LIST else text[: _LONGEST_LIST - 3] + "..."


def pointer(*parts: str | int) -> str:
    """Write a JSON pointer (RFC 6901), names of a publisher's own cut."""
    return "".join("/" + str(part)[:_LONGEST_ECHO].replace("~", "~0").replace("/", "~1") for part in parts)
