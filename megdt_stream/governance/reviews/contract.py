"""What rules that review a twin have in common: their terms, and what they say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from string import Formatter
from typing import Annotated, Any, ClassVar, Final, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from megdt_stream.evidence.record import WEEK_MS, digest
from megdt_stream.evidence.reference import LocalText
from megdt_stream.evidence.times import DAY_MS
from megdt_stream.twin.state import Twin

CLEAR: Final = 0
HOLDS: Final = 1
WARNS: Final = 2
"""Grades of a finding. What warns opens a warning, what is clear closes it; in between nothing changes (hysteresis)."""

SLEEPS: Final = 0
WAKES: Final = 1
PROMPTLY: Final = 2
"""What changed fields do: nothing, make a look due at the trainee's next moment, or with the next tick."""

Text = Annotated[str, Field(min_length=1)]


class Wording(BaseModel):
    """What every rule's table says beside its limits, whatever it looks at."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    CODES: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Set by each rule: what it may say -> the names of the figures that the text may use."""

    version: Annotated[int, Field(ge=1)]
    dwell_days: Annotated[int, Field(ge=0, le=365)]
    horizon_days: Annotated[int, Field(ge=1, le=1100)]
    severity: Literal["low", "medium", "high"]
    owner: Text
    source: Text
    title: LocalText
    reasons: dict[str, LocalText]
    next_step: LocalText
    precision: LocalText | None = None

    @model_validator(mode="after")
    def _texts_fit(self) -> Self:
        if missing := sorted(self.CODES.keys() - self.reasons.keys()):
            raise ValueError(f"reasons lacks {', '.join(missing)}")
        for code, texts in self.reasons.items():
            known = {name.removesuffix("_milli") for name in self.CODES.get(code, ())}
            for text in texts.values():
                asked = {name for _, name, _, _ in Formatter().parse(text) if name is not None}
                if strange := sorted(asked - known):
                    raise ValueError(f"reasons.{code} names {', '.join(strange)}; known: {', '.join(sorted(known))}")
        return self

    @property
    def dwell_ms(self) -> int:
        """Give how long a warning stays open at least."""
        return self.dwell_days * DAY_MS

    def reason(self, code: str, figures: Mapping[str, int]) -> dict[str, str]:
        """Write a reason in both languages; figures in thousandths (`_milli`) are shown with two decimals."""
        shown = {
            name.removesuffix("_milli"): f"{value / 1000:.2f}" if name.endswith("_milli") else value
            for name, value in figures.items()
        }
        return {"code": code, **{lang: text.format_map(shown) for lang, text in self.reasons[code].items()}}


class Terms(Wording):
    """The common part of the table of a rule that reviews a twin."""

    every_weeks: Annotated[int, Field(ge=1, le=8)]
    escalate_days: Annotated[int, Field(ge=1, le=365)]

    @property
    def escalate_ms(self) -> int:
        """Give how long an open warning may stay unanswered."""
        return self.escalate_days * DAY_MS

    def next_moment(self, trainee: str, after: int) -> int:
        """Give when to look next (ms), later than `after`; pseudonyms are spread evenly over the time between looks."""
        every = self.every_weeks * WEEK_MS
        return after + 1 + (int(digest(trainee.encode()), 16) - after - 1) % every


class Finding(NamedTuple):
    """What a rule says of a twin at a moment.

    `figures` are integers (levels in thousandths), all of them that the decision rests on; `fields` names the twin's
    sums behind them, `records` the hashes of records where the twin still knows them, `interval` the 80 % interval of
    what is estimated (thousandths of a level) and `probability` that it is so at all (3 digits), where the rule
    estimates; nothing is decided on these two.
    """

    grade: int
    code: str
    figures: Mapping[str, int] = {}
    fields: tuple[str, ...] = ()
    records: tuple[str, ...] = ()
    interval: tuple[int, int] | None = None
    probability: float | None = None


NOTHING: Final = Finding(CLEAR, "clear")


class Review(NamedTuple):
    """A rule ready to run."""

    name: str
    kinds: str
    terms: Any
    wakes: Callable[[Twin, Sequence[str], Any], int]
    judge: Callable[[Twin, int, Any], Finding]
