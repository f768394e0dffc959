"""A Kafka broker of our own: one KRaft node, broker and controller, on Java."""

from __future__ import annotations

import socket
import struct
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final

from . import jars
from .java import find_java
from .ports import HOST
from .progress import Progress
from .server import EmbeddedServer

MIB: Final = 1024 * 1024
_FORMAT_SECONDS: Final = 60.0
_PROBE_SECONDS: Final = 2.0

# Enough for a demonstration on a laptop; parallel collectors, large heaps and the optimising compiler only cost there.
_JVM: Final = (
    "-Xmx384m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Dorg.apache.logging.log4j.level=WARN",
)

_SETTINGS: Final[Mapping[str, object]] = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    # Relative to the working directory: a properties file cannot hold every path as it is.
    "log.dirs": "data",
    "auto.create.topics.enable": "false",
    "num.partitions": 1,
    # One node: nothing can be replicated, the internal topics included.
    "default.replication.factor": 1,
    "min.insync.replicas": 1,
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 4,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "share.coordinator.state.topic.num.partitions": 1,
    "group.initial.rebalance.delay.ms": 0,
    "group.min.session.timeout.ms": 1000,
    "message.max.bytes": 8 * MIB,
    "replica.fetch.max.bytes": 9 * MIB,
    # Replayed histories carry the times of their events: no topic may expire them unless it says so itself.
    "log.retention.ms": -1,
    "log.segment.bytes": 256 * MIB,
    "log.index.size.max.bytes": MIB,
    "log.cleaner.dedupe.buffer.size": 2 * MIB,
    "num.network.threads": 2,
    "num.io.threads": 4,
    # After a crash the controller refuses the broker's new life until the old one's session ran out.
    "broker.session.timeout.ms": 3000,
    "broker.heartbeat.interval.ms": 500,
}


def settings(client: int, controller: int) -> str:
    """Write server.properties for the two ports."""
    listeners = {
        "listeners": f"PLAINTEXT://{HOST}:{client},CONTROLLER://{HOST}:{controller}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{client}",
        "controller.quorum.bootstrap.servers": f"{HOST}:{controller}",
    }
    return "".join(f"{name}={value}\n" for name, value in {**_SETTINGS, **listeners}.items())


def cluster_id() -> str:
    """Make a cluster id as Kafka does: a random UUID in URL-safe base64 without padding."""
    text = "-"
    while text.startswith("-"):  # would be taken for an option
        text = urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
    return text


class EmbeddedKafka(EmbeddedServer):
    """A single-node Kafka cluster of its own on the loopback address."""

    title: ClassVar[str] = "Kafka"

    def __init__(
        self,
        data_dir: Path | None = None,
        port: int | None = None,
        progress: Progress | None = None,
        java: Path | None = None,
        class_path: Callable[[Progress], Sequence[Path]] = jars.class_path,
    ) -> None:
        super().__init__(data_dir, port, progress)
        self._java = java
        self._find_jars = class_path
        self._program: list[str] = []

    @property
    def bootstrap(self) -> str:
        """The bootstrap address for Kafka clients."""
        return f"{HOST}:{self.port}"

    def _prepare(self) -> Sequence[str]:
        if not self._program:
            self._program = self._find_program()
        ports = self._choose_ports("client", "controller")
        self._write("server.properties", settings(ports["client"], ports["controller"]))
        if not self._formatted.exists():
            self._format()
        return [*self._program, "kafka.Kafka", "server.properties"]

    @property
    def _formatted(self) -> Path:
        return self.folder / "formatted"

    def _find_program(self) -> list[str]:
        java = self._java or find_java()
        classes = ":".join(str(jar) for jar in self._find_jars(self._progress))
        # Native libraries are unpacked here rather than left behind in the system's folder.
        scratch = self.folder / "tmp"
        scratch.mkdir(exist_ok=True)
        return [str(java), *_JVM, f"-Djava.io.tmpdir={scratch}", "-cp", classes]

    def _format(self) -> None:
        # --ignore-formatted: an earlier attempt may have been cut short before it was marked.
        tool = ["kafka.tools.StorageTool", "format", "--standalone", "--ignore-formatted"]
        self._run_tool([*self._program, *tool, "-t", cluster_id(), "-c", "server.properties"], _FORMAT_SECONDS)
        self._write("formatted", "")

    def _answers(self) -> bool:
        try:
            return alive_brokers(HOST, self.port) > 0
        except (OSError, struct.error):
            return False


def alive_brokers(host: str, port: int) -> int:
    """Ask for cluster metadata and count the brokers that the controller has let in.

    A port that accepts is not enough: a broker listens before it serves. Request and response are Metadata,
    version 4, asking for no topic (https://kafka.apache.org/protocol#The_Messages_Metadata).
    """
    client_id = b"megdt-probe"
    header = struct.pack(f">hhih{len(client_id)}s", 3, 4, 1, len(client_id), client_id)
    request = header + struct.pack(">ib", 0, 0)
    with (
        socket.create_connection((host, port), _PROBE_SECONDS) as connection,
        connection.makefile("rb") as answer,
    ):
        connection.sendall(struct.pack(">i", len(request)) + request)
        _size, correlation, _throttle, brokers = struct.unpack(">iiii", answer.read(16))
    return int(brokers) if correlation == 1 else 0
