"""The secret key that pseudonyms are made with, read from its file."""

from __future__ import annotations

from pathlib import Path

from megdt_stream.errors import ConfigError
from megdt_stream.evidence.pseudonym import MIN_KEY_BYTES, Pseudonymiser


def load_pseudonymiser(key_file: Path | str, prefix: str = "p1") -> Pseudonymiser:
    """Read a key that `megdt pseudonym new-key` wrote: hex digits, 16 bytes or more.

    `prefix` names the key's version. Raises ConfigError, which never shows what is in the file.
    """
    path = Path(key_file)
    try:
        key = bytes.fromhex(path.read_text("ascii"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", remedy=_REMEDY) from error
    except ValueError as error:  # UnicodeDecodeError is one
        raise ConfigError(f"{path} is no key: it holds something else than hex digits", remedy=_REMEDY) from error
    try:
        return Pseudonymiser(key, prefix)
    except ValueError as error:
        raise ConfigError(f"{path}: {error}", remedy=f"{_REMEDY}, of {MIN_KEY_BYTES} bytes or more") from error


_REMEDY = "name the file that `megdt pseudonym new-key` wrote"
