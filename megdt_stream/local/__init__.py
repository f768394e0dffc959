"""A real Kafka broker and a real Redis for trials and tests, from a machine with Python alone.

Here lives everything that finds, fetches, starts, watches and ends those servers: the pinned jars, Java, the
supervision that leaves nothing running. What must not live here: anything of the domain, topics, clients, or
settings read from the environment. Nothing else of megdt_stream is imported.
"""

from .errors import LocalStackError
from .kafka import EmbeddedKafka
from .progress import ConsoleProgress, Progress, SilentProgress
from .redis import EmbeddedRedis
from .stack import Stack, open_stack

__all__ = [
    "ConsoleProgress",
    "EmbeddedKafka",
    "EmbeddedRedis",
    "LocalStackError",
    "Progress",
    "SilentProgress",
    "Stack",
    "open_stack",
]
