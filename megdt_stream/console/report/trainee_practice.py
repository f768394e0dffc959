"""What a trainee did: quotas, rotations, hours, teaching and feedback, cases, results, stages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from megdt_stream.console.report.charts import Bar
from megdt_stream.console.report.model import Cell, Figure, Figures, Section, Table
from megdt_stream.console.report.parts import Terms, section, texts
from megdt_stream.console.report.properties import Properties, Property, is_estimate
from megdt_stream.console.report.trainee_findings import QuotaItem, below_minimum, time_is_over
from megdt_stream.evidence.times import milliseconds

_WEEK_DAYS = 7.0

# --- quotas ---


def quota(terms: Terms, properties: Properties) -> Section:
    """Show the quota by department, and the items below their minimum with what is expected of them."""
    say, whole = terms.say, properties.known("quota")
    items = [one for name, one in properties.group("quota") if len(name) == 2]
    if whole is None or not items:
        return section(say, "quota", [])
    standard = terms.names.standard(whole["provenance"]["standard"])
    counts = {"n": whole["items"], "met": whole["value"], "short": whole["short"], "open": whole["not_told"]}
    lead = say("quota lead", standard=standard, **counts)
    return section(say, "quota", [_departments(terms, items), *_below(terms, properties)], [lead, say("quota legend")])


def _departments(terms: Terms, items: list[Property]) -> Table:
    say = terms.say
    together: defaultdict[str, list[Property]] = defaultdict(list)
    for one in items:
        together[one["provenance"]["department"]].append(one)
    rows = []
    for code, theirs in together.items():
        done, name = sum(one["share"] for one in theirs) / len(theirs), terms.names.department(code)
        met, short = (
            sum(one["value"] >= one["required"] for one in theirs),
            sum(one["short"] is True for one in theirs),
        )
        title = say("chart share", department=name, share=say.percent(done))
        rows.append(
            (
                Cell(name),
                Cell(chart=terms.charts.progress(done, title)),
                Cell(say.percent(done)),
                Cell(f"{met} / {len(theirs)}"),
                Cell(say.number(short), marked=short > 0),
                Cell(say.number(sum(one["short"] is None for one in theirs))),
            )
        )
    names = ("share done", "items met", "items short", "items open")
    columns = (
        terms.column("department"),
        terms.share_axis(1.5),
        *(terms.column(name, number=True) for name in names),
    )
    return Table(say("quota departments"), columns, tuple(rows))


def _below(terms: Terms, properties: Properties) -> Iterator[Table]:
    """Give the items below their minimum that can be projected, by department, to be opened."""
    columns = (
        terms.column("item"),
        terms.share_axis(1.5),
        *(terms.column(name, number=True) for name in ("done", "expected end", "chance short")),
    )
    for code, items in below_minimum(properties).items():
        rows = tuple(_item(terms, item) for item in items if item.found["projected"] is not None)
        if rows:
            caption = terms.say("below here", department=terms.names.department(code), n=len(rows))
            yield Table(caption, columns, rows, folded=True)


def _item(terms: Terms, item: QuotaItem) -> tuple[Cell, ...]:
    say, found = terms.say, item.found
    name, minimum, ahead = terms.names.item(item.code), found["required"], found["projected"]
    low, high = ahead["interval"]
    title = say("chart quota", item=name, done=say.number(found["value"]), minimum=say.number(minimum))
    over = time_is_over(item)
    expected = None if over else (ahead["value"] / minimum, low / minimum, high / minimum)
    return (
        Cell(name),
        Cell(chart=terms.charts.progress(found["value"] / minimum, title, expected)),
        Cell(f"{say.number(found['value'])} / {say.number(minimum)}"),
        # Where nothing is to come the count is no estimate.
        Cell(say("none") if over else say.estimate(ahead, 0)),
        Cell(say("no time left") if over else say.chance(item.chance), marked=bool(found["short"])),
    )


# --- rotations ---


def rotations(terms: Terms, properties: Properties) -> Section:
    """Show rotations with what they expect and what came."""
    say, due = terms.say, properties.known("missing")
    columns = tuple(
        terms.column(key, short=key in {"status", "department"})
        for key in ("rotation", "department", "dates", "status", "forms")
    )
    rows = tuple(_rotation(terms, code, found) for (code,), found in properties.group("rotation"))
    lead = ""
    if due is not None and due.get("expected"):
        lead = say("rotations lead", n=due["expected"], came=due["came"])
    return section(say, "rotations", [Table("", columns, rows)], [lead])


def _rotation(terms: Terms, code: str, found: Property) -> tuple[Cell, ...]:
    say, about = terms.say, found["provenance"]
    expected = about.get("expected", ())
    forms = [f"{terms.names.form(one['key'])} {one['arrived']}/{one['count']}" for one in expected]
    others = sum(about.get("others", {}).values())
    if others:
        forms.append(say("others", n=others))
    department = about.get("department")
    dated = about.get("starts") is not None and about.get("ends") is not None
    return texts(
        code,
        say("none") if department is None else terms.names.department(department),
        say.days(about["starts"], about["ends"]) if dated else say("none"),
        say.code(found["value"]),
        say.listed(forms) or say("none"),
    )


# --- hours ---


def workload(terms: Terms, properties: Properties) -> Section:
    """Show hours of duty by week beside the limit."""
    say, whole = terms.say, properties.known("workload")
    weeks = [(day, one) for (day,), one in properties.group("workload")]
    if whole is None or not weeks:
        return section(say, "workload", [])
    limit = whole.get("limit")
    averaged = whole["provenance"]["weeks_averaged"]
    lead = [
        say("workload lead", n=averaged, mean=say.number(whole["value"]), highest=say.number(whole["maximum"])),
        "" if limit is None else say("workload limit", n=limit["weeks"], limit=say.number(limit["hours"], 0)),
    ]
    title = say("chart workload", first=say.day(weeks[0][0]), last=say.day(weeks[-1][0]))
    bars = [_bar(day, one) for day, one in weeks]
    chart = terms.charts.bars(bars, _WEEK_DAYS, title, None if limit is None else limit["hours"])
    columns = (terms.column("week from"), terms.column("hours", number=True), terms.column("on call", number=True))
    rows = tuple(
        texts(
            say.day(day) if one["whole"] else say.sentences(say.day(day), say("not whole")),
            say.number(one["value"]),
            say.number(one["on_call"]),
        )
        for day, one in weeks
    )
    figure = Figure(say("workload title"), chart, Table("", columns, rows, folded=True))
    return section(say, "workload", [Figures(say("workload legend"), (figure,))], [say.sentences(*lead)])


def _bar(day: str, one: Property) -> Bar:
    return Bar(milliseconds(f"{day}T00:00:00Z"), one["value"], one["on_call"], one["whole"])


# --- teaching, feedback, own view ---


def teaching(terms: Terms, properties: Properties) -> Section:
    """Show feedback received, attendance, and own ratings beside the assessors'."""
    say = terms.say
    columns = (terms.column("figure"), terms.column("value", number=True), terms.column("rests on"))
    rows = (*_feedback(terms, properties.known("feedback")), *_attendance(terms, properties.get("attendance")))
    own = tuple(_own(terms, properties))
    names = ("own column", "assessors column", "difference column")
    beside = (terms.column("competency"), *(terms.column(name, number=True) for name in names))
    return section(say, "teaching", [Table("", columns, rows), Table(say("own views"), beside, own)])


def _feedback(terms: Terms, found: Property | None) -> Iterator[tuple[Cell, ...]]:
    if found is None:
        return
    say, about = terms.say, found["provenance"]
    yield texts(say("feedback received"), say.number(found["value"]), say("by assessors", n=found["assessors"]))
    if is_estimate(found.get("specific")):
        specific, general = about["specific"], about["general"]
        rests = say("of which", part=specific, whole=specific + general)
        yield texts(say("feedback specific"), say.share(found["specific"]), rests)
    if found.get("mean_delay_hours") is not None:
        timed = say("with a time", n=about["timed"])
        yield texts(say("feedback delay"), say.number(found["mean_delay_hours"]), timed)


def _attendance(terms: Terms, found: Property | None) -> Iterator[tuple[Cell, ...]]:
    if found is not None and is_estimate(found):
        rests = terms.say("of which", part=found["attended"], whole=found["recorded"])
        yield texts(terms.say("attendance"), terms.say.share(found), rests)


def _own(terms: Terms, properties: Properties) -> Iterator[tuple[Cell, ...]]:
    say = terms.say
    for (code,), found in properties.group("self-assessment"):
        if is_estimate(found):
            views = (say.estimate(found["own"]), say.estimate(found["assessors"]))
            yield texts(terms.names.competency(code), *views, say.estimate(found, signed=True))


# --- cases, results, stages ---


def exposures(terms: Terms, properties: Properties) -> Section:
    """Show everything that was seen or done, to be opened."""
    say = terms.say
    columns = (
        terms.column("item"),
        terms.column("kind"),
        terms.column("count", number=True),
        terms.column("by role"),
    )
    found = sorted(properties.group("exposure"), key=lambda one: (one[0][0], -one[1]["value"], one[0][1]))
    rows = tuple(
        texts(terms.names.item(item), say.code(kind), say.number(one["value"]), _roles(terms, one["provenance"]))
        for (kind, item), one in found
    )
    return section(say, "exposures", [Table(say("exposures listed", n=len(rows)), columns, rows, folded=True)])


def _roles(terms: Terms, about: Mapping[str, Any]) -> str:
    named = ((role, n) for role, n in about.get("roles", {}).items() if role != "-")
    return terms.say.listed(f"{terms.say.code(role)} {n}" for role, n in named)


def outcomes(terms: Terms, properties: Properties) -> Section:
    """Show results that were decided elsewhere, and leave."""
    say = terms.say
    columns = tuple(terms.column(key) for key in ("outcome title", "date", "result"))
    rows = []
    for (code, *_), found in properties.group("outcome"):
        about = found["provenance"]
        ranged = about.get("starts") is not None and about.get("ends") is not None
        dates = say.days(about["starts"], about["ends"]) if ranged else say.day(about.get("happened"))
        value = about.get("recorded_value")
        shown = terms.names.result(code, found["value"])
        result = shown if value is None else say("bracketed", text=shown, more=say.number(value))
        rows.append(texts(terms.names.outcome(code), dates, result, marked=terms.names.adverse(code, found["value"])))
    return section(say, "outcomes", [Table("", columns, tuple(rows))])


def stages(terms: Terms, properties: Properties) -> Section:
    """Show the chain of stages."""
    say = terms.say
    columns = tuple(terms.column(key) for key in ("stage", "since", "base", "programme", "cohort"))
    rows = tuple(
        texts(
            say.code(one["stage"]),
            say.day(one["since"]),
            *(one[name] or say("none") for name in ("base", "programme", "cohort")),
        )
        for one in properties.value("stages") or ()
    )
    return section(say, "stages", [Table("", columns, rows)])
