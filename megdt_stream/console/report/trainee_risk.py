"""The risk of an adverse outcome of running rotations: how likely, how sure, why, by which model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from megdt_stream.console.report.model import Cell, Section, Table
from megdt_stream.console.report.parts import Terms, section
from megdt_stream.console.report.properties import Properties, Property

_NOTHING_TO_TELL: Final = frozenset({"no-model", "no-rotation", "no-clock"})


def risk(terms: Terms, properties: Properties) -> tuple[Section, ...]:
    """Show the property `risk`; no section before there is a model, or while no rotation runs."""
    found = properties.get("risk")
    if found is None or found.get("unknown") in _NOTHING_TO_TELL:
        return ()
    if found["value"] is None:
        return (section(terms.say, "risk", [], [terms.say("risk broken", model=found["provenance"]["model"])]),)
    return (section(terms.say, "risk", [_rotations(terms, found), _reasons(terms, found)], list(_lead(terms, found))),)


def _lead(terms: Terms, found: Property) -> Iterator[str]:
    say, about = terms.say, found["provenance"]
    yield say("risk lead", days=about["horizon_days"], model=about["model"], n=about["outcomes"])
    if about["basis"] == "floor":
        yield say("risk floor")
    if about["flagged"]:
        yield say("risk flagged")


def _rotations(terms: Terms, found: Property) -> Table:
    say = terms.say
    rows = []
    for one in (found, *found["others"]):
        title = say("chart risk", rotation=one["rotation"], share=say.share(one))
        rows.append((Cell(one["rotation"]), Cell(chart=terms.share_strip(one, title)), Cell(say.share(one))))
    return Table("", (terms.column("rotation"), terms.share_axis(), terms.column("risk", number=True)), tuple(rows))


def _reasons(terms: Terms, found: Property) -> Table:
    """Give what adds to the log odds or takes from them, the strongest first; nothing where the prevalence answers."""
    rows = [(Cell(one["feature"]), Cell(terms.say.number(one["adds"], 2, signed=True))) for one in found["reasons"]]
    columns = (terms.column("risk reason"), terms.column("risk adds", number=True))
    return Table(terms.say("risk reasons", rotation=found["rotation"]), columns, tuple(rows))
