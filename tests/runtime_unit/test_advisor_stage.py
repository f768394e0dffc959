"""When a round of advice is due: at a turn that all partitions have passed, once, and first what was cut off."""

import asyncio

import orjson
import pytest

from megdt_stream.runtime.advisor_stage import AdvisorStage

WEEK = 7 * 86_400_000


class Store:
    """A store that has nothing but the domain time of partitions, and where advice stands."""

    def __init__(self, nows, settled=None, kept=None):
        self.nows, self.advice = list(nows), [settled, kept]

    async def call(self, command, *_):
        return self.advice if command == "HMGET" else self.nows.pop(0)


@pytest.mark.parametrize(
    ("nows", "settled", "kept", "turn"),
    [
        ([None, b"%d" % (3 * WEEK)], None, None, None),
        ([b"%d" % (2 * WEEK + 5), b"%d" % (3 * WEEK)], None, None, 2 * WEEK),
        ([b"%d" % (9 * WEEK), b"%d" % (9 * WEEK)], b"%d" % (2 * WEEK), None, 9 * WEEK),
        ([b"%d" % (2 * WEEK), b"%d" % (2 * WEEK)], b"%d" % (2 * WEEK), None, None),
        ([b"%d" % (9 * WEEK)] * 2, b"%d" % WEEK, orjson.dumps({"turn": 2 * WEEK, "events": []}), 2 * WEEK),
    ],
)
def test_a_round_is_due_at_the_last_turn_that_all_partitions_have_passed(nows, settled, kept, turn):
    stage = AdvisorStage(Store(nows, settled, kept), len(nows), None, lambda: True, None, 7, 0.0)
    assert asyncio.run(stage.due()) == turn


def test_it_does_not_run_where_it_is_switched_off():
    stage = AdvisorStage(Store([]), 1, None, lambda: True, None, 0, 0.0)
    assert asyncio.run(stage.run()) is None
