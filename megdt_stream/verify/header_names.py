"""Header names that are not UTF-8, read with U+FFFD: the client library takes them for a corrupt log."""

from __future__ import annotations

from typing import Any, SupportsIndex

from kafka.record import memory_records
from kafka.record.default_records import DefaultRecordBatch


class _Name(bytearray):
    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return super().decode(encoding, errors)


class _Lenient(bytearray):
    def __getitem__(self, key: SupportsIndex | slice) -> Any:
        found = super().__getitem__(key)
        return _Name(found) if isinstance(found, bytearray) else found


class Batch(DefaultRecordBatch):  # type: ignore[misc]  # the library has no types
    """A batch that reads a record again, leniently, where a header's name stops the library."""

    _buffer: Any

    def _read_msg(self, *args: Any) -> Any:
        try:
            return super()._read_msg(*args)
        except UnicodeDecodeError:
            self._buffer = _Lenient(self._buffer)
            return super()._read_msg(*args)


def install() -> None:
    """Have kafka-python's consumers of this process read so."""
    memory_records.DefaultRecordBatch = Batch
