"""Evidence logs of one partition, a driver that applies them in any batches, and what must come out."""

import asyncio
import json
from collections import Counter, defaultdict
from typing import NamedTuple

from hypothesis import strategies as st

from megdt_stream import mirror
from megdt_stream.evidence import record, topics
from megdt_stream.evidence.record import Assessment, Rotation, Tick
from megdt_stream.governance.overdue import OverdueRule
from megdt_stream.runtime import stored
from megdt_stream.runtime.memory import MemoryLedger
from megdt_stream.runtime.mirror_stage import load_rows
from megdt_stream.twin import journal
from tests.twin.facts import DAY, EVERY, assessments, expected_fields, facts, placed, rotations, standing_set

NUMBER = 3
EVIDENCE = topics.EVIDENCE.name
GRACE = DAY
RULE = OverdueRule(
    version=1,
    grace_days=1,
    severity="medium",
    owner="education-office",
    source="a test",
    next_step={"en": "Ask.", "zh": "请核实。"},
)
TIMES = (-5, 0, 1, 1 * DAY, 5 * DAY, 6 * DAY - 1, 6 * DAY, 21 * DAY, 41 * DAY, 60 * DAY)
RUBBISH = (b"", b"{}", b"\xff", b'{"k":"tick"}', b"[" * 5000, b'{"k":"tick","at":1,"wall":1,"x":' + b"[" * 5000)

_facts = st.tuples(
    st.just("fact"),
    st.one_of(
        facts(kinds=EVERY, trainees=("k1.a", "k1.b")),
        facts(kinds=(assessments, rotations), trainees=("k1.a",)),
        facts(kinds=(rotations,), trainees=("k1.a",), records=2, revisions=4),
    ),
    st.sampled_from([("assessments", 0), ("rotations", 1)]),
)
_moves = st.one_of(
    _facts,
    _facts,
    _facts,
    st.tuples(st.just("tick"), st.sampled_from(TIMES)),
    st.tuples(st.just("again"), st.integers(0, 20)),
    st.tuples(st.just("rubbish"), st.sampled_from(RUBBISH)),
)


def _log(moves):
    values, forwarded, offsets = [], [], Counter()
    for move in moves:
        if move[0] == "fact":
            _, fact, (topic, partition) = move
            offsets[topic] += 1
            forwarded.append(record.encode(placed(fact, topic, partition, 2 * offsets[topic])))
            values.append(forwarded[-1])
        elif move[0] == "tick":
            values.append(record.encode(Tick(move[1], 0)))
        elif move[0] == "rubbish":
            values.append(move[1])
        elif forwarded:
            values.append(forwarded[move[1] % len(forwarded)])
    return values


logs = st.lists(_moves, max_size=24).map(_log)


class Applied(NamedTuple):
    """Everything a log leaves behind."""

    twins: dict
    rows: dict
    due: dict
    seen: dict
    counts: dict
    messages: list
    outcomes: dict
    now: int


async def apply(ledger, values, cuts=(), forget="", rule=RULE):
    """Apply a log through any ledger; give the outcomes and the partition as it stands in memory."""
    outcomes = Counter()
    taken = await ledger.take(EVIDENCE, NUMBER, 1, (0, len(values)), "id")
    partition = await ledger.partition(NUMBER, taken)
    ends = sorted({cut for cut in cuts if 0 < cut < len(values)} | {len(values)})
    for base, end in zip([0, *ends], ends, strict=False):
        if base == end:
            continue
        batch = mirror.read(enumerate(values[base:end], base))
        rows = await load_rows(ledger, partition, taken.view, batch)
        changes = mirror.step(partition, batch, rows, rule)
        verdict = await ledger.commit(
            EVIDENCE, partition, taken, base, end, changes, dict.fromkeys(range(base, end), 9)
        )
        assert verdict.stands
        outcomes += changes.outcomes
        if forget == "twins":
            partition.twins.clear()
        elif forget == "everything":
            taken = await ledger.take(EVIDENCE, NUMBER, 1, (0, len(values)), "id")
            partition = await ledger.partition(NUMBER, taken)
    return outcomes, partition


def read_back(view):
    """Give the fields of all twins in a view, wherever they rest: trainee -> field -> bytes."""
    found = {}
    for trainee in view.twins.keys() | view.archives.keys():
        fields, chunks = (_pairs(kept.get(trainee, {})) for kept in (view.twins, view.archives))
        texts = stored.read_twin(fields, chunks).fields()
        found[trainee] = {name: text if isinstance(text, bytes) else text.encode() for name, text in texts.items()}
    return found


def rows_of(view):
    """Give the journal rows of a view, read back."""
    words = {trainee: stored.read_words(_pairs(fields)) for trainee, fields in view.words.items()}
    return {(name, h): journal.unpack(data, h, words[name]) for (name, h), data in view.rows.items()}


def _pairs(fields):
    return [(name.encode(), value) for name, value in fields.items()]


async def _apply(values, cuts, forget, rule):
    ledger = MemoryLedger()
    outcomes, partition = await apply(ledger, values, cuts, forget, rule)
    view = ledger.view(NUMBER)
    out = await ledger.outgoing(NUMBER, 10_000)
    return Applied(
        read_back(view),
        rows_of(view),
        dict(view.due),
        dict(view.seen),
        {name: n for name, n in view.counts.items() if n},
        [outgoing.message for outgoing in out],
        dict(outcomes),
        partition.now,
    )


def applied(values, cuts=(), forget="", rule=RULE):
    """Apply a log cut into batches; `forget` "twins" or "everything" is dropped from memory after each."""
    return asyncio.run(_apply(values, cuts, forget, rule))


def alerts(result):
    """Give the notices, in order, as (offset, event)."""
    return [(m.offset, json.loads(m.value)) for m in result.messages if m.topic == topics.ALERTS.name]


def rejects(result):
    """Give the rejects, in order, as (offset, headers)."""
    return [
        (m.offset, {name: text.decode() for name, text in m.headers})
        for m in result.messages
        if m.topic == topics.REJECTS.name
    ]


# --- the oracle: docs/records.md, section 3, one record at a time, everything recomputed ---


class Expected(NamedTuple):
    """What a log must leave behind."""

    twins: dict
    counts: dict
    rejected: list
    transitions: list
    open: dict


def expected(values):
    """Work a log through the plain way."""
    evidence, seen, held = [], {}, {}
    counts, rejected, transitions, opened, now = Counter(), [], [], {}, 0
    for offset, value in enumerate(values):
        try:
            fact = record.decode(value)
        except (ValueError, RecursionError):
            rejected.append((offset, "undecodable"))
            continue
        if isinstance(fact, Tick):
            now = max(now, fact.at)
        else:
            topic, partition, at = fact.origin
            if at <= seen.get((topic, partition), -1):
                continue
            seen[topic, partition] = at
            known = held.get((fact.trainee, fact.h, fact.rev))
            if known and known.d == fact.d:
                counts[topic, "duplicate"] += 1
            elif known and known.d < fact.d:
                counts[topic, "rejected"] += 1
                rejected.append((offset, "id_conflict"))
            else:
                if known:
                    counts[known.origin[0], "accepted"] -= 1
                    counts[known.origin[0], "rejected"] += 1
                    rejected.append((offset, "id_conflict"))
                counts[topic, "accepted"] += 1
                held[fact.trainee, fact.h, fact.rev] = fact
            evidence.append(fact)
        transitions += [(offset, *what) for what in _transitions(evidence, opened, now)]
    twins = {}
    for trainee in {fact.trainee for fact in evidence}:
        fields = expected_fields([fact for fact in evidence if fact.trainee == trainee])
        if fields:
            twins[trainee] = fields
    named = {f"{topic}:{what}": n for (topic, what), n in counts.items() if n}
    return Expected(twins, named, rejected, transitions, opened)


def _transitions(evidence, opened, now):
    overdue = {}
    for (trainee, rotation), steps in _rotations(evidence).items():
        ordered = sorted(steps, key=lambda step: (step.happened, step.rev, step.h))
        plans = [step for step in ordered if step.expects is not None]
        stated = [step.status for step in ordered if step.status is not None]
        if (stated and stated[-1] == "cancelled") or not plans:
            continue  # a plan that states no expectations leaves those of an earlier one
        for key, count, due in plans[-1].expects:
            arrived = sum(
                (fact.trainee, fact.rotation or "-", fact.item or fact.instrument) == (trainee, rotation, key)
                for fact in standing_set(evidence)
                if isinstance(fact, Assessment)
            )
            if now >= due + GRACE and arrived < count:
                overdue[trainee, rotation, key] = (due, count)
    for place in sorted(opened.keys() - overdue.keys()):
        del opened[place]
        yield "recovered", *place
    for place in sorted(overdue.keys() - opened.keys()):
        opened[place] = (now, *overdue[place])
        yield "opened", *place


def _rotations(evidence):
    steps = defaultdict(list)
    for fact in standing_set(evidence):
        if isinstance(fact, Rotation):
            steps[fact.trainee, fact.rotation].append(fact)
    return steps
