"""A durable queue in a file, for when Kafka is away: what was put in comes out, byte by byte and in order.

An event is on disk when `put` returns and stays until the broker has acknowledged it, whatever happens to the
process. The file is SQLite's, readable by its owner alone, and holds nothing but the records. Several processes may
put; one sends.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import msgspec

from megdt_stream.publisher.errors import SpoolBusy, SpoolFull, SpoolUnusable

MAX_EVENTS: Final = 100_000
MAX_BYTES: Final = 256 * 1024 * 1024
"""Default bounds: a night of a large hospital, and what a small disk can spare."""

_APPLICATION: Final = 0x4D454744  # "MEGD", in the file's header
_FORMAT: Final = 1
_BUSY_SECONDS: Final = 10.0
_RECORD_BYTES: Final = 64
"""Counted for each record beside its bytes: what the file needs to hold it."""

_SCHEMA: Final = """
CREATE TABLE record (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,
    headers BLOB NOT NULL, bytes INTEGER NOT NULL, added INTEGER NOT NULL, refused TEXT
);
CREATE INDEX refused ON record (seq) WHERE refused IS NOT NULL;
CREATE TABLE number (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO number VALUES ('events', 0), ('bytes', 0), ('sent', 0);
CREATE TRIGGER added AFTER INSERT ON record BEGIN
    UPDATE number SET value = value + 1 WHERE name = 'events';
    UPDATE number SET value = value + new.bytes WHERE name = 'bytes';
END;
CREATE TRIGGER removed AFTER DELETE ON record BEGIN
    UPDATE number SET value = value - 1 WHERE name = 'events';
    UPDATE number SET value = value - old.bytes WHERE name = 'bytes';
END;
"""

_SIZES: Final = "SELECT seq, bytes FROM record WHERE refused IS NULL ORDER BY seq LIMIT ?"
_UP_TO: Final = "SELECT seq, topic, key, value, headers FROM record WHERE refused IS NULL AND seq <= ? ORDER BY seq"

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(tuple[tuple[str, bytes], ...]).decode


class Record(NamedTuple):
    """What is to be published: short topic, key, value and headers."""

    topic: str
    key: str
    value: bytes
    headers: Sequence[tuple[str, bytes]] = ()


class Waiting(NamedTuple):
    """A record in the spool; `seq` grows in the order in which they were put."""

    seq: int
    record: Record


class SpoolStatus(NamedTuple):
    """How a spool stands.

    `events` and `bytes` wait, `refused` of them until somebody looks, since the broker will not take them; `oldest`
    was put at that moment (ms since the epoch; None where nothing waits); `sent` in the life of the file.
    """

    file: str
    events: int
    bytes: int
    refused: int
    oldest: int | None
    sent: int
    max_events: int
    max_bytes: int


class Spool:
    """The queue in a file. Threads may share it; a context manager.

    `max_events` and `max_bytes` bound it and are remembered in the file; None keeps what it had. With `create` off,
    a file that is not there is an error. Raises SpoolUnusable.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        max_events: int | None = None,
        max_bytes: int | None = None,
        create: bool = True,
    ) -> None:
        self.path = Path(path)
        self._lock = RLock()
        self._sending: sqlite3.Connection | None = None
        with self._typed():
            self._file = self._open(create)
        try:
            with self._transaction():
                self._prepare(max_events, max_bytes)
        except BaseException:
            self._file.close()
            raise

    def put(self, record: Record) -> int:
        """Take a record; it is on disk when this returns. Gives its `seq`. Raises SpoolFull, SpoolUnusable."""
        return self.put_all([record])[0]

    def put_all(self, records: Iterable[Record]) -> list[int]:
        """Take several at one price, all or none. Gives their `seq`s. Raises SpoolFull, SpoolUnusable."""
        added = int(time.time() * 1000)
        insert = "INSERT INTO record (topic, key, value, headers, bytes, added) VALUES (?, ?, ?, ?, ?, ?)"
        taken: list[int] = []
        with self._transaction():
            for record in records:
                headers = _encode(list(record.headers))
                size = len(record.value) + len(record.key.encode()) + len(headers) + _RECORD_BYTES
                row = (record.topic, record.key, record.value, headers, size, added)
                taken.append(int(self._file.execute(insert, row).lastrowid or 0))
            self._refuse_excess()
        return taken

    def oldest(self, limit: int, max_bytes: int = MAX_BYTES) -> list[Waiting]:
        """Give the records to send next, in order, of at most `max_bytes` together; at least one if any waits."""
        with self._lock:
            last, total = -1, 0
            for seq, size in self._ask(_SIZES, limit):
                total += size
                if last >= 0 and total > max_bytes:
                    break
                last = seq
            rows = self._ask(_UP_TO, last)
        return [Waiting(seq, Record(topic, key, value, _decode(headers))) for seq, topic, key, value, headers in rows]

    def remove(self, sent: Iterable[int]) -> None:
        """Forget records by their `seq`: the broker has them."""
        seqs = [(seq,) for seq in sent]
        with self._transaction():
            gone = self._file.executemany("DELETE FROM record WHERE seq = ?", seqs).rowcount
            self._file.execute("UPDATE number SET value = value + ? WHERE name = 'sent'", (max(gone, 0),))

    def set_aside(self, seq: int, why: str) -> None:
        """Keep a record that the broker will never take out of the others' way."""
        with self._transaction():
            self._file.execute("UPDATE record SET refused = ? WHERE seq = ?", (why, seq))

    def take_back(self) -> int:
        """Put what was set aside in line again, after its cause is gone. Gives how many."""
        with self._transaction():
            return self._file.execute("UPDATE record SET refused = NULL WHERE refused IS NOT NULL").rowcount

    def refusals(self) -> list[tuple[int, str]]:
        """Give what was set aside: `seq` and why."""
        return list(self._ask("SELECT seq, refused FROM record WHERE refused IS NOT NULL ORDER BY seq"))

    def status(self) -> SpoolStatus:
        """Say how it stands."""
        with self._lock:
            number = dict(self._ask("SELECT name, value FROM number"))
            ((oldest,),) = self._ask("SELECT min(added) FROM record")
            ((refused,),) = self._ask("SELECT count(*) FROM record WHERE refused IS NOT NULL")
        return SpoolStatus(
            file=str(self.path),
            events=number["events"],
            bytes=number["bytes"],
            refused=refused,
            oldest=oldest,
            sent=number["sent"],
            max_events=number["max_events"],
            max_bytes=number["max_bytes"],
        )

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Be the one who sends what is in the file, for as long as the block. Raises SpoolBusy.

        The claim is a lock that the operating system takes back, however the process ends.
        """
        self.claim()
        try:
            yield
        finally:
            self.release()

    def claim(self) -> None:
        """Become the one who sends, until `release`. Raises SpoolBusy when another process, or thread, is."""
        with self._lock, self._typed():
            if self._sending is not None:
                raise SpoolBusy(f"what is in {self.path} is being sent by this process")
            path = self.path.with_name(f"{self.path.name}.sending")
            _make(path)
            claim = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
            try:
                claim.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError as error:
                claim.close()
                if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                    raise SpoolBusy(f"another process sends what is in {self.path}") from error
                raise
            self._sending = claim

    def release(self) -> None:
        """Let another process send."""
        with self._lock:
            if self._sending is not None:
                self._sending.close()
                self._sending = None

    def close(self) -> None:
        """Close the file; what waits stays in it."""
        self.release()
        with self._lock:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- the file ---

    def _open(self, create: bool) -> sqlite3.Connection:
        if not self.path.exists() and not create:
            raise SpoolUnusable(f"there is no spool {self.path}", remedy="name the file that a publisher spools to")
        _make(self.path)
        file = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            self._recognise(file)
            # Synchronous commits: an event that was taken survives a power cut, not only the death of the process.
            for setting in ("journal_mode = WAL", "synchronous = FULL"):
                file.execute(f"PRAGMA {setting}")
        except BaseException:
            file.close()
            raise
        return file

    def _recognise(self, file: sqlite3.Connection) -> bool:
        """Tell whether the file is a spool (True) or new. Raises SpoolUnusable for anything else, unchanged."""
        names = ("application_id", "user_version", "schema_version")
        found = tuple(file.execute(f"PRAGMA {name}").fetchone()[0] for name in names)
        if found != (0, 0, 0) and found[:2] != (_APPLICATION, _FORMAT):
            raise SpoolUnusable(f"{self.path} is not a spool of this version", remedy="name another file")
        return found != (0, 0, 0)

    def _prepare(self, max_events: int | None, max_bytes: int | None) -> None:
        """Make the tables of a new file, note the bounds."""
        if not self._recognise(self._file):
            for statement in _statements(_SCHEMA):
                self._file.execute(statement)
            self._file.execute(f"PRAGMA application_id = {_APPLICATION}")
            self._file.execute(f"PRAGMA user_version = {_FORMAT}")
        for name, value, default in (("max_events", max_events, MAX_EVENTS), ("max_bytes", max_bytes, MAX_BYTES)):
            keep = "DO UPDATE SET value = excluded.value" if value is not None else "DO NOTHING"
            row = (name, default if value is None else value)
            self._file.execute(f"INSERT INTO number VALUES (?, ?) ON CONFLICT (name) {keep}", row)  # noqa: S608

    def _refuse_excess(self) -> None:
        number = dict(self._ask("SELECT name, value FROM number"))
        for what in ("events", "bytes"):
            if number[what] > number[f"max_{what}"]:
                raise SpoolFull(f"the spool {self.path} holds at most {number[f'max_{what}']:,} {what}")

    def _ask(self, query: str, *values: Any) -> list[Any]:
        with self._lock, self._typed():
            return self._file.execute(query, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Do all or nothing, and have it on disk afterwards."""
        with self._lock, self._typed():
            self._file.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._file.execute("COMMIT")
            except BaseException:
                if self._file.in_transaction:
                    self._file.execute("ROLLBACK")
                raise

    @contextmanager
    def _typed(self) -> Iterator[None]:
        """Turn what the file system and SQLite say into our errors."""
        try:
            yield
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                raise SpoolFull(f"the disk of {self.path} is full") from error
            raise SpoolUnusable(f"{self.path}: {error}", remedy=_REMEDY) from error
        except OSError as error:
            raise SpoolUnusable(f"{self.path}: {error.strerror}", remedy=_REMEDY) from error


_REMEDY: Final = "name a file in a folder that this user may write to"


def _make(path: Path) -> None:
    """Make a file that only its owner may read, unless it is there. SQLite gives its companions the same mode."""
    with suppress(FileExistsError):  # opening and closing one that is there would drop the locks this process has on it
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def _statements(script: str) -> Iterator[str]:
    """Cut a script into its statements, since `executescript` would end the transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
