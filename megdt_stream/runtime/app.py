"""The composition root of a worker: settings in, a running worker out. The only place where the parts meet."""

from __future__ import annotations

import asyncio
import gc
import os
import platform
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, cast

import faust
import redis.asyncio as aioredis
import uvloop
from faust.transport.drivers import TRANSPORTS
from faust.types import TP
from prometheus_client import CollectorRegistry

from megdt_stream.errors import ConfigError, MegdtError, StoreEvicting, Unavailable
from megdt_stream.evidence import topics
from megdt_stream.runtime import admin, failpoints, keys, logs, looking
from megdt_stream.runtime.advice_round import Plan as Round
from megdt_stream.runtime.advisor_stage import AdvisorStage
from megdt_stream.runtime.claims import Claim, Ledger
from megdt_stream.runtime.contributor import Contributor
from megdt_stream.runtime.entities_stage import EntitiesStage
from megdt_stream.runtime.entity_store import EntityStore, most_touched
from megdt_stream.runtime.group_rules import GroupRules, in_process
from megdt_stream.runtime.health import Health, StatusServer, routes
from megdt_stream.runtime.intake_stage import IntakeStage
from megdt_stream.runtime.log_producer import LogProducer
from megdt_stream.runtime.log_reader import open_log
from megdt_stream.runtime.logs import Code
from megdt_stream.runtime.metrics import Dependency, Metrics
from megdt_stream.runtime.mirror_stage import MirrorStage
from megdt_stream.runtime.model_metrics import ModelMetrics
from megdt_stream.runtime.recovery import recover_intake, sent_messages
from megdt_stream.runtime.reject_guard import RejectGuard
from megdt_stream.runtime.relay import Relay
from megdt_stream.runtime.sent_images import recover_sent
from megdt_stream.runtime.settings import Settings, unknown_variables
from megdt_stream.runtime.stage import Stage
from megdt_stream.runtime.store import Store
from megdt_stream.runtime.ticker import Position, Ticker
from megdt_stream.runtime.trainer import Trainer
from megdt_stream.runtime.training import Plan
from megdt_stream.runtime.transport import Consumer
from megdt_stream.runtime.watch import Watch
from megdt_stream.runtime.watchdog import Progress, StallDetector, Watchdog
from megdt_stream.seed_files import load_all

_log = logs.get("worker")
_SAMPLE_SECONDS: Final = 0.5
_BACKOFF_SECONDS: Final = 0.01
_SWITCH_SECONDS: Final = 0.0005
_REDIS_SECONDS: Final = 10.0

# Also an entry point of the package; named here too, so that a source tree on the path works without being installed.
TRANSPORTS.aliases["megdt"] = "megdt_stream.runtime.transport:Transport"


@dataclass
class Wiring:
    """What the transport finds on the app (see `transport.Wiring`)."""

    ledger: Ledger
    observer: Watch
    topic_ids: Mapping[str, str]
    transactional: frozenset[str]
    fetch_backoff: float = _BACKOFF_SECONDS


class WorkerApp(faust.App):
    """A Faust app that carries its wiring."""

    wiring: Wiring

    @property
    def batches(self) -> Consumer:
        """Give the consumer, which the transport named in `_app` makes."""
        return cast("Consumer", self.consumer)


@dataclass
class Worker:
    """A worker's parts, made by `build` and brought to life by `run`."""

    settings: Settings
    app: WorkerApp
    store: Store
    producers: list[LogProducer]
    stages: list[Stage]
    relay: Relay
    ticker: Ticker
    watch: Watch
    health: Health
    metrics: Metrics
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)
    services: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    beat: float = 0.0
    backlog: int = 0
    draining: bool = False

    def claims(self) -> list[Claim]:
        """Give the claims held now."""
        return list(self.app.batches.claims.values())

    def evidence_claims(self) -> list[Claim]:
        """Give the claims on evidence partitions."""
        return [claim for claim in self.claims() if claim.tp.topic == topics.EVIDENCE.name]

    def end(self, claim: Claim) -> int | None:
        """Give the end of a claimed partition's log as last fetched."""
        end: int | None = self.app.consumer.highwater(TP(*claim.tp))
        return end

    def progress(self) -> Progress:
        """Report to the watchdog."""
        moving = self.watch.dependencies_up and not self.app.rebalancing
        return Progress(self.watch.applied_records, self.backlog, moving, self.beat)


def run_worker(settings: Settings) -> int:
    """Run a worker until SIGTERM or SIGINT; give the exit code."""
    failpoints.arm(os.environ.get(failpoints.VARIABLE, ""))
    logging = logs.configure(settings.log_level)
    for name in unknown_variables():
        _log.warning(Code.SETTING_UNKNOWN, setting=name)
    # Faust makes the consumer's loop in a thread of its own, so the policy and not a runner says which kind.
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    # Two busy threads share the interpreter: the default of 5 ms is what a record would wait for each hand-over.
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        return asyncio.run(_run(settings))
    except MegdtError as error:
        _log.critical(Code.FAILED, exc_info=error, exit_code=error.exit_code)
        return error.exit_code
    finally:
        logging.close()


async def _run(settings: Settings) -> int:
    client = _redis(settings)
    await _check_store(client)
    security = settings.kafka_security.options()
    ids = admin.topic_ids(settings.kafka, [topic.name for topic in topics.WORKED], security=security)
    partitions = admin.partition_count(settings.kafka, security=security)
    if partitions != settings.partitions and "partitions" in settings.model_fields_set:
        raise ConfigError(
            f"MEGDT_PARTITIONS is {settings.partitions}, the evidence topic has {partitions}",
            remedy="the number is fixed for the life of an installation; correct the setting",
        )
    worker = build(settings, client, ids, partitions)
    async with open_log(settings.brokers, security) as reader:
        restored = await recover_intake(worker.store, reader, ids, _reading)
        await recover_sent(worker.store, reader, partitions)
    if restored:
        _log.warning(Code.STORE_ROLLBACK, n=restored, reason="intake's cursors were read off the log")
    page = worker.metrics.render
    with StatusServer(settings.http_host, settings.http_port, routes(worker.health, page)) as server:
        _log.info(Code.STARTED, version=_version(), group=settings.group, port=server.port, site=settings.site)
        return await _live(worker)


def build(settings: Settings, client: aioredis.Redis, ids: Mapping[str, str], partitions: int) -> Worker:
    """Make the parts of a worker and connect them; nothing runs yet."""
    owner = f"{socket.gethostname()}/{os.getpid()}"
    metrics = Metrics(CollectorRegistry(), partitions=partitions)
    health = Health(backlog_limit=settings.ready_backlog_seconds)
    watch = Watch(metrics, health)
    store = Store(client, owner)
    app = _app(settings, Wiring(store, watch, ids, _names(settings.transactional_topics)))
    options = settings.kafka_security.options()
    producer = LogProducer(settings.brokers, "megdt-intake", options)
    outlet = LogProducer(settings.brokers, "megdt-relay", options)
    relay = Relay(store, outlet, watch, partitions, lambda: worker.evidence_claims())  # noqa: PLW0108  (the worker is made last)
    seeds = load_all(settings.seeds_dir)
    guard = RejectGuard(settings.reject_limit_ratio, settings.reject_limit_events)
    intake = IntakeStage(store, producer, seeds.library.reference, watch, partitions, guard)
    per_partition = max(1, settings.twin_cache // partitions)

    async def sent() -> frozenset[str]:
        async with open_log(settings.brokers, options) as reader:
            return await sent_messages(reader, _reading)

    def end_of(claim: Claim) -> int | None:
        return worker.end(claim) if app.batches.claims.get(TP(*claim.tp)) is claim else None

    def wanted(claim: Claim) -> bool:
        return worker.draining or worker.stages[1].waits(claim.tp)

    contributor = Contributor(store, relay, watch, end_of, wanted)
    mirror = MirrorStage(store, relay, seeds.rule, watch, per_partition, _once(sent), contributor)
    plan = looking.Plan(settings.brokers, options, settings.redis, settings.redis_options, settings.seeds_dir)
    group_rules = GroupRules(lambda now: in_process(plan, now), settings.look_pause_seconds)
    entities = EntitiesStage(EntityStore(store), relay, watch, group_rules)
    stages = [
        Stage("intake", intake.work, watch.crashed),
        Stage("mirror", mirror.work, watch.crashed),
        Stage("entities", entities.work, watch.crashed),
    ]

    async def positions() -> list[Position]:
        return await _positions(app, store, partitions)

    def chosen() -> bool:
        return TP(topics.EVIDENCE.name, 0) in app.batches.claims and not worker.draining

    async def waiting() -> int:
        return await most_touched(store, partitions)

    async def reached() -> int:
        names = [keys.own(topics.EVIDENCE.name, number) for number in range(partitions)]
        return min([int(await store.call("HGET", name, "now") or 0) for name in names])

    ticker = Ticker(
        settings.clock, settings.tick_seconds, partitions, producer, positions, chosen, watch, waiting, reached
    )
    worker = Worker(settings, app, store, [producer, outlet], stages, relay, ticker, watch, health, metrics)
    trainer = Trainer(
        store,
        partitions,
        lambda until: Plan(settings.brokers, options, settings.redis, settings.redis_options, until),
        chosen,
        watch,
        settings.train_days,
        settings.train_pause_seconds,
    )
    advisor = AdvisorStage(
        store,
        partitions,
        lambda turn: Round(
            settings.brokers,
            options,
            settings.redis,
            settings.redis_options,
            turn,
            settings.advise_most,
            settings.seeds_dir,
        ),
        chosen,
        watch,
        settings.advise_days,
        settings.advise_pause_seconds,
    )
    shown = ModelMetrics(settings.redis, settings.redis_options, metrics, watch)
    worker.services += [trainer.run, advisor.run, shown.run]
    watch.give_up = lambda claim: app.batches.release(claim, "refused")
    _agents(app, worker)
    return worker


def _once(call: Callable[[], Awaitable[frozenset[str]]]) -> Callable[[], Awaitable[frozenset[str]]]:
    """Remember the first answer, and let only one ask."""
    lock = asyncio.Lock()
    known: list[frozenset[str]] = []

    async def remembered() -> frozenset[str]:
        async with lock:
            if not known:
                known.append(await call())
            return known[0]

    return remembered


def _reading(topic: str, done: int, total: int) -> None:
    _log.info(Code.REBUILD_PROGRESS, topic=topic, done=done, total=total)


def _agents(app: WorkerApp, worker: Worker) -> None:
    intake, mirror, entities = worker.stages
    inputs = app.topic(*(topic.name for topic in topics.INPUTS), value_serializer="raw", key_serializer="raw")
    evidence = app.topic(topics.EVIDENCE.name, value_serializer="raw", key_serializer="raw")

    # No agent lets an exception out, and none takes a batch of a partition before the one ahead is through: the
    # stages see to both, and nothing that Faust acknowledges means anything (see `transport`).
    @app.agent(inputs, name="intake")
    async def _intake(stream: Any) -> None:
        async for batch in stream:
            if not worker.draining:
                intake.submit(batch)

    @app.agent(evidence, name="mirror")
    async def _mirror(stream: Any) -> None:
        async for batch in stream:
            if not worker.draining:
                mirror.submit(batch)

    @app.agent(app.topic(topics.CONTRIBUTIONS.name, value_serializer="raw", key_serializer="raw"), name="entities")
    async def _entities(stream: Any) -> None:
        async for batch in stream:
            if not worker.draining:
                entities.submit(batch)


def _names(shorts: frozenset[str]) -> frozenset[str]:
    return frozenset(topics.BY_SHORT[short].name for short in shorts)


def _app(settings: Settings, wiring: Wiring) -> WorkerApp:
    session = settings.session_timeout_seconds
    app = WorkerApp(
        settings.group,
        broker=[f"megdt://{address}" for address in settings.brokers],
        broker_credentials=_credentials(settings),
        store="memory://",
        datadir=tempfile.mkdtemp(prefix="megdt-faust-"),
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        broker_commit_interval=1.0,
        broker_max_poll_records=settings.max_poll_records,
        broker_max_poll_interval=settings.max_poll_interval_seconds,
        broker_session_timeout=session,
        broker_heartbeat_interval=max(0.3, session / 4),
        broker_rebalance_timeout=max(20.0, 2 * session),
        # The transport bounds what is delivered ahead, by partition; Faust's own brake stops all of them for a second.
        stream_buffer_maxsize=100_000,
        stream_wait_empty=False,
    )
    app.wiring = wiring
    return app


def _credentials(settings: Settings) -> Any:
    security = settings.kafka_security
    context = security.ssl_context() if security.protocol.endswith("SSL") else None
    if security.protocol.startswith("SASL"):
        return faust.SASLCredentials(
            username=security.username,
            password=security.password,
            mechanism=security.mechanism,
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context else None


def _redis(settings: Settings) -> aioredis.Redis:
    return aioredis.Redis.from_url(
        settings.redis,
        socket_timeout=_REDIS_SECONDS,
        socket_connect_timeout=_REDIS_SECONDS,
        health_check_interval=30,
        **settings.redis_options,
    )


async def _check_store(client: aioredis.Redis) -> None:
    """Refuse a store that may drop keys: a dropped twin is a wrong twin."""
    try:
        policy = (await client.config_get("maxmemory-policy")).get("maxmemory-policy", "noeviction")
    except (aioredis.ConnectionError, aioredis.TimeoutError, OSError) as error:
        raise Unavailable(f"Redis does not answer: {error}") from error
    except aioredis.ResponseError:
        return  # CONFIG is not allowed to this user; `megdt doctor` asks for the setting then
    if policy != "noeviction":
        raise StoreEvicting(f"Redis has maxmemory-policy {policy}")


async def _positions(app: WorkerApp, store: Store, partitions: int) -> list[Position]:
    """Read intake's cursors, then the ends: what arrives in between counts as not yet read."""
    tps = [TP(topic.name, partition) for topic in topics.INPUTS for partition in range(partitions)]
    cursors = [await store.cursor(*tp) for tp in tps]
    try:
        ends = await app.consumer.highwaters(*tps)
    except Exception as error:
        raise Unavailable(f"Kafka: {error!r}") from error
    return [Position(offset, ends[tp], watermark) for tp, (offset, watermark) in zip(tps, cursors, strict=True)]


async def _live(worker: Worker) -> int:
    """Start, work until told to stop, drain."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _told, worker, stop, number)
    worker.beat = time.monotonic()
    detector = StallDetector(worker.settings.stall_seconds)
    watchdog = Watchdog(worker.progress, detector, loop=loop)
    watchdog.start()
    _settle_memory()
    await worker.app.start()
    for service in (_sample(worker), worker.relay.run(), worker.ticker.run(), *(run() for run in worker.services)):
        worker.tasks.append(asyncio.create_task(_guarded(worker, service)))
    worker.health.started()
    await stop.wait()
    watchdog.stop()
    return await _drain(worker)


def _settle_memory() -> None:
    """Keep the collector away from what lives long; twins hold no cycles, and scanning them costs more than
    decoding."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 1_000)


def _told(worker: Worker, stop: asyncio.Event, number: int) -> None:
    if not worker.draining:
        worker.draining = True
        worker.health.draining()
        _log.info(Code.DRAINING, signal=signal.Signals(number).name)
    stop.set()


async def _guarded(worker: Worker, service: Any) -> None:
    try:
        await service
    except Exception as error:  # noqa: BLE001  (a defect in a service ends the worker)
        worker.watch.crashed(error)


async def _drain(worker: Worker) -> int:
    """Finish what is in work, publish what was committed, leave the group. Whatever does not end in time is cut off:
    it was not acknowledged and will be done again."""
    code = 0
    begun = time.monotonic()
    try:
        async with asyncio.timeout(worker.settings.drain_seconds):
            for stage in worker.stages:
                await stage.drain()
            worker.relay.close()
            await worker.relay.flush()
            await worker.app.stop()
            for task in worker.tasks:
                task.cancel()
            for producer in worker.producers:
                await producer.close()
            await worker.store.close()
    except TimeoutError:
        _log.warning(Code.STOPPED, exit_code=code, seconds=round(time.monotonic() - begun, 1), reason="cut off")
        os._exit(code)  # services that hang would hang the loop's end too
    _log.info(Code.STOPPED, exit_code=code, seconds=round(time.monotonic() - begun, 1))
    return code


async def _sample(worker: Worker) -> None:
    """Publish the state twice a second and keep the heartbeat."""
    held: list[Claim] = []
    while True:
        begun = time.monotonic()
        await asyncio.sleep(_SAMPLE_SECONDS)
        if worker.app.crashed and not worker.draining:
            # Faust stays in the group after a crash of its own, deaf: partitions held and nothing read.
            worker.watch.crashed(worker.app.crash_reason or RuntimeError("Faust crashed and does not say why"))
        worker.beat = time.monotonic()
        worker.health.beat()
        worker.metrics.loop_lag(max(0.0, worker.beat - begun - _SAMPLE_SECONDS))
        claims = worker.claims()
        if claims != held:
            held = claims
            worker.watch.assigned(claims)
        outbox, oldest = 0, 0.0
        try:
            outbox, oldest = await _outboxes(worker)
            worker.watch.answered(Dependency.REDIS)
        except Unavailable as error:
            worker.watch.store_failed(error)
        with suppress(KeyError):  # a partition released between listing and asking for its end
            worker.backlog = worker.watch.sample(claims, worker.end, outbox, oldest)
        worker.metrics.touched(sum(len(claim.state.touched) for claim in worker.evidence_claims() if claim.state))


async def _outboxes(worker: Worker) -> tuple[int, float]:
    """Count the messages that wait, and tell how long ago (s) the cause of the oldest was appended."""
    waiting, since = 0, []
    for claim in worker.evidence_claims():
        partition = claim.tp.partition
        size = await worker.store.outbox_size(partition)
        if size:
            waiting += size
            since += [first.caused for first in await worker.store.outgoing(partition, 1) if first.caused]
    return waiting, max(0.0, time.time() - min(since) / 1000) if since else 0.0


def _version() -> str:
    return f"Python {platform.python_version()}"
