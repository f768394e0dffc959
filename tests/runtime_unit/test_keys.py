"""Names in Redis: spread over masters, and the same for ever."""

import pytest
from redis.crc import key_slot

from megdt_stream.runtime import keys

SLOTS = 16_384


def slot(partition):
    return key_slot(keys.tag(partition).encode())


@pytest.mark.parametrize("partitions", [1, 2, 4, 8, 16, 32, 64])
def test_partitions_spread_evenly(partitions):
    width = SLOTS // partitions
    assert sorted(slot(n) // width for n in range(partitions)) == list(range(partitions))


@pytest.mark.parametrize(("partitions", "masters"), [(8, 3), (8, 6), (16, 3), (16, 6), (64, 6), (200, 10)])
def test_no_master_is_left_empty_or_has_twice_its_share(partitions, masters):
    loads = [0] * masters
    for n in range(partitions):
        loads[slot(n) * masters // SLOTS] += 1
    assert min(loads) >= partitions // masters // 2 + (partitions // masters < 2)
    assert max(loads) <= -(-partitions // masters) + 1 + partitions // 64


PINNED = [
    "{p0.52}",
    "{p1.71}",
    "{p2.19}",
    "{p3.113}",
    "{p7.21}",
    "{p8.332}",
    "{p15.173}",
    "{p63.19}",
    "{p64.40}",
    "{p1000.32}",
]


def test_tags_do_not_change():
    # They name keys in stores that exist: another tag would be another, empty twin.
    assert [keys.tag(n) for n in (0, 1, 2, 3, 7, 8, 15, 63, 64, 1000)] == PINNED


def test_tags_are_distinct_and_all_names_carry_them():
    assert len({keys.tag(n) for n in range(300)}) == 300
    for n in (0, 5, 63, 64):
        names = [
            keys.own("megdt.evidence.v1", n),
            keys.pending("megdt.outcomes.v1", n),
            keys.intake_counts("megdt.outcomes.v1", n),
            keys.outbox(n),
            keys.view(n, "b"),
            keys.twin(n, "b", "k1.a"),
        ]
        assert len(set(names)) == len(names)
        assert {key_slot(name.encode()) for name in names} == {slot(n)}
        assert all(name.startswith(f"megdt:{keys.tag(n)}:") for name in names)


def test_the_documented_names():
    tag = keys.tag(3)
    assert keys.own("megdt.evidence.v1", 3) == f"megdt:{tag}:own:megdt.evidence.v1"
    assert keys.twin(3, "a", "k1.a") == f"megdt:{tag}:a:t:k1.a"
    assert keys.outbox(3) == f"megdt:{tag}:outbox"
