"""The pure packages take time, chance and files as arguments. The contracts check what they import, too."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "megdt_stream"
PURE = ("errors", "evidence", "twin", "calibration", "scenario", "governance", "mirror", "driver")

FORBIDDEN_MODULES = frozenset(
    [
        "aiohttp",
        "aiokafka",
        "asyncio",
        "concurrent",
        "faust",
        "kafka",
        "logging",
        "mode",
        "multiprocessing",
        "os",
        "pickle",
        "prometheus_client",
        "redis",
        "secrets",
        "select",
        "selectors",
        "signal",
        "socket",
        "structlog",
        "subprocess",
        "threading",
        "urllib",
    ]
)
FORBIDDEN_CALLS = frozenset(
    [
        "breakpoint",
        "eval",
        "exec",
        "input",
        "open",
        "print",
        "io.open",
        "pathlib.Path.cwd",
        "pathlib.Path.home",
        "datetime.date.today",
        "datetime.datetime.now",
        "datetime.datetime.today",
        "datetime.datetime.utcnow",
        "time.monotonic",
        "time.monotonic_ns",
        "time.perf_counter",
        "time.perf_counter_ns",
        "time.sleep",
        "time.time",
        "time.time_ns",
        "uuid.uuid1",
        "uuid.uuid4",
    ]
)
# A generator with its own seed is an argument like any other.
SEEDED = frozenset({"random.Random"})


def impurities(source: str) -> list[str]:
    """List what makes a module's source impure, as `line: what`."""
    tree = ast.parse(source)
    origins = _origins(tree)
    return [f"{line}: {what}" for line, what in _imports(tree) if what.split(".")[0] in FORBIDDEN_MODULES] + [
        f"{line}: {what}()" for line, what in _calls(tree, origins) if _forbidden(what)
    ]


def _forbidden(called: str) -> bool:
    of_the_shared_generator = called.startswith("random.") and called not in SEEDED
    return called in FORBIDDEN_CALLS or of_the_shared_generator


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module


def _origins(tree: ast.Module) -> dict[str, str]:
    """Map each imported name to where it comes from, so that a clock by another name is still one."""
    origins = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            origins |= {alias.asname or alias.name.split(".")[0]: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            origins |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return origins


def _calls(tree: ast.Module, origins: dict[str, str]) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        # A default such as `default_factory=datetime.now` is a reference, not a call; both read the clock.
        if isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Load):
            dotted = ast.unparse(node)
            head, _, rest = dotted.partition(".")
            if head in origins or not rest:
                origin = origins.get(head, head)
                yield node.lineno, f"{origin}.{rest}" if rest else origin


@pytest.mark.parametrize(
    "source",
    [
        "import os",
        "import os.path as p",
        "from redis import asyncio",
        "def f():\n    import socket",
        "import time\ntime.time()",
        "from time import time as t\nt()",
        "from datetime import datetime, UTC\ndatetime.now(UTC)",
        "import datetime as dt\ndt.datetime.utcnow()",
        "from datetime import date\ndate.today()",
        "from datetime import datetime\nfield(default_factory=datetime.now)",
        "open('seeds.toml')",
        "import random\nrandom.shuffle(x)",
        "from random import choice\nchoice(x)",
        "import uuid\nuuid.uuid4()",
        "eval('1')",
    ],
)
def test_the_check_sees_each_way_out(source: str) -> None:
    assert impurities(source)


@pytest.mark.parametrize(
    "source",
    [
        "import random\nrng = random.Random(7)\nrng.shuffle(x)",
        "from datetime import datetime\ndatetime.fromisoformat(x)",
        "from datetime import datetime, UTC\ndatetime.fromtimestamp(0, UTC)",
        "def f(now):\n    return now()",
        "from .time import time_of\ntime_of(x)",
        "self.open(x)",
        "import math\nmath.log(x)",
    ],
)
def test_the_check_lets_honest_code_be(source: str) -> None:
    assert impurities(source) == []


def modules(package: str) -> list[Path]:
    return [*PACKAGE.glob(f"{package}.py"), *sorted((PACKAGE / package).rglob("*.py"))]


@pytest.mark.parametrize("package", PURE)
def test_pure_packages_have_no_clock_no_chance_and_no_environment(package: str) -> None:
    if not modules(package):
        pytest.skip(f"megdt_stream.{package} does not exist yet")
    found = [
        f"{path.relative_to(PACKAGE.parent)}:{impurity}"
        for path in modules(package)
        for impurity in impurities(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_pure_packages_exist_at_all() -> None:
    assert {"errors", "evidence"} <= {package for package in PURE if modules(package)}
