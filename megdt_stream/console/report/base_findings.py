"""What needs attention of a specialty base, and what cannot be told: facts and proposals, no verdicts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from megdt_stream.console.report.model import Finding
from megdt_stream.console.report.parts import Terms
from megdt_stream.console.report.properties import Properties, Property, is_estimate

_LISTED: Final = 4
_PLACES: Final = 3
WAITING: Final = ("overdue", "late-start", "late-end")


class Supplied(NamedTuple):
    """An item of a standard with what trainees see of it in a department."""

    item: str
    found: Property

    @property
    def ratio(self) -> float:
        """Give supply over demand."""
        ratio: float = self.found["provenance"]["ratio"]
        return ratio


def findings(terms: Terms, properties: Properties, process: Properties) -> tuple[Finding, ...]:
    """Find what needs attention; `process` is of the rotations of the base."""
    return (*_below_peers(terms, properties), *_scarce(terms, properties), *_waiting(terms, process))


def _below_peers(terms: Terms, properties: Properties) -> Iterator[Finding]:
    say = terms.say
    below = [
        (code, found)
        for (code,), found in properties.group("against-peers")
        if is_estimate(found) and found["interval"][1] < 0
    ]
    if not below:
        return
    below.sort(key=lambda one: (one[1]["value"], one[0]))
    names = say.quoted(terms.names.competency(code) for code, _ in below)
    yield Finding(
        say("peers what", n=len(below), names=names),
        say("peers sure", coverage=terms.coverage),
        tuple(_apart(terms, code, found) for code, found in below),
        say("peers next", names=names),
    )


def _apart(terms: Terms, code: str, found: Property) -> str:
    say, about = terms.say, found["provenance"]
    return say(
        "peers why",
        competency=terms.names.competency(code),
        difference=say.estimate(found, 2, signed=True),
        n=about["trainees"],
        peers=about["peers"],
    )


# --- cases ---


def supplied(properties: Properties) -> dict[tuple[str, str], list[Supplied]]:
    """Give what is told of the supply by standard and department, the scarcest item first."""
    found: defaultdict[tuple[str, str], list[Supplied]] = defaultdict(list)
    for name, one in properties.group("supply"):
        if len(name) == 3 and one["value"] is not None:
            standard, department, item = name
            found[standard, department].append(Supplied(item, one))
    for items in found.values():
        items.sort(key=lambda one: (one.ratio, one.item))
    return dict(found)


def _scarce(terms: Terms, properties: Properties) -> Iterator[Finding]:
    say = terms.say
    scarce = {place: items for place, items in supplied(properties).items() if items[0].ratio < 1}
    if not scarce:
        return
    most = sorted(scarce.items(), key=lambda one: (-len(_below(one[1])), one[0]))
    departments = say.listed(dict.fromkeys(terms.names.department(department) for (_, department), _ in most))
    yield Finding(
        say("supply what", n=sum(len(_below(items)) for _, items in most)),
        say("supply sure"),
        tuple(_scarce_in(terms, terms.names.department(department), items) for (_, department), items in most),
        say("supply next", departments=departments),
    )


def _below(items: Sequence[Supplied]) -> list[Supplied]:
    return [one for one in items if one.ratio < 1]


def _scarce_in(terms: Terms, department: str, items: Sequence[Supplied]) -> str:
    """Write which items nobody recorded, and of the others the scarcest."""
    say, about = terms.say, items[0].found["provenance"]
    unseen = [terms.names.item(one.item) for one in items if not one.found["provenance"]["seen"]]
    low = [f"{terms.names.item(one.item)} {say.percent(one.ratio)}" for one in _below(items)[len(unseen) :]]
    told = [
        say("supply none", items=_first(terms, unseen)) if unseen else "",
        say("supply low", items=_first(terms, low)) if low else "",
    ]
    return say(
        "supply department",
        department=department,
        n=len(_below(items)),
        all=len(items),
        trainees=about["trainees"],
        months=say.number(about["trainee_months"]),
        items=say.sentences(*told),
    )


def _first(terms: Terms, told: Sequence[str]) -> str:
    more = terms.say("others too", n=len(told) - _LISTED) if len(told) > _LISTED else ""
    return terms.say.items(told[:_LISTED]) + more


# --- what waits ---


def _waiting(terms: Terms, process: Properties) -> Iterator[Finding]:
    say = terms.say
    for kind in WAITING:
        found = process.known(kind)
        if found is None or not found["value"]:
            continue
        about = found["provenance"]
        places = _places(terms, process, kind)
        why = [
            say("waiting why", mean=say.number(about["mean_days"], 0), longest=say.number(about["longest_days"], 0)),
            say("waiting where", places=places) if places else "",
        ]
        yield Finding(
            say(f"{kind} what", n=found["value"]),
            say("waiting sure"),
            tuple(text for text in why if text),
            say("overdue next" if kind == "overdue" else "late next"),
        )


def _places(terms: Terms, process: Properties, kind: str) -> str:
    """Name the departments where most waits, as far as they may be told."""
    told = [(one["value"], code) for (code,), one in process.group(kind) if one["value"]]
    most = sorted(told, key=lambda one: (-one[0], one[1]))[:_PLACES]
    return terms.say.listed(f"{terms.names.department(code)} {terms.say.number(count)}" for count, code in most)


# --- what cannot be told ---


def limits(terms: Terms, properties: Properties, process: Properties, as_of: str | None) -> tuple[str, ...]:
    """Say what a reader might look for and not find, and why."""
    say = terms.say
    trainees = properties.get("trainees")
    told = [
        "" if as_of else say("no time"),
        say("all suppressed") if trainees is not None and trainees["value"] is None else "",
        say("kept back") if properties.kept_back or process.kept_back else "",
        say("no-peers") if "no-peers" in properties.unknowns() else "",
        "" if any(True for _ in properties.group("supply")) else say("no standard base"),
    ]
    return tuple(text for text in told if text)
