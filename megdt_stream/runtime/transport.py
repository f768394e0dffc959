"""A Faust transport that hands an agent the records of one poll and partition, and owns partitions by fenced token.

Stock Faust delivers single events and remembers in the group's offset what it acknowledged; both lose (docs/decisions/
0002). Here the unit is a `Batch`, and where work resumes is what the store says was applied:

- *Taking* (`seek_to_committed`, which Faust calls before it resumes flow): each assigned partition is taken under a new
  token, checked against the log's bounds, and sought to.
- *Delivering* (`getmany`): only where claimed, and only what continues the offset chain without a hole.
- *Following* (`_filter_committable_offsets`): the group's offset is published after the fact, for lag monitors.
- *Releasing* (`on_partitions_revoked`): all claims end before anything else happens.

Registered under the URL scheme `megdt://` (entry point group `faust.transports`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from typing import Any, Protocol, cast

import aiokafka
from faust.transport.consumer import ensure_TP
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage
from mode import Service
from mode.utils.futures import notify

from megdt_stream.errors import (
    CursorOutsideLog,
    LogError,
    MegdtError,
    OffsetGap,
    TopicRecreated,
    TwinFormat,
    Unavailable,
)
from megdt_stream.evidence.topics import COMPACTED
from megdt_stream.runtime import broken_connections, header_names
from megdt_stream.runtime.claims import Batch, Claim, Ledger, TopicPartition
from megdt_stream.runtime.store import Taken

MAX_RESEEKS = 10
"""Re-reads of a hole before it is believed. A fetch that was dropped in a rebalance heals at the first."""

TRANSACTION_RESEEKS = 3
"""Identical re-reads that make a hole a transaction marker, on topics declared transactional only."""

IDLE_FETCH_MS = 50
FLOW_FETCH_MS = 10
FLOW_FETCH_BYTES = 65_536
FLOW_SECONDS = 1.0
"""How fetches are paced; records that came within the last second mean flow."""

SATED_SECONDS = 0.02
"""How long a poll waits while some partitions have enough."""

CLAIM_SECONDS = 20.0
"""How long one attempt to take partitions may hold up Faust: well below its 90 s request timeout, after which it
stops listening for good. What is not taken by then is taken in the background."""


class Observer(Protocol):
    """What the transport tells whoever watches it. Called on the event loop; must not block."""

    def claimed(self, claim: Claim) -> None:
        """Tell that a partition was taken and sought to."""

    def refused(self, tp: TopicPartition, generation: int, stored: int) -> None:
        """Tell that a take was refused because a later generation holds the partition."""

    def released(self, claims: Collection[Claim], why: str) -> None:
        """Tell that claims ended."""

    def hole(self, tp: TopicPartition, expected: int, found: int) -> None:
        """Tell that a fetch did not continue where the last one ended."""

    def fatal(self, error: MegdtError) -> None:
        """End the process: going on would lose or double events."""

    def unavailable(self, error: Unavailable) -> None:
        """Tell that the ledger did not answer."""


class Wiring(Protocol):
    """What the composition root hangs on the Faust app for the transport to find."""

    ledger: Ledger
    observer: Observer
    topic_ids: Mapping[str, str]
    transactional: frozenset[str]
    fetch_backoff: float


def wiring_of(app: Any) -> Wiring:
    """Give what the composition root hung on the app."""
    wiring: Wiring = app.wiring
    return wiring


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """The consumer's thread, with settings that Faust does not pass on."""

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        header_names.install()
        broken_connections.install()
        consumer = super()._create_worker_consumer(transport)
        # Faust's 1.5 s: meanwhile the broker answers nothing else on this connection, and a partition that was
        # drained after the request went out is not asked for.
        consumer._fetch_max_wait_ms = IDLE_FETCH_MS
        if wiring_of(self.app).transactional:
            # Faust reads committed records only under its own exactly-once mode.
            consumer._isolation_level = "read_committed"
        return consumer

    def pace(self, flowing: bool) -> None:
        """Choose how the broker answers fetches.

        Idle: with the first record. Flowing: with what comes in a few milliseconds, so that records travel in batches
        and neither side spends its time on fetches of single ones; a backlog is answered at once either way.
        """
        fetcher = self._ensure_consumer()._fetcher
        fetcher._fetch_min_bytes = FLOW_FETCH_BYTES if flowing else 1
        fetcher._fetch_max_wait_ms = FLOW_FETCH_MS if flowing else IDLE_FETCH_MS

    async def on_start(self) -> None:
        """Start, then shorten the pause before a fetch is repeated: it is latency for whoever waits for a record."""
        await super().on_start()
        self._ensure_consumer()._fetcher._prefetch_backoff = wiring_of(self.app).fetch_backoff


class Consumer(driver.Consumer):
    """The batch consumer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.wiring: Wiring = wiring_of(self.app)
        self.claims: dict[TP, Claim] = {}
        # Markers of transactions and compaction leave holes that are none.
        self._holey = self.wiring.transactional | {topic.name for topic in COMPACTED}
        self._revocations = 0
        self._barred: dict[TP, int] = {}
        self._claiming = asyncio.Lock()
        self._unclaimed = asyncio.Event()
        self._fed = asyncio.Event()
        self._flowing = False
        self._last_records = 0.0

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    # --- taking ------------------------------------------------------------------------------------------

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Take all assigned partitions and seek to their applied offsets.

        Faust calls this before it resumes flow and overrides any seek made earlier, so this is the one place where
        the resume position can be set.
        """
        return await self._claim(self.assignment())

    async def _claim(self, tps: Iterable[TP]) -> Mapping[TP, int]:
        async with self._claiming:
            generation, revocations = self.app.consumer_generation_id, self._revocations
            wanted = [ensure_TP(tp) for tp in tps]
            if not wanted or generation < 0:
                return {}
            self._release([self.claims.pop(tp) for tp in wanted if tp in self.claims], "taken again")

            def current() -> bool:
                # Both: a revocation without a new generation yet, and a generation whose revocation is still under way.
                return self.app.consumer_generation_id == generation and self._revocations == revocations

            try:
                async with asyncio.timeout(CLAIM_SECONDS):
                    claims = await self._take_all(wanted, generation, current)
            except (TimeoutError, Unavailable) as error:
                self.wiring.observer.unavailable(
                    error if isinstance(error, Unavailable) else Unavailable("taking partitions timed out")
                )
                claims = {}
            positions = {tp: claim.next for tp, claim in claims.items()}
            if positions and current():
                await self.seek_wait(positions)
            if not current():
                return {}
            self.claims.update(claims)
            self._fed.set()
            for claim in claims.values():
                self.wiring.observer.claimed(claim)
            if len(claims) < len(wanted):
                self._unclaimed.set()
            return positions

    async def _take_all(self, tps: list[TP], generation: int, current: Any) -> dict[TP, Claim]:
        begin = await self.earliest_offsets(*tps)
        end = await self.highwaters(*tps)
        claims: dict[TP, Claim] = {}
        for tp in tps:
            if not current():
                return {}
            try:
                taken = await self._take(tp, generation, (begin[tp], end[tp]))
            except (TopicRecreated, TwinFormat) as error:
                self.wiring.observer.fatal(error)
                return {}
            if taken is None:
                continue
            if not begin[tp] <= taken.offset <= end[tp]:
                bounds = f"the log holds {begin[tp]} to {end[tp]}"
                self.wiring.observer.fatal(
                    CursorOutsideLog(f"{tp.topic}/{tp.partition} resumes at {taken.offset}, {bounds}")
                )
                return {}
            where = TopicPartition(tp.topic, tp.partition)
            claims[tp] = Claim(where, generation, taken, taken.offset, taken.offset, on_through=self._fed.set)
        return claims

    async def _take(self, tp: TP, generation: int, log: tuple[int, int]) -> Taken | None:
        if self._barred.get(tp) == generation:
            return None
        ledger, topic_id = self.wiring.ledger, self.wiring.topic_ids[tp.topic]
        taken = await ledger.take(tp.topic, tp.partition, generation, log, topic_id)
        if isinstance(taken, Taken):
            return taken
        # Generations restart when a group was deleted. The broker, not the store, knows who is a member: if it takes
        # an offset from us, we are, and may override exactly the generation that we saw.
        if await self._thread.commit({tp: taken.offset}):
            over = str(taken.generation)
            again = await ledger.take(tp.topic, tp.partition, generation, log, topic_id, over)
            if isinstance(again, Taken):
                return again
        self._barred[tp] = generation  # refused twice: stay silent until the next rebalance
        self.wiring.observer.refused(TopicPartition(*tp), generation, taken.generation)
        return None

    @Service.task
    async def _claim_what_is_left(self) -> None:
        """Take in the background what could not be taken at once: after an outage of the store, or a lost claim."""
        while not self.should_stop:
            await self.wait_first(self._unclaimed.wait(), timeout=1.0)
            self._unclaimed.clear()
            if not self._settled():
                continue
            left = [tp for tp in self.assignment() if self._claimable(tp)]
            if not left:
                continue
            try:
                await self._claim(left)
            except (MegdtError, aiokafka.errors.KafkaError, TimeoutError) as error:
                self.wiring.observer.unavailable(Unavailable(f"taking partitions: {error!r}"))
            await self.sleep(0.2)

    def _settled(self) -> bool:
        """Tell whether the group is at rest: what is assigned now is ours until a revocation says otherwise."""
        return self.flow_active and not self.app.rebalancing and self.app.consumer_generation_id >= 0

    def _claimable(self, tp: TP) -> bool:
        generation = self.app.consumer_generation_id
        return tp not in self.claims and self._barred.get(tp) != generation

    # --- delivering --------------------------------------------------------------------------------------

    async def getmany(  # the timeout is Faust's: it bounds one poll
        self,
        timeout: float,  # noqa: ASYNC109
    ) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """Deliver what one poll returned, one message a partition, its value the `Batch`."""
        if not self.flow_active:
            await self.wait(self.can_resume_flow)  # type: ignore[arg-type]
        self._fed.clear()
        # Delivered and not through yet: bounds the memory, and no partition holds up the others.
        enough = self.app.conf.broker_max_poll_records or 1
        hungry = {tp for tp, claim in self.claims.items() if claim.ahead < enough}
        if not hungry:
            await self.wait_first(self._fed.wait(), timeout=timeout)
            return
        # A poll waits for the partitions it names: while some have enough, look again soon for those fed meanwhile.
        patience = timeout if len(hungry) == len(self.claims) else SATED_SECONDS
        records = await self._getmany(active_partitions=hungry, timeout=patience)
        self._pace(bool(records))
        if not records or self.should_stop:
            return
        for where, fetched in records.items():
            tp = ensure_TP(where)
            claim = self.claims.get(tp)
            if not self.flow_active or claim is None or claim.generation != self.app.consumer_generation_id:
                continue  # read again after the seek that precedes the next resume
            batch = await self._continue(tp, claim, fetched)
            if batch is not None:
                yield tp, self._message(tp, batch)

    def _pace(self, got: bool) -> None:
        now = time.monotonic()
        if got:
            self._last_records = now
        flowing = now - self._last_records < FLOW_SECONDS
        if flowing != self._flowing:
            self._flowing = flowing
            cast("ConsumerThread", self._thread).pace(flowing)

    async def _continue(self, tp: TP, claim: Claim, fetched: list[Any]) -> Batch | None:
        """Cut what was delivered before; refuse what does not follow on. The offset chain decides, nothing else."""
        if fetched[0].offset < claim.next:
            fetched = [record for record in fetched if record.offset >= claim.next]
            if not fetched:
                return None
        expected, found = self._hole(tp, claim.next, fetched)
        if found > expected and not await self._explained(tp, claim, expected, found):
            return None
        batch = Batch(claim, claim.next, fetched[-1].offset + 1, fetched)
        claim.next, claim.reseeks = batch.end, 0
        claim.ahead += len(fetched)
        if claim.oldest is None:
            claim.oldest = fetched[0].timestamp
        self.app.monitor.track_tp_end_offset(tp, self.highwater(tp))
        return batch

    def _hole(self, tp: TP, start: int, fetched: list[Any]) -> tuple[int, int]:
        """Give the first offset that should be there and the one that is: equal where records follow on each other.

        Where transactions are declared only at the start of what was fetched; markers inside it are no news.
        """
        first = fetched[0].offset
        if tp.topic in self._holey or fetched[-1].offset - start + 1 == len(fetched):
            return start, first
        return next((at, record.offset) for at, record in enumerate(fetched, start) if record.offset != at)

    async def _explained(self, tp: TP, claim: Claim, expected: int, found: int) -> bool:
        """Tell whether a hole is one of transaction markers; else read again from its start, and give up in the end."""
        transactional = tp.topic in self._holey
        claim.reseeks += 1
        self.wiring.observer.hole(claim.tp, expected, found)
        if claim.reseeks <= (TRANSACTION_RESEEKS if transactional else MAX_RESEEKS):
            await self.seek_wait({tp: claim.next})
            return False
        begin = (await self.earliest_offsets(tp))[tp]
        if transactional and begin <= claim.next:
            return True
        where = f"{tp.topic}/{tp.partition}"
        error: LogError = OffsetGap(f"{where} continues at {found} where {expected} was expected")
        if begin > claim.next:
            error = CursorOutsideLog(f"{where} starts at {begin} by now, {claim.next} was not read")
        self.wiring.observer.fatal(error)
        return False

    def _message(self, tp: TP, batch: Batch) -> ConsumerMessage:
        last = batch.records[-1]
        return ConsumerMessage(
            last.topic,
            last.partition,
            last.offset,
            last.timestamp / 1000.0,
            last.timestamp_type,
            [],
            None,
            cast("Any", batch),  # Faust expects bytes; its raw codec passes on whatever it gets
            None,
            None,
            None,
            tp,
            # Without the generation the stream drops the message and says nothing.
            generation_id=batch.claim.generation,
        )

    # --- following: the group's offset says what the store confirmed ------------------------------------

    def mark_applied(self, claim: Claim, end: int) -> None:
        """Record that everything below `end` is in the store."""
        claim.applied = end

    def release(self, claim: Claim, why: str) -> None:
        """Give up a claim whose commit was refused; it is taken again in the background."""
        tp = TP(*claim.tp)
        if self.claims.get(tp) is claim:
            del self.claims[tp]
            self._release([claim], why)
            self._unclaimed.set()

    def ack(self, message: Any) -> bool:
        """Let Faust forget a message. Nothing is acknowledged by this: the store's offset is the acknowledgement."""
        if message.acked:
            return False
        message.acked = True
        self._unacked_messages.discard(message)
        notify(self._waiting_for_ack)
        return True

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Ignore Faust's own bookkeeping of gaps: a batch's message carries only the last offset."""

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> list[TP]:  # type: ignore[override]
        return [tp for tp in self.claims if topics is None or tp in topics or tp.topic in topics]

    def _filter_committable_offsets(self, tps: Iterable[TP]) -> dict[TP, int]:
        committed = self._committed_offset
        claims = {tp: self.claims[tp] for tp in tps if tp in self.claims}
        return {tp: claim.applied for tp, claim in claims.items() if claim.applied > (committed.get(tp) or 0)}

    # --- releasing ---------------------------------------------------------------------------------------

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """End all claims first: no right is left after this line, whatever is still in flight.

        All, because the eager protocol revokes everything. Work in flight need not be waited for: its commit is
        refused or was in time.
        """
        self._revocations += 1
        self._barred.clear()
        claims = list(self.claims.values())
        self.claims.clear()
        self._release(claims, "revoked")
        await super().on_partitions_revoked(revoked)

    def _release(self, claims: Collection[Claim], why: str) -> None:
        for claim in claims:
            claim.valid = False
            claim.state = None
        if claims:
            self.wiring.observer.released(claims, why)


class Transport(driver.Transport):
    """Faust's aiokafka transport with the batch consumer."""

    Consumer = Consumer
