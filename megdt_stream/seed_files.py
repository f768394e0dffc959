"""Reads the reference data in `seeds/`, or a site's own folder, and has it checked (docs/reference-data.md).

A file in a site's folder replaces the shipped one of that name. A file in its sub-folder `extra/` adds tables to
whichever of the two holds; it never changes one that is there.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from pydantic import ValidationError

from megdt_stream.data_files import seeds_dir
from megdt_stream.errors import ConfigError
from megdt_stream.evidence.reference import Library, Reference, Targets
from megdt_stream.evidence.reference.library import PARTS
from megdt_stream.governance.overdue import OverdueRule
from megdt_stream.scenario.interventions import Interventions
from megdt_stream.twin.view import Estimation, Norms

EXTRA: Final = "extra"
SETTINGS: Final = ("rules", "estimation", "targets", "interventions")
"""Files with fixed tables; they can be replaced, not added to."""

Tables = dict[str, Any]
Checked = TypeVar("Checked")


class Fault(NamedTuple):
    """What is wrong, and where; `table` and `field` are empty where it is the file as a whole."""

    file: str
    table: str
    field: str
    problem: str

    def __str__(self) -> str:
        """Write it on one line: file, table and field, what is wrong."""
        where = ".".join(part for part in (self.table, self.field) if part)
        return ": ".join(part for part in (self.file, where, self.problem) if part)


class Seeds(NamedTuple):
    """All that a worker reads from `seeds/`."""

    library: Library
    rule: OverdueRule
    estimation: Estimation
    targets: Targets


def load_all(folder: Path | None = None) -> Seeds:
    """Read and check everything, for the start of a worker.

    Raises ConfigError naming file, table and field of the first fault; `check` gives them all.
    """
    return Seeds(load_library(folder), load_rule(folder), load_estimation(folder), load_targets(folder))


def load_library(folder: Path | None = None) -> Library:
    """Read the reference data. Raises ConfigError naming file, table and field."""
    library, faults = _library(folder)
    if library is None or faults:
        raise _unusable(faults, folder)
    return library


def load_reference(folder: Path | None = None) -> Reference:
    """Read what intake needs of the reference data. Raises ConfigError naming file, table and field."""
    return load_library(folder).reference


def load_rule(folder: Path | None = None) -> OverdueRule:
    """Read the warning rule. Raises ConfigError naming the file and field."""
    return _setting(folder, "rules", OverdueRule.from_tables)


def load_estimation(folder: Path | None = None) -> Estimation:
    """Read what an estimate assumes. Raises ConfigError naming the file and field."""
    return _setting(folder, "estimation", Estimation.from_tables)


def load_targets(folder: Path | None = None) -> Targets:
    """Read which level is wanted by when. Raises ConfigError naming the file and field."""
    return _setting(folder, "targets", Targets.from_tables)


def load_interventions(folder: Path | None = None) -> Interventions:
    """Read what can be done, and what it does. Raises ConfigError naming the file and field."""
    return _setting(folder, "interventions", Interventions.from_tables)


def load_norms(folder: Path | None = None) -> Norms:
    """Read what a twin is held against. Raises ConfigError naming file, table and field."""
    return Norms(load_targets(folder), load_library(folder).quotas)


def check(folder: Path | None = None) -> list[Fault]:
    """List everything that is wrong with a site's folder together with what is shipped."""
    faults = _library(folder)[1]
    models: Mapping[str, Callable[[Tables], Any]] = {
        "rules": OverdueRule.from_tables,
        "estimation": Estimation.from_tables,
        "targets": Targets.from_tables,
        "interventions": Interventions.from_tables,
    }
    for name, model in models.items():
        faults += _settled(_home(folder, name), model)[1]
    return faults


# --- reference data: collections of tables ---


def _library(folder: Path | None) -> tuple[Library | None, list[Fault]]:
    """Give the library where every table is right by itself, and whatever is wrong."""
    faults = _strangers(folder)
    parts: dict[str, Tables] = {}
    origins: dict[tuple[str, str], Path] = {}
    for part in PARTS:
        parts[part] = {}
        for path in _sources(folder, part):
            tables, found = _settled(path, PARTS[part].validate_python)
            faults += found
            for name, table in (tables or {}).items():
                origin = origins.setdefault((part, name), path)
                if origin is not path:
                    problem = f"stands in {origin} already; what changes its meaning gets another id or version"
                    faults.append(Fault(str(path), name, "", problem))
                parts[part][name] = table
    if faults:
        return None, faults
    library = Library.from_parts(parts)
    found = [Fault(str(origins[one.part, one.table]), *one[1:]) for one in library.contradictions()]
    return library, found


def _sources(folder: Path | None, part: str) -> Iterator[Path]:
    yield _home(folder, part)
    added = folder / EXTRA / f"{part}.toml" if folder is not None else None
    if added is not None and added.exists():
        yield added


def _home(folder: Path | None, name: str) -> Path:
    """Give a site's own file where it has one, else the shipped one."""
    own = folder / f"{name}.toml" if folder is not None else None
    return own if own is not None and own.exists() else seeds_dir() / f"{name}.toml"


def _strangers(folder: Path | None) -> list[Fault]:
    """Name the files of a folder that nothing reads: a misspelt one would otherwise have no effect, silently."""
    if folder is None:
        return []
    if not folder.is_dir():
        return [Fault(str(folder), "", "", "is no folder")]
    places: list[tuple[Path, Iterable[str]]] = [(folder, (*PARTS, *SETTINGS)), (folder / EXTRA, PARTS)]
    return [
        Fault(str(path), "", "", f"is not read; the files here are {', '.join(f'{name}.toml' for name in known)}")
        for place, known in places
        for path in sorted(place.glob("*.toml"))
        if path.stem not in known and not path.name.startswith(".")
    ]


# --- one file ---


def _setting(folder: Path | None, name: str, model: Callable[[Tables], Checked]) -> Checked:
    setting, faults = _settled(_home(folder, name), model)
    if setting is None:
        raise _unusable(faults, folder)
    return setting


def _settled(path: Path, model: Callable[[Tables], Checked]) -> tuple[Checked | None, list[Fault]]:
    """Read a file and have it checked; give what it says, or what is wrong with it."""
    try:
        return model(tomllib.loads(path.read_text("utf-8"))), []
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return None, [Fault(str(path), "", "", f"cannot be read: {error}")]
    except ValidationError as error:
        return None, [_fault(path, one) for one in error.errors(include_url=False, include_input=False)]
    except KeyError as error:
        return None, [Fault(str(path), str(error.args[0]), "", "is missing; copy the table from the shipped seeds")]


def _fault(path: Path, error: Mapping[str, Any]) -> Fault:
    table, *field = (str(part) for part in error["loc"] if part != "[key]") if error["loc"] else [""]
    return Fault(str(path), table, ".".join(field), error["msg"].removeprefix("Value error, "))


def _unusable(faults: list[Fault], folder: Path | None) -> ConfigError:
    remedy = f"correct the file; `megdt reference check {folder}` shows all that is wrong" if folder else ""
    return ConfigError(str(faults[0]), remedy=remedy or "restore the shipped seeds: install megdt-stream again")
