"""Where items come from: a file, a folder of files, or standard input."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from megdt_stream.errors import ConfigError

STDIN: Final = "-"


class Source:
    """A file that can be read more than once; `name` stands in front of its items' places."""

    def __init__(self, name: str, path: Path | None = None, held: IO[bytes] | None = None) -> None:
        """Take a path, or an open file that can be rewound."""
        self.name = name
        self._path = path
        self._held = held

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """Open it at its beginning. Raises ConfigError where it cannot be read."""
        if self._held is not None:
            self._held.seek(0)
            yield self._held
            return
        path = self._path or Path(self.name)
        try:
            file = path.open("rb")
        except OSError as error:
            raise ConfigError(
                f"{path} cannot be read: {error.strerror}", remedy="name a file, a folder or -"
            ) from error
        with file:
            yield file


@contextmanager
def sources(path: str, suffixes: tuple[str, ...]) -> Iterator[list[Source]]:
    """Give the files under a path in a fixed order: of a folder those with a suffix, however deep.

    Standard input goes through a file without a name, gone when this ends: some formats are read twice. Raises
    ConfigError where there is nothing to be read.
    """
    if path == STDIN:
        with tempfile.TemporaryFile() as held:
            shutil.copyfileobj(sys.stdin.buffer, held)
            yield [Source("stdin", held=held)]
        return
    root = Path(path)
    if not root.is_dir():
        yield [Source(root.name, root)]
        return
    found = sorted(file for file in root.rglob("*") if file.suffix.lower() in suffixes and file.is_file())
    if not found:
        raise ConfigError(
            f"{root} holds no file named *{', *'.join(suffixes)}", remedy="name another folder, or a file"
        )
    yield [Source(file.relative_to(root).as_posix(), file) for file in found]
