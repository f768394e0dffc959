"""The growth report of a trainee."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

from megdt_stream.console.report import trainee_levels, trainee_practice, trainee_risk
from megdt_stream.console.report.charts import Charts
from megdt_stream.console.report.language import Language
from megdt_stream.console.report.model import Fact, Page
from megdt_stream.console.report.names import Names
from megdt_stream.console.report.parts import Terms, method, page_words
from megdt_stream.console.report.properties import Properties
from megdt_stream.console.report.trainee_findings import findings
from megdt_stream.console.report.trainee_limits import limits
from megdt_stream.console.words import Lang
from megdt_stream.evidence.reference import Library, Targets
from megdt_stream.evidence.times import milliseconds
from megdt_stream.twin.view import Cell, Estimation, Estimator, estimate


def trainee_page(
    document: Mapping[str, Any],
    cells: Mapping[str, Sequence[Cell]],
    *,
    library: Library,
    estimation: Estimation,
    targets: Targets,
    lang: Lang,
    estimator: Estimator = estimate,
) -> Page:
    """Write the report of a trainee's document (`twin.view.document`) and cells (`twin.view.cells`).

    `estimator` is the one that the document was made with: it tells the levels of earlier times.
    """
    say = Language(lang)
    terms = Terms(say, Names(library, say), Charts(), estimation, targets)
    properties = Properties(document)
    as_of = milliseconds(document["as_of"]) if document["as_of"] else 0
    found = findings(terms, properties, as_of)
    head = properties.value("head")
    return Page(
        lang=say.tag,
        title=say("trainee report"),
        name=document["id"],
        facts=_facts(terms, document, properties),
        notices=() if head is None else (say("linked", head=head),),
        findings=found,
        limits=limits(terms, properties, as_of),
        sections=(
            trainee_levels.now(terms, properties),
            trainee_levels.over_time(terms, properties, cells, estimator, as_of),
            trainee_levels.growth(terms, properties),
            *trainee_risk.risk(terms, properties),
            trainee_practice.quota(terms, properties),
            trainee_practice.rotations(terms, properties),
            trainee_practice.workload(terms, properties),
            trainee_practice.teaching(terms, properties),
            trainee_practice.exposures(terms, properties),
            trainee_practice.outcomes(terms, properties),
            trainee_practice.stages(terms, properties),
        ),
        method=_method(terms, properties),
        words=page_words(terms, len(found)),
    )


def _facts(terms: Terms, document: Mapping[str, Any], properties: Properties) -> tuple[Fact, ...]:
    say = terms.say
    stage = properties.value("stage")
    years = [one["provenance"].get("year_of_training") for _, one in properties.group("target")]
    year = next((year for year in years if year is not None), None)
    staged = "" if stage is None else say.code(stage)
    personas = properties.value("personas")
    facts = [
        (say("pseudonym"), document["id"]),
        (say("base"), properties.value("base")),
        (say("programme"), properties.value("programme")),
        (say("stage"), say("year of", stage=staged, year=year) if staged and year is not None else staged),
        (say("cohort"), properties.value("cohort")),
        (say("as of"), say.moment(document["as_of"])),
        (say("revision"), document["revision"]),
        (say("personas"), say.listed(personas) if personas else None),
    ]
    return tuple((name, text or say("none")) for name, text in facts if text or name != say("personas"))


def _snapshots(properties: Properties) -> list[str]:
    """Name the snapshots of severities that the levels were made with; their provenance tells."""
    named = (one["provenance"].get("snapshot") for _, one in properties.group("level"))
    return sorted({str(snapshot) for snapshot in named if snapshot})


def _method(terms: Terms, properties: Properties) -> tuple[Fact, ...]:
    say, stage, snapshots = terms.say, properties.value("stage"), _snapshots(properties)
    if not snapshots:
        spread = say.number(sqrt(terms.estimation.rater.variance))
        return method(terms, properties, say("severity carried", sd=spread), stage)
    severity = say("severity snapshot", snapshot=say.listed(snapshots))
    return method(terms, properties, severity, stage, say("window all"))
