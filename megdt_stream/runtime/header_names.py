"""Header names that are not UTF-8: any producer can write one, and the Kafka clients give up at it for ever.

A client that raises at a record raises at it again after every restart: one record would end a partition. So such a
name is read with U+FFFD for what is no UTF-8 (docs/records.md, section 1), by taking the place of aiokafka's reader
of fetched bytes. Records are read as before, at the cost of one call a batch; only a batch that fails is read again,
by the client's reader in plain Python.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, Final, SupportsIndex

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

_LENGTH: Final = struct.Struct(">8xi")  # of a batch: behind its base offset, and without both


class _Name(bytearray):
    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return super().decode(encoding, errors)


class _Bytes(bytearray):
    """What a batch holds, with slices that decode leniently: the reader decodes nothing but header names."""

    def __getitem__(self, key: SupportsIndex | slice) -> Any:
        found = super().__getitem__(key)
        return _Name(found) if isinstance(found, bytearray) else found


class TolerantBatch:
    """A batch as the client reads it, and again from its bytes where a header name stops that."""

    def __init__(self, batch: Any, fetched: bytes, number: int) -> None:
        self._batch = batch
        self._fetched = fetched
        self._number = number

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        try:
            yield from self._batch
        except UnicodeDecodeError:
            yield from self._again()  # from its start: the fetcher skips offsets that it has seen

    def _again(self) -> Iterator[Any]:
        start = 0
        for _ in range(self._number):
            start += _LENGTH.size + _LENGTH.unpack_from(self._fetched, start)[0]
        end = start + _LENGTH.size + _LENGTH.unpack_from(self._fetched, start)[0]
        batch: Any = _DefaultRecordBatchPy(memoryview(self._fetched)[start:end])
        batch._maybe_uncompress()
        batch._buffer = _Bytes(batch._buffer)
        yield from batch


class TolerantRecords:
    """The bytes of one fetch from one partition, batch by batch."""

    def __init__(self, fetched: bytes) -> None:
        self._fetched = fetched
        self._records = MemoryRecords(fetched)
        self._taken = 0

    def has_next(self) -> bool:
        """Tell whether another batch follows."""
        return bool(self._records.has_next())

    def size_in_bytes(self) -> int:
        """Give how many bytes were fetched."""
        return int(self._records.size_in_bytes())

    def next_batch(self) -> TolerantBatch:
        """Give the next batch."""
        batch = TolerantBatch(self._records.next_batch(), self._fetched, self._taken)
        self._taken += 1
        return batch


def install() -> None:
    """Have aiokafka's consumers of this process read through TolerantRecords."""
    fetcher.MemoryRecords = TolerantRecords
