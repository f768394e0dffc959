"""The embedded Redis: its binary, settings, lives and errors."""

import socket
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from megdt_stream.local import EmbeddedRedis, LocalStackError
from megdt_stream.local import redis as embedded
from megdt_stream.local.redis import find_redis, parse_version, settings


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("Redis server v=6.2.14 sha=40305114:0 malloc=libc bits=64", (6, 2)),
        ("Redis server v=7.0.15 sha=00000000:0", (7, 0)),
        ("Valkey server v=8.1.0 sha=00000000:0", (8, 1)),
        ("something else", None),
    ],
)
def test_version_is_read(text, version):
    assert parse_version(text) == version


@pytest.mark.parametrize(("version", "name"), [((6, 2), "ziplist"), ((7, 0), "listpack"), ((8, 1), "listpack")])
def test_small_hash_settings_follow_the_version(version, name):
    assert f"hash-max-{name}-entries 512" in settings(1, version)


def test_none_names_the_remedy(monkeypatch):
    monkeypatch.setattr(embedded, "_candidates", lambda: iter(()))
    with pytest.raises(LocalStackError, match=r"no redis-server 6\.2.*megdt-stream\[local\]"):
        find_redis()


def test_too_old_is_named(monkeypatch, tmp_path):
    old = tmp_path / "redis-server"
    old.write_text(f"#!{sys.executable}\nprint('Redis server v=5.0.3 sha=0')\n")
    old.chmod(0o755)
    monkeypatch.setattr(embedded, "_candidates", lambda: iter([old]))
    with pytest.raises(LocalStackError, match=r"\(5, 0\)"):
        find_redis()


def test_it_keeps_what_it_acknowledged_and_never_evicts():
    with EmbeddedRedis() as server, Redis.from_url(server.url) as client:
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        assert client.config_get("appendfsync") == {"appendfsync": "everysec"}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("save") == {"save": ""}
        assert client.config_get("bind") == {"bind": "127.0.0.1"}


def test_kill_and_restart_keep_port_and_data():
    with EmbeddedRedis() as server:
        port, pid = server.port, server.pid
        with Redis.from_url(server.url) as client:
            client.set("学员", "值")
        server.kill()
        assert (server.alive, server.pid) == (False, None)
        server.restart()
        assert server.port == port
        assert server.pid not in {None, pid}
        with Redis.from_url(server.url) as client:
            assert client.get("学员") == "值".encode()


def test_temporary_data_goes_with_it():
    with EmbeddedRedis() as server:
        folder = server.folder
        assert folder.is_dir()
    assert not folder.exists()
    assert not server.alive


def test_data_directory_is_found_again(tmp_path):
    folder = tmp_path / "数据 目录"
    with EmbeddedRedis(folder) as server, Redis.from_url(server.url) as client:
        client.set("k", "v")
        port = server.port
    with EmbeddedRedis(folder) as server, Redis.from_url(server.url) as client:
        assert client.get("k") == b"v"
        assert server.port == port


def test_data_directory_of_another_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("megdt_stream.local.supervise._LOCK_PATIENCE_SECONDS", 0.1)
    with EmbeddedRedis(tmp_path), pytest.raises(LocalStackError, match="in use by another stack"):
        EmbeddedRedis(tmp_path).start()


def test_impossible_data_directory_says_why(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalStackError, match=r"data directory.*Not a directory") as caught:
        EmbeddedRedis(tmp_path / "file" / "redis").start()
    assert caught.value.exit_code == 73


def test_taken_port_is_named():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        server = EmbeddedRedis(port=port)
        with pytest.raises(LocalStackError, match=f"port {port} is in use"):
            server.start()
        server.close()


def test_port_taken_while_it_was_down_is_told_from_the_log():
    with EmbeddedRedis() as server:
        server.kill()
        with (
            socket.create_server(("127.0.0.1", server.port)),
            pytest.raises(LocalStackError, match=r"ended at start.*in use.*; something else listens"),
        ):
            server.restart()


def test_program_that_is_none_is_refused(tmp_path):
    server = EmbeddedRedis(binary=tmp_path / "none")
    with pytest.raises(LocalStackError, match="cannot run"):
        server.start()
    server.close()


def test_crash_at_start_shows_the_log(tmp_path):
    broken = tmp_path / "redis-server"
    broken.write_text(f"#!{sys.executable}\nraise SystemExit('the disk is on fire')\n")
    broken.chmod(0o755)
    with pytest.raises(LocalStackError, match=r"code 1.*the disk is on fire"):
        EmbeddedRedis(binary=broken).__enter__()


def test_full_disk_is_told_even_when_the_log_is_silent(tmp_path, monkeypatch):
    silent = tmp_path / "redis-server"
    silent.write_text(f"#!{sys.executable}\nraise SystemExit(1)\n")
    silent.chmod(0o755)
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=4096))
    with pytest.raises(LocalStackError, match=r"its log is empty; free space"):
        EmbeddedRedis(binary=silent).__enter__()


def test_answering_late_is_told(tmp_path, eventually):
    sleeper = tmp_path / "redis-server"
    wait = "if '--version' not in sys.argv: signal.pause()"
    sleeper.write_text(f"#!{sys.executable}\nimport signal, sys\nprint('waiting', flush=True)\n{wait}\n")
    sleeper.chmod(0o755)
    server = EmbeddedRedis(binary=Path(sleeper))
    server.start()
    try:
        assert eventually(lambda: "waiting" in server.log.read_text(), 10)
        with pytest.raises(LocalStackError, match=r"does not answer after 0\.1 s: waiting"):
            server.wait_ready(0.1)
    finally:
        server.close()


def test_it_is_ready_only_when_its_data_is_read():
    with EmbeddedRedis() as server:
        server.wait_ready()
        client = Redis(port=server.port)
        # Enough that reading it back takes a noticeable while.
        client.eval("for i = 1, 400000 do redis.call('SET', 'k' .. i, i) end", 0)
        server.kill()
        server.restart()
        impatient = Redis(port=server.port, retry=Retry(NoBackoff(), 0))
        assert impatient.get("k400000") == b"400000"
        client.close()
        impatient.close()
