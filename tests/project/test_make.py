"""The scaffold itself: make targets, environment creation and the CI entry."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TARGETS = ["help", "setup", "demo", "test", "bench", "lint", "format", "lock", "clean"]
PROGRAMS = ["awk", "bash", "dirname", "env", "grep", "make"]

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def run(*command: str, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(command, cwd=ROOT, env=clean | env, capture_output=True, text=True, timeout=60)


def make_venv(tmp_path: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return run(str(ROOT / "tools/make-venv"), str(tmp_path / "venv"), "requirements-dev.lock", **env)


def path_with(tmp_path: Path, **scripts: str) -> str:
    """Return a PATH of the few programs the scaffold needs, and of the given scripts."""
    for name in PROGRAMS:
        found = shutil.which(name)
        if found is not None and name not in scripts:
            (tmp_path / name).symlink_to(found)
    for name, body in scripts.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    return str(tmp_path)


@needs_make
def test_help_lists_every_target() -> None:
    done = run("make")
    assert done.returncode == 0
    for target in TARGETS:
        assert f"make {target}" in done.stdout


@needs_make
@pytest.mark.parametrize("target", TARGETS)
def test_targets_are_commands_not_files(target: str) -> None:
    assert run("make", "--dry-run", target).returncode == 0


@needs_make
def test_test_has_a_limit_and_lints_first() -> None:
    plan = run("make", "--dry-run", "test").stdout
    assert plan.index("ruff check") < plan.index("tools/run-tests")
    assert "timeout --kill-after" in plan


@pytest.mark.parametrize(
    ("pure", "stack", "expected"),
    [(0, 0, 0), (0, 1, 1), (1, 0, 1), (5, 0, 0), (5, 1, 1), (0, 5, 0), (2, 5, 2), (5, 5, 5)],
)
def test_both_runs_count_and_a_choice_of_one_kind_is_fine(tmp_path: Path, pure: int, stack: int, expected: int) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\ncase "$*" in *"not stack"*) exit {pure};; *) exit {stack};; esac\n')
    python.chmod(0o755)
    assert run(str(ROOT / "tools/run-tests"), str(python)).returncode == expected


def test_ci_runs_the_same_as_a_person() -> None:
    ci = ROOT / ".ci" / "run"
    assert os.access(ci, os.X_OK)
    lines = ci.read_text().splitlines()
    assert "set -euo pipefail" in lines
    assert lines[-1] == "make test"


def test_setup_refuses_an_old_python_by_name(tmp_path: Path) -> None:
    old = 'if [ "$1" = --version ]; then echo Python 3.9.2; else exit 1; fi'
    path = path_with(tmp_path, python3=old)
    done = make_venv(tmp_path, PATH=path, PYTHON="")
    assert done.returncode == 1
    assert "no Python 3.11 or newer" in done.stderr
    assert "Python 3.9.2" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_setup_refuses_an_unusable_choice(tmp_path: Path) -> None:
    done = make_venv(tmp_path, PYTHON="/no/such/python3")
    assert done.returncode == 1
    assert "PYTHON=/no/such/python3" in done.stderr


def test_setup_says_what_to_install_when_venv_is_missing(tmp_path: Path) -> None:
    without_venv = 'case "$*" in *venv*) exit 1;; --version) echo Python 3.12.9;; esac'
    path = path_with(tmp_path, **{"python3.12": without_venv, "rm": "exit 0"})
    done = make_venv(tmp_path, PATH=path, PYTHON="")
    assert done.returncode == 1
    assert "apt-get install python3-venv" in done.stderr


def test_setup_skips_a_version_managers_broken_shim(tmp_path: Path) -> None:
    working = 'case "$*" in *venv*) echo chosen >&2; exit 1;; --version) echo Python 3.11.9;; esac'
    path = path_with(tmp_path, **{"python3.12": "exit 127", "python3.11": working, "rm": "exit 0"})
    done = make_venv(tmp_path, PATH=path, PYTHON="")
    assert "creating" in done.stderr
    assert "3.11.9" in done.stderr
    assert "chosen" in done.stderr
