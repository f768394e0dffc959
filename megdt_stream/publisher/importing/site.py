"""What a site brings to an import: its mapping, its zone and its key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import UTC, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ValidationError

from megdt_stream.errors import ConfigError
from megdt_stream.evidence.pseudonym import Pseudonymiser
from megdt_stream.publisher.keys import load_pseudonymiser

Mapped = TypeVar("Mapped", bound=BaseModel)

KEY: Final = "MEGDT_PSEUDONYM_KEY"
KEY_FILE: Final = "MEGDT_PSEUDONYM_KEY_FILE"
_OFFSET: Final = re.compile(r"([+-])([01][0-9]|2[0-3]):([0-5][0-9])")
_THROW_AWAY: Final = b"throw-away key of a dry run"


def load_mapping(path: Path | None, model: type[Mapped], overrides: dict[str, Any]) -> Mapped:
    """Read a mapping file, or give the one that holds without; `overrides` stand above what it says.

    Raises ConfigError naming file and field.
    """
    try:
        stated = {} if path is None else tomllib.loads(path.read_text("utf-8-sig"))
        return model.model_validate(stated | overrides)
    except ValidationError as error:
        raise _unusable(path, error) from error
    except (OSError, ValueError) as error:  # of decoding, too, and of TOML
        raise ConfigError(
            f"{path} cannot be read: {error}", remedy="name a mapping in TOML (docs/import.md)"
        ) from error


def zone(name: str) -> tzinfo:
    """Give a zone by its name (`Asia/Shanghai`) or offset (`+08:00`). Raises ConfigError."""
    if name.upper() in ("UTC", "Z"):
        return UTC
    offset = _OFFSET.fullmatch(name)
    if offset is not None:
        span = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return timezone(-span if offset[1] == "-" else span)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        remedy = "a name such as Asia/Shanghai, or an offset such as +08:00 (names need the system's tzdata)"
        raise ConfigError(f"there is no zone {name!r} here", remedy=remedy) from error


def pseudonymiser(
    key_file: Path | None, version: str, environment: Mapping[str, str], *, dry_run: bool
) -> Pseudonymiser:
    """Give the site's pseudonymiser: the key of the file, else of the environment.

    A dry run without either makes pseudonyms that are no good for anything else. Raises ConfigError, which never
    shows the key.
    """
    file = key_file or (Path(environment[KEY_FILE]) if environment.get(KEY_FILE) else None)
    if file is not None:
        return load_pseudonymiser(file, version)
    if environment.get(KEY):
        return _from_text(environment[KEY], version)
    if dry_run:
        return Pseudonymiser(_THROW_AWAY, "dryrun")
    raise ConfigError(
        f"there is no key to make pseudonyms with: neither --key-file nor {KEY_FILE} nor {KEY}",
        remedy="make one with `megdt pseudonym new-key site.key` and name it with --key-file; --dry-run needs none",
    )


def _from_text(text: str, version: str) -> Pseudonymiser:
    try:
        return Pseudonymiser(bytes.fromhex(text), version)
    except ValueError as error:
        # The error may repeat a part of the key.
        remedy = "set it to the hex digits that `megdt pseudonym new-key` writes (16 bytes or more)"
        raise ConfigError(f"{KEY} is no usable key, or {version!r} no version of one", remedy=remedy) from error


def _unusable(path: Path | None, error: ValidationError) -> ConfigError:
    """Name the first field that is wrong."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    what = first["msg"].removeprefix("Value error, ")
    place = ": ".join(part for part in (str(path or "the command line"), where) if part)
    return ConfigError(f"{place}: {what}", remedy="see docs/import.md")
