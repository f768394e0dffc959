"""Names and places: topics, hash tags, partitions. Spelt from docs/records.md, sections 1, 2 and 6."""

from __future__ import annotations

import binascii
from functools import cache
from typing import Final

INPUTS: Final = (
    "assessments",
    "rotations",
    "exposures",
    "activities",
    "outcomes",
    "resources",
    "identities",
    "decisions",
)
EVIDENCE: Final = "evidence"
REJECTS: Final = "rejects"
ALERTS: Final = "alerts"
CONTRIBUTIONS: Final = "contributions"
MODELS: Final = "models"
TOPICS: Final = (*INPUTS, EVIDENCE, REJECTS, ALERTS, CONTRIBUTIONS, MODELS)

_SLOTS_PER_STRETCH: Final = 16_384 // 64


def full_name(short: str) -> str:
    """Give a topic's name on the broker."""
    return f"megdt.{short}.v1"


def short_name(topic: str) -> str:
    """Give a topic's short name; a name of another form comes back as it is."""
    return topic.removeprefix("megdt.").removesuffix(".v1")


def slot(tag: str) -> int:
    """Give the Redis Cluster slot of a hash tag's content.

    CRC-16/XMODEM modulo 16,384 (Redis Cluster specification, "Key distribution model").
    """
    return binascii.crc_hqx(tag.encode(), 0) % 16_384


def stretch(partition: int) -> int:
    """Give the stretch (0-63) of the slots that a partition's keys lie in: six bits, reversed."""
    return int(f"{partition % 64:06b}"[::-1], 2)


@cache
def tag(partition: int) -> str:
    """Give the hash tag of a partition, without the braces."""
    n = 0
    while slot(f"p{partition}.{n}") // _SLOTS_PER_STRETCH != stretch(partition):
        n += 1
    return f"p{partition}.{n}"


def partition_of(key: bytes, partitions: int) -> int:
    """Give the partition that Kafka's default partitioner chooses for a key."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """Hash bytes as Kafka does: MurmurHash2, 32 bits, Kafka's seed (org.apache.kafka.common.utils.Utils)."""
    m = 0x5BD1E995
    h = (0x9747B28C ^ len(data)) & 0xFFFFFFFF
    whole = len(data) & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * m & 0xFFFFFFFF
        k = (k ^ (k >> 24)) * m & 0xFFFFFFFF
        h = (h * m & 0xFFFFFFFF) ^ k
    if whole < len(data):
        h = (h ^ int.from_bytes(data[whole:], "little")) * m & 0xFFFFFFFF
    h = (h ^ (h >> 13)) * m & 0xFFFFFFFF
    return h ^ (h >> 15)
