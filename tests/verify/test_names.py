"""Places: partitions, slots and tags, against published figures."""

import pytest

from megdt_stream.verify.names import full_name, murmur2, partition_of, short_name, slot, stretch, tag


# Vectors of Apache Kafka's own test (clients/src/test/java/org/apache/kafka/common/utils/UtilsTest.java).
@pytest.mark.parametrize(
    ("data", "signed"),
    [
        ("21", -973932308),
        ("foobar", -790332482),
        ("a-little-bit-long-string", -985981536),
        ("a-little-bit-longer-string", -1486304829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        ("abc", 479470107),
    ],
)
def test_murmur2_is_kafkas(data, signed):
    assert murmur2(data.encode()) == signed & 0xFFFFFFFF


def test_partition_ignores_the_sign():
    assert partition_of(b"21", 1 << 31) == -973932308 & 0x7FFFFFFF


def test_slot_is_redis_clusters():
    assert slot("123456789") == 0x31C3  # the check value in the Redis Cluster specification


def test_stretch_reverses_six_bits():
    assert [stretch(p) for p in (0, 1, 2, 3, 63, 64, 65)] == [0, 32, 16, 48, 63, 0, 32]


@pytest.mark.parametrize("partition", [0, 1, 7, 63, 64, 200])
def test_tag_is_the_first_in_its_stretch(partition):
    name, n = tag(partition).rsplit(".", 1)
    earlier = [slot(f"{name}.{i}") // 256 for i in range(int(n))]
    assert name == f"p{partition}"
    assert slot(tag(partition)) // 256 == stretch(partition)
    assert stretch(partition) not in earlier


def test_short_names_are_the_middle():
    assert short_name(full_name("assessments")) == "assessments"
    assert full_name("rejects") == "megdt.rejects.v1"
