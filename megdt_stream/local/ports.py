"""Ports that a server can have and have again."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterable
from typing import Final

from .errors import LocalStackError

HOST: Final = "127.0.0.1"

# Below the range from which Linux (32768 up) and macOS (49152 up) take the ports of outgoing
# connections. Inside it, a client that retries while the server is down can be given the server's own
# port, connect to itself and keep the port occupied.
_FIRST, _LAST = 15000, 32000
_TRIES: Final = 200


def is_free(port: int) -> bool:
    """Tell whether a server could listen on `port` now."""
    with socket.socket() as probe:
        # As the servers do: connections of a former life that linger in TIME_WAIT do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port(avoid: Iterable[int] = ()) -> int:
    """Pick a free port other than those in `avoid`."""
    taken = set(avoid)
    for _ in range(_TRIES):
        port = random.randint(_FIRST, _LAST)  # noqa: S311 - only so that two stacks seldom try the same
        if port not in taken and is_free(port):
            return port
    raise LocalStackError("found no free port", f"end something that listens between {_FIRST} and {_LAST}")


def require_free(port: int) -> int:
    """Return `port`, or raise LocalStackError when something listens there."""
    if not is_free(port):
        raise LocalStackError(f"port {port} is in use", "end what listens there or choose another port")
    return port
