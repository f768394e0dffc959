"""Credibility files: one sheet a model, its figures put in from an evaluation, never typed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from megdt_stream.calibration.risk.learning import Said
from megdt_stream.calibration.risk.vocabulary import FEATURES, RICHER_TERMS, TERMS, VERSION
from megdt_stream.evaluate.risk.choice import Choice

_HEAD: Final = "| day | n | adverse | model | AUC | Brier | P@10 % | slope | intercept | 80 % covers | recall gap |"
_KEYS: Final = (
    *("auc", "brier", "p_at_10", "calibration_slope", "calibration_intercept", "coverage_80", "recall_gap"),
)

_RISK: Final = """# Credibility of the risk model

Written by `megdt evaluate risk --write`; figures are not typed. The sheet's headings are those of ASME V&V 40 as used
for computational models in medicine.

## Context of use

*Question*: how likely is a trainee to end a rotation or course with an adverse outcome (failed, or left)? *Decision*:
whom a programme director looks at first. *Influence*: one reason among others beside rules and people; never a
summative decision. *Consequence of an error*: an hour of attention to somebody who is well, or none for
somebody who is not.

## The model

Full-covariance (second-order) logistic filter, one pass, weekly cuts that weigh 0.3; vocabulary {version} of {features}
features as {terms} terms; offsets by programme, shrunken. Every interval carries a SD of 0.2 between cohorts on the
logit, and while a cohort is learnt its level, that of its groups and that of each of its weeks are random effects with
that SD, so that a feature which all have in common in a week is not taken for the cause of that week's level.

## Data

Trained on {train}, tested on {test}{modules}. Open University Learning Analytics dataset, Kuzilek J et al. Sci Data
4:170171 (2017), CC BY 4.0: students of a distance university, not residents. Population of a day: still
registered then.

## Verification

River's estimator checks, exact round trip of the state, bounded and finite under poisoned input, no profit from an
oracle in evidence that arrives late: `tests/risk`.

## Validation

{table}

*slope* and *intercept* (fitted jointly) are 1 and 0 where calibration is perfect. *frozen*: as at the start of
the test.

Where the test is 2013J these figures are optimistic: features, priors and windows were settled while looking at it,
since cross-validation inside 2013B told the variants hardly apart. Random effects of cohorts and weeks were chosen by
leaving one module out in 2013B, with 2013J looked at once. Other years were not looked at.

## Uncertainty

*80 % covers* is the share of module-by-decile groups whose observed rate lies in the stated interval. What was said of
cohorts as they closed:

{said}

## Fairness

*recall gap*: the largest difference in recall between two groups of gender, age, disability or area deprivation when
the top tenth is helped. Gender, age and disability are no features. Entry qualification, earlier attempts, load and
area deprivation are, where a site sends them (`entry/...` outcomes); a site that does not send them does without.

## Limits

Validated on one data set of another kind of learner. No outcome of a running cohort is known before it closes, so a new
cohort's level cannot be, either. Not for trainees without a schedule of expected assessments. Precision at low
prevalence: at AUC 0.80 the top tenth holds about 21 % cases where 5 % are affected.
"""

_CHALLENGER: Final = """# Credibility of the challenger

Written by `megdt evaluate risk --write`. The challenger is the risk model with squares and products of the features
that say most ({terms} terms). It predicts in the background and takes over only when a confidence sequence of the
difference in log loss, one unit a person, excludes zero; the switch is an event with its evidence. So do River's
logistic regression (standard scaler, first order) and the prevalence: whatever does not beat these is replaced by them.
Context of use, data and limits are those of [the risk model](risk.md).

## Contests so far

{said}
"""


def write_all(directory: Path, choice: Choice, days: Mapping[str, Any], said: Sequence[Said]) -> list[Path]:
    """Write the sheets and give their paths. Raises OSError where that is not possible."""
    directory.mkdir(parents=True, exist_ok=True)
    sheets = {
        "risk.md": _RISK.format(
            version=VERSION,
            features=len(FEATURES),
            terms=len(TERMS),
            train=", ".join(choice.train),
            test=", ".join(choice.test),
            modules=f", modules {', '.join(choice.modules)}" if choice.modules else "",
            table="\n".join(_table(days)),
            said="\n".join(_said(said, ("closed", "drift"))) or "Nothing yet.",
        ),
        "challenger.md": _CHALLENGER.format(
            terms=len(RICHER_TERMS),
            said="\n".join(_said(said, ("switch",))) or "No switch in this evaluation: the champion stood.",
        ),
    }
    for name, text in sheets.items():
        (directory / name).write_text(text, encoding="utf-8")
    return [directory / name for name in sheets]


def _table(days: Mapping[str, Any]) -> Iterator[str]:
    yield _HEAD
    yield "|---" * (len(_KEYS) + 4) + "|"
    for day, one in days.items():
        for name in ("frozen", "learning"):
            if one[name]:
                figures = " | ".join(_figure(one[name][key]) for key in _KEYS)
                yield f"| {day} | {one['n']:,} | {one['prevalence']:.3f} | {name} | {figures} |"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _said(said: Sequence[Said], kinds: tuple[str, ...]) -> Iterator[str]:
    for one in said:
        if one.kind in kinds:
            told = {key: value for key, value in one.body.items() if not isinstance(value, dict)}
            yield f"- {one.kind}: " + ", ".join(f"{key} {_word(value)}" for key, value in told.items())


def _word(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return f"{value:.3f}" if isinstance(value, float) else str(value)
