"""The pinned jars and their cache; the registry is a fake that counts."""

import hashlib
import re
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from megdt_stream.local import LocalStackError
from megdt_stream.local.jars import FetchError, Jar, JarCache, broker_version, parse_lock, read_lock
from megdt_stream.local.progress import SilentProgress


def make_jar(name: str) -> Jar:
    body = content(name)
    return Jar("org.example", name, "1.0", hashlib.sha256(body).hexdigest(), len(body))


def content(name: str) -> bytes:
    return f"bytes of {name}".encode() * 100


class Registry:
    """Serve jars; `faults` are taken one by one before a good answer."""

    def __init__(self, *faults: str) -> None:
        self.faults = list(faults)
        self.asked: Counter[str] = Counter()

    def __call__(self, jar, into, received):
        self.asked[jar.artifact] += 1
        fault = self.faults.pop(0) if self.faults else ""
        into.mkdir(parents=True)
        if fault == "cut":
            received(10)
            raise FetchError("connection reset")
        body = b"wrong" if fault == "wrong" else content(jar.artifact)
        received(len(body))
        fetched = into / jar.filename
        fetched.write_bytes(body)
        return fetched


class Counting(SilentProgress):
    def __init__(self) -> None:
        self.bytes, self.ended = 0, 0

    def advance(self, n):
        self.bytes += n

    def done(self):
        self.ended += 1


def provide(folder, registry, *jars, progress=None):
    return JarCache(folder, registry).provide(jars, "test", progress or SilentProgress())


def test_lock_pins_a_whole_broker():
    jars = read_lock()
    names = [jar.artifact for jar in jars]
    assert {"kafka_2.13", "kafka-clients", "scala-library", "log4j-slf4j-impl"} <= set(names)
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[0-9a-f]{64}", jar.sha256) and jar.size > 1000 for jar in jars)


def test_lock_holds_one_kafka_version():
    jars = read_lock()
    assert {jar.version for jar in jars if jar.group == "org.apache.kafka"} == {broker_version(jars)}


@pytest.mark.parametrize("line", ["group:artifact sha 1", "g:a:v sha", "g:a:v sha many"])
def test_damaged_lock_line_is_refused(line):
    with pytest.raises(ValueError, match=r"unpack|literal"):
        parse_lock(line)


def test_comments_and_blank_lines_are_skipped():
    assert parse_lock("# note\n\n g:a:1 ff 3\n") == (Jar("g", "a", "1", "ff", 3),)


def test_what_is_cached_is_not_fetched_again(tmp_path):
    registry, one, two = Registry(), make_jar("one"), make_jar("two")
    first = provide(tmp_path, registry, one, two)
    assert provide(tmp_path, registry, one, two) == first
    assert [path.read_bytes() for path in first] == [content("one"), content("two")]
    assert registry.asked == {"one": 1, "two": 1}


@pytest.mark.parametrize("damage", [b"", b"half", content("one").swapcase()])
def test_damaged_jar_is_fetched_again(tmp_path, damage):
    registry, jar = Registry(), make_jar("one")
    (path,) = provide(tmp_path, registry, jar)
    path.write_bytes(damage)
    provide(tmp_path, registry, jar)
    assert path.read_bytes() == content("one")
    assert registry.asked == {"one": 2}


@pytest.mark.parametrize("faults", [["cut"], ["wrong"], ["cut", "wrong"]])
def test_passing_fault_is_survived_and_counted_once(tmp_path, faults):
    progress, jar = Counting(), make_jar("one")
    (path,) = provide(tmp_path, Registry(*faults), jar, progress=progress)
    assert path.read_bytes() == content("one")
    assert progress.ended == 1
    assert progress.bytes == jar.size * (1 + faults.count("wrong"))


@pytest.mark.parametrize(("fault", "said"), [("cut", "connection reset"), ("wrong", "checksum mismatch")])
def test_lasting_fault_names_the_jar_and_leaves_nothing(tmp_path, fault, said):
    progress = Counting()
    with pytest.raises(LocalStackError, match=rf"one-1\.0\.jar.*{said}.*network") as caught:
        provide(tmp_path, Registry(*[fault] * 9), make_jar("one"), progress=progress)
    assert caught.value.exit_code == 69
    assert list(tmp_path.iterdir()) == []
    assert progress.ended == 1


def test_unwritable_cache_says_where(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalStackError, match="cannot write to the cache") as caught:
        provide(tmp_path / "file" / "jars", Registry(), make_jar("one"))
    assert caught.value.exit_code == 73


def test_two_fetch_at_the_same_time(tmp_path):
    both, jar = threading.Barrier(2, timeout=20), make_jar("one")

    class Together(Registry):
        def __call__(self, jar, into, received):
            both.wait()
            return super().__call__(jar, into, received)

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: provide(tmp_path, Together(), jar), range(2)))
    assert answers[0] == answers[1]
    assert [path.name for path in tmp_path.iterdir()] == ["one-1.0.jar"]
