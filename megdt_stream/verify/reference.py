"""What stands beside the events: schemas, rating scales, competencies and the rules, read from the data files."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema_rs

from megdt_stream.data_files import schemas_dir, seeds_dir
from megdt_stream.errors import ConfigError
from megdt_stream.verify.names import ALERTS, EVIDENCE, INPUTS, full_name
from megdt_stream.verify.times import DAY_MS

RULE = "expected-assessment-overdue"


@dataclass(frozen=True, slots=True)
class Scale:
    """A rating scale's bounds and its line to the common level."""

    least: float
    most: float
    intercept_milli: int
    slope_milli: int
    variance: float

    def holds(self, value: float) -> bool:
        """Say whether a value lies within the bounds."""
        return self.least <= value <= self.most

    def level(self, value: float) -> int:
        """Give the level in thousandths (docs/records.md, section 2)."""
        value_milli = math.floor(value * 1000 + 0.5)
        return self.intercept_milli + (self.slope_milli * value_milli + 500) // 1000

    @property
    def weight(self) -> int:
        """Give a score's weight: the inverse variance in thousandths."""
        return math.floor(1000 / self.variance + 0.5)


@dataclass(frozen=True, slots=True)
class Rule:
    """The settings of the rule of expected assessments, `grace` in ms, and the tables of all rules."""

    version: int
    grace: int
    severity: str
    owner: str
    tables: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reference:
    """All reference data of a check. `competencies`: the codes of all frameworks."""

    scales: dict[str, Scale]
    competencies: frozenset[str]
    rule: Rule
    validators: dict[str, jsonschema_rs.Validator]

    def satisfies(self, short: str, value: Any) -> bool:
        """Say whether a value fits the schema of a topic."""
        return self.validators[short].is_valid(value)


def load_reference(site: Path | None = None) -> Reference:
    """Read the `seeds/` and `schemas/` that ship with the project, and a site's own folder of seeds before them.

    A file there replaces the shipped one; one in its sub-folder `extra/` adds tables (docs/reference-data.md).
    Raises ConfigError where a file cannot be read.
    """
    scales = {name: _scale(seed) for name, seed in _seeds("scales", site).items()}
    frameworks = _seeds("competencies", site).values()
    competencies = {code for framework in frameworks for code in framework["competencies"]}
    return Reference(scales, frozenset(competencies), _rule(_seeds("rules", site)), _validators(schemas_dir()))


def _seeds(name: str, site: Path | None) -> dict[str, Any]:
    shipped = seeds_dir() / f"{name}.toml"
    if site is None:
        return _tables(shipped)
    own, added = site / f"{name}.toml", site / "extra" / f"{name}.toml"
    tables = _tables(own if own.exists() else shipped)
    return _tables(added) | tables if added.exists() else tables


def _tables(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}", remedy="`megdt reference check` names what is wrong in it") from error


def _scale(seed: dict[str, Any]) -> Scale:
    return Scale(seed["min"], seed["max"], seed["intercept_milli"], seed["slope_milli"], seed["variance"])


def _rule(tables: dict[str, Any]) -> Rule:
    seed = tables[RULE]
    return Rule(seed["version"], seed["grace_days"] * DAY_MS, seed["severity"], seed["owner"], tables)


def _validators(folder: Path) -> dict[str, jsonschema_rs.Validator]:
    common = _read(folder / "common.schema.json")
    registry = jsonschema_rs.Registry([(common["$id"], common)])
    return {
        short: jsonschema_rs.Draft202012Validator(
            _read(folder / f"{full_name(short)}.schema.json"), registry=registry, validate_formats=False
        )
        for short in (*INPUTS, EVIDENCE, ALERTS)
    }


def _read(path: Path) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return schema
