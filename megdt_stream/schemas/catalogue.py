"""The published schemas, read from a folder: topics with their annotations, kinds of records and examples."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import jsonschema_rs

from megdt_stream.data_files import schemas_dir
from megdt_stream.schemas.shape import Flattener, SchemaFault, Shape

COMMON: Final = "common.schema.json"
DATA_CLASSES: Final = {
    "public": "says nothing about a hospital or a person",
    "operational": "how the hospital or the system works; says nothing about a person",
    "pseudonymous": "a pseudonym, or something about the person behind one",
    "free-text": "words that a person wrote, which may say anything; kept on the input topic only",
    "direct-identifier": "names a person to anybody; not allowed on any topic",
}
"""What a field may hold, from harmless to forbidden."""

_SUFFIX: Final = ".schema.json"


@dataclass(frozen=True, slots=True)
class TopicSchema:
    """A topic's schema and what is promised about the topic.

    `kinds` has one shape per event type (of evidence, per kind), or one named "" where records are all alike;
    `discriminator` is the field that tells them apart.
    """

    name: str
    document: dict[str, Any]
    discriminator: str
    kinds: Mapping[str, Shape]

    @property
    def title(self) -> str:
        """Say what the topic carries."""
        return self._annotation("title")

    @property
    def owner(self) -> str:
        """Say who decides on changes."""
        return self._annotation("x-owner")

    @property
    def key(self) -> str:
        """Give the template of the record key."""
        return self._annotation("x-key")

    @property
    def mode(self) -> str:
        """Give the compatibility mode."""
        return self._annotation("x-compatibility")

    @property
    def retention(self) -> str:
        """Say how long records are kept: an ISO 8601 duration, or `forever`."""
        return self._annotation("x-retention")

    @property
    def short(self) -> str:
        """Give the short name: `assessments` of `megdt.assessments.v1`."""
        return self.name.split(".")[1]

    def kind_of(self, value: Any) -> str:
        """Give the kind that a record says it is."""
        return str(value.get(self.discriminator, "")) if self.discriminator and isinstance(value, dict) else ""

    def _annotation(self, name: str) -> str:
        return str(self.document.get(name, ""))


@dataclass(frozen=True)
class Catalogue:
    """All schemas of a folder. `version` is the release that the folder holds, "" for the current ones."""

    folder: Path
    version: str
    documents: Mapping[str, dict[str, Any]]
    topics: Mapping[str, TopicSchema]
    _examples: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)

    def validator(self, topic: str) -> jsonschema_rs.Validator:
        """Give the validator of a topic. Formats are asserted: a time without a zone is refused."""
        return jsonschema_rs.Draft202012Validator(
            self.topics[topic].document, registry=self._registry, validate_formats=True
        )

    @cached_property
    def _registry(self) -> jsonschema_rs.Registry:
        return jsonschema_rs.Registry(list(self.documents.items()))

    def examples(self, topic: str) -> Mapping[str, Any]:
        """Give the valid examples of a topic by name."""
        if topic not in self._examples:
            paths = sorted((self.folder / "examples" / topic / "valid").glob("*.json"))
            self._examples[topic] = {path.stem: _json(path) for path in paths}
        return self._examples[topic]

    def bundle(self, topic: str) -> dict[str, Any]:
        """Give a topic's schema as one document that needs no other: the shared definitions stand inside it."""
        document = dict(self.topics[topic].document)
        shared = {
            id_.rpartition("/")[2]: common for id_, common in self.documents.items() if id_.endswith(f"/{COMMON}")
        }
        return {**document, "$defs": {**document.get("$defs", {}), **shared}}


def read(folder: Path | None = None, version: str = "") -> Catalogue:
    """Read the schemas of a folder, by default the shipped ones.

    Raises SchemaFault naming the file that is missing or not what it must be.
    """
    folder = schemas_dir() if folder is None else folder
    paths = sorted(folder.glob(f"*{_SUFFIX}"))
    if not any(path.name == COMMON for path in paths):
        raise SchemaFault(f"{folder} has no {COMMON}", remedy="name a folder of schemas")
    documents = {_id(path, document): document for path in paths for document in [_json(path)]}
    _check(documents)
    flattener = Flattener(documents)
    topics = {}
    for id_, document in documents.items():
        name = id_.rpartition("/")[2].removesuffix(_SUFFIX)
        if name.startswith("megdt."):
            topics[name] = TopicSchema(name, document, *flattener.kinds(id_))
    return Catalogue(folder, version, documents, topics)


def read_releases(folder: Path | None = None) -> list[Catalogue]:
    """Read the released versions that are kept under `released/`, oldest first.

    Raises SchemaFault where there is none, or where a folder's name is no version.
    """
    kept = (schemas_dir() if folder is None else folder) / "released"
    folders = [path for path in kept.glob("*") if path.is_dir()]
    if not folders:
        raise SchemaFault(f"{kept} holds no released version", remedy="keep a copy of the last release there")
    return [read(path, path.name) for path in sorted(folders, key=_version)]


def _version(folder: Path) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in folder.name.split("."))
    except ValueError as error:
        raise SchemaFault(f"{folder} is not named by a version such as 1.0.0") from error


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise SchemaFault(f"{path} cannot be read ({error})") from error


def _id(path: Path, document: Any) -> str:
    id_ = document.get("$id") if isinstance(document, dict) else None
    if not isinstance(id_, str) or not id_.endswith(f"/{path.name}"):
        raise SchemaFault(f"{path} has the $id {id_!r}, which does not end with its name")
    return id_


def _check(documents: Mapping[str, Any]) -> None:
    for id_, document in documents.items():
        try:
            jsonschema_rs.meta.validate(document)
        except jsonschema_rs.ValidationError as error:
            raise SchemaFault(f"{id_} is no JSON Schema 2020-12 ({error.message})") from error
