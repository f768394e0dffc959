"""Fail points: named places where a test makes a worker die. Inert unless armed.

`MEGDT_FAILPOINTS=K3:5,K5:1` kills the process (SIGKILL, as a power cut would) the fifth time K3 is reached, or the
first time K5 is. K0 before decode, K1 after load, K2 after fold, K3 commit sent and no reply seen, K4 committed
and not published, K5 published and outbox not cleared, K6 cleared and not acknowledged, K7 acknowledged and offset
not committed, K8 during revocation; of intake I1 decided and not proposed, I2 proposed and not produced, I3
produced and not settled, I4 settled; of contributions C1 decided and not committed, E1 read and not committed, E2
committed.
"""

from __future__ import annotations

import os
import signal
from typing import Final

VARIABLE: Final = "MEGDT_FAILPOINTS"
NAMES: Final = ("K0", "K1", "K2", "K3", "K4", "K5", "K6", "K7", "K8", "I1", "I2", "I3", "I4", "C1", "E1", "E2")

_armed: dict[str, int] = {}


def arm(text: str) -> None:
    """Arm fail points from `NAME:COUNT,...`. Raises ValueError for a name that does not exist."""
    for part in filter(None, text.split(",")):
        name, _, count = part.partition(":")
        if name not in NAMES:
            raise ValueError(f"{VARIABLE}: {name!r} is not one of {', '.join(NAMES)}")
        _armed[name] = int(count or 1)


def reach(name: str) -> None:
    """Pass a fail point; the process ends here if this is the armed pass."""
    if _armed and name in _armed:
        _armed[name] -= 1
        if _armed[name] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
