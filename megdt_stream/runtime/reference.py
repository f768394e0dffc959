"""Fill the generated parts of docs/operate.md, each from the list that the code itself uses.

`python -m megdt_stream.runtime.reference docs/operate.md` rewrites the file in place; a test fails while it
is out of date.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from megdt_stream.errors import EXIT_CODES
from megdt_stream.runtime import logs, settings

_BLOCK = re.compile(r"(<!-- generated: (?P<name>[a-z-]+) -->\n).*?(<!-- end of generated part -->)", flags=re.DOTALL)


def _exit_codes() -> str:
    rows = [f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()]
    return "\n".join(["| exit code | meaning |", "|---|---|", *rows])


PARTS: Final[Mapping[str, Callable[[], str]]] = {
    "settings": settings.describe,
    "exit-codes": _exit_codes,
    "log-codes": logs.reference,
}


def fill(text: str) -> str:
    """Give the text with the content of each marked block made anew. Raises KeyError for an unknown block."""
    return _BLOCK.sub(lambda match: f"{match[1]}{PARTS[match['name']]()}\n{match[3]}", text)


def main(paths: list[str]) -> None:
    """Rewrite the files given."""
    for path in map(Path, paths):
        path.write_text(fill(path.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
