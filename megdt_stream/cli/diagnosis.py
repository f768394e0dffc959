"""What `megdt doctor` examines."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, NamedTuple

from megdt_stream.errors import MegdtError
from megdt_stream.local.errors import LocalStackError

_PACKAGES: Final = (
    "megdt-stream",
    "faust-streaming",
    "aiokafka",
    "kafka-python",
    "redis",
    "pydantic",
    "river",
)
_SMALL_ENTRIES: Final = 128
_SMALL_VALUE: Final = 64


class Finding(NamedTuple):
    """One thing looked at; `remedy` says what to do where something is wrong or could be better."""

    check: str
    ok: bool
    found: str
    remedy: str = ""


def examine(data_dir: Path | None) -> list[Finding]:
    """Look at everything that can be looked at; nothing is started or changed."""
    findings = [*_python(), *_settings()]
    session = _guarded("servers", lambda: [*_servers(data_dir)])
    return findings + session


def _guarded(check: str, look: Callable[[], list[Finding]]) -> list[Finding]:
    try:
        return look()
    except MegdtError as error:
        return [Finding(check, False, error.message, error.remedy)]
    except LocalStackError as error:
        return [Finding(check, False, error.what, error.remedy)]


def _python() -> Iterator[Finding]:
    yield Finding("Python", True, f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    found, missing = [], []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    # From a source tree the project itself is not an installed package, which is no fault.
    absent = [name for name in missing if name != "megdt-stream"]
    yield Finding("packages", not absent, ", ".join(found), f"install {', '.join(absent)}" if absent else "")


def _settings() -> Iterator[Finding]:
    from megdt_stream.runtime.settings import load, unknown_variables
    from megdt_stream.seed_files import load_all

    unknown = unknown_variables()
    if unknown:
        remedy = "correct the names: a setting that is not known has no effect"
        yield Finding("settings", False, f"unknown: {', '.join(unknown)}", remedy)
    try:
        settings = load()
        seeds = load_all(settings.seeds_dir)
    except MegdtError as error:
        yield Finding("settings", False, error.message, error.remedy)
        return
    if not unknown:
        yield Finding("settings", True, f"{len(settings.model_fields_set)} set, the others at their defaults")
    reference = seeds.library.reference
    counts = f"{len(reference.scales)} scales, {len(reference.frameworks)} competency frameworks"
    yield Finding("seeds", True, f"{counts}, warning rule version {seeds.rule.version}")


def _servers(data_dir: Path | None) -> Iterator[Finding]:
    from megdt_stream.runtime.settings import load, without_password
    from megdt_stream.session import default_data_dir, running_endpoint

    settings = load()
    if settings.kafka or settings.redis:
        yield from _pair(bool(settings.kafka), bool(settings.redis))
        if settings.kafka:
            options = settings.kafka_security.options
            yield from _guarded("Kafka", lambda: [*_kafka(settings.kafka, options(), settings)])
        if settings.redis:
            url = without_password(settings.redis)
            yield from _guarded("Redis", lambda: [*_redis(settings.redis, url, settings.redis_options)])
        return
    endpoint = running_endpoint(data_dir)
    if endpoint is not None:
        yield Finding("local servers", True, f"running, process {endpoint.pid}")
        yield from _guarded("Kafka", lambda: [*_kafka(endpoint.kafka, {}, settings)])
        yield from _guarded("Redis", lambda: [*_redis(endpoint.redis, endpoint.redis, {})])
        return
    yield Finding("local servers", True, "no servers are named and none run; commands start their own")
    yield from _guarded("Java", lambda: [_java()])
    yield from _guarded("redis-server", lambda: [_redis_server()])
    yield _writable(data_dir or default_data_dir())


def _pair(kafka: bool, redis: bool) -> Iterator[Finding]:
    if kafka != redis:
        missing = "MEGDT_REDIS" if kafka else "MEGDT_KAFKA"
        yield Finding("servers", False, f"{missing} is not set and the other is", "set both, or none")


# --- local ---


def _java() -> Finding:
    from megdt_stream.local.java import find_java, major_version

    java = find_java()
    return Finding("Java", True, f"{major_version(java)} at {java}")


def _redis_server() -> Finding:
    from megdt_stream.local.redis import find_redis, server_version

    binary = find_redis()
    numbers = server_version(binary) or ()
    return Finding("redis-server", True, f"{'.'.join(map(str, numbers))} at {binary}")


def _writable(folder: Path) -> Finding:
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    ok = os.access(existing, os.W_OK)
    return Finding(
        "data directory",
        ok,
        str(folder),
        "" if ok else f"make {existing} writable or name another with --data-dir",
    )


# --- servers ---


def _kafka(kafka: str, security: dict[str, Any], settings: Any) -> Iterator[Finding]:
    from megdt_stream.runtime import admin

    differences = admin.check_topics(kafka, security=security)
    yield Finding("Kafka", True, f"answers at {kafka}{_kafka_version(kafka, security)}")
    for difference in differences:
        found = f"{difference.topic}: {difference.what} is {difference.found}, expected {difference.expected}"
        yield Finding("topics", False, found, difference.remedy)
    if differences:
        return
    partitions = admin.partition_count(kafka, security=security)
    fixed = "partitions" in settings.model_fields_set and settings.partitions != partitions
    remedy = f"set MEGDT_PARTITIONS to {partitions}, or leave it out" if fixed else ""
    yield Finding("topics", not fixed, f"all there, {partitions} partitions", remedy)


def _kafka_version(kafka: str, security: dict[str, Any]) -> str:
    """Give the broker's version as far as its protocol tells."""
    from kafka import KafkaAdminClient

    from megdt_stream.kafka_clients import connect

    client = connect(KafkaAdminClient, kafka, client_id="megdt-doctor", **security)
    try:
        numbers = client.config.get("api_version") or ()
    finally:
        client.close()
    return f", protocol of version {'.'.join(map(str, numbers))}" if numbers else ""


def _redis(url: str, shown: str, options: dict[str, Any]) -> Iterator[Finding]:
    from megdt_stream.runtime.query import Query

    with Query(url, **options) as query:
        server = query.server()
        yield Finding("Redis", True, f"{server.get('redis_version', '?')} at {shown}")
        yield _policy(query.config("maxmemory-policy"))
        yield _persistence(server)
        yield _small_hashes(query)
        yield Finding("twins", True, f"{query.partitions} partitions taken, {query.count_twins():,} twins")


def _policy(policy: str | None) -> Finding:
    if policy is None:
        return Finding("eviction", True, "the server does not tell", "see that maxmemory-policy is noeviction")
    ok = policy == "noeviction"
    return Finding(
        "eviction",
        ok,
        policy,
        "" if ok else "set maxmemory-policy to noeviction: a dropped twin is a wrong one",
    )


def _persistence(server: dict[str, Any]) -> Finding:
    ok = bool(server.get("aof_enabled"))
    remedy = "" if ok else "set appendonly to yes; without it a restart replays everything from the evidence topic"
    return Finding("persistence", ok, "append-only file" if ok else "no append-only file", remedy)


def _small_hashes(query: Any) -> Finding:
    """Journals are many small hashes; unpacked they take several times the memory."""
    limits = {}
    for name, least in (("entries", _SMALL_ENTRIES), ("value", _SMALL_VALUE)):
        told = query.config(f"hash-max-listpack-{name}") or query.config(f"hash-max-ziplist-{name}")
        if told is None:
            return Finding("small hashes", True, "the server does not tell", "see hash-max-listpack-entries and -value")
        limits[name] = (int(told), least)
    ok = all(value >= least for value, least in limits.values())
    found = ", ".join(
        f"up to {value} {'entries' if name == 'entries' else 'bytes'}" for name, (value, _) in limits.items()
    )
    remedy = (
        "" if ok else f"set hash-max-listpack-entries to {_SMALL_ENTRIES} or more, -value to {_SMALL_VALUE} or more"
    )
    return Finding("small hashes", ok, f"packed {found}", remedy)
