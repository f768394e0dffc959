"""Persons and their pseudonyms: links, merges and evidence in any order come to the same twins, over partitions."""

import asyncio
import random
from collections import defaultdict

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megdt_stream import mirror
from megdt_stream.evidence import record, topics
from megdt_stream.evidence.record import Assessment, Carried, CarriedRow, Exposure, Identity, Retraction, Rotation, Tick
from megdt_stream.mirror import carrying
from megdt_stream.runtime.memory import MemoryLedger
from megdt_stream.runtime.mirror_stage import load_rows
from tests.mirror.logs import EVIDENCE, RULE, alerts, read_back
from tests.twin.facts import BLANK, DAY, EVERY, expected_fields, facts, named, placed

NAMES = ("k1.a", "k1.b", "sk.a", "sk.b")
PLACE = {"k1.a": 0, "k1.b": 1, "sk.a": 2, "sk.b": 0}


class World:
    """Several evidence partitions that carry records to each other through their outboxes."""

    def __init__(self, chance, cut=3, copies=True):
        self.ledger, self.chance, self.cut, self.copies = MemoryLedger(), chance, cut, copies
        self.logs = defaultdict(list)
        self.sent = []
        self.offsets = defaultdict(int)

    def publish(self, fact):
        topic = "identities" if isinstance(fact, Identity) else "assessments"
        self.offsets[topic] += 1
        self.logs[PLACE[fact.trainee]].append(record.encode(placed(fact, topic, 0, self.offsets[topic])))

    def tick(self, at):
        for number in range(3):
            self.logs[number].append(record.encode(Tick(at, 0)))

    async def _work(self, number):
        values = self.logs[number]
        taken = await self.ledger.take(EVIDENCE, number, 1, (0, 0), "id")
        partition = await self.ledger.partition(number, taken)
        position = taken.offset
        while position < len(values):
            end = min(len(values), position + self.chance.randint(1, self.cut))
            batch = mirror.read(enumerate(values[position:end], position))
            rows = await load_rows(self.ledger, partition, taken.view, batch)
            changes = mirror.step(partition, batch, rows, RULE)
            assert (await self.ledger.commit(EVIDENCE, partition, taken, position, end, changes, {})).stands
            position = end
            if self.chance.random() < 0.3:
                partition.twins.clear()

    async def _deliver(self):
        """Hand on what waits in the outboxes, in any order and now and then twice."""
        waiting = []
        for number in range(3):
            out = await self.ledger.outgoing(number, 10_000)
            if out:
                await self.ledger.clear(number, [each.member for each in out])
            waiting += [each.message for each in out]
        carried = [message for message in waiting if message.topic == EVIDENCE]
        self.sent += [message for message in waiting if message.topic != EVIDENCE]
        self.chance.shuffle(carried)
        for message in carried:
            self.logs[PLACE[message.key.decode()]].append(message.value)
            if self.copies and self.chance.random() < 0.2:
                self.logs[PLACE[message.key.decode()]].append(message.value)
        return bool(carried)

    def settle(self, rounds=1000):
        """Work until nothing is left to do, or so many rounds; tell whether nothing is."""
        return asyncio.run(self.run(rounds))

    async def run(self, rounds):
        for _ in range(rounds):
            for number in range(3):
                await self._work(number)
            if not await self._deliver():
                return True
        return False

    def twin(self, name):
        fields = read_back(self.ledger.view(PLACE[name])).get(name, {})
        return {field: text.decode() for field, text in sorted(fields.items()) if not field.startswith("w|")}

    def open(self, name):
        return [field for field in read_back(self.ledger.view(PLACE[name])).get(name, {}) if field.startswith("w|")]


def link(subject, head, number, rev=0, happened=0, event="linked"):
    body = Identity(event=event, head=head, system=None, **BLANK | {"happened": happened})
    return named(body, subject, 1000 + number, rev)


# --- the oracle: every pseudonym's records, its head, and the fixed point of carrying them on ---


def heads(evidence):
    newest = {}
    for fact in standing(evidence):
        if isinstance(fact, Identity):
            key = fact.happened, fact.rev, fact.h
            if fact.trainee not in newest or key > newest[fact.trainee][0]:
                newest[fact.trainee] = key, fact.head
    return {name: head for name, (_, head) in newest.items() if head is not None}


def standing(evidence):
    versions = defaultdict(dict)
    for fact in evidence:
        known = versions[fact.trainee, fact.h].get(fact.rev)
        if known is None or fact.d < known.d:
            versions[fact.trainee, fact.h][fact.rev] = fact
    return [of[max(of)] for of in versions.values()]


def persons(evidence):
    """Give what stands at each pseudonym: name -> h -> (rev, digest, via, fact)."""
    at = {name: {} for name in NAMES}
    own = standing(evidence)
    linked = heads(evidence)
    for _ in range(len(NAMES) + 2):
        now = {}
        for name in NAMES:
            candidates = defaultdict(list)
            for fact in own:
                if fact.trainee == name and not isinstance(fact, Identity):
                    candidates[fact.h].append((-fact.rev, bytes.fromhex(fact.d), 0, (), fact))
            for member, head in linked.items():
                if head == name:
                    for h, (rev, digest, _, via, fact) in at[member].items():
                        through = (*via, member)
                        if name not in through:
                            candidates[h].append((rev, digest, len(through), through, fact))
            now[name] = {h: min(some, key=lambda c: c[:4]) for h, some in candidates.items()}
        if now == at:
            return at
        at = now
    raise AssertionError("carrying records on has no fixed point")


def wanted(evidence, name):
    return expected_fields([fact for *_, fact in persons(evidence)[name].values()])


_links = st.builds(
    link,
    st.sampled_from(NAMES),
    st.sampled_from([None, *NAMES]),
    st.integers(0, 2),
    rev=st.integers(0, 2),
    happened=st.sampled_from([0, 1, 2]),
).filter(lambda fact: fact.head != fact.trainee)
_facts = facts(kinds=EVERY, trainees=NAMES, records=3, revisions=3)
_undone = st.builds(
    lambda subject, number, rev: named(Retraction(**BLANK, happened=0), subject, 1000 + number, rev),
    st.sampled_from(NAMES),
    st.integers(0, 2),
    st.integers(1, 3),
)
_few = facts(kinds=EVERY, trainees=("k1.a", "sk.a"), records=1, revisions=6)
_few_links = st.builds(link, st.just("sk.a"), st.sampled_from([None, "k1.a", "k1.a"]), st.integers(0, 1))
evidence_sets = st.one_of(
    st.lists(st.one_of(_facts, _facts, _facts, _links, _undone), max_size=18),
    st.lists(st.one_of(_few, _few, _few, _few_links), max_size=10),
)


@settings(max_examples=300, deadline=None)
@given(evidence_sets, st.integers(0, 2**32))
def test_any_order_of_links_and_evidence_gives_the_twins_of_the_set(evidence, seed):
    chance = random.Random(seed)
    chance.shuffle(evidence)
    world = World(chance)
    for fact in evidence:
        world.publish(fact)
        if chance.random() < 0.4:
            world.settle(rounds=1)
    assert world.settle()
    for name in NAMES:
        assert world.twin(name) == wanted(evidence, name), name


@settings(max_examples=100, deadline=None)
@given(st.lists(_facts, min_size=1, max_size=12), st.integers(0, 12), st.integers(0, 12), st.integers(0, 2**32))
def test_a_merge_taken_back_leaves_the_bytes_there_were(evidence, merged, unmerged, seed):
    plain, other = World(random.Random(seed)), World(random.Random(seed + 1))
    first, last = sorted((merged, unmerged))
    for n, fact in enumerate([*evidence, None]):
        if n == min(first, len(evidence)):
            other.publish(link("sk.a", "k1.a", 0, happened=0, event="merged"))
        if n == min(last, len(evidence)):
            other.publish(link("sk.a", None, 1, happened=1, event="unmerged"))
        if fact is not None:
            plain.publish(fact)
            other.publish(fact)
            other.settle(rounds=1)
    assert plain.settle()
    assert other.settle()
    for name in NAMES:
        assert plain.ledger.view(PLACE[name]).twins.get(name) == other.ledger.view(PLACE[name]).twins.get(name)


def exposure(trainee, number, count=1, rev=0):
    body = Exposure(kind="case", item="P", role=None, count=count, rotation=None, **BLANK, happened=0)
    return named(body, trainee, number, rev)


def test_an_id_counts_once_whoever_it_was_sent_under():
    world = World(random.Random(1))
    for fact in (exposure("sk.a", 1, 5), exposure("k1.a", 1, 5), exposure("sk.a", 2, 7), link("sk.a", "k1.a", 0)):
        world.publish(fact)
    assert world.settle()
    assert world.twin("k1.a")["x|case|P|-|0"] == "12"
    assert world.twin("sk.a")["x|case|P|-|0"] == "12"


def test_a_chain_carries_all_the_way_and_a_cycle_comes_to_rest():
    world = World(random.Random(1))
    for fact in (
        exposure("sk.a", 1, 5),
        link("sk.a", "sk.b", 0),
        link("sk.b", "k1.a", 1),
        exposure("k1.a", 2, 1),
    ):
        world.publish(fact)
    assert world.settle()
    assert world.twin("k1.a")["x|case|P|-|0"] == "6"
    world.publish(link("k1.a", "sk.a", 2))
    assert world.settle(rounds=20)
    assert {world.twin(name)["x|case|P|-|0"] for name in ("k1.a", "sk.a", "sk.b")} == {"6"}
    world.publish(link("sk.a", None, 3, happened=9))
    assert world.settle(rounds=20)
    assert world.twin("sk.a")["x|case|P|-|0"] == "6"  # its own five and the one of k1.a, which still belongs to it


def test_what_a_cycle_was_fed_leaves_it_with_its_source():
    world = World(random.Random(1))
    for fact in (
        exposure("sk.b", 1, 5),
        link("sk.b", "k1.a", 0),
        link("k1.a", "k1.b", 1),
        link("k1.b", "k1.a", 2),
    ):
        world.publish(fact)
        world.settle(rounds=20)
    assert {world.twin(name)["x|case|P|-|0"] for name in ("k1.a", "k1.b")} == {"5"}
    world.publish(link("sk.b", None, 3, happened=1))
    assert world.settle(rounds=20)
    assert [world.twin(name) for name in ("k1.a", "k1.b")] == [{}, {}]


def plan(trainee, number):
    body = Rotation(
        status="planned",
        rotation="R1",
        base="B1",
        department=None,
        supervisor=None,
        starts=0,
        ends=DAY,
        expects=(("mini-cex", 1, DAY),),
        **BLANK,
        happened=0,
    )
    return named(body, trainee, number, 0)


def mark(trainee, number):
    body = Assessment(
        instrument="mini-cex",
        item=None,
        assessor=None,
        rotation="R1",
        scale="mini-cex@1",
        carried_over=False,
        marks=(),
        missing=(),
        **BLANK,
        happened=0,
    )
    return named(body, trainee, number, 0)


def test_rules_speak_for_the_person_and_not_for_the_pseudonym():
    world = World(random.Random(1))
    world.publish(plan("sk.a", 1))
    world.settle()
    world.tick(9 * DAY)
    world.settle()
    assert world.open("sk.a")
    world.publish(link("sk.a", "k1.a", 0))
    world.settle()
    assert not world.open("sk.a")
    assert world.open("k1.a")
    world.publish(mark("k1.a", 2))
    world.settle()
    assert not world.open("k1.a")
    world.publish(link("sk.a", None, 1, happened=1))
    world.settle()
    assert world.open("sk.a")
    said = [
        (event["type"].split(".")[2], event["subject"], event["data"]["reason"]["code"])
        for _, event in alerts(world_result(world))
    ]
    assert said == [
        ("opened", "sk.a", "overdue"),
        ("recovered", "sk.a", "linked"),
        ("opened", "k1.a", "overdue"),
        ("recovered", "k1.a", "arrived"),
        ("opened", "sk.a", "overdue"),
    ]


def world_result(world):
    class Result:
        messages = world.sent

    return Result


def test_many_rows_are_carried_in_pieces():
    world = World(random.Random(1), cut=500, copies=False)
    for number in range(carrying.ROWS_A_RECORD + 1):
        world.publish(exposure("sk.a", number))
    world.publish(link("sk.a", "k1.a", 0))
    assert world.settle()
    carried = [record.decode(value) for value in world.logs[PLACE["k1.a"]] if b'"carried"' in value]
    assert [(len(one.rows), one.state) for one in sorted(carried, key=lambda c: c.state)] == [(400, "all"), (1, "some")]
    assert world.twin("k1.a")["x|case|P|-|0"] == "401"


@pytest.mark.parametrize("h", ["", "0" * 15, "g" * 16])
def test_carried_bytes_are_hostile_until_checked(h):
    value = msgspec.json.encode(
        {"k": "carried", "trainee": "a.b", "persona": "a.c", "seq": 1, "state": "all", "rows": [[h]]}
    )
    with pytest.raises(ValueError):  # noqa: PT011
        record.decode(value)
    assert record.decode(record.encode(Carried("a.b", "a.c", 1, "all", (CarriedRow("0" * 16),))))
    assert topics.EVIDENCE.name


def carried(seq, count, state="some"):
    """Give what sk.a carries over to k1.a of one record: a count, or nothing."""
    row = (
        CarriedRow("0" * 16)
        if count is None
        else CarriedRow("0" * 16, 0, "1" * 16, ("sk.a",), (("x|case|P|-|0", (count,)),))
    )
    return record.encode(Carried("k1.a", "sk.a", seq, state, (row,)))


@given(st.permutations([(3, 1, "all"), (5, 2, "some"), (7, None, "some"), (9, 4, "some"), (9, 4, "some")]))
def test_the_latest_of_what_is_carried_stands_in_whatever_order_it_comes(messages):
    world = World(random.Random(1))
    world.logs[0] += [carried(seq, count, state) for seq, count, state in messages]
    assert world.settle()
    assert world.twin("k1.a") == {"x|case|P|-|0": "4"}


@given(st.permutations([(3, 1, "all"), (5, 2, "some"), (8, 3, "none"), (9, 4, "all")]))
def test_the_latest_register_holds_in_whatever_order_it_comes(messages):
    world = World(random.Random(1))
    for seq, count, state in messages:
        rows = () if state == "none" else record.decode(carried(seq, count)).rows
        world.logs[0].append(record.encode(Carried("k1.a", "sk.a", seq, state, rows)))
    assert world.settle()
    assert world.twin("k1.a") == {"x|case|P|-|0": "4"}


def test_a_link_made_anew_brings_only_what_stands_then():
    world = World(random.Random(1))
    for fact in (
        exposure("sk.b", 1, 5),
        exposure("sk.a", 2, 1),
        link("sk.b", "sk.a", 0),
        link("sk.a", "k1.a", 1),
        link("sk.a", None, 2, happened=1),
        link("sk.b", None, 3, happened=1),
        link("sk.a", "k1.a", 4, happened=2),
    ):
        world.publish(fact)
        assert world.settle(rounds=20)
    assert world.twin("k1.a")["x|case|P|-|0"] == "1"
