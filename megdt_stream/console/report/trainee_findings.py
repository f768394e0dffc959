"""What needs attention of a trainee, the gravest first: facts and proposals, no verdicts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from megdt_stream.console.report.model import Finding
from megdt_stream.console.report.parts import Terms
from megdt_stream.console.report.properties import Properties, Property, is_estimate
from megdt_stream.evidence.times import DAY_MS, milliseconds

_FEW_ASSESSORS: Final = 3
"""With fewer, more evidence comes before a talk about what it says."""

_LISTED: Final = 4
"""So many items are named for each department; the details have all."""

_MOST_FORMS: Final = 8


class QuotaItem(NamedTuple):
    """An item of the quota that stands below its minimum."""

    kind: str
    code: str
    found: Property

    @property
    def chance(self) -> float:
        """Give the probability of staying below the minimum; 0 where it is not told."""
        projected = self.found["projected"]
        return 0.0 if projected is None else projected["probability_short"]


def findings(terms: Terms, properties: Properties, as_of: int) -> tuple[Finding, ...]:
    """Find what needs attention; `as_of` in ms, 0 for not known."""
    return (
        *_weak(terms, properties),
        *_adverse(terms, properties),
        *_over(terms, properties),
        *_missing(terms, properties, as_of),
        *_short(terms, properties),
        *_own(terms, properties),
    )


# --- competencies ---


class Weak(NamedTuple):
    """A competency that is probably below its target."""

    code: str
    found: Property
    level: Property

    @property
    def thin(self) -> bool:
        """Tell whether too few assessors have seen it to talk about more than evidence."""
        return bool(self.level["provenance"].get("raters", 0) < _FEW_ASSESSORS)


def _weak(terms: Terms, properties: Properties) -> Iterator[Finding]:
    """Give those that several assessors have seen, then those that need more evidence first."""
    weak = [
        Weak(code, found, level)
        for (code,), found in properties.group("weak")
        if found.get("weak") and (level := properties.known(f"level|{code}")) is not None
    ]
    weak.sort(key=lambda one: (-one.found["value"], one.code))
    for thin in (False, True):
        group = [one for one in weak if one.thin is thin]
        if group:
            yield _weak_in(terms, properties, group, thin)


def _weak_in(terms: Terms, properties: Properties, group: Sequence[Weak], thin: bool) -> Finding:
    say = terms.say
    names = say.quoted(terms.names.competency(one.code) for one in group)
    if len(group) == 1:
        what, why = say("weak what", **_stands(terms, group[0])), tuple(_rests_on(terms, properties, group[0]))
        sure = say("weak sure", chance=say.chance(group[0].found["value"]))
    else:
        what = say("weak many", n=len(group))
        chances = [say.chance(one.found["value"]) for one in (group[-1], group[0])]
        sure = say("weak sure many", low=chances[0], high=chances[1])
        if chances[0] == chances[1]:
            sure = say("weak sure", chance=chances[0])
        why = tuple(
            say.sentences(
                say("weak one", **_stands(terms, one), chance=say.chance(one.found["value"])),
                *_rests_on(terms, properties, one),
            )
            for one in group
        )
    sure = say.sentences(sure, say("weak thin", least=_FEW_ASSESSORS) if thin else "")
    return Finding(what, sure, why, say("weak next thin" if thin else "weak next", names=names))


def _stands(terms: Terms, one: Weak) -> dict[str, str]:
    return {
        "competency": terms.names.competency(one.code),
        "level": terms.say.estimate(one.level),
        "target": terms.say.number(one.found["target"]),
    }


def _rests_on(terms: Terms, properties: Properties, one: Weak) -> Iterator[str]:
    say, about = terms.say, one.level["provenance"]
    dates = say.days(about.get("from"), about.get("until"))
    yield say.sentences(
        say("scores by", scores=say.number(about.get("scores")), n=about.get("raters", 0), dates=dates),
        say("unnamed", n=about["scores_without_rater"]) if about.get("scores_without_rater") else "",
    )
    growth, target = properties.get(f"growth|{one.code}"), properties.get(f"target|{one.code}")
    if growth is not None and is_estimate(growth):
        yield say("grows", growth=say.estimate(growth, signed=True))
    if target is not None and is_estimate(target.get("forecast")):
        wanted = {"day": say.day(target["by"]), "wanted": say.number(target["value"])}
        yield say("forecast", forecast=say.estimate(target["forecast"]), **wanted)


def _own(terms: Terms, properties: Properties) -> Iterator[Finding]:
    """Give where the own view is surely higher than the assessors', then where it is lower."""
    say = terms.say
    apart = [
        (code, found)
        for (code,), found in properties.group("self-assessment")
        if is_estimate(found) and not found["interval"][0] <= 0 <= found["interval"][1]
    ]
    for way, group in (
        ("higher", [one for one in apart if one[1]["value"] > 0]),
        ("lower", [one for one in apart if one[1]["value"] < 0]),
    ):
        if group:
            names = say.quoted(terms.names.competency(code) for code, _ in group)
            why = tuple(_views(terms, code, found) for code, found in group)
            yield Finding(say(f"own what {way}", names=names), say("own sure"), why, say(f"own next {way}"))


def _views(terms: Terms, code: str, found: Property) -> str:
    say = terms.say
    views = {"own": say.estimate(found["own"]), "assessors": say.estimate(found["assessors"])}
    return say("own why", competency=terms.names.competency(code), **views, difference=say.estimate(found, signed=True))


# --- results and hours ---


def _adverse(terms: Terms, properties: Properties) -> Iterator[Finding]:
    say = terms.say
    for (code, *_), found in properties.group("outcome"):
        if not terms.names.adverse(code, found["value"]):
            continue
        about = found["provenance"]
        value = about.get("recorded_value")
        yield Finding(
            say("adverse what", outcome=terms.names.outcome(code), result=terms.names.result(code, found["value"])),
            say("adverse sure"),
            (
                say.sentences(
                    say("adverse why", day=say.day(about["happened"])),
                    "" if value is None else say("adverse value", value=say.number(value)),
                ),
            ),
            say("adverse next"),
        )


def _over(terms: Terms, properties: Properties) -> Iterator[Finding]:
    say, found = terms.say, properties.get("workload")
    if found is None or not found.get("over"):
        return
    yield Finding(
        say("over what", hours=say.number(found["value"]), limit=say.number(found["limit"]["hours"], 0)),
        say("counted sure"),
        (say("over why", n=found["provenance"]["weeks_averaged"], highest=say.number(found["maximum"])),),
        say("over next"),
    )


# --- forms that have not come ---


def _missing(terms: Terms, properties: Properties, as_of: int) -> Iterator[Finding]:
    say, found = terms.say, properties.known("missing")
    items = [] if found is None else found.get("items", [])
    if not items:
        return
    warned = {
        (rotation, key): one["provenance"].get("since") for (_, rotation, key), one in properties.group("warning")
    }
    why = [_form(terms, item, warned.get((item["rotation"], item["key"])), as_of) for item in items[:_MOST_FORMS]]
    if len(items) > _MOST_FORMS:
        why.append(say("missing further", n=_short_of(items[_MOST_FORMS:])))
    by_rotation: defaultdict[str, list[str]] = defaultdict(list)
    for item in items[:_MOST_FORMS]:
        by_rotation[item["rotation"]].append(terms.names.form(item["key"]))
    supervisors = {code: one["provenance"].get("supervisor") for (code,), one in properties.group("rotation")}
    asked = [_asked(terms, code, forms, supervisors.get(code)) for code, forms in by_rotation.items()]
    what = say("missing what", n=_short_of(items))
    yield Finding(what, say("missing sure"), tuple(why), say("missing next", rotations=say.listed(asked)))


def _short_of(items: Sequence[Mapping[str, Any]]) -> int:
    return sum(item["expected"] - item["arrived"] for item in items)


def _asked(terms: Terms, rotation: str, forms: Sequence[str], supervisor: str | None) -> str:
    """Name a rotation with the forms that are missing, and whom to ask for them where that is known."""
    if supervisor is None:
        return terms.say("bracketed", text=rotation, more=terms.say.listed(forms))
    return terms.say("missing asked", rotation=rotation, forms=terms.say.listed(forms), supervisor=supervisor)


def _form(terms: Terms, item: Mapping[str, Any], warned: str | None, as_of: int) -> str:
    say, department = terms.say, item.get("department")
    place = item["rotation"] if department is None else terms.names.department(department)
    late = (as_of - milliseconds(item["due"])) // DAY_MS if as_of else 0
    counts = {"arrived": item["arrived"], "expected": item["expected"], "due": say.day(item["due"])}
    return "".join(
        (
            say("missing why", place=place, form=terms.names.form(item["key"]), **counts),
            say("missing days", n=late) if late > 0 else "",
            say("missing warned", day=say.day(warned)) if warned else "",
        )
    )


# --- quotas ---


def below_minimum(properties: Properties) -> dict[str, list[QuotaItem]]:
    """Give the items below their minimum by department, the likeliest to stay so first."""
    found: defaultdict[str, list[QuotaItem]] = defaultdict(list)
    for name, one in properties.group("quota"):
        if len(name) == 2 and one["value"] is not None and one["value"] < one["required"]:
            found[one["provenance"].get("department")].append(QuotaItem(*name, one))
    for items in found.values():
        items.sort(key=lambda item: (-item.chance, item.found["share"], item.code))
    return dict(found)


def time_is_over(item: QuotaItem) -> bool:
    """Tell whether no time is left in which the item could still be done."""
    projected = item.found["projected"]
    return projected is not None and projected["days_ahead"] <= 0


def _short(terms: Terms, properties: Properties) -> Iterator[Finding]:
    """Give what is short where no time is left, then what is likely to be."""
    for over in (True, False):
        found = {
            terms.names.department(code): [
                item for item in items if item.found.get("short") and time_is_over(item) is over
            ]
            for code, items in below_minimum(properties).items()
        }
        short = {department: items for department, items in found.items() if items}
        if short:
            yield _short_in(terms, short, over)


def _short_in(terms: Terms, short: Mapping[str, Sequence[QuotaItem]], over: bool) -> Finding:
    say = terms.say
    items = [item for theirs in short.values() for item in theirs]
    what, next_step = ("short what over", "short next over") if over else ("short what", "short next")
    why = tuple(
        say("short department", department=department, n=len(theirs), items=_items(terms, theirs, over))
        for department, theirs in short.items()
    )
    departments = say.listed(short)
    return Finding(
        say(what, n=len(items)), _short_sure(terms, items, over), why, say(next_step, departments=departments)
    )


def _short_sure(terms: Terms, short: Sequence[QuotaItem], over: bool) -> str:
    say = terms.say
    if over:
        return say("short sure over")
    low, high = say.chance(min(item.chance for item in short)), say.chance(max(item.chance for item in short))
    return say("short sure one", low=low) if low == high else say("short sure", low=low, high=high)


def _items(terms: Terms, short: Sequence[QuotaItem], over: bool) -> str:
    """Write how items stand, the likeliest to stay short first."""
    say = terms.say
    told = []
    for item in short[:_LISTED]:
        stands = {
            "item": terms.names.item(item.code),
            "done": say.number(item.found["value"]),
            "minimum": say.number(item.found["required"]),
        }
        if over:
            text = say("short why over", **stands)
        else:
            ahead = item.found["projected"]
            text = say("short why", **stands, projected=say.estimate(ahead, 0), day=say.day(ahead["by"]))
        lesser = item.found["provenance"].get("not_counted")
        told.append(text + (say("not counted", n=lesser) if lesser else ""))
    more = say("others too", n=len(short) - _LISTED) if len(short) > _LISTED else ""
    return (say.items(told) if over else say("and then").join(told)) + more
