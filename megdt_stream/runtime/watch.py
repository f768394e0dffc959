"""What the worker says about itself: the one place where work turns into metrics, log lines and health.

Stages, transport and relay call this once a batch or less; nobody else touches Prometheus or structlog.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable

from megdt_stream.errors import (
    CursorOutsideLog,
    MegdtError,
    OffsetGap,
    RejectLimit,
    StoreLost,
    TopicRecreated,
    TwinFormat,
    Unavailable,
)
from megdt_stream.evidence import topics
from megdt_stream.evidence.reasons import Reason
from megdt_stream.mirror import Changes, FoldFailed
from megdt_stream.runtime import logs
from megdt_stream.runtime.claims import Claim, TopicPartition
from megdt_stream.runtime.failpoints import reach
from megdt_stream.runtime.health import Health
from megdt_stream.runtime.logs import Code
from megdt_stream.runtime.metrics import Dependency, Emission, Fault, Kept, Metrics, Outcome, Take
from megdt_stream.runtime.store import Outgoing

_log = logs.get("worker")
_OPENING = tuple(b'"type":"megdt.warning.' + kind for kind in (b"opened", b"raised", b"escalated"))
_OUTCOMES = {"displaced": Outcome.REJECTED}
_FATAL_CODES: dict[type[BaseException], Code] = {
    RejectLimit: Code.REJECT_LIMIT,
    OffsetGap: Code.OFFSET_GAP,
    CursorOutsideLog: Code.CURSOR_OUTSIDE_LOG,
    TopicRecreated: Code.TOPIC_RECREATED,
    TwinFormat: Code.TWIN_FORMAT,
}


def _code_of(error: BaseException) -> Code:
    return _FATAL_CODES.get(type(error), Code.FAILED)


def _short(topic: str) -> str:
    return topics.BY_NAME[topic].short


class Watch:
    """The worker's voice. `applied_records` and `dependencies_up` also feed the watchdog."""

    def __init__(self, metrics: Metrics, health: Health, leave: Callable[[int], None] = os._exit) -> None:
        """Take where to speak; `leave` ends the process at once, which loses nothing."""
        self._metrics = metrics
        self._health = health
        self._leave = leave
        self._up = dict.fromkeys(Dependency, True)
        self._high: dict[TopicPartition, int] = {}
        self.applied_records = 0
        # Set by the composition root: hands a lost claim back to the transport.
        self.give_up: Callable[[Claim], None] = lambda claim: None

    @property
    def dependencies_up(self) -> bool:
        """Tell whether Kafka and Redis answered last."""
        return all(self._up.values())

    # --- transport ---

    def claimed(self, claim: Claim) -> None:
        """Tell that a partition was taken and sought to."""
        tp = claim.tp
        self._metrics.take(Take.TAKEN)
        if claim.taken.created and (self._high.get(tp, 0) or self.applied_records):
            # Starting over here would let intake decide again; a restart reads its cursors off the log first.
            self.fatal(StoreLost(f"the store lost the cursor of {_short(tp.topic)}/{tp.partition}"))
        if claim.applied < self._high.get(tp, 0):
            self._metrics.store_rollback()
            _log.warning(Code.STORE_ROLLBACK, topic=_short(tp.topic), partition=tp.partition, cursor=claim.applied)
        self._high[tp] = claim.applied
        _log.info(
            Code.TAKEN,
            topic=_short(tp.topic),
            partition=tp.partition,
            cursor=claim.applied,
            generation=claim.generation,
        )

    def refused(self, tp: TopicPartition, generation: int, stored: int) -> None:
        """Tell that a take was refused because a later generation holds the partition."""
        self._metrics.take(Take.REFUSED)
        _log.warning(
            Code.TAKE_REFUSED,
            topic=_short(tp.topic),
            partition=tp.partition,
            generation=generation,
            of=stored,
        )

    def released(self, claims: Collection[Claim], why: str) -> None:
        """Tell that claims ended."""
        if why == "revoked":
            reach("K8")
            # What another worker applies meanwhile is no rollback.
            self._high.clear()
        _log.info(Code.REVOKED, n=len(claims), reason=why)

    def hole(self, tp: TopicPartition, expected: int, found: int) -> None:
        """Tell that a fetch did not continue where the last one ended."""
        self._metrics.offset_gap(_short(tp.topic))
        _log.warning(Code.OFFSET_GAP, topic=_short(tp.topic), partition=tp.partition, cursor=expected, offset=found)

    def fatal(self, error: MegdtError) -> None:
        """End the process: going on would lose or double events."""
        _log.critical(_code_of(error), exc_info=error, exit_code=error.exit_code)
        self._leave(error.exit_code)

    def crashed(self, error: BaseException) -> None:
        """End the process on an error nobody foresaw. What was committed is safe, the rest is read again."""
        code = error.exit_code if isinstance(error, MegdtError) else MegdtError.exit_code
        _log.critical(_code_of(error), exc_info=error, exit_code=code)
        self._leave(code)

    # --- dependencies ---

    def unavailable(self, error: Unavailable) -> None:
        """Tell that a dependency did not answer; which one the message says."""
        self._failed(Dependency.KAFKA if error.message.startswith("Kafka") else Dependency.REDIS, error)

    def store_failed(self, error: Unavailable) -> None:
        """Tell that the store did not answer; the call is made again."""
        self._failed(Dependency.REDIS, error)

    def log_failed(self, error: Unavailable) -> None:
        """Tell that the broker did not take records; the call is made again."""
        self._failed(Dependency.KAFKA, error)

    def _failed(self, dependency: Dependency, error: Unavailable) -> None:
        self._metrics.dependency_error(dependency, _fault(error))
        self._metrics.retry(dependency)
        if dependency is Dependency.REDIS:
            self._health.store(up=False)
        if self._up[dependency]:
            _log.warning(Code.DEPENDENCY_DOWN, dependency=dependency.value, message=error.message)
        self._up[dependency] = False

    def answered(self, dependency: Dependency) -> None:
        """Tell that a dependency answers."""
        self._metrics.dependency(dependency, up=True)
        if dependency is Dependency.REDIS:
            self._health.store(up=True)
        if not self._up[dependency]:
            _log.info(Code.DEPENDENCY_UP, dependency=dependency.value)
        self._up[dependency] = True

    # --- stages ---

    def step(self, name: str, seconds: float) -> None:
        """Add the time a batch spent in a step."""
        self._metrics.step(name, seconds)

    def committed(self, stage: str, seconds: float) -> None:
        """Observe one commit."""
        self._metrics.committed(stage, seconds)
        self.answered(Dependency.REDIS)
        if stage == "intake":
            self.answered(Dependency.KAFKA)

    def applied(self, claim: Claim, end: int, appended: int, n: int) -> None:
        """Tell that a batch is through: the claim's offset moves, and with it the group's."""
        claim.applied = end
        claim.last_applied_at = appended
        claim.oldest = None
        self.applied_records += n
        if claim.valid:
            self._high[claim.tp] = end
        self._metrics.read(_short(claim.tp.topic), n)
        reach("K7")

    def fenced(self, stage: str, claim: Claim) -> None:
        """Tell that a commit was refused; the partition is taken again if it is still assigned."""
        if claim.valid:
            self._metrics.fenced(stage)
            _log.warning(Code.FENCED, stage=stage, topic=_short(claim.tp.topic), partition=claim.tp.partition)
        self.give_up(claim)

    def intake_counts(self, topic: str, counts: dict[str, int]) -> None:
        """Count a batch of intake's decisions."""
        for name, n in counts.items():
            if name.startswith("rejected:"):
                reason = Reason(name.removeprefix("rejected:"))
                self._metrics.rejects(reason, n)
                self._metrics.emitted(Emission.REJECT, n)
                outcome = Outcome.FUTURE if reason is Reason.FUTURE_EVENT else Outcome.REJECTED
                self._metrics.events(topic, outcome, n)

    def mirrored(self, changes: Changes) -> None:
        """Count a batch of the mirror's outcomes."""
        for (topic, outcome), n in changes.outcomes.items():
            if topic in topics.BY_SHORT and topics.BY_SHORT[topic].role is topics.Role.INPUT:
                self._metrics.events(topic, _OUTCOMES.get(outcome, outcome), n)
        if changes.now:
            self._metrics.watermark(changes.now / 1000, time.time())

    def contributed(self, standing: int, stale: int, unreadable: int) -> None:
        """Count a batch of contributions."""
        self._metrics.contributed(Kept.STANDS, standing)
        self._metrics.contributed(Kept.STALE, stale - unreadable)
        self._metrics.contributed(Kept.UNREADABLE, unreadable)

    def fold_failed(self, claim: Claim, failed: FoldFailed) -> None:
        """Tell that the step failed on a record; it is tried again and in the end rejected."""
        _log.error(
            Code.FOLD_FAILED,
            topic=_short(claim.tp.topic),
            partition=claim.tp.partition,
            offset=failed.offset,
            exc_info=failed.__cause__,
        )

    # --- relay ---

    def relayed(self, sent: Iterable[Outgoing]) -> None:
        """Count published messages and how long after their cause they are on the topic."""
        now = time.time()
        for outgoing in sent:
            message = outgoing.message
            if message.topic == topics.REJECTS.name:
                self._metrics.emitted(Emission.REJECT)
                continue
            if message.topic == topics.EVIDENCE.name:
                self._metrics.emitted(Emission.CARRIED)
                continue
            if message.topic == topics.CONTRIBUTIONS.name:
                self._metrics.emitted(Emission.CONTRIBUTION)
                continue
            opened = any(kind in message.value for kind in _OPENING)
            self._metrics.emitted(Emission.OPENED if opened else Emission.RECOVERED)
            if outgoing.caused:
                self._metrics.alert_latency(max(0.0, now - outgoing.caused / 1000))
        self.answered(Dependency.KAFKA)

    # --- sampled ---

    def sample(self, claims: Collection[Claim], end: Callable[[Claim], int | None], outbox: int, waited: float) -> int:
        """Publish offsets and backlog of what is held here; give the backlog in records.

        `outbox`: messages that wait; `waited`: for how long (s) the oldest has.
        """
        now = time.time() * 1000
        events: dict[str, int] = {topic.short: 0 for topic in (*topics.INPUTS, topics.EVIDENCE, topics.CONTRIBUTIONS)}
        oldest: dict[str, float] = dict.fromkeys(events, 0.0)
        for claim in claims:
            topic = _short(claim.tp.topic)
            last = end(claim)
            behind = max(0, last - claim.applied) if last is not None else 0
            self._metrics.offsets(topic, claim.tp.partition, claim.applied, claim.applied + behind)
            events[topic] += behind
            if behind:
                since = claim.oldest or claim.last_applied_at or now
                oldest[topic] = max(oldest[topic], (now - since) / 1000)
        for topic, n in events.items():
            self._metrics.backlog(topic, n, oldest[topic])
        self._metrics.outbox(outbox, waited)
        total = sum(events.values())
        self._health.backlog(total, max(oldest.values()))
        return total

    def assigned(self, claims: Collection[Claim]) -> None:
        """Publish how many partitions are held."""
        held: dict[str, int] = {}
        for claim in claims:
            topic = _short(claim.tp.topic)
            held[topic] = held.get(topic, 0) + 1
        self._metrics.assigned(held)
        self._health.assigned(len(claims))


def _fault(error: Exception) -> Fault:
    text = str(error)
    if "imeout" in text or "timed out" in text:
        return Fault.TIMEOUT
    if "READONLY" in text or "NotLeader" in text:
        return Fault.NOT_PRIMARY
    if "OOM" in text or "MISCONF" in text:
        return Fault.OVERLOADED
    if "onnect" in text:
        return Fault.CONNECTION
    return Fault.OTHER
