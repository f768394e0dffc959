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

    def changed(self, record: str, happened: int, status=None, expects=None) -> "Story":
        body = {"status": status, "rotation": "R", "base": None, "expects": expects, "happened": happened}
        return self._evidence("rotation", record, 0, body)

    def linked(self, record: str = "11", head: str | None = "k1.p", happened: int = 1, rev: int = 0) -> "Story":
        event = "linked" if head else "unmerged"
        return self._evidence("identity", record, rev, {"event": event, "head": head, "happened": happened})

    def carried(self, state: str, rows: list, seq: int) -> "Story":
        self._apply({"k": "carried", "trainee": "k1.t", "persona": "k1.m", "seq": seq, "state": state, "rows": rows})
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


def test_a_step_that_states_no_status_keeps_the_last_one():
    story = Story().rotation().rotation("cancelled", "ab", happened=2).changed("ac", 3).tick(LATE)
    assert story.notices == []
    story.changed("ad", 4, status="started")
    assert story.notices == [("opened", "m", 4, 0)]


def test_a_rotation_without_any_status_is_planned():
    assert Story().changed("aa", 1, expects=[["m", 1, DUE]]).tick(LATE).notices == [("opened", "m", 1, 0)]


def test_a_change_may_state_that_nothing_is_expected():
    story = Story().rotation().tick(LATE).changed("ab", 2, expects=[])
    assert story.notices == [("opened", "m", 1, 0), ("recovered", "m", 2, 0)]
    assert Story().rotation().changed("ab", 2).tick(LATE).notices == [("opened", "m", 2, 0)]


def test_a_pseudonym_with_a_head_is_not_watched():
    story = Story().rotation().tick(LATE).linked()
    assert story.notices == [("opened", "m", 1, 0), ("recovered", "m", 2, 0)]
    assert [notice.linked for notice in story.mirror.notices.values()] == [False, True]
    assert (story.open, story.mirror.deadlines()) == ({}, {})
    story.rotation(record="ab", expects=[("n", 1, DUE), ("o", 1, LATE * 2)]).tick(LATE + 5)
    assert story.notices[2:] == []
    assert story.mirror.deadlines() == {}


def test_without_a_head_it_is_examined_anew():
    expects = [("m", 1, DUE), ("n", 1, DUE), ("o", 1, DUE + DAY_MS)]
    story = Story().linked().rotation(expects=expects).arrives(item="n").tick(LATE)
    story.linked("22", None, happened=2)
    assert story.notices == [("opened", "m", 4, 0)]
    assert story.mirror.deadlines() == {"k1.t|R|o": LATE + DAY_MS}
    assert story.tick(LATE + DAY_MS).notices[1:] == [("opened", "o", 5, 0)]


def test_another_head_changes_nothing_for_the_rule():
    story = Story().rotation().linked().tick(LATE).linked("22", "k1.q", happened=2)
    assert story.notices == []


def test_a_link_that_is_retracted_never_was():
    story = Story().rotation().tick(LATE).linked().retracted("11")
    assert [(notice.what, notice.linked) for notice in story.mirror.notices.values()] == [
        ("opened", False),
        ("recovered", True),
        ("opened", False),
    ]


def _carried_plan(record: str, rev: int = 0, expects=(("m", 1, DUE),)) -> list:
    expected = [list(e) for e in expects]
    slot = [f"r|R|{record * 8}", [1, rev, "planned", None, None, "b", None, None, expected]]
    return [record * 8, rev, "00" * 8, ["k1.m"], [["k|rotation", [1]]], [slot]]


def _carried_arrival(record: str) -> list:
    return [record * 8, 0, "00" * 8, ["k1.m"], [["a|R|m", [1]], ["k|assessment", [1]]], []]


def test_a_person_is_watched_for_what_is_carried_over():
    story = Story().tick(LATE).carried("all", [_carried_plan("aa")], 5).carried("some", [_carried_arrival("bb")], 6)
    opened, recovered = story.mirror.notices.values()
    assert story.notices == [("opened", "m", 1, 0), ("recovered", "m", 2, 1)]
    assert (opened.slots, opened.base, recovered.cause.ids) == ({"aa" * 8}, "b", {"bb" * 8})


def test_the_rows_of_one_record_are_examined_together():
    rows = [_carried_plan("aa"), _carried_arrival("bb")]
    assert Story().tick(LATE).carried("all", rows, 5).notices == []
    story = Story().rotation(expects=[("m", 2, DUE)]).carried("all", [_carried_arrival("bb")], 5).tick(LATE)
    assert story.notices == [("opened", "m", 2, 1)]
    story.carried("none", [], 6)
    assert story.notices[1:] == []
    assert story.arrives("cc").arrives("dd").notices[1:] == [("recovered", "m", 5, 2)]
