"""What statements and events of learning systems become: rules as data, shared by xAPI and Caliper."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from megdt_stream.evidence.adapters.people import PersonRule
from megdt_stream.evidence.events import CODE_PATTERN, SOURCE_PATTERN

Code: TypeAlias = Annotated[str, StringConstraints(pattern=CODE_PATTERN)]
Source: TypeAlias = Annotated[str, StringConstraints(pattern=SOURCE_PATTERN, min_length=1, max_length=128)]
Becomes: TypeAlias = Literal[
    "assessment", "self-assessment", "teaching", "learning-case", "outcome", "simulation", "not-relevant"
]
SCORED: Final = ("assessment", "self-assessment")


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Rule(_Model):
    """One rule; the first whose every condition holds decides.

    Conditions: `verb` (xAPI: its id; Caliper: the event's type and action, `GradeEvent/Graded`), `activity_type` (the
    object's type) and `activity` (the object's id begins with it). Of an assessment: `without_score` says what it
    becomes where there is no score (refused, if not stated); a score goes to `competency` on `scale`, stretched from
    its own range to `range`.
    """

    verb: str | None = None
    activity_type: str | None = None
    activity: str | None = None
    becomes: Becomes
    without_score: Becomes | None = None
    instrument: Code = "online-assessment"
    scale: str = "rotation-exam-100@1"
    range: Annotated[list[float], Field(min_length=2, max_length=2)] = [0.0, 100.0]
    competency: Code = "medical-knowledge"
    result: Code | None = None
    rotation: Code | None = None

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.verb is None and self.activity_type is None and self.activity is None:
            raise ValueError("state at least one of verb, activity_type and activity")
        if self.range[0] >= self.range[1]:
            raise ValueError("range begins below where it ends")
        if self.without_score is not None and (self.becomes not in SCORED or self.without_score in SCORED):
            raise ValueError("without_score is for assessments, and names something without a score")
        return self

    def holds(self, verb: str, activity_type: str, activity: str) -> bool:
        """Tell whether every condition holds."""
        return (
            self.verb in (None, verb)
            and self.activity_type in (None, activity_type)
            and (self.activity is None or activity.startswith(self.activity))
        )


class LearningMapping(_Model):
    """A site's mapping of xAPI statements or Caliper events; its rules come before the built-in ones."""

    source: Source | None = None
    person: list[PersonRule] = []
    rule: list[Rule] = []
    code: dict[str, Code] = {}


_ADL: Final = "http://adlnet.gov/expapi/verbs/"
_ACTIVITIES: Final = "http://adlnet.gov/expapi/activities/"

XAPI_RULES: Final = (
    # The parts of a test are no assessments of their own: the test as a whole is scored.
    Rule(activity_type=_ACTIVITIES + "cmi.interaction", becomes="not-relevant"),
    Rule(activity_type=_ACTIVITIES + "question", becomes="not-relevant"),
    Rule(verb=_ADL + "attended", becomes="teaching"),
    Rule(verb=_ADL + "scored", becomes="assessment"),
    Rule(verb=_ADL + "passed", becomes="assessment", without_score="outcome", result="passed"),
    Rule(verb=_ADL + "failed", becomes="assessment", without_score="outcome", result="failed"),
    Rule(verb=_ADL + "mastered", becomes="assessment", without_score="outcome", result="mastered"),
    Rule(
        verb=_ADL + "completed",
        activity_type=_ACTIVITIES + "simulation",
        becomes="assessment",
        without_score="simulation",
    ),
    Rule(verb=_ADL + "completed", becomes="assessment", without_score="learning-case"),
    Rule(verb="http://activitystrea.ms/schema/1.0/complete", becomes="assessment", without_score="learning-case"),
    Rule(verb="http://activitystrea.ms/schema/1.0/attend", becomes="teaching"),
    Rule(verb=_ADL + "experienced", activity_type=_ACTIVITIES + "simulation", becomes="simulation"),
    Rule(verb=_ADL + "experienced", becomes="learning-case"),
)

CALIPER_RULES: Final = (
    Rule(verb="GradeEvent/Graded", activity_type="AssessmentItem", becomes="not-relevant"),
    Rule(verb="GradeEvent/Graded", becomes="assessment"),
    Rule(verb="AssessmentEvent/Submitted", becomes="learning-case"),
)


def first(rules: list[Rule], built_in: tuple[Rule, ...], verb: str, activity_type: str, activity: str) -> Rule | None:
    """Give the rule that decides, None where none holds."""
    return next((rule for rule in (*rules, *built_in) if rule.holds(verb, activity_type, activity)), None)


def stretched(share: float, rule: Rule) -> float:
    """Put a share of the full score (0 to 1) on the rule's range."""
    low, high = rule.range
    return round(low + share * (high - low), 6)
