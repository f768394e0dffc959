"""The errors of the project. Each carries what becomes of the input, and how a process ends because of it.

    MegdtError                      exit  disposition
    ├── CheckFailed                   1   stop    a check that was asked for found something wrong
    ├── ConfigError                  78   stop    a setting, file or port is not usable
    │   └── TopicMissing             78   stop    a topic is not on the broker
    ├── Unavailable                  69   retry   Kafka or Redis does not answer
    ├── FencedError                  75   retry   the partition belongs to another worker now
    ├── LogError                     70   stop    the log is not the one the cursor was written for
    │   ├── OffsetGap                70   stop    records are missing inside the log
    │   ├── CursorOutsideLog         70   stop    the next offset is not in the log any more, or not yet
    │   └── TopicRecreated           70   stop    same name, another topic
    ├── StoreError                   70   stop    Redis answers, but not as it must
    │   ├── StoreEvicting            78   stop    it may drop keys under memory pressure
    │   ├── StoreLost                75   stop    it forgot a cursor while a worker was running
    │   ├── TwinFormat               78   stop    its twins are of another format than this version's
    │   └── TwinCorrupt              70   stop    a key of ours holds another type
    ├── RejectLimit                  65   stop    too large a share of the input is rejected
    ├── Stalled                      75   stop    there is work and none gets done
    └── PublishError                 69   retry   a record was not acknowledged by the broker
        ├── MessageTooLarge          65   reject  a record is larger than the topic takes
        └── PublishRefused           70   stop    the broker refuses it, and will again

*retry*: do it again in place, nothing is acknowledged meanwhile. *reject*: the input goes to the rejects
topic and work goes on. *stop*: the process leaves with `exit_code`; nothing is acknowledged that was not
done.

Handling is data: code looks at `disposition` and `exit_code`, not at a list of classes.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import ClassVar, Final, Literal

Disposition = Literal["retry", "reject", "stop"]

EXIT_CODES: Final = MappingProxyType(
    {
        0: "done, or drained after SIGTERM or SIGINT",
        1: "a check that was asked for found something wrong; the findings are printed",
        2: "the command line is not understood",
        65: "the input is at fault: the reject limit was reached, or a record is too large",
        69: "Kafka or Redis could not be reached in time",
        70: "the log or the store contradicts what was written before; somebody has to look before a restart",
        75: "the worker stopped making progress or lost its place; a restart is the cure",
        78: "a setting, file, port, topic or the store's configuration is wrong; a restart does not help",
    }
)
"""Exit codes, following sysexits.h of BSD where it has one."""


class MegdtError(Exception):
    """An error with a one-line message and, wherever somebody can do something about it, a remedy.

    `message` says what was found, `remedy` what to do; `str()` gives both on one line.
    """

    exit_code: ClassVar[int] = 70
    disposition: ClassVar[Disposition] = "stop"
    default_remedy: ClassVar[str] = ""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        self.message = _one_line(message)
        self.remedy = _one_line(remedy) or self.default_remedy
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message}; {self.remedy}" if self.remedy else self.message


class CheckFailed(MegdtError):
    """A check that was asked for found something wrong."""

    exit_code = 1


class ConfigError(MegdtError):
    """A setting, file or port is not usable; no restart changes that."""

    exit_code = 78


class TopicMissing(ConfigError):
    """A topic the worker needs is not on the broker."""

    default_remedy = "create the topics with `megdt topics create`"


class Unavailable(MegdtError):
    """Kafka or Redis does not answer. Wait and try again, up to the caller's deadline."""

    exit_code = 69
    disposition = "retry"
    default_remedy = "check that it runs and that this host reaches its address"


class FencedError(MegdtError):
    """A commit or a take was refused: the partition belongs to another worker now.

    Drop what was cached for the partition and take it again if the group still says it is ours.
    """

    exit_code = 75
    disposition = "retry"


class LogError(MegdtError):
    """The log on the broker is not the one that the cursor in the store was written for."""


class OffsetGap(LogError):
    """Records are missing inside the log, on a topic without transactions."""

    default_remedy = (
        "find what deleted them (retention, DeleteRecords, an unclean leader election); name the topic in "
        "MEGDT_TRANSACTIONAL_TOPICS if its publishers use transactions"
    )


class CursorOutsideLog(LogError):
    """The next offset to apply lies before the log's start or beyond its end."""

    default_remedy = (
        "before the start: unread records were deleted, publish them again from the source systems; beyond "
        "the end: the store belongs to another cluster or the broker lost records"
    )


class TopicRecreated(LogError):
    """A topic was deleted and made again under the same name; its offsets mean something else."""

    default_remedy = "rebuild from the evidence topic, or point the worker at the store that belongs to this cluster"


class StoreError(MegdtError):
    """Redis answers, but not as it must."""


class StoreEvicting(StoreError):
    """Redis may drop keys when memory is short, and a dropped twin is a wrong twin."""

    exit_code = 78
    default_remedy = "set maxmemory-policy to noeviction and give the server enough memory"


class TwinCorrupt(StoreError):
    """A key of ours holds another type than ours. Nothing was written."""

    default_remedy = "find who else writes under the megdt: prefix, then rebuild the partition from the evidence topic"


class TwinFormat(StoreError):
    """The store's twins are written in another format than this version writes. Nothing is read or written."""

    exit_code = 78
    default_remedy = (
        "older: run `megdt rebuild` with this version, which folds the log into twins of its format while workers of "
        "the other go on; newer: start workers of the version that wrote them"
    )


class StoreLost(StoreError):
    """Redis forgot a cursor while a worker was running. A restart recovers from the log."""

    exit_code = 75
    default_remedy = "restart the worker: twins are replayed, and intake's cursors are read off the log"


class RejectLimit(MegdtError):
    """Too large a share of the input is rejected: a publisher changed, and going on would hide it."""

    exit_code = 65
    default_remedy = "read the rejects topic, correct the publisher, then start again"


class Stalled(MegdtError):
    """There is work, its dependencies are up, and none gets done."""

    exit_code = 75
    default_remedy = "restart the worker and report the stacks it logged"


class PublishError(MegdtError):
    """A record was not acknowledged by the broker in time. It may or may not be in the log."""

    exit_code = 69
    disposition: ClassVar[Disposition] = "retry"
    default_remedy = "publish it again: the receiving side recognises duplicates by source, id and revision"


class MessageTooLarge(PublishError):
    """A record is larger than the topic takes."""

    exit_code = 65
    disposition: ClassVar[Disposition] = "reject"
    default_remedy = "split it, or take out what does not belong into an event"


class PublishRefused(PublishError):
    """The broker refuses the record and will refuse it again: no rights, no such topic, not valid."""

    exit_code = 70
    disposition: ClassVar[Disposition] = "stop"
    default_remedy = "check the topic's name and the publisher's rights on the broker"


def _one_line(text: str) -> str:
    """Keep a message on one line, whatever a broker or a hostile record put into it."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
