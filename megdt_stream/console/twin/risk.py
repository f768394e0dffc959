"""The risk of an adverse outcome, as a few lines: how likely, how sure, why, by which model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.text import Text

from megdt_stream.console.twin.parts import chance
from megdt_stream.console.words import Words


def risk(found: Mapping[str, Any], words: Words) -> Text:
    """Write the property `risk`; nothing before there is a model, or while no rotation runs."""
    if found.get("unknown") in ("no-model", "no-rotation", "no-clock"):
        return Text()
    return Text("\n".join(("", *_lines(found, words))), style="" if found["value"] is not None else "yellow")


def _lines(found: Mapping[str, Any], words: Words) -> Iterator[str]:
    provenance = found["provenance"]
    if found["value"] is None:
        yield words["risk broken"].format(model=provenance["model"])
        return
    days = provenance["horizon_days"]
    for one in ({"rotation": found["rotation"], **found}, *found["others"]):
        low, high = one["interval"]
        yield words["risk"].format(
            rotation=one["rotation"], value=chance(one["value"]), low=chance(low), high=chance(high), days=days
        )
    if found["reasons"]:
        why = ", ".join(f"{one['feature']} {one['adds']:+.2f}" for one in found["reasons"])
        yield words["risk reasons"].format(why=why)
    if provenance["basis"] == "floor":
        yield words["risk floor"].format(outcomes=provenance["outcomes"])
    if provenance["flagged"]:
        yield words["risk flagged"]
    yield words["risk model"].format(model=provenance["model"], outcomes=provenance["outcomes"])
