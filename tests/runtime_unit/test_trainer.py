"""When is trained: at turns that all partitions have passed, again while one is not told, never for an old one."""

import asyncio

import pytest

from megdt_stream.runtime.severity_parts import share_part
from megdt_stream.runtime.trainer import Trainer
from megdt_stream.runtime.training import version_of

DAY = 86_400_000
WEEK = 7 * DAY
TOLD = b"%d v1" % (2 * WEEK)


class Cursors:
    """A store that has nothing but cursors: (now, severity and risk in force)."""

    def __init__(self, *rows):
        self.rows = list(rows)
        self.asked = 0

    async def call(self, *_command):
        row = self.rows[self.asked % len(self.rows)]
        self.asked += 1
        return row


def _trainer(store, codes=()):
    left = list(codes)

    async def run(_plan):
        return left.pop(0)

    return Trainer(store, len(store.rows), lambda until: until, lambda: True, None, 7, 0.0, run)


@pytest.mark.parametrize(
    ("rows", "turn"),
    [
        ([(None, None, None), (b"%d" % (3 * WEEK), None, None)], None),
        ([(b"%d" % (2 * WEEK + 5), None, None), (b"%d" % (3 * WEEK), None, None)], 2 * WEEK),
        ([(b"%d" % (2 * WEEK), TOLD, TOLD)] * 2, None),
        ([(b"%d" % (2 * WEEK), TOLD, TOLD), (b"%d" % (2 * WEEK), b"%d s0" % WEEK, TOLD)], 2 * WEEK),
        ([(b"%d" % (2 * WEEK), TOLD, TOLD), (b"%d" % (2 * WEEK), None, TOLD)], 2 * WEEK),
        ([(b"%d" % (2 * WEEK), TOLD, TOLD), (b"%d" % (2 * WEEK), TOLD, b"%d r0" % WEEK)], 2 * WEEK),
    ],
)
def test_a_training_is_due_where_some_partition_is_not_told_of_the_turn(rows, turn):
    assert asyncio.run(_trainer(Cursors(*rows)).due()) == turn


def test_a_failed_training_is_due_again_and_one_without_scores_is_not():
    trainer = _trainer(Cursors((b"%d" % WEEK, None, None)), codes=[1, 0])

    async def twice():
        await trainer.work(await trainer.due())
        assert await trainer.due() == WEEK
        await trainer.work(WEEK)
        return await trainer.due()

    assert asyncio.run(twice()) is None


def test_versions_are_named_by_the_cut_and_shares_by_the_trainee():
    assert version_of(1_740_960_000_000) == "s1-2025-03-03"
    assert version_of(1_740_960_000_001) == "s1-2025-03-03.1"
    assert {share_part("c", f"k1.{n}", 3) for n in range(30)} == {"c/0", "c/1", "c/2"}
