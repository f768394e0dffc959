"""What a report of a trainee cannot tell, and why."""

from __future__ import annotations

from collections.abc import Sequence

from megdt_stream.console.report.parts import Terms
from megdt_stream.console.report.properties import Properties, Property
from megdt_stream.twin.view.learned import BELIEVED


def limits(terms: Terms, properties: Properties, as_of: int) -> tuple[str, ...]:
    """Say what a reader might look for and not find, and why; `as_of` in ms, 0 for not known."""
    say, unknown = terms.say, properties.unknowns()
    programme = properties.value("programme") or say("none")
    levels = list(properties.group("level"))
    due = properties.get("missing")
    told = [
        "" if as_of else say("no time"),
        "" if levels else say("no levels"),
        *(say(code) for code in ("no-enrolment", "no-target") if code in unknown),
        say("no-standard", programme=programme) if "no-standard" in unknown else "",
        say("nothing due") if due is not None and due.get("expected") == 0 else "",
        _few_assessors(terms, levels),
        _not_connected(terms, levels),
        _marks_missing(terms, due),
        _not_projected(terms, properties),
        "" if properties.get("workload") is not None else say("no workload"),
    ]
    return tuple(text for text in told if text)


def _few_assessors(terms: Terms, levels: Sequence[tuple[tuple[str, ...], Property]]) -> str:
    few = [code for (code,), found in levels if found["provenance"].get("raters", 0) < 2]
    return terms.say("few assessors", names=terms.say.listed(map(terms.names.competency, few))) if few else ""


def _not_connected(terms: Terms, levels: Sequence[tuple[tuple[str, ...], Property]]) -> str:
    alone = [code for (code,), found in levels if found["provenance"].get("rater_severity") == BELIEVED]
    return terms.say("not connected", names=terms.say.listed(map(terms.names.competency, alone))) if alone else ""


def _marks_missing(terms: Terms, due: Property | None) -> str:
    missing = 0 if due is None else sum(one["missing"] for one in due.get("marks", {}).values())
    return terms.say("marks missing", n=missing) if missing else ""


def _not_projected(terms: Terms, properties: Properties) -> str:
    say = terms.say
    open_ = [one for name, one in properties.group("quota") if len(name) == 2 and one.get("short") is None]
    why = sorted({say.code(one["unknown"]) for one in open_ if one.get("unknown")})
    return say("not told", n=len(open_), why=say.listed(why)) if open_ else ""
