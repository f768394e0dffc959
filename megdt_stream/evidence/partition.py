"""Which partition a key belongs to: the same everywhere, Kafka's own default."""

from __future__ import annotations

from functools import lru_cache

_MASK = 0xFFFFFFFF
_M = 0x5BD1E995
_SEED = 0x9747B28C


def murmur2(data: bytes) -> int:
    """Hash as Kafka's default partitioner does.

    Unsigned 32-bit result. Source: Appleby A., MurmurHash2, with the seed and sign treatment of
    `org.apache.kafka.common.utils.Utils.murmur2`.
    """
    length = len(data)
    h = (_SEED ^ length) & _MASK
    whole = length & ~3
    for i in range(0, whole, 4):
        k = (int.from_bytes(data[i : i + 4], "little") * _M) & _MASK
        k = ((k ^ (k >> 24)) * _M) & _MASK
        h = ((h * _M) & _MASK) ^ k
    if length & 3:
        h = ((h ^ int.from_bytes(data[whole:], "little")) * _M) & _MASK
    h = ((h ^ (h >> 13)) * _M) & _MASK
    return h ^ (h >> 15)


@lru_cache(maxsize=262_144)
def partition_of(key: str, partitions: int) -> int:
    """Give the partition of a trainee among `partitions`.

    Cached: the hash is a Python loop of some microseconds and the same trainees come again and again.
    """
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions
