"""What can go wrong for a publisher, beside what the broker says.

MegdtError           exit  disposition
├── InvalidEvent       65   reject  the event would be rejected
├── NotApplied         69   retry   the event is not in the twin yet, or nobody can tell
├── SpoolFull          69   retry   the local spool takes no more
└── SpoolUnusable      78   stop    the file is no spool, or cannot be read or written
    └── SpoolBusy      75   retry   another process sends what is in it
"""

from __future__ import annotations

from typing import ClassVar

from megdt_stream.errors import MegdtError
from megdt_stream.evidence.reasons import REMEDY, Reason, Rejection


class InvalidEvent(MegdtError):
    """An event would be rejected, and why: the same `reason` and `path` that the rejects topic would tell.

    `path` is a JSON pointer, empty for the event as a whole; `detail` says what was found, `hint` what to do.
    """

    exit_code = 65
    disposition: ClassVar = "reject"

    def __init__(self, rejection: Rejection) -> None:
        where = f" at {rejection.path}" if rejection.path else ""
        super().__init__(
            f"{rejection.reason.value}{where}: {rejection.detail}", remedy=_uncapitalised(REMEDY[rejection.reason])
        )
        self.rejection = rejection

    @property
    def reason(self) -> Reason:
        """Give the reason's code."""
        return self.rejection.reason

    @property
    def path(self) -> str:
        """Point to the culprit."""
        return self.rejection.path

    @property
    def detail(self) -> str:
        """Say what was found."""
        return self.rejection.detail

    @property
    def hint(self) -> str:
        """Say what was found and what to do about it."""
        return hint(self.rejection)


class NotApplied(MegdtError):
    """An event is not in the twin within the time given. It is not lost: it may still be applied, or rejected."""

    exit_code = 69
    disposition: ClassVar = "retry"
    default_remedy = "check that workers run (`megdt doctor`), and wait again"


class SpoolFull(MegdtError):
    """The spool takes no more: the event was not taken, and the source has to keep it."""

    exit_code = 69
    disposition: ClassVar = "retry"
    default_remedy = "find out why Kafka is away (`megdt spool status`), or give the spool more room"


class SpoolUnusable(MegdtError):
    """A spool's file is something else, or cannot be read or written."""

    exit_code = 78


class SpoolBusy(SpoolUnusable):
    """Another process sends what is in the spool; two would mix up the order."""

    exit_code = 75
    disposition: ClassVar = "retry"
    default_remedy = "leave it to that process, or end it first"


def hint(rejection: Rejection) -> str:
    """Word a rejection for whoever has to mend it: what was found, and the remedy."""
    return f"{rejection.detail}. {REMEDY[rejection.reason]}" if rejection.detail else REMEDY[rejection.reason]


def _uncapitalised(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:].removesuffix(".")
