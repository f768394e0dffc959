"""The portrait of a specialty base (专业基地)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from megdt_stream.console.report.base_findings import WAITING, Supplied, findings, limits, supplied
from megdt_stream.console.report.charts import Charts
from megdt_stream.console.report.language import Language
from megdt_stream.console.report.model import Cell, Column, Fact, Page, Section, Table
from megdt_stream.console.report.names import Names
from megdt_stream.console.report.parts import Terms, bounds, method, page_words, section, texts
from megdt_stream.console.report.properties import Properties, Property, is_estimate
from megdt_stream.console.words import Lang
from megdt_stream.evidence.reference import Library, Targets
from megdt_stream.twin.view import Estimation

_APART = 1.0
"""The scale of differences from peers goes so far to each side (levels); what lies beyond is drawn at its end."""


def base_page(
    document: Mapping[str, Any],
    process: Mapping[str, Any] | None,
    *,
    library: Library,
    estimation: Estimation,
    targets: Targets,
    lang: Lang,
) -> Page:
    """Write the portrait of a base from its document and that of its rotations, the process (docs/entities.md)."""
    say = Language(lang)
    terms = Terms(say, Names(library, say), Charts(), estimation, targets)
    properties, rotations = Properties(document), Properties(process)
    found = findings(terms, properties, rotations)
    return Page(
        lang=say.tag,
        title=say("base report"),
        name=document["id"],
        facts=_facts(terms, document, properties),
        notices=(),
        findings=found,
        limits=limits(terms, properties, rotations, document["as_of"]),
        sections=(
            _people(terms, properties),
            _levels(terms, properties),
            _supply(terms, properties),
            _process(terms, properties, rotations),
            _results(terms, properties),
            _capacity(terms, properties),
        ),
        method=method(terms, properties, say("severity base"), None),
        words=page_words(terms, len(found)),
    )


def _facts(terms: Terms, document: Mapping[str, Any], properties: Properties) -> tuple[Fact, ...]:
    say = terms.say
    return (
        (say("base"), document["id"]),
        (say("enrolled"), _count(terms, properties.get("trainees"))),
        (say("as of"), say.moment(document["as_of"])),
        (say("revision"), document["revision"]),
    )


def _count(terms: Terms, found: Property | None) -> str:
    """Write a count, or why it is not told."""
    if found is None:
        return terms.say("none")
    if found["value"] is None:
        return _why(terms, found)
    return terms.say.number(found["value"])


def _why(terms: Terms, found: Property) -> str:
    if "suppressed" in found.get("provenance", {}):
        return terms.say("suppressed")
    unknown = found.get("unknown")
    return terms.say("none") if unknown is None else terms.say.code(unknown)


def _people(terms: Terms, properties: Properties) -> Section:
    say = terms.say
    rows = [
        texts(say(key), _count(terms, found), "")
        for key, name in (("enrolled", "trainees"), ("staying", "trainees|staying"))
        if (found := properties.get(name)) is not None
    ]
    ratio = properties.get("supervision")
    if ratio is not None:
        told = ratio["value"] is not None
        about = ratio["provenance"]
        rests = say("supervision on", assessors=about["assessors"], trainees=about["trainees"]) if told else ""
        value = say.number(float(ratio["value"]), 2) if told else _why(terms, ratio)
        rows.append(texts(say("supervision"), value, rests))
    columns = (terms.column("figure"), terms.column("value", number=True), terms.column("rests on"))
    return section(say, "people", [Table("", columns, tuple(rows))])


# --- levels ---


def _levels(terms: Terms, properties: Properties) -> Section:
    columns = (
        terms.column("competency"),
        terms.level_axis(),
        terms.column("mean level", number=True),
        _apart_axis(terms),
        terms.column("against peers", number=True),
        terms.column("trainees", number=True),
    )
    rows = tuple(
        _level(terms, code, found, properties.get(f"against-peers|{code}"))
        for (code,), found in properties.group("level")
    )
    told = any(is_estimate(found) for _, found in properties.group("level"))
    table = Table(terms.say("base levels legend") if told else "", columns, rows)
    return section(terms.say, "levels", [table], title="base levels")


def _apart_axis(terms: Terms) -> Column:
    span, say = (-_APART, _APART), terms.say
    labels = [(value, say.number(value, 0, signed=True)) for value in (-_APART, 0.0, _APART)]
    return Column(say("scale"), chart=terms.charts.axis(span, labels, say("axis", low=labels[0][1], high=labels[2][1])))


def _level(terms: Terms, code: str, found: Property, peers: Property | None) -> tuple[Cell, ...]:
    say, name = terms.say, terms.names.competency(code)
    if not is_estimate(found):
        return (Cell(name), Cell(), Cell(_why(terms, found)), Cell(), Cell(), Cell())
    title = say("chart level", competency=name, level=say.estimate(found))
    level = terms.charts.interval(bounds(found), title)
    compared = (Cell(), Cell(say("none") if peers is None else _why(terms, peers)))
    if peers is not None and is_estimate(peers):
        difference = say.estimate(peers, 2, signed=True)
        drawn = say("chart peers", competency=name, difference=difference)
        span = (-_APART, _APART)
        chart = terms.charts.interval(bounds(peers), drawn, span, (-1, -0.5, 0, 0.5, 1), target=0.0)
        compared = (Cell(chart=chart), Cell(difference, marked=peers["interval"][1] < 0))
    trainees = say.number(found["provenance"].get("trainees"))
    return (Cell(name), Cell(chart=level), Cell(say.estimate(found)), *compared, Cell(trainees))


# --- cases ---


def _supply(terms: Terms, properties: Properties) -> Section:
    """Show supply and demand by department, and each department's items to be opened."""
    say, found = terms.say, supplied(properties)
    names = ("items below", "items unseen", "trainees", "months there")
    columns = (terms.column("department"), *(terms.column(name, number=True) for name in names))
    places = tuple(_place(terms, department, items) for (_, department), items in found.items())
    hidden = (name[1] for name, one in properties.group("supply") if one["value"] is None)
    kept_back = tuple(
        texts(terms.names.department(code), say("suppressed"), "", "", "") for code in dict.fromkeys(hidden)
    )
    tables = [_items(terms, department, items) for (_, department), items in found.items()]
    standards = say.listed(dict.fromkeys(terms.names.standard(standard) for standard, _ in found))
    overview = Table(standards, columns, places + kept_back)
    return section(say, "supply", [overview, *tables], [say("supply legend") if tables else ""])


def _place(terms: Terms, department: str, items: Sequence[Supplied]) -> tuple[Cell, ...]:
    say, about = terms.say, items[0].found["provenance"]
    below = sum(one.ratio < 1 for one in items)
    return (
        Cell(terms.names.department(department)),
        Cell(f"{below} / {len(items)}", marked=below > 0),
        Cell(say.number(sum(not one.found["provenance"]["seen"] for one in items))),
        Cell(say.number(about["trainees"])),
        Cell(say.number(float(about["trainee_months"]))),
    )


def _items(terms: Terms, department: str, items: Sequence[Supplied]) -> Table:
    columns = (
        terms.column("item"),
        terms.share_axis(1.5),
        *(terms.column(name, number=True) for name in ("supplied", "demand", "ratio", "seen")),
    )
    below = sum(one.ratio < 1 for one in items)
    caption = terms.say("supply here", department=terms.names.department(department), n=below, all=len(items))
    return Table(caption, columns, tuple(_item(terms, one.item, one.found) for one in items), folded=True)


def _item(terms: Terms, code: str, found: Property) -> tuple[Cell, ...]:
    say, name, about = terms.say, terms.names.item(code), found["provenance"]
    title = say("chart supply", item=name, ratio=say.percent(about["ratio"]))
    return (
        Cell(name),
        Cell(chart=terms.charts.progress(about["ratio"], title)),
        Cell(say.number(float(found["value"]), 2)),
        Cell(say.number(float(about["demand"]), 2)),
        Cell(say.percent(about["ratio"]), marked=about["ratio"] < 1),
        Cell(say.number(about["seen"])),
    )


# --- rotations ---


def _process(terms: Terms, properties: Properties, process: Properties) -> Section:
    say = terms.say
    columns = (
        terms.column("department"),
        terms.share_axis(),
        *(terms.column(name, number=True) for name in ("completion", *WAITING, "trainees")),
    )
    names = sorted({code for (code,), _ in process.group("completion")})
    rows = []
    whole = properties.get("completion") or process.get("completion")
    if whole is not None:
        rows.append(
            _department(terms, say("whole base"), whole, [process.get(name) for name in (*WAITING, "trainees")])
        )
    for code in names:
        found = process.get(f"completion|{code}")
        figures = [process.get(f"{name}|{code}") for name in (*WAITING, "trainees")]
        if found is not None:
            rows.append(_department(terms, terms.names.department(code), found, figures))
    return section(say, "process", [Table(say("process legend"), columns, tuple(rows))])


def _department(terms: Terms, name: str, completion: Property, figures: list[Property | None]) -> tuple[Cell, ...]:
    say = terms.say
    counts = [Cell(_count(terms, one)) for one in figures]
    if not is_estimate(completion):
        return (Cell(name), Cell(), Cell(_why(terms, completion)), *counts)
    share = say.share(completion)
    chart = terms.share_strip(completion, say("chart completion", name=name, share=share))
    return (Cell(name), Cell(chart=chart), Cell(share), *counts)


# --- results and capacity ---


def _results(terms: Terms, properties: Properties) -> Section:
    columns = (
        terms.column("exam"),
        terms.share_axis(),
        terms.column("pass", number=True),
        terms.column("passed", number=True),
    )
    rows = tuple(_result(terms, code, found) for (code,), found in properties.group("pass"))
    return section(terms.say, "pass rates", [Table(terms.say("pass legend"), columns, rows)])


def _result(terms: Terms, code: str, found: Property) -> tuple[Cell, ...]:
    say, name, about = terms.say, terms.names.outcome(code), found["provenance"]
    if not is_estimate(found):
        return (Cell(name), Cell(), Cell(_why(terms, found)), Cell())
    share = say.share(found)
    chart = terms.share_strip(found, say("chart completion", name=name, share=share))
    return (Cell(name), Cell(chart=chart), Cell(share), Cell(f"{about['passed']} / {about['of']}"))


def _capacity(terms: Terms, properties: Properties) -> Section:
    columns = (
        terms.column("kind"),
        terms.column("amount", number=True),
        terms.column("unit"),
        terms.column("resources", number=True),
    )
    return section(terms.say, "capacity", [Table("", columns, tuple(_amounts(terms, properties)))])


def _amounts(terms: Terms, properties: Properties) -> Iterator[tuple[Cell, ...]]:
    say = terms.say
    for (kind, unit), found in properties.group("capacity"):
        value = found["value"]
        amount = int(value) if isinstance(value, float) and value.is_integer() else value
        counted = say.number(found["provenance"].get("resources"))
        named = say("unit trainees") if unit == "trainees" else say.code(unit)
        yield texts(say.code(kind), say.number(amount), named, counted)
