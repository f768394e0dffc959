"""Reads the reference data in `seeds/`, or a site's own folder, and has it checked."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from megdt_stream.data_files import seeds_dir
from megdt_stream.errors import ConfigError
from megdt_stream.evidence.reference import Reference
from megdt_stream.governance.overdue import OverdueRule
from megdt_stream.twin.view import Estimation


def load_reference(folder: Path | None = None) -> Reference:
    """Read the scales. Raises ConfigError naming the file and field."""
    path, table = _read(folder, "scales.toml")
    try:
        return Reference.from_tables(table)
    except ValidationError as error:
        raise _unusable(path, error) from error


def load_rule(folder: Path | None = None) -> OverdueRule:
    """Read the warning rule. Raises ConfigError naming the file and field."""
    path, table = _read(folder, "rules.toml")
    try:
        return OverdueRule.from_tables(table)
    except ValidationError as error:
        raise _unusable(path, error) from error
    except KeyError as error:
        raise ConfigError(f"{path} has no table {error}", remedy="copy it from the shipped seeds") from error


def load_estimation(folder: Path | None = None) -> Estimation:
    """Read what an estimate assumes. Raises ConfigError naming the file and field."""
    path, table = _read(folder, "estimation.toml")
    try:
        return Estimation.from_tables(table)
    except ValidationError as error:
        raise _unusable(path, error) from error


def _read(folder: Path | None, name: str) -> tuple[Path, dict[str, Any]]:
    """Read a site's own file where it has one, else the shipped one."""
    path = folder / name if folder is not None and (folder / name).exists() else seeds_dir() / name
    try:
        return path, tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}", remedy="correct the file") from error


def _unusable(path: Path, error: ValidationError) -> ConfigError:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return ConfigError(f"{path}: {where}: {first['msg']}", remedy="correct the file")
