"""The judgement: logs and state in, report out. No I/O."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from megdt_stream.verify.alerts import check_alerts
from megdt_stream.verify.carried import check_carried
from megdt_stream.verify.entities import check_entities
from megdt_stream.verify.intake import Deliveries, Intake, check_intake, read_deliveries
from megdt_stream.verify.log import IntakeState, Log, MirrorState, Origin, PartitionLog, State
from megdt_stream.verify.mirror import Mirror
from megdt_stream.verify.models import check_models
from megdt_stream.verify.names import CONTRIBUTIONS, EVIDENCE, INPUTS, full_name
from megdt_stream.verify.overdue import Notice
from megdt_stream.verify.reference import Reference, Rule, load_reference
from megdt_stream.verify.rejects import Expectation, check_rejects, failed_origins, gather_rejects
from megdt_stream.verify.report import Report, TopicFigures
from megdt_stream.verify.reviews import Said
from megdt_stream.verify.store import check_counts, check_store, journal_origins


def judge(
    log: Log, state: State, reference: Reference | None = None, progress: Callable[[str], None] | None = None
) -> Report:
    """Recompute what must be from the log, and name every difference to what is."""
    reference = reference or load_reference()
    say = progress if progress is not None else _say_nothing
    report = Report(topics={full_name(short): TopicFigures() for short in INPUTS})
    rejects = gather_rejects(log, state, report)
    say("checking the evidence against the input")
    deliveries = read_deliveries(log, reference, report)
    intake = check_intake(log, state, deliveries, reference, report)
    say("folding the evidence")
    journalled = frozenset(origin for mirror in state.mirror.values() for origin in journal_origins(mirror))
    failed = failed_origins(rejects, journalled)
    mirrors = _fold(log, state, deliveries, reference.rule, failed)
    say("comparing twins, journal, rejects and alerts")
    check_carried(log, state, mirrors, deliveries, reference, report)
    for mirror in mirrors:
        check_store(mirror, state.mirror.get(mirror.partition, MirrorState()), report)
    late = {origin: reason for mirror in mirrors for origin, reason in mirror.rejects.items()}
    check_rejects(log, state, rejects, Expectation(intake.refusals, late), deliveries, report)
    notices: dict[str, Notice | Said] = {}
    for mirror in mirrors:
        notices |= mirror.notices
        notices |= mirror.said
    check_alerts(log, state, notices, reference, report)
    check_entities(log, state, mirrors, report)
    check_models(log, mirrors, report)
    _figure(intake, mirrors, state, report)
    _check_intake_counts(log, state, intake, report)
    _check_rest(log, state, report)
    _check_balance(state, report)
    return report


def _fold(log: Log, state: State, deliveries: Deliveries, rule: Rule, failed: frozenset[Origin]) -> list[Mirror]:
    mirrors = []
    for number, partition in sorted(log.partitions(EVIDENCE).items()):
        mirror = Mirror(number, rule, failed)
        applied = state.mirror.get(number, MirrorState()).offset
        for record in partition.records:
            if record.offset < applied and (number, record.offset) not in deliveries.unreadable:
                mirror.apply(record.offset, msgspec.json.decode(record.value or b""))
        mirrors.append(mirror)
    return mirrors


def _figure(intake: Intake, mirrors: list[Mirror], state: State, report: Report) -> None:
    """Fill in the checker's own figures per topic."""
    for (short, _), counts in intake.counts.items():
        figures = report.topics[full_name(short)]
        for name, count in counts.items():
            if name.startswith("rejected:"):
                figures.rejected += count
                figures.reasons[name.removeprefix("rejected:")] += count
    for mirror in mirrors:
        for (short, outcome), count in mirror.counts.items():
            figures = report.topics[full_name(short)]
            setattr(figures, outcome, getattr(figures, outcome) + count)
        for origin, reason in mirror.rejects.items():
            report.topics[full_name(origin.topic)].reasons[reason] += 1


def _check_intake_counts(log: Log, state: State, intake: Intake, report: Report) -> None:
    for (short, number), counts in intake.counts.items():
        found = state.intake.get((short, number), IntakeState()).counts
        begin = log.partitions(short).get(number, PartitionLog()).begin
        if begin == 0:
            check_counts(f"{full_name(short)}/{number}", counts, found, report)
        else:
            _believe(full_name(short), counts, found, report)


def _believe(topic: str, counts: dict[str, int], found: dict[str, int], report: Report) -> None:
    """Take the recorded counts for input that retention has removed: nobody can count it again."""
    figures = report.topics[topic]
    for name, count in found.items():
        gone = count - counts.get(name, 0)
        if name == "read":
            figures.read += gone
        elif name.startswith("rejected:"):
            figures.rejected += gone
            figures.reasons[name.removeprefix("rejected:")] += gone


def _check_rest(log: Log, state: State, report: Report) -> None:
    """Say what was waiting when the check began, and which keys are not what they must be."""
    waiting = {full_name(EVIDENCE): 0} | {full_name(short): 0 for short in INPUTS}
    for short in INPUTS:
        for number, partition in log.partitions(short).items():
            cursor = state.intake.get((short, number), IntakeState()).offset
            waiting[full_name(short)] += partition.waiting(cursor)
    for number, partition in log.partitions(EVIDENCE).items():
        waiting[full_name(EVIDENCE)] += partition.waiting(state.mirror.get(number, MirrorState()).offset)
    waiting[full_name(CONTRIBUTIONS)] = sum(
        partition.waiting(state.entity_offsets.get(number, 0))
        for number, partition in log.partitions(CONTRIBUTIONS).items()
    )
    report.backlog = {topic: count for topic, count in waiting.items() if count}
    if state.moving:
        report.differ("not_at_rest", "redis", problem="the state changed each time it was read")
    for key in state.damaged:
        report.differ("key", key, problem="another type than ours, or a partition's tag that does not exist")


def _check_balance(state: State, report: Report) -> None:
    """The recorded counts alone: accepted + duplicate + rejected = read."""
    for short in INPUTS:
        parts = [intake.counts for (topic, _), intake in state.intake.items() if topic == short]
        read = sum(counts.get("read", 0) for counts in parts)
        refused = sum(n for counts in parts for name, n in counts.items() if name.startswith("rejected:"))
        mirrored = sum(
            count
            for mirror in state.mirror.values()
            for name, count in mirror.counts.items()
            if name.split(":")[0] == short
        )
        if not report.backlog and refused + mirrored != read:
            report.differ("balance", full_name(short), read=read, rejected_at_intake=refused, mirrored=mirrored)


def _say_nothing(_: str) -> None:
    """Take progress that nobody wants to see."""
