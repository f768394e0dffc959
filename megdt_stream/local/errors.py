"""The one error of the local stack.

LocalStackError: the stack cannot run here; stop and tell the person what to do about it. Never retried.
"""

from __future__ import annotations

from typing import Final

# sysexits.h: the numbers that shells and service supervisors know.
EX_USAGE: Final = 64
EX_UNAVAILABLE: Final = 69
EX_CANTCREAT: Final = 73


class LocalStackError(Exception):
    """Say in one line what is wrong and what helps; `exit_code` is for a command line (sysexits.h)."""

    def __init__(self, what: str, remedy: str, exit_code: int = EX_UNAVAILABLE) -> None:
        super().__init__(what, remedy)
        self.what = what
        self.remedy = remedy
        self.exit_code = exit_code

    def __str__(self) -> str:
        return f"{self.what}; {self.remedy}"
