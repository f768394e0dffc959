"""Schemes: what is to be done, to whom, when and how much. Checked here as far as the text alone tells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Self

from pydantic import Field, ValidationError, model_validator

from megdt_stream.evidence.reference.fields import Entry, Text
from megdt_stream.scenario.errors import BadScheme
from megdt_stream.scenario.interventions import Interventions, Kind

NOTHING: Final = "nothing"
"""The scheme that every other is held against; nobody else may have its name."""


class Target(Entry):
    """Whom an intervention is for: one of these. `weakest` is the share furthest below its target, by the twins."""

    trainees: Annotated[list[Text], Field(min_length=1)] | None = None
    base: Text | None = None
    department: Text | None = None
    weakest: Annotated[float, Field(gt=0, le=1)] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(getattr(self, name) is not None for name in ("trainees", "base", "department", "weakest")) != 1:
            raise ValueError("names exactly one of trainees, base, department, weakest")
        return self

    @property
    def kind(self) -> str:
        """Give which of them, as interventions name it."""
        return "base" if self.base else "department" if self.department else "trainees"


class After(Entry):
    """That an intervention starts when another one, by its id, is over, and `weeks` later."""

    id: Text
    weeks: Annotated[int, Field(ge=0, le=260)] = 0


class Act(Entry):
    """One intervention of a scheme. `start` is a week from the beginning (0) or a date; without either 0.

    `to` is the department of a rotation change; `source` (written `from`) whose hours a tilt takes.
    """

    id: Text | None = None
    kind: Kind
    target: Target
    dose: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    start: int | str | None = None
    after: After | None = None
    weeks: Annotated[int, Field(ge=1, le=260)] | None = None
    to: Text | None = None
    source: Annotated[Text | None, Field(alias="from")] = None


class Scheme(Entry):
    """A named set of interventions."""

    name: Annotated[Text, Field(max_length=64)]
    note: str = ""
    interventions: Annotated[list[Act], Field(min_length=1, max_length=50)]


class _Several(Entry):
    schemes: Annotated[list[Scheme], Field(min_length=1, max_length=20)]


def parse(document: Any, known: Interventions) -> list[Scheme]:
    """Check a document (from YAML or JSON): one scheme, or `schemes`. Raises BadScheme."""
    if not isinstance(document, Mapping):
        raise BadScheme("scheme", "is no table", "write name and interventions (docs/rehearse.md)")
    try:
        schemes = (
            _Several.model_validate(document).schemes if "schemes" in document else [Scheme.model_validate(document)]
        )
    except ValidationError as error:
        raise _said(error, known) from None
    for scheme in schemes:
        if scheme.name == NOTHING:
            raise BadScheme("name", f"{NOTHING!r} is what schemes are compared with", "choose another name")
        for number, act in enumerate(scheme.interventions):
            _check(f"interventions.{number}", act, known)
    return schemes


def json_schema() -> dict[str, Any]:
    """Give the JSON Schema of a document, as far as a schema can tell (`schemas/rehearsal/scheme.schema.json`)."""
    several, one = (model.model_json_schema(by_alias=True) for model in (_Several, Scheme))
    found = {**several.pop("$defs"), **one.pop("$defs")}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://schemas.megdt.invalid/rehearsal/scheme.schema.json",
        "title": "One scheme for a rehearsal, or several",
        "anyOf": [one, several],
        "$defs": found,
    }


_REMEDIES: Final = {
    "missing": "add it",
    "extra_forbidden": "remove it; the fields are in `megdt rehearse --help` and docs/rehearse.md",
    "greater_than": "give a number above it",
    "greater_than_equal": "give that or more",
    "less_than_equal": "give that or less",
}


def _said(error: ValidationError, known: Interventions) -> BadScheme:
    first = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"]).replace("schemes.", "schemes.", 1) or "scheme"
    if first["type"] == "literal_error":
        return BadScheme(field, f"{first['input']!r} is no intervention", f"take one of {', '.join(known.kinds)}")
    remedy = _REMEDIES.get(first["type"], "correct it; docs/rehearse.md shows a scheme")
    return BadScheme(field, first["msg"].removeprefix("Value error, "), remedy)


def _check(where: str, act: Act, known: Interventions) -> None:
    if act.kind not in known.kinds:
        raise BadScheme(
            f"{where}.kind", f"{act.kind} is not among this site's", f"take one of {', '.join(known.kinds)}"
        )
    one = known.kinds[act.kind]
    if act.target.kind not in one.targets:
        raise BadScheme(
            f"{where}.target", f"{act.kind} is not for a {act.target.kind}", f"name one of {', '.join(one.targets)}"
        )
    if act.dose is not None and act.dose > one.dose.most:
        most = f"{one.dose.most:g} {one.dose.unit}"
        raise BadScheme(f"{where}.dose", f"{act.dose:g} is more than {most}", f"give {most} or less")
    if (act.kind == "rotation-change") != (act.to is not None):
        raise BadScheme(f"{where}.to", "goes with rotation-change, and with nothing else", "name where they move to")
    if act.source is not None and act.kind != "resource-tilt":
        raise BadScheme(f"{where}.from", "goes with resource-tilt alone", "remove it")
    if act.start is not None and act.after is not None:
        raise BadScheme(f"{where}.start", "stands beside after", "keep one of them")
