"""The rule, step by step along a log."""

from hashlib import blake2b

import pytest

from megdt_stream.verify.mirror import Mirror
from megdt_stream.verify.reference import DAY_MS, Rule

DUE = 1_000 * DAY_MS
LATE = DUE + 7 * DAY_MS


class Story:
    """One trainee's rotation R, told record by record."""

    def __init__(self) -> None:
        self.mirror = Mirror(3, Rule(1, 7 * DAY_MS, "medium", "education-office"))
        self.offset = 0

    def _apply(self, evidence: dict) -> None:
        self.mirror.apply(self.offset, evidence)
        self.offset += 1

    def tick(self, at: int) -> "Story":
        self._apply({"k": "tick", "at": at, "wall": 0})
        return self

    def rotation(self, status="planned", record="aa", rev=0, happened=1, expects=(("m", 1, DUE),), name="R") -> "Story":
        placed = status in ("planned", "started")
        body = {"status": status, "rotation": name, "base": "b" if placed else None}
        body["expects"] = [list(e) for e in expects] if placed else None
        return self._evidence("rotation", record, rev, body | {"happened": happened})

    def arrives(self, record="bb", rev=0, rotation="R", item="m") -> "Story":
        body = {"instrument": "mini-cex", "item": item, "rotation": rotation, "marks": [], "missing": []}
        return self._evidence("assessment", record, rev, body | {"happened": 5})

    def retracted(self, record: str, rev: int = 9) -> "Story":
        return self._evidence("retraction", record, rev, {"happened": 6})

    def _evidence(self, kind: str, record: str, rev: int, body: dict) -> "Story":
        origin = ["rotations", 0, self.offset]
        self._apply({"k": kind, "trainee": "k1.t", "h": record * 8, "rev": rev, "d": "00" * 8, "origin": origin} | body)
        return self

    @property
    def notices(self) -> list[tuple[str, str, int, int]]:
        """Give what was decided about which key, at which offset, with how many arrived."""
        return [(n.what, n.key, n.cause.offset, n.arrived) for n in self.mirror.notices.values()]

    @property
    def open(self) -> dict[str, str]:
        twin = self.mirror.twins().get("k1.t", {})
        return {field: text for field, text in twin.items() if field.startswith("w|")}


def notice_id(what: str, offset: int, key: str = "m") -> str:
    parts = ["expected-assessment-overdue", "1", "k1.t", "R", key, what, "3", str(offset)]
    return blake2b("\0".join(parts).encode(), digest_size=8).hexdigest()


def test_a_tick_opens_when_due_and_grace_have_passed():
    story = Story().rotation().tick(LATE - 1)
    assert story.notices == []
    assert story.mirror.deadlines() == {"k1.t|R|m": LATE}
    story.tick(LATE)
    assert story.notices == [("opened", "m", 2, 0)]
    assert story.open == {"w|expected-assessment-overdue|R|m": f'[{LATE},"{notice_id("opened", 2)}",{DUE},1]'}
    assert story.mirror.deadlines() == {}


def test_it_opens_once_and_time_never_goes_back():
    story = Story().rotation().tick(LATE).tick(LATE + 5).tick(5).tick(LATE + 9)
    assert len(story.notices) == 1
    assert story.mirror.now == LATE + 9


def test_what_arrives_closes_it():
    story = Story().rotation().tick(LATE).tick(LATE + 3).arrives()
    opened, recovered = story.mirror.notices.values()
    assert (recovered.id, recovered.opened_by, recovered.since) == (
        notice_id("recovered", 3),
        opened.id,
        LATE,
    )
    assert (recovered.what, recovered.arrived, recovered.cause.now) == ("recovered", 1, LATE + 3)
    assert story.open == {}


def test_what_arrived_before_keeps_it_quiet_until_it_is_retracted():
    story = Story().arrives().rotation().tick(LATE)
    assert story.notices == []
    story.retracted("bb")
    assert story.notices == [("opened", "m", 3, 0)]


def test_a_record_for_another_rotation_or_item_does_not_count():
    story = Story().rotation().arrives(rotation="other").arrives("cc", item="other").arrives("dd", rotation=None)
    assert story.tick(LATE).notices == [("opened", "m", 4, 0)]


def test_amending_to_this_rotation_counts_from_there():
    story = Story().rotation().arrives(rotation="other").tick(LATE).arrives(rev=1)
    assert story.notices == [("opened", "m", 2, 0), ("recovered", "m", 3, 1)]


def test_too_few_are_too_few():
    story = Story().rotation(expects=[("m", 2, DUE)]).arrives().tick(LATE)
    assert story.notices == [("opened", "m", 2, 1)]


def test_a_plan_that_comes_late_opens_at_once():
    assert Story().tick(LATE).rotation().notices == [("opened", "m", 1, 0)]


def test_before_the_first_tick_it_is_1970():
    assert Story().rotation(expects=[("m", 1, -8 * DAY_MS)]).notices == [("opened", "m", 0, 0)]


@pytest.mark.parametrize("status", ["cancelled"])
def test_cancelling_recovers(status):
    story = Story().rotation().tick(LATE).rotation(status, "ab", happened=2)
    assert story.notices == [("opened", "m", 1, 0), ("recovered", "m", 2, 0)]
    assert story.open == {}
    assert story.tick(LATE + DAY_MS).notices[2:] == []


def test_ending_does_not_recover():
    story = Story().rotation().rotation("ended", "ab", happened=2).tick(LATE)
    assert story.notices == [("opened", "m", 2, 0)]


def test_a_cancellation_that_happened_before_the_plan_does_not_count():
    story = Story().rotation("cancelled", "ab", happened=0).rotation().tick(LATE)
    assert story.notices == [("opened", "m", 2, 0)]


def test_undoing_a_cancellation_opens_again():
    story = Story().rotation().tick(LATE).rotation("cancelled", "ab", happened=2).retracted("ab")
    assert [what for what, *_ in story.notices] == ["opened", "recovered", "opened"]


def test_state_is_the_last_by_happened_then_revision_then_digest():
    story = Story().rotation(record="aa").rotation(record="ab", expects=[("n", 1, DUE)]).tick(LATE)
    assert [key for _, key, *_ in story.notices] == ["n"]
    story.rotation(record="aa", rev=1)
    assert story.notices[1:] == [("recovered", "n", 3, 0), ("opened", "m", 3, 0)] or story.notices[1:] == [
        ("opened", "m", 3, 0),
        ("recovered", "n", 3, 0),
    ]


def test_expectations_survive_the_end_but_not_the_retraction_of_the_plan():
    story = Story().rotation().rotation("ended", "ab", happened=2).tick(LATE).retracted("aa")
    assert [what for what, *_ in story.notices] == ["opened", "recovered"]


def test_postponing_recovers_and_waits_again():
    later = [("m", 1, DUE + DAY_MS)]
    story = Story().rotation().tick(LATE).rotation(rev=1, expects=later)
    assert [what for what, *_ in story.notices] == ["opened", "recovered"]
    assert story.mirror.deadlines() == {"k1.t|R|m": LATE + DAY_MS}
    assert story.tick(LATE + DAY_MS).notices[2:] == [("opened", "m", 3, 0)]


def test_a_change_that_stays_overdue_says_nothing_and_keeps_the_opening():
    story = Story().rotation().tick(LATE).rotation(rev=1, expects=[("m", 3, DUE - DAY_MS)])
    assert [what for what, *_ in story.notices] == ["opened"]
    assert list(story.open.values()) == [f'[{LATE},"{notice_id("opened", 1)}",{DUE},1]']


def test_a_duplicate_decides_nothing():
    story = Story().rotation().tick(LATE).rotation()
    assert [what for what, *_ in story.notices] == ["opened"]


def test_each_item_is_judged_by_itself():
    expects = [("m", 1, DUE), ("n", 1, DUE + DAY_MS)]
    story = Story().rotation(expects=expects).tick(LATE).tick(LATE + DAY_MS).arrives(item="n")
    assert [(what, key) for what, key, *_ in story.notices] == [
        ("opened", "m"),
        ("opened", "n"),
        ("recovered", "n"),
    ]
    assert list(story.open) == ["w|expected-assessment-overdue|R|m"]
